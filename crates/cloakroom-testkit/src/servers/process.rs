use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

use super::wait::holds_within;

const TIME_TO_STOP: Duration = Duration::from_secs(10);
const LOG_LINES_SHOWN: usize = 40;

/// A running program in a process group of its own, with everything it prints in a log file.
///
/// Dropping it stops the whole group: SIGTERM to all, then, when the program has exited or ten
/// seconds have passed, SIGKILL to whatever is left. If the test process itself is killed, a
/// watcher kills the group.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    group: Pid,
    log: PathBuf,
    reaped: bool,
    _leash: Leash,
}

impl Process {
    /// Starts `command`, appending what it prints to the file `log`. Panics if it cannot start.
    #[track_caller]
    pub fn spawn(name: &str, mut command: Command, log: &Path) -> Self {
        let child = open_log(log)
            .and_then(|(out, err)| {
                command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0).spawn()
            })
            .unwrap_or_else(|fault| panic!("cannot start {name}: {fault}"));
        let group = Pid::from_child(&child);
        let _leash = Leash::on(group);
        Self { name: name.to_owned(), child, group, log: log.to_owned(), reaped: false, _leash }
    }

    /// Its process id, which is also the id of its group.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All it has printed so far.
    pub fn log(&self) -> String {
        fs::read(&self.log)
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    /// Whether it has not exited yet.
    pub fn is_running(&self) -> bool {
        // Seen without reaping: the id stays ours until the group has been killed.
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        matches!(rustix::process::waitid(WaitId::Pid(self.group), look), Ok(None))
    }

    /// Waits until `condition` holds. Panics, with the end of the log, when the program exits
    /// first or `deadline` passes.
    #[track_caller]
    pub fn wait_until(&self, what: &str, deadline: Duration, mut condition: impl FnMut() -> bool) {
        let mut held = false;
        holds_within(deadline, || {
            held = condition();
            held || !self.is_running()
        });
        let state = if self.is_running() { "still runs" } else { "has exited" };
        assert!(
            held,
            "not within {deadline:?}: {what}; {} {state}.\n{}",
            self.name,
            self.log_tail()
        );
    }

    /// Waits for it to exit by itself; `None` when `deadline` passes first.
    pub fn wait_for_exit(&mut self, deadline: Duration) -> Option<ExitStatus> {
        // What it left running in its group goes too.
        holds_within(deadline, || !self.is_running()).then(|| self.kill_9())
    }

    /// Sends a signal to the program alone.
    pub fn signal(&self, signal: Signal) {
        if self.is_running() {
            let _ = rustix::process::kill_process(self.group, signal);
        }
    }

    /// Asks it to stop, as drop does, and says how it exited.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal_group(Signal::TERM);
        holds_within(TIME_TO_STOP, || !self.is_running());
        self.kill_9()
    }

    /// Kills the whole group at once, as a power cut would, and waits until it is gone.
    pub fn kill_9(&mut self) -> ExitStatus {
        self.signal_group(Signal::KILL);
        self.reaped = true;
        self.child.wait().unwrap_or_else(|fault| panic!("cannot wait for {}: {fault}", self.name))
    }

    fn signal_group(&self, signal: Signal) {
        // A reaped child's id may be someone else's by now.
        if !self.reaped {
            let _ = rustix::process::kill_process_group(self.group, signal);
        }
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let shown = &lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..];
        format!("--- end of {}\n{}\n---", self.log.display(), shown.join("\n"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

fn open_log(path: &Path) -> io::Result<(File, File)> {
    let log = File::options().create(true).append(true).open(path)?;
    Ok((log.try_clone()?, log))
}

/// A shell that reads from a pipe we hold and kills the group when the pipe closes, which the
/// kernel does when we die however we die.
#[derive(Debug)]
struct Leash {
    watcher: Child,
}

impl Leash {
    fn on(group: Pid) -> Self {
        let script = format!("read -r _; kill -s KILL -- -{}", group.as_raw_nonzero());
        let watcher = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|fault| panic!("cannot start sh: {fault}"));
        Self { watcher }
    }
}

impl Drop for Leash {
    /// Lets go: the group has been dealt with and its id may be someone else's soon.
    fn drop(&mut self) {
        let _ = self.watcher.kill();
        let _ = self.watcher.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::TempDir;

    const SOON: Duration = Duration::from_secs(20);

    fn shell(dir: &TempDir, script: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::spawn("shell", command, &dir.join("log"))
    }

    fn is_alive(pid: u32) -> bool {
        // A zombie of ours is dead though its id is still taken.
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !matches!(stat.rsplit(") ").next().unwrap_or_default().chars().next(), None | Some('Z'))
    }

    #[test]
    fn output_and_errors_are_in_the_log() {
        let dir = TempDir::new("testkit");
        let mut process = shell(&dir, "echo out; echo err >&2; exit 3");
        assert_eq!(process.wait_for_exit(SOON).unwrap().code(), Some(3));
        assert_eq!(process.log(), "out\nerr\n");
    }

    #[test]
    fn the_whole_group_goes_with_the_value_even_those_that_ignore_the_term_signal() {
        let dir = TempDir::new("testkit");
        let script = "(trap '' TERM; exec sleep 600) & echo $!; wait";
        let process = shell(&dir, script);
        process.wait_until("the child's id", SOON, || process.log().ends_with('\n'));
        let (leader, child) = (process.pid(), process.log().trim().parse().unwrap());
        assert!(is_alive(leader) && is_alive(child));
        drop(process);
        crate::servers::wait_until("both are gone", SOON, || !is_alive(leader) && !is_alive(child));
    }

    #[test]
    #[should_panic(expected = "shell has exited.")]
    fn waiting_for_a_program_that_exits_shows_its_log() {
        let dir = TempDir::new("testkit");
        shell(&dir, "echo goodbye").wait_until("a miracle", SOON, || false);
    }

    #[test]
    fn a_killed_program_did_not_exit_by_itself() {
        use std::os::unix::process::ExitStatusExt;
        let dir = TempDir::new("testkit");
        let mut process = shell(&dir, "exec sleep 600");
        assert_eq!(process.kill_9().signal(), Some(9));
        assert!(!process.is_running());
    }

    #[test]
    fn the_group_dies_with_a_test_process_that_is_killed() {
        let dir = TempDir::new("testkit");
        let mut process = shell(&dir, "exec sleep 600");
        // What the kernel does for a process that is gone: it closes the pipe.
        drop(process._leash.watcher.stdin.take());
        assert_eq!(process.wait_for_exit(SOON).map(|status| status.success()), Some(false));
    }
}
