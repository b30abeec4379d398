use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::target_dir;

/// What may be missing, and the Debian package that has it.
const PACKAGES: [(&str, &str); 10] = [
    ("nginx", "nginx-light"),
    ("chromium", "chromium"),
    ("chromedriver", "chromium-driver"),
    ("strace", "strace"),
    ("python3", "python3-venv"),
    ("postgres", "postgresql"),
    ("redis-server", "redis-server"),
    ("pgbouncer", "pgbouncer"),
    ("openssl", "openssl"),
    ("faketime", "faketime"),
];

/// Where Debian keeps servers, which is not on everybody's `PATH`.
const SYSTEM_DIRS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The path of a program this machine may lack.
///
/// `None` means the test cannot run here: return from it. It was then printed and noted for
/// `make test` to show at its end. With `CI=true` a missing program panics instead.
#[track_caller]
pub fn require(program: &str) -> Option<PathBuf> {
    let found = find(program);
    if found.is_none() {
        let package = PACKAGES.iter().find(|(name, _)| *name == program);
        let package = package.map_or(program, |(_, package)| package);
        skip(&format!("needs {program} (apt-get install {package})"));
    }
    found
}

/// Notes visibly that the test that is running cannot do its work here, and why; with `CI=true`
/// it panics.
#[track_caller]
pub fn skip(reason: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let line = format!("SKIPPED: {test} {reason}");
    assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "{line}; in CI nothing is skipped");
    eprintln!("{line}");
    let noted = note(&target_dir().join("skips.txt"), &line);
    noted.unwrap_or_else(|fault| panic!("{line}; this could not be noted: {fault}"));
}

fn note(list: &Path, line: &str) -> std::io::Result<()> {
    fs::create_dir_all(list.parent().unwrap_or(Path::new(".")))?;
    let mut list = File::options().create(true).append(true).open(list)?;
    // One write, so that lines of parallel tests do not mix.
    list.write_all(format!("{line}\n").as_bytes())
}

fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(SYSTEM_DIRS.map(PathBuf::from))
        .chain(postgres_dirs())
        .map(|dir| dir.join(program))
        .find(|candidate| is_executable(candidate))
}

/// Where Debian keeps PostgreSQL, the newest version first.
fn postgres_dirs() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let numbered = versions.filter_map(|it| it.file_name().to_str()?.parse::<u32>().ok());
    let mut numbers: Vec<u32> = numbered.collect();
    numbers.sort_unstable_by(|one, other| other.cmp(one));
    numbers.into_iter().map(|it| PathBuf::from(format!("/usr/lib/postgresql/{it}/bin"))).collect()
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::TempDir;

    #[test]
    fn a_program_that_is_there_is_found_by_its_path() {
        assert!(require("sh").unwrap().is_absolute());
    }

    #[test]
    fn a_program_that_is_not_there_is_not_found() {
        assert_eq!(find("no-such-program-on-any-machine"), None);
    }

    #[test]
    fn skips_are_noted_one_a_line() {
        let dir = TempDir::new("testkit");
        let list = dir.join("target/skips.txt");
        note(&list, "SKIPPED: one").unwrap();
        note(&list, "SKIPPED: two").unwrap();
        assert_eq!(fs::read_to_string(list).unwrap(), "SKIPPED: one\nSKIPPED: two\n");
    }
}
