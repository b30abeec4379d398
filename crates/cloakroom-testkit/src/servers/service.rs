use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::account::Account;
use super::wait::holds_within;
use super::{Process, wait_until};

const TIME_TO_DIE: Duration = Duration::from_secs(20);

/// A server that can be killed, stopped, paused and started again with the same arguments.
///
/// It knows its processes by their parents and not by their group: each process of PostgreSQL is
/// a group of its own.
#[derive(Debug)]
pub(super) struct Service {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<OsString>,
    account: Option<Account>,
    log: PathBuf,
    process: Process,
}

impl Service {
    /// Starts it, with what it prints appended to `log`.
    #[track_caller]
    pub(super) fn start(
        name: &'static str,
        program: PathBuf,
        arguments: Vec<OsString>,
        account: Option<Account>,
        log: &Path,
    ) -> Self {
        let process = spawn(name, &program, &arguments, account, log);
        Self { name, program, arguments, account, log: log.to_owned(), process }
    }

    /// All it has printed, over restarts too.
    pub(super) fn log(&self) -> String {
        self.process.log()
    }

    /// Waits until it is as wanted; panics with the end of its log when it exits first.
    #[track_caller]
    pub(super) fn wait_until(&self, what: &str, deadline: Duration, holds: impl FnMut() -> bool) {
        self.process.wait_until(what, deadline, holds);
    }

    /// Kills all its processes as a power cut would, and waits until they are gone.
    pub(super) fn kill(&mut self) {
        // The first one stands still until the end, so that none is born or buried meanwhile.
        let others = self.pause();
        others.iter().copied().for_each(end);
        self.process.kill_9();
        wait_until("all processes are gone", TIME_TO_DIE, || !others.iter().any(|it| lives(*it)));
    }

    /// Asks it to stop with `signal` and waits until it has; kills it when it does not.
    pub(super) fn stop(&mut self, signal: Signal) {
        self.resume();
        let others = self.others();
        self.process.signal(signal);
        holds_within(TIME_TO_DIE, || !self.process.is_running());
        self.kill();
        // One that the first has left behind has nobody to stop it.
        others.into_iter().filter(|it| lives(*it)).for_each(end);
    }

    /// Starts it with the same arguments; kills it first if it runs.
    #[track_caller]
    pub(super) fn start_again(&mut self) {
        self.kill();
        self.process = spawn(self.name, &self.program, &self.arguments, self.account, &self.log);
    }

    /// Stops all its processes where they are, and says which there are besides the first.
    pub(super) fn pause(&self) -> Vec<Pid> {
        self.process.signal(Signal::STOP);
        let mut paused = Vec::new();
        // Until a look finds no new one: a process that is not paused yet may make another.
        loop {
            let new: Vec<Pid> =
                self.others().into_iter().filter(|it| !paused.contains(it)).collect();
            if new.is_empty() {
                return paused;
            }
            for it in &new {
                let _ = kill_process(*it, Signal::STOP);
            }
            paused.extend(new);
        }
    }

    /// Lets all its processes go on.
    pub(super) fn resume(&self) {
        for other in self.others() {
            let _ = kill_process(other, Signal::CONT);
        }
        self.process.signal(Signal::CONT);
    }

    /// Lets its processes, and those that they make, write no file beyond so many bytes: with 0 as
    /// if the disk were full.
    #[track_caller]
    pub(super) fn bound_files(&self, bytes: Option<u64>) {
        let soft = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        let first = pid(self.process.pid());
        first.into_iter().for_each(|first| self.bound(first, &soft));
        // After the first, whose further children are bound from their birth.
        self.others().into_iter().for_each(|other| self.bound(other, &soft));
    }

    #[track_caller]
    fn bound(&self, process: Pid, soft: &str) {
        // As the user that it runs as: another one would need a privilege for it.
        let mut bound = Command::new("prlimit");
        bound.args(["--pid", &process.as_raw_nonzero().to_string()]);
        bound.arg(format!("--fsize={soft}:"));
        if let Some(account) = self.account {
            account.run(&mut bound);
        }
        let said = bound.output().expect("util-linux is there");
        assert!(said.status.success() || !lives(process), "{said:?}");
    }

    /// Its processes besides the first.
    fn others(&self) -> Vec<Pid> {
        if !self.process.is_running() {
            return Vec::new();
        }
        let parents = parents();
        let mut family = vec![self.process.pid()];
        let mut looked_at = 0;
        while let Some(parent) = family.get(looked_at).copied() {
            let children =
                parents.iter().filter(|(_, its)| *its == parent).map(|(child, _)| *child);
            family.extend(children);
            looked_at += 1;
        }
        family.into_iter().skip(1).filter_map(pid).collect()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}

#[track_caller]
fn spawn(
    name: &str,
    program: &Path,
    arguments: &[OsString],
    account: Option<Account>,
    log: &Path,
) -> Process {
    // Where a file may not grow it gets an error, as on a full disk, and no signal.
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(program).args(arguments);
    if let Some(account) = account {
        account.run(&mut command);
    }
    Process::spawn(name, command, log)
}

fn pid(number: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(number).ok()?)
}

fn end(process: Pid) {
    // Fails for one that is gone.
    let _ = kill_process(process, Signal::KILL);
}

/// Every process of this machine and its parent.
fn parents() -> Vec<(u32, u32)> {
    let processes = fs::read_dir("/proc").expect("Linux has /proc").flatten();
    processes
        .filter_map(|process| {
            let number = process.file_name().to_str()?.parse().ok()?;
            Some((number, status(number)?.1.parse().ok()?))
        })
        .collect()
}

/// The state of a process and its parent.
fn status(number: u32) -> Option<(String, String)> {
    let status = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    // The name before it is in parentheses and may hold any byte.
    let mut fields = status.rsplit_once(") ")?.1.split(' ').map(str::to_owned);
    Some((fields.next()?, fields.next()?))
}

/// Whether it is there and not only waiting to be buried.
fn lives(process: Pid) -> bool {
    let number = u32::try_from(process.as_raw_nonzero().get()).expect("process ids are positive");
    status(number).is_some_and(|(state, _)| state != "Z" && state != "X")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::TempDir;

    /// Counts in a process that is a group of its own, as those of PostgreSQL are.
    /// It stops by itself after some minutes, should nobody stop it.
    const COUNTS: &str = "setsid sh -c 'i=0; while [ $i -lt 3000 ]; do echo .; sleep 0.1; \
        i=$((i + 1)); done' & echo started $!; wait";
    const SOON: Duration = Duration::from_secs(20);

    fn counting(dir: &TempDir) -> Service {
        let arguments = vec!["-c".into(), COUNTS.into()];
        let service = Service::start("shell", "/bin/sh".into(), arguments, None, &dir.join("log"));
        service.wait_until("it counts", SOON, || service.log().contains('.'));
        service
    }

    fn dots(service: &Service) -> usize {
        service.log().matches('.').count()
    }

    fn child(service: &Service) -> Pid {
        let log = service.log();
        let number = log.split("started ").last().and_then(|rest| rest.lines().next());
        number.and_then(|it| pid(it.parse().ok()?)).expect("the child's id")
    }

    fn state(process: Pid) -> String {
        let number = u32::try_from(process.as_raw_nonzero().get()).unwrap();
        status(number).map(|(state, _)| state).unwrap_or_default()
    }

    #[test]
    fn processes_outside_the_group_are_paused_go_on_and_die_with_it() {
        let dir = TempDir::new("testkit");
        let mut service = counting(&dir);
        let child = child(&service);
        service.pause();
        wait_until("the child stands still", SOON, || state(child) == "T");
        let paused_at = dots(&service);
        service.resume();
        wait_until("it counts on", SOON, || dots(&service) > paused_at);
        service.kill();
        assert!(!lives(child));
    }

    #[test]
    fn it_starts_again_and_a_paused_one_still_stops() {
        let dir = TempDir::new("testkit");
        let mut service = counting(&dir);
        service.start_again();
        wait_until("the second start", SOON, || service.log().matches("started ").count() == 2);
        let child = child(&service);
        service.pause();
        service.stop(Signal::TERM);
        assert!(!service.process.is_running());
        wait_until("what it left behind is gone", SOON, || !lives(child));
    }
}
