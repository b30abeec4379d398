//! Who may import whom (docs/architecture.md), read from the manifests.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

const STORES: [&str; 3] = ["cloakroom-postgres", "cloakroom-redis", "cloakroom-sqlite"];

/// Every crate and the crates of ours it may import.
const MAY_IMPORT: [(&str, &[&str]); 9] = [
    ("cloakroom-core", &[]),
    ("cloakroom-tokens", &["cloakroom-core"]),
    ("cloakroom-http", &["cloakroom-core"]),
    ("cloakroom-postgres", &["cloakroom-core"]),
    ("cloakroom-redis", &["cloakroom-core"]),
    ("cloakroom-sqlite", &["cloakroom-core"]),
    ("cloakroom-testkit", &["cloakroom-core"]),
    (
        "cloakroom",
        &[
            "cloakroom-core",
            "cloakroom-tokens",
            "cloakroom-http",
            "cloakroom-postgres",
            "cloakroom-redis",
            "cloakroom-sqlite",
        ],
    ),
    ("cloakroom-server", &["cloakroom"]),
];

/// The cache in Redis is tested before a store that keeps everything.
const TESTED_BEFORE: [(&str, &str); 1] = [("cloakroom-redis", "cloakroom-sqlite")];

/// What the core must not know, so that a change of web framework never reaches it.
const WEB: [&str; 6] = ["axum", "axum-core", "http", "hyper", "tower", "actix-web"];

#[derive(Debug)]
struct Import {
    name: String,
    for_tests: bool,
    optional: bool,
}

fn imports() -> BTreeMap<String, Vec<Import>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo ran this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON, as asked for");
    let packages = metadata["packages"].as_array().expect("a list");
    packages.iter().map(|it| (text(&it["name"]), of_package(it))).collect()
}

fn of_package(package: &Value) -> Vec<Import> {
    let dependencies = package["dependencies"].as_array().expect("a list");
    let import = |it: &Value| Import {
        name: text(&it["name"]),
        for_tests: it["kind"] == "dev",
        optional: it["optional"] == true,
    };
    dependencies.iter().map(import).collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a name").to_owned()
}

#[test]
fn every_crate_has_its_place_in_the_table() {
    let known: BTreeSet<String> = MAY_IMPORT.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(imports().into_keys().collect::<BTreeSet<_>>(), known);
}

#[test]
fn crates_import_only_what_the_table_allows() {
    let imports = imports();
    for (name, allowed) in MAY_IMPORT {
        let ours = imports[name].iter().filter(|it| it.name.starts_with("cloakroom"));
        for import in ours.filter(|it| !it.for_tests) {
            assert!(allowed.contains(&import.name.as_str()), "{name} imports {}", import.name);
        }
    }
}

#[test]
fn tests_import_the_testkit_besides_and_never_the_server() {
    let imports = imports();
    for (name, allowed) in MAY_IMPORT {
        let ours = imports[name].iter().filter(|it| it.name.starts_with("cloakroom"));
        for import in ours.filter(|it| it.for_tests) {
            let fits = import.name == "cloakroom-testkit"
                || allowed.contains(&import.name.as_str())
                || TESTED_BEFORE.contains(&(name, import.name.as_str()));
            assert!(fits, "the tests of {name} import {}", import.name);
        }
    }
}

#[test]
fn the_core_knows_no_web_framework() {
    let known: Vec<_> = imports()["cloakroom-core"].iter().map(|it| it.name.clone()).collect();
    assert!(known.iter().all(|it| !WEB.contains(&it.as_str())), "{known:?}");
}

#[test]
fn each_store_is_a_feature_of_the_library() {
    for store in STORES {
        let library = &imports()["cloakroom"];
        let import = library.iter().find(|it| it.name == store && !it.for_tests).unwrap();
        assert!(import.optional, "{store} cannot be left out");
    }
}
