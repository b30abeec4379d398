use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::USER;
use crate::servers::account::Account;
use crate::servers::once::{once, run};
use crate::servers::{TempDir, target_dir};

/// Small segments: most servers here write less than one of the usual size.
const OPTIONS: [&str; 6] = [
    "--no-locale",
    "--encoding=UTF8",
    "--auth=trust",
    "--no-sync",
    "--wal-segsize=1",
    "--username",
];

/// Copies a new data directory to `to`; `initdb` runs once for each version of it.
pub(super) fn copy(postgres: &Path, account: Option<Account>, to: &Path) -> io::Result<()> {
    let version = Command::new(postgres).arg("--version").output()?.stdout;
    let mut hasher = DefaultHasher::new();
    (&version, OPTIONS, account.is_some()).hash(&mut hasher);
    let dir = target_dir().join("postgres").join(format!("{:016x}", hasher.finish()));
    once(&dir, || make(postgres, account, &dir))?;
    copy_all(&dir.join("data"), to)
}

fn make(postgres: &Path, account: Option<Account>, dir: &Path) -> io::Result<()> {
    // The other account may not be allowed to enter the target directory.
    let place = TempDir::new("initdb");
    let mut initdb = Command::new(beside(postgres, "initdb"));
    initdb.args(OPTIONS).arg(USER).arg("-D").arg(place.join("data")).current_dir(place.path());
    if let Some(account) = account {
        account.own(place.path());
        account.run(&mut initdb);
    }
    run(&mut initdb)?;
    let data = dir.join("data");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    copy_all(&place.join("data"), &data)
}

/// The program of this name that belongs to the server's version.
pub(super) fn beside(postgres: &Path, name: &str) -> PathBuf {
    let real = postgres.canonicalize().unwrap_or_else(|_| postgres.to_owned());
    real.with_file_name(name)
}

fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    // With owners and modes, which the server looks at.
    run(Command::new("cp").arg("-a").arg(from).arg(to))
}
