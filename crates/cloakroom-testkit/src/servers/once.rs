use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::Command;

/// Makes what is kept in `dir` unless an earlier test has; tests that want it at the same time
/// wait for one of them to make it. What a failed attempt left is there for the next one.
pub(super) fn once(dir: &Path, make: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let lock = File::create(dir.join("lock"))?;
    lock.lock()?;
    let complete = dir.join("complete");
    if complete.exists() {
        return Ok(());
    }
    make()?;
    fs::write(complete, "")
}

/// Runs a command to its end; what it says is the fault when it fails.
pub(super) fn run(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(io::Error::other(String::from_utf8_lossy(&said).trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::TempDir;

    #[test]
    fn what_failed_is_made_again_and_what_was_made_is_not() {
        let dir = TempDir::new("testkit");
        let place = dir.join("thing");
        once(&place, || Err(io::Error::other("no"))).unwrap_err();
        let mut made = 0;
        for _ in 0..2 {
            once(&place, || {
                made += 1;
                Ok(())
            })
            .unwrap();
        }
        assert_eq!(made, 1);
    }

    #[test]
    fn a_command_that_fails_says_why() {
        let fault = run(Command::new("sh").args(["-c", "echo why >&2; exit 1"])).unwrap_err();
        assert_eq!(fault.to_string(), "why");
    }
}
