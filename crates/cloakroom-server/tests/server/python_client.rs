//! The Python client's own tests, against this server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cloakroom_testkit::servers::{Process, Python, TempDir};

use crate::support::binary;

const REQUIREMENTS: &str = include_str!("../../../../clients/python/tests/requirements.txt");
const TIME_TO_RUN: Duration = Duration::from_secs(240);
/// Types, format and build of the package, which need no server.
const PACKAGE: &str = "tests/test_package.py";

#[test]
fn the_python_client_passes_its_tests_against_the_server() {
    pytest(&["tests", "--ignore", PACKAGE]);
}

#[test]
fn the_python_client_is_typed_strictly_and_builds() {
    pytest(&[PACKAGE]);
}

fn pytest(arguments: &[&str]) {
    let Some(python) = Python::with(REQUIREMENTS) else { return };
    let dir = TempDir::new("python-client");
    let mut command = python.command();
    command
        .args(["-m", "pytest", "--quiet"])
        .args(arguments)
        .arg("--basetemp")
        .arg(dir.join("tests"))
        .current_dir(package())
        .env("CLOAKROOM_BIN", binary())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let mut process = Process::spawn("pytest", command, &dir.join("log"));
    let status = process.wait_for_exit(TIME_TO_RUN);
    assert!(status.is_some_and(|status| status.success()), "{}", process.log());
}

fn package() -> PathBuf {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../clients/python");
    place.canonicalize().expect("the client is there")
}
