use std::path::{Path, PathBuf};

use super::Inputs;
use super::error::Problem;
use super::table;

pub(super) const FILE_NAME: &str = "cloakroom.toml";
pub(super) const CONFIG_VARIABLE: &str = "CLOAKROOM_CONFIG";

/// Which file to read: the one that is named, else `cloakroom.toml` in the data directory or in the
/// working directory. One of each is an error: neither should win in silence.
pub(super) fn find(inputs: &Inputs) -> Result<Option<PathBuf>, Problem> {
    if let Some(named) = named(inputs) {
        return Ok(Some(named));
    }
    let found: Vec<PathBuf> = [data(inputs).join(FILE_NAME), PathBuf::from(FILE_NAME)]
        .into_iter()
        .filter(|path| inputs.directory.join(path).exists())
        .collect();
    match found.as_slice() {
        [one, other] if !same(inputs, one, other) => Err(ambiguous(one, other)),
        [] => Ok(None),
        [one, ..] => Ok(Some(one.clone())),
    }
}

fn named(inputs: &Inputs) -> Option<PathBuf> {
    inputs.config_file.clone().or_else(|| variable(inputs, CONFIG_VARIABLE).map(PathBuf::from))
}

/// The data directory as far as it is known before any file is read.
fn data(inputs: &Inputs) -> PathBuf {
    let flag = inputs.flags.iter().rev().find(|(key, _)| *key == "data");
    let default = table::find("data").map_or("", |setting| setting.default);
    let given = flag.map(|(_, value)| value.as_str());
    PathBuf::from(given.or_else(|| variable(inputs, &table::variable("data"))).unwrap_or(default))
}

fn variable<'a>(inputs: &'a Inputs, name: &str) -> Option<&'a str> {
    let found = inputs.environment.iter().find(|(each, value)| each == name && !value.is_empty());
    found.map(|(_, value)| value.as_str())
}

fn same(inputs: &Inputs, one: &Path, other: &Path) -> bool {
    let real = |path: &Path| inputs.directory.join(path).canonicalize().ok();
    real(one).is_some_and(|one| Some(one) == real(other))
}

fn ambiguous(one: &Path, other: &Path) -> Problem {
    let (one, other) = (one.display(), other.display());
    let message = format!("both {one} and {other} exist; name the one to read with --config");
    Problem::new("", None, message)
}
