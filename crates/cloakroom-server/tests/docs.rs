//! The documents say what the code does.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use cloakroom_server::app::App;
use cloakroom_server::cli::Cli;
use cloakroom_server::config::{Config, settings_markdown};
use cloakroom_server::events::events_markdown;
use cloakroom_server::metrics::{families, metrics_markdown};
use cloakroom_testkit::servers::TempDir;

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/<name>").to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What stands between two markers.
fn marked<'a>(text: &'a str, mark: &str) -> &'a str {
    let (start, end) = (format!("<!-- {mark} -->"), format!("<!-- /{mark} -->"));
    let (_, rest) = text.split_once(&start).expect("the marker is there");
    rest.split_once(&end).expect("so is its end").0.trim()
}

/// Every file with this extension below a directory of the repository.
fn files(below: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(below).expect("the directory is there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_manual_lists_every_setting_as_the_code_has_it() {
    let expected = settings_markdown();
    let manual = read("docs/operations.md");
    assert!(
        marked(&manual, "settings") == expected.trim(),
        "put this between the markers in docs/operations.md:\n{expected}"
    );
}

#[test]
fn the_manual_lists_every_event_as_the_code_has_it() {
    let (manual, expected) = (read("docs/operations.md"), events_markdown());
    assert!(
        marked(&manual, "events") == expected.trim(),
        "put this between the markers in docs/operations.md:\n{expected}"
    );
}

#[tokio::test]
async fn the_manual_lists_every_metric_as_the_code_has_it() {
    let (directory, mut config) = (TempDir::new("docs"), Config::default());
    config.server.data = directory.join("data");
    let app = App::open(config).await.expect("it opens");
    let expected = metrics_markdown(&families(&app).await);
    assert!(
        marked(&read("docs/operations.md"), "metrics") == expected.trim(),
        "put this between the markers in docs/operations.md:\n{expected}"
    );
}

#[test]
fn the_manual_names_every_command() {
    let manual = read("docs/operations.md");
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        let inner: Vec<_> = command.get_subcommands().map(|it| it.get_name()).collect();
        let lines = match inner.is_empty() {
            true => vec![format!("| `cloakroom {name}")],
            false => inner.iter().map(|it| format!("| `cloakroom {name} {it}")).collect(),
        };
        for line in lines {
            assert!(manual.contains(&line), "docs/operations.md has no row {line}…`");
        }
    }
}

/// Names of tests in a table: in backticks, of lower-case words joined by underscores.
fn named_tests(table: &str) -> BTreeSet<&str> {
    let quoted = table.split('`').skip(1).step_by(2);
    let sentence = |name: &&str| {
        name.matches('_').count() >= 2
            && name.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_')
    };
    quoted.filter(sentence).collect()
}

#[test]
fn every_test_that_the_documents_name_is_there() {
    let sources: String = files(&root().join("crates"), "rs")
        .iter()
        .filter(|path| !path.ends_with("tests/docs.rs"))
        .map(|path| fs::read_to_string(path).expect("sources are text"))
        .collect();
    let words: BTreeSet<&str> =
        sources.split(|it: char| !(it.is_ascii_alphanumeric() || it == '_')).collect();
    for (document, mark) in [("docs/architecture.md", "laws"), ("docs/security.md", "asvs")] {
        let text = read(document);
        let names = named_tests(marked(&text, mark));
        assert!(!names.is_empty(), "{document} names no test");
        let missing: Vec<_> = names.difference(&words).collect();
        assert!(missing.is_empty(), "{document} names tests that are not there: {missing:#?}");
    }
}

#[test]
fn every_link_in_the_documents_leads_to_a_file() {
    let of_root = fs::read_dir(root()).expect("the repository is there").flatten();
    let mut documents: Vec<_> = of_root.map(|entry| entry.path()).collect();
    documents.retain(|path| path.extension().is_some_and(|it| it == "md"));
    documents.extend(files(&root().join("docs"), "md"));
    for document in documents {
        let text = fs::read_to_string(&document).expect("documents are text");
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|it| !it.contains("://") && !it.starts_with('#')) {
            let file = target.split('#').next().unwrap_or(target);
            let path = document.with_file_name(file);
            assert!(path.exists(), "{} links to {target}", document.display());
        }
    }
}
