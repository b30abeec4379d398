//! Published test vectors, which are not part of the repository.

use std::path::PathBuf;
use std::{env, fs};

use cloakroom_testkit::servers::skip;
use serde_json::Value;

/// A Wycheproof file from the directory in `CLOAKROOM_TEST_VECTORS`, or else from
/// `shared/vectors` beside the repository. `None`, and a visible skip, where it is not there.
pub(crate) fn wycheproof(name: &str) -> Option<Value> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors");
    let dir = env::var_os("CLOAKROOM_TEST_VECTORS").unwrap_or_else(|| beside.into());
    let path = PathBuf::from(dir).join(name);
    let Ok(text) = fs::read_to_string(&path) else {
        skip(&format!("needs {name} of C2SP/wycheproof in ../shared/vectors"));
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

/// The cases of a file with the group each is in.
pub(crate) fn cases(file: &Value) -> impl Iterator<Item = (&Value, &Value)> {
    let groups = file["testGroups"].as_array().unwrap();
    let of = |group: &Value| group["tests"].as_array().unwrap().len();
    assert_eq!(file["numberOfTests"], groups.iter().map(of).sum::<usize>());
    groups.iter().flat_map(|group| {
        let tests = group["tests"].as_array().unwrap().iter();
        tests.map(move |test| (group, test))
    })
}
