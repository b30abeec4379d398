//! The real packages of Python read what we write, and we read what they write.

#![expect(clippy::unwrap_used, reason = "functions of a test may panic")]

mod flask;
mod itsdangerous;
mod pyjwt;

use std::io::Write;
use std::process::Stdio;

use cloakroom_testkit::servers::Python;
use serde_json::Value;

const REQUIREMENTS: &str = include_str!("requirements.txt");

/// What a script answers; `None` where there is no Python to be had (a visible skip).
fn answer(script: &str, given: &Value) -> Option<Value> {
    let python = Python::with(REQUIREMENTS)?;
    let mut command = python.command();
    command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = command.spawn().unwrap();
    let mut input = running.stdin.take().unwrap();
    input.write_all(given.to_string().as_bytes()).unwrap();
    drop(input);
    let output = running.wait_with_output().unwrap();
    assert!(output.status.success(), "the script failed");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}
