use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::fs::{Gid, Uid};

/// Who may stand in, in this order.
const NAMES: [&str; 2] = ["postgres", "nobody"];

/// The user that a server runs as which refuses to run as root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    /// Another account when we are root; `None` when we are not, for then ours will do.
    pub(super) fn unprivileged() -> Option<Self> {
        rustix::process::geteuid().is_root().then(|| {
            let list = fs::read_to_string("/etc/passwd").unwrap_or_default();
            let account = NAMES.iter().find_map(|name| find(&list, name));
            account.unwrap_or_else(|| panic!("none of {NAMES:?} is in /etc/passwd"))
        })
    }

    /// Makes a file or directory its own.
    #[track_caller]
    pub(super) fn own(self, path: &Path) {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        rustix::fs::chown(path, Some(uid), Some(gid))
            .unwrap_or_else(|fault| panic!("cannot give {} away: {fault}", path.display()));
    }

    /// The command before a command that runs it as this account.
    pub(super) fn prefix(self) -> Vec<String> {
        let (uid, gid) = (format!("--reuid={}", self.uid), format!("--regid={}", self.gid));
        vec!["setpriv".to_owned(), uid, gid, "--clear-groups".to_owned()]
    }

    /// Makes a command run as this account, which then has no groups but its own.
    pub(super) fn run(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }
}

fn find(list: &str, name: &str) -> Option<Account> {
    let line = list.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut numbers = line.split(':').skip(2).map_while(|field| field.parse().ok());
    Some(Account { uid: numbers.next()?, gid: numbers.next()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65533:nobody:/:/bin/false\n";

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        assert_eq!(find(LIST, "nobody"), Some(Account { uid: 65534, gid: 65533 }));
        assert_eq!(find(LIST, "body"), None);
    }

    #[test]
    fn a_command_of_root_runs_as_somebody_else() {
        let mut command = Command::new("id");
        command.arg("-u");
        if let Some(account) = Account::unprivileged() {
            account.run(&mut command);
        }
        assert_ne!(command.output().unwrap().stdout, b"0\n");
    }
}
