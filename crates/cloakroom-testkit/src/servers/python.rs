use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::once::{once, run};
use super::{require, skip, target_dir};

/// A Python virtual environment, made once and kept under Cargo's target directory.
#[derive(Debug)]
pub struct Python {
    program: PathBuf,
}

impl Python {
    /// An environment with what `requirements` (the text of a requirements file, pinned) lists.
    /// `None` where it cannot be made (a visible skip).
    ///
    /// Tests that ask for the same one at once wait for one installation; other requirements make
    /// another environment.
    #[track_caller]
    pub fn with(requirements: &str) -> Option<Self> {
        let python = require("python3")?;
        let mut hasher = DefaultHasher::new();
        (requirements, &python).hash(&mut hasher);
        let dir = target_dir().join("python").join(format!("{:016x}", hasher.finish()));
        match once(&dir, || make(&dir, &python, requirements)) {
            Ok(()) => Some(Self { program: dir.join("venv/bin/python") }),
            Err(fault) => {
                skip(&format!(
                    "needs a Python environment (apt-get install python3-venv): {fault}"
                ));
                None
            }
        }
    }

    /// The interpreter.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// A command that runs it.
    pub fn command(&self) -> Command {
        Command::new(&self.program)
    }
}

fn make(dir: &Path, python: &Path, requirements: &str) -> io::Result<()> {
    let (venv, list) = (dir.join("venv"), dir.join("requirements.txt"));
    fs::write(&list, requirements)?;
    run(Command::new(python).args(["-m", "venv", "--clear"]).arg(&venv))?;
    if requirements.trim().is_empty() {
        return Ok(());
    }
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
    run(Command::new(venv.join("bin/python")).args(pip).arg(&list))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_made_once_and_is_its_own() {
        let (Some(first), Some(again)) = (Python::with(""), Python::with("")) else { return };
        assert_eq!(first.program(), again.program());
        let script = "import sys; print(sys.prefix != sys.base_prefix)";
        let output = again.command().args(["-c", script]).output().unwrap();
        assert_eq!(output.stdout, b"True\n");
    }
}
