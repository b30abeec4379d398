use crate::case::Case;
use crate::crowd::Crowd;
use crate::measure::{Rounds, least, quantile};
use crate::options::Options;

pub fn head(options: &Options, core: usize) -> String {
    let warning = if options.smoke { "; a smoke test, the figures mean nothing" } else { "" };
    format!(
        "{} live sessions, {} rounds, everything on processor {core}{warning}",
        options.sessions, options.rounds
    )
}

/// What the columns of the first table are.
pub const COLUMNS: &str = "\
us: best round, per request. bare: best round of the bare handler measured right before it.
x bare: median of the paired ratios (quartiles). p99: of single requests, us, median of rounds.
flush: us per session for writing down later that it was used, where the case notes that.";

pub fn paired_head() -> String {
    let line = format!(
        "{:<42} {:>8} {:>6} {:>8} {:>15} {:>8} {:>6}",
        "case", "us", "bare", "x bare", "(quartiles)", "p99", "flush"
    );
    format!("\n{COLUMNS}\n\n{line}\n{}", "-".repeat(line.len()))
}

pub fn paired(case: &Case, rounds: &Rounds) -> String {
    let (low, high) = rounds.spread();
    let flush = rounds.flush().map(|flush| format!("{flush:.2}")).unwrap_or_default();
    format!(
        "{:<42} {:>8.2} {:>6.2} {:>8.2} {:>15} {:>8.2} {:>6}",
        case.name,
        rounds.best(),
        rounds.bare(),
        rounds.ratio(),
        format!("({low:.2}-{high:.2})"),
        rounds.p99(),
        flush
    )
}

/// Whether a case keeps its target; nothing for cases without one.
pub fn verdict(case: &Case, rounds: &Rounds) -> Option<String> {
    let (most, ratio) = (case.most?, rounds.ratio());
    let kept = if ratio <= most { "kept" } else { "MISSED" };
    Some(format!("{}: at most {most} x bare; {ratio:.2}: {kept}", case.name))
}

pub fn crowd_head(appends: &[f64]) -> String {
    let line = format!(
        "{:<42} {:>8} {:>8} {:>12} {:>10}",
        "64 clients at once", "us wall", "us cpu", "over bare", "a commit"
    );
    format!(
        "\nraw limit: append 4 KiB and fdatasync, one after the other: best {:.0} us, median {:.0} us\n\
         \nper request; cpu is of the whole process; \"over bare\" is cpu less that of the bare handler\n\
         \n{line}\n{}",
        least(appends),
        quantile(appends, 0.5),
        "-".repeat(line.len())
    )
}

pub fn crowd(name: &str, bare: &Crowd, whole: &Crowd) -> String {
    format!(
        "{name:<42} {:>8.1} {:>8.1} {:>12.1} {:>10.1}",
        whole.wall,
        whole.cpu,
        whole.cpu - bare.cpu,
        whole.together
    )
}
