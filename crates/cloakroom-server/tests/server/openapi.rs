//! The OpenAPI document is the one that is checked in, and the server does what it says.

use std::path::Path;
use std::time::Duration;

use cloakroom_testkit::servers::{Python, require};
use cloakroom_testkit::{rounds, seeds};

use crate::support::Site;

/// What tries the API out, with all that it needs pinned by itself.
const SCHEMATHESIS: &str = "schemathesis==4.32.5\n";

const SEED: u64 = 20_261_125;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_document_that_is_checked_in_is_that_of_the_server() {
    let path = root().join("../../docs/openapi.json");
    let kept = std::fs::read_to_string(path).expect("docs/openapi.json is there");
    assert!(kept == cloakroom_server::routes::v1::document(), "run `make openapi`");
}

#[test]
fn the_script_of_the_guide_does_what_it_says() {
    let (Some(curl), Some(_jq)) = (require("curl"), require("jq")) else { return };
    let guide = std::fs::read_to_string(root().join("../../docs/api.md")).expect("it is there");
    let (_, rest) = guide.split_once("<!-- script -->").expect("it has a script");
    let script = rest.split_once("```sh").and_then(|(_, rest)| rest.split_once("```"));
    let script = format!("set -euo pipefail\n{}", script.expect("it is fenced").0);
    let site = Site::fresh("");
    let app = site.application();
    let output = std::process::Command::new("bash")
        .args(["-c", &script])
        .env("URL", site.server.url())
        .env("KEY", &app.key)
        .output()
        .expect("bash runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let failed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {said}{failed}", curl.display());
    assert!(said.contains("\"id\": \"17\"") && said.contains("203.0.113.9"), "{said}");
    assert!(said.contains("{\"active\":false}") && said.ends_with("logout\n"), "{said}");
}

/// Two minutes from a fixed seed, so that a change is judged and not the day; ten from a new one
/// with `CLOAKROOM_TORTURE=1`.
#[test]
fn schemathesis_finds_nothing() {
    let Some(python) = Python::with(SCHEMATHESIS) else { return };
    let seconds = Duration::from_secs(u64::from(rounds(120, 600)));
    let drawn = seeds(1).first().copied().unwrap_or_default();
    let seed = if rounds(0, 1) == 0 { SEED } else { drawn };
    println!("seed {seed}");
    let (site, _) = Site::with_people("", &["bob"]);
    let app = site.application();
    let report = site.server.data_dir().join("schemathesis.txt");
    let output = std::fs::File::create(&report).expect("it can be written");
    let status = python
        .command()
        .args(["-c", "from schemathesis.cli import schemathesis; schemathesis()"])
        .arg("--config-file")
        .arg(root().join("tests/schemathesis.toml"))
        .args(["run", "--no-color", "--max-time", &seconds.as_secs().to_string()])
        .args(["--seed", &seed.to_string()])
        .args(["--header", &format!("Authorization: Bearer {}", app.key)])
        .arg(format!("{}/v1/openapi.json", site.server.url()))
        .current_dir(site.server.data_dir())
        .stdout(output)
        .status()
        .expect("it runs");
    let said = std::fs::read_to_string(&report).expect("it wrote its report");
    println!("{said}");
    assert!(status.success(), "{said}");
    assert_eq!(app.get("capabilities").status, 200);
}
