//! What pages, searches and counts cost at 1 000 and at 100 000 sessions. Both sizes take turns
//! within one run.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use cloakroom::sqlite::SqliteStore;
use cloakroom::{
    Browse, Cursor, History, HistoryQuery, NameMatch, Query, SessionId, Timestamp, UserId,
};
use cloakroom_testkit::fixtures::Draft;
use tokio::runtime::{Builder, Runtime};

use crate::cores;
use crate::disk::Scratch;
use crate::load::Load;
use crate::measure::{micros, quantile};
use crate::options::Options;
use crate::seed;
use crate::site::Site;
use crate::tail::ratios;

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Rows of a page, as the server shows.
const ROWS: u32 = 50;

/// Looks at one size before the other has its turn.
const TOGETHER: usize = 16;

/// Sessions whose user and name is `same`, at either size.
const SAME: usize = 60;

pub fn run(options: &Options) -> Result<()> {
    let (few, many) = if options.smoke { (300, 1_000) } else { (1_000, 100_000) };
    cores::pin(cores::last()?)?;
    let scratch = Scratch::new(&options.data)?;
    println!("pages of {ROWS}; microseconds, medians of {} interleaved rounds", rounds(options));
    let small = Side::new(&scratch.path().join("small.db"), |side| side.fill(few))?;
    let large = Side::new(&scratch.path().join("large.db"), |side| side.fill(many))?;
    compare(
        options,
        &format!("{few} and {many} live sessions, each of another person, and as many ended"),
        &small,
        &large,
        Some(2.0),
    )?;
    let one_few = Side::new(&scratch.path().join("one-small.db"), |side| side.fill_with_one(few))?;
    let one = Side::new(&scratch.path().join("one-large.db"), |side| side.fill_with_one(many))?;
    compare(
        options,
        &format!("{few} and {many} live sessions, all of one person"),
        &one_few,
        &one,
        Some(2.0),
    )?;
    let behind = Side::new(&scratch.path().join("behind.db"), |side| {
        side.fill(few)?;
        side.hide(many)
    })?;
    let what = format!(
        "{few} live sessions alone, and behind {many} newer ones that have expired and are not swept"
    );
    compare(options, &what, &small, &behind, None)?;
    match options.server {
        Some(_) => pages(options, &scratch, few, many),
        None => Ok(println!("\nwithout --server the pages of a server are left out")),
    }
}

fn rounds(options: &Options) -> usize {
    if options.smoke { 2 } else { options.rounds * 4 }
}

/// One way to look at sessions.
#[derive(Clone, Copy, Debug)]
enum Look {
    First,
    Deep,
    Exact,
    Prefix,
    PrefixOfAll,
    PrefixDeep,
    Count,
    OfUser,
    Ended,
    History,
    HistoryDeep,
    HistoryNamed,
}

const LOOKS: [Look; 12] = [
    Look::First,
    Look::Deep,
    Look::Exact,
    Look::Prefix,
    Look::PrefixOfAll,
    Look::PrefixDeep,
    Look::Count,
    Look::OfUser,
    Look::Ended,
    Look::History,
    Look::HistoryDeep,
    Look::HistoryNamed,
];

impl Look {
    fn name(self) -> &'static str {
        match self {
            Self::First => "first page",
            Self::Deep => "page behind nine tenths",
            Self::Exact => "exact name",
            Self::Prefix => "prefix of 100 names",
            Self::PrefixOfAll => "prefix of all names",
            Self::PrefixDeep => "the same, behind nine tenths",
            Self::Count => "count",
            Self::OfUser => "sessions of one person",
            Self::Ended => "one ended session",
            Self::History => "history, first page",
            Self::HistoryDeep => "history, behind nine tenths",
            Self::HistoryNamed => "history of one name",
        }
    }
}

/// A store of one size, and positions in it.
struct Side {
    runtime: Runtime,
    store: SqliteStore,
    now: Timestamp,
    deep: Option<Cursor>,
    deep_by_name: Option<Cursor>,
    deep_in_history: Option<SessionId>,
}

impl Side {
    fn new(path: &Path, fill: impl FnOnce(&Self) -> Result<()>) -> Result<Self> {
        let mut side = Self {
            runtime: Builder::new_current_thread().build()?,
            store: SqliteStore::open(path)?,
            now: Timestamp::from_unix_millis(1_790_000_000_000),
            deep: None,
            deep_by_name: None,
            deep_in_history: None,
        };
        fill(&side)?;
        side.deep = side.walk(None)?;
        side.deep_by_name = side.walk(Some(NameMatch::Prefix(String::new())))?;
        side.deep_in_history = side.walk_history()?;
        Ok(side)
    }

    /// So many live sessions, the oldest begun two days ago, and as many that have ended.
    fn fill(&self, live: usize) -> Result<()> {
        let begun = |n: usize| self.now.before(2 * DAY).after(DAY.mul_f64(n as f64 / live as f64));
        let ended = (0..live).map(|n| {
            let name =
                if n % (live / SAME) == 0 { "same".to_owned() } else { format!("past{n:06}") };
            seed::login(&name, begun(n).before(3 * DAY)).idle(Duration::from_secs(3_600))
        });
        self.runtime.block_on(seed::insert(&self.store, ended))?;
        self.runtime.block_on(seed::sweep_all(&self.store, self.now))?;
        let living = (0..live).map(|n| {
            let name = if n % (live / SAME) == 2 { "same".to_owned() } else { format!("u{n:06}") };
            live_login(&name, begun(n))
        });
        self.runtime.block_on(seed::insert(&self.store, living))
    }

    /// The same, but all are one person's.
    fn fill_with_one(&self, live: usize) -> Result<()> {
        let begun = |n: usize| self.now.before(2 * DAY).after(DAY.mul_f64(n as f64 / live as f64));
        let ended = (0..live).map(|n| {
            seed::login("same", begun(n).before(3 * DAY)).idle(Duration::from_secs(3_600))
        });
        self.runtime.block_on(seed::insert(&self.store, ended))?;
        self.runtime.block_on(seed::sweep_all(&self.store, self.now))?;
        let living = (0..live).map(|n| live_login("same", begun(n)));
        self.runtime.block_on(seed::insert(&self.store, living))
    }

    /// Newer sessions that have expired, among the names that are searched for.
    fn hide(&self, expired: usize) -> Result<()> {
        let begun = |n: usize| {
            self.now.before(DAY).after(Duration::from_millis((n * 40_000_000 / expired) as u64))
        };
        let drafts = (0..expired).map(|n| {
            let name = match n % 3 {
                0 => "same".to_owned(),
                1 => format!("u0009{:02}", n % 10),
                _ => format!("a{n:06}"),
            };
            seed::login(&name, begun(n)).idle(Duration::from_secs(600))
        });
        self.runtime.block_on(seed::insert(&self.store, drafts))
    }

    /// The position behind nine tenths of a list.
    fn walk(&self, name: Option<NameMatch>) -> Result<Option<Cursor>> {
        let mut query = Query { name, after: None, limit: 100, now: self.now };
        let mut positions = Vec::new();
        loop {
            let page = self.runtime.block_on(self.store.sessions(query.clone()))?;
            let Some(next) = page.next else { break };
            positions.push(next.clone());
            query.after = Some(next);
        }
        Ok(positions.get(positions.len() * 9 / 10).cloned())
    }

    fn walk_history(&self) -> Result<Option<SessionId>> {
        let mut query = HistoryQuery { name: None, after: None, limit: 100 };
        let mut positions = Vec::new();
        loop {
            let page = self.runtime.block_on(self.store.history(query.clone()))?;
            let Some(next) = page.next else { break };
            positions.push(next);
            query.after = Some(next);
        }
        Ok(positions.get(positions.len() * 9 / 10).copied())
    }

    /// Looks, and says how many rows there were.
    fn look(&self, look: Look) -> Result<usize> {
        let by_name = |prefix: &str| Some(NameMatch::Prefix(prefix.to_owned()));
        match look {
            Look::First => self.page(None, None),
            Look::Deep => self.page(None, self.deep.clone()),
            Look::Exact => self.page(Some(NameMatch::Exact("same".to_owned())), None),
            Look::Prefix => self.page(by_name("u0009"), None),
            Look::PrefixOfAll => self.page(by_name(""), None),
            Look::PrefixDeep => self.page(by_name(""), self.deep_by_name.clone()),
            Look::Count => {
                self.runtime.block_on(self.store.counts(self.now))?;
                Ok(1)
            }
            Look::OfUser => {
                let user = UserId::new("same")?;
                Ok(self.runtime.block_on(self.store.sessions_of(user, self.now))?.len())
            }
            Look::Ended => {
                let id = self.deep_in_history.unwrap_or(SessionId::from_bytes([0; 16]));
                Ok(self.runtime.block_on(self.store.ended(id))?.map_or(0, |_| 1))
            }
            Look::History => self.history(None, None),
            Look::HistoryDeep => self.history(None, self.deep_in_history),
            Look::HistoryNamed => self.history(Some("same"), None),
        }
    }

    fn page(&self, name: Option<NameMatch>, after: Option<Cursor>) -> Result<usize> {
        let query = Query { name, after, limit: ROWS, now: self.now };
        Ok(self.runtime.block_on(self.store.sessions(query))?.items.len())
    }

    fn history(&self, name: Option<&str>, after: Option<SessionId>) -> Result<usize> {
        let query = HistoryQuery { name: name.map(str::to_owned), after, limit: ROWS };
        Ok(self.runtime.block_on(self.store.history(query))?.items.len())
    }

    /// What one look takes: the median of some, in microseconds.
    fn time(&self, look: Look) -> Result<f64> {
        let mut each = Vec::with_capacity(TOGETHER);
        for _ in 0..TOGETHER {
            let begun = Instant::now();
            self.look(look)?;
            each.push(micros(begun.elapsed()));
        }
        Ok(quantile(&each, 0.5))
    }
}

fn live_login(name: &str, begun: Timestamp) -> Draft {
    seed::login(name, begun).idle(30 * DAY)
}

fn compare(
    options: &Options,
    what: &str,
    left: &Side,
    right: &Side,
    most: Option<f64>,
) -> Result<()> {
    println!(
        "\n{what}\n{:<30} {:>5} {:>5} {:>10} {:>10}   ratio (quartiles)",
        "", "rows", "rows", "us", "us"
    );
    let mut worst: f64 = 0.0;
    for look in LOOKS {
        let rows = (left.look(look)?, right.look(look)?);
        let times = by_turns(rounds(options), || left.time(look), || right.time(look))?;
        worst = worst.max(times.ratio());
        println!("{:<30} {:>5} {:>5} {times}", look.name(), rows.0, rows.1);
    }
    if let Some(most) = most {
        println!(
            "worst {worst:.2}, less than {most}: {}",
            if worst < most { "kept" } else { "MISSED" }
        );
    }
    Ok(())
}

/// What two sides took, round by round.
struct Times {
    left: Vec<f64>,
    right: Vec<f64>,
    ratios: Vec<f64>,
}

impl Times {
    fn ratio(&self) -> f64 {
        quantile(&self.ratios, 0.5)
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (left, right) = (quantile(&self.left, 0.5), quantile(&self.right, 0.5));
        write!(formatter, "{left:>10.1} {right:>10.1}   {}", ratios(&self.ratios))
    }
}

fn by_turns(
    rounds: usize,
    mut left: impl FnMut() -> Result<f64>,
    mut right: impl FnMut() -> Result<f64>,
) -> Result<Times> {
    let mut times = Times { left: Vec::new(), right: Vec::new(), ratios: Vec::new() };
    (left()?, right()?);
    for _ in 0..rounds {
        let (a, b) = (left()?, right()?);
        times.left.push(a);
        times.right.push(b);
        times.ratios.push(b / a);
    }
    Ok(times)
}

/// The administrator's pages of two servers, over HTTP.
fn pages(options: &Options, scratch: &Scratch, few: usize, many: usize) -> Result<()> {
    let site = |name: &str, live: usize| {
        let dir = scratch.path().join(name);
        std::fs::create_dir(&dir)?;
        Site::start(options, &dir, |store| fill_now(store, live))
    };
    let (small, large) = (site("few", few)?, site("many", many)?);
    println!(
        "\nthe same as pages of a server, {few} and {many} live sessions\n{:<30} {:>10} {:>10}   ratio (quartiles)",
        "", "us", "us"
    );
    let mut worst: f64 = 0.0;
    for (name, path) in [
        ("who is signed in", "/cloakroom/admin"),
        ("exact name", "/cloakroom/admin?q=same"),
        ("prefix of 100 names", "/cloakroom/admin?q=u0009*"),
        ("prefix of all names", "/cloakroom/admin?q=u*"),
        ("ended sessions", "/cloakroom/admin/ended"),
    ] {
        let load =
            |site: &Site| Load::new(site.server.address(), vec![site.get(path, &site.admin()?)]);
        let (mut left, mut right) = (load(&small)?, load(&large)?);
        let times = by_turns(rounds(options), || median(&mut left), || median(&mut right))?;
        worst = worst.max(times.ratio());
        println!("{name:<30} {times}");
    }
    println!("worst {worst:.2}, less than 2: {}", if worst < 2.0 { "kept" } else { "MISSED" });
    Ok(())
}

fn median(load: &mut Load) -> Result<f64> {
    let each: Result<Vec<f64>> = (0..TOGETHER).map(|_| load.one()).collect();
    Ok(quantile(&each?, 0.5))
}

fn fill_now(store: &SqliteStore, live: usize) -> Result<()> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let now = Timestamp::from_unix_millis(now.as_millis() as i64);
    ensure!(live > SAME, "too few sessions");
    let side = Side {
        runtime: Builder::new_current_thread().build()?,
        store: store.clone(),
        now,
        deep: None,
        deep_by_name: None,
        deep_in_history: None,
    };
    side.fill(live)
}
