use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::require;

/// Lets a program think that it is later than it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FakeTime {
    library: Option<PathBuf>,
    ahead: Duration,
}

impl FakeTime {
    /// Moves the time of programs that start from now on. `None` where libfaketime is missing (a
    /// visible skip).
    #[track_caller]
    pub(super) fn advance(&mut self, by: Duration) -> Option<()> {
        require("faketime")?;
        self.library = Some(library().expect("it comes with the program"));
        self.ahead += by;
        Some(())
    }

    /// Makes a command run at that time: only the wall clock is ahead, waits last as long as ever.
    pub(super) fn apply(&self, command: &mut Command) {
        if let Some(library) = &self.library {
            command
                .env("LD_PRELOAD", library)
                .env("FAKETIME", format!("+{}s", self.ahead.as_secs()))
                .env("DONT_FAKE_MONOTONIC", "1")
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
                .env("NO_FAKE_STAT", "1");
        }
    }
}

/// Debian has it below a directory of the machine's kind.
fn library() -> Option<PathBuf> {
    let kinds = std::fs::read_dir("/usr/lib").ok()?.flatten();
    kinds.map(|it| it.path().join("faketime/libfaketime.so.1")).find(|it| it.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_believes_it_and_what_follows_adds_up() {
        let mut time = FakeTime::default();
        let seconds = |time: &FakeTime| {
            let mut date = Command::new("date");
            time.apply(date.arg("+%s"));
            String::from_utf8(date.output().unwrap().stdout).unwrap().trim().parse::<u64>().unwrap()
        };
        let now = seconds(&time);
        let hour = Duration::from_secs(3600);
        let Some(()) = time.advance(hour).and_then(|()| time.advance(hour)) else { return };
        assert!((7200..7260).contains(&(seconds(&time) - now)));
    }
}
