//! The Python client's own tests, against this server.

use std::path::{Path, PathBuf};

use cloakroom_testkit::servers::{Process, Python, TempDir};

use crate::support::binary;

const REQUIREMENTS: &str = include_str!("../../../../clients/python/tests/requirements.txt");
const TIME_TO_RUN: std::time::Duration = std::time::Duration::from_secs(240);

fn package() -> PathBuf {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../clients/python");
    place.canonicalize().expect("the client is there")
}

#[test]
fn the_tests_of_the_python_client_pass() {
    let Some(python) = Python::with(REQUIREMENTS) else { return };
    let dir = TempDir::new("python-client");
    let mut command = python.command();
    command
        .args(["-m", "pytest", "--quiet", "--basetemp"])
        .arg(dir.join("tests"))
        .current_dir(package())
        .env("CLOAKROOM_BIN", binary())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let mut process = Process::spawn("pytest", command, &dir.join("log"));
    let status = process.wait_for_exit(TIME_TO_RUN);
    let passed = status.is_some_and(|status| status.success());
    assert!(passed, "{}", process.log());
}
