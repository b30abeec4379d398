//! The users of applications in Python, whose hashes their own libraries make.

use cloakroom_testkit::servers::http::Request;
use cloakroom_testkit::servers::{Client, Python};

use crate::behind::applies;
use crate::support::{RECORDS, Site, is_signed_in, send_login};

const REQUIREMENTS: &str = "Werkzeug==3.1.9\nDjango==5.2.19\nbcrypt==5.0.0\nargon2-cffi==25.1.0\n";

/// Makes a table of users as an application has it, and exports it as the manual says.
const EXPORT: &str = r#"
import csv, sqlite3, sys
from django.conf import settings
settings.configure(PASSWORD_HASHERS=[
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.BCryptSHA256PasswordHasher",
])
from django.contrib.auth.hashers import make_password
from werkzeug.security import generate_password_hash
import bcrypt

def password(name):
    return f"old password of {name} é"

db = sqlite3.connect(":memory:")
db.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, username, email, password, is_active)")
hashes = {
    "werner": lambda it: generate_password_hash(it),
    "wanda": lambda it: generate_password_hash(it, "pbkdf2:sha256:50000"),
    "django": lambda it: make_password(it),
    "dora": lambda it: make_password(it, hasher="scrypt"),
    "dana": lambda it: make_password(it, hasher="argon2"),
    "doris": lambda it: make_password(it, hasher="bcrypt_sha256"),
    "bert": lambda it: bcrypt.hashpw(it.encode(), bcrypt.gensalt(6)).decode(),
    "gone": lambda it: generate_password_hash(it),
    "newbie": lambda it: make_password(None),
}
for number, (name, make) in enumerate(hashes.items(), 100):
    row = (number, name, f"{name}@example.org", make(password(name)), name != "gone")
    db.execute("INSERT INTO users VALUES (?, ?, ?, ?, ?)", row)
rows = db.execute("SELECT id, username, email, password, NOT is_active FROM users")
out = csv.writer(open(sys.argv[1], "w", newline=""))
out.writerow(["id", "name", "email", "password_hash", "disabled"])
out.writerows(rows)
"#;

const WITH_PASSWORD: [&str; 7] = ["werner", "wanda", "django", "dora", "dana", "doris", "bert"];

fn old_password(name: &str) -> String {
    format!("old password of {name} é")
}

/// Exports the table; `None` where there is no Python.
fn export(site: &Site) -> Option<String> {
    let python = Python::with(REQUIREMENTS)?;
    let file = site.server.data_dir().join("users.csv");
    let output = python.command().args(["-c", EXPORT]).arg(&file).output().expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(file.to_str().expect("a path in UTF-8").to_owned())
}

fn hash_of(site: &Site, name: &str) -> String {
    site.text(&format!("SELECT password_hash FROM cloakroom_user WHERE name = '{name}'"))
}

fn signs_in(site: &Site, name: &str, password: &str) -> Option<Client> {
    let mut browser = site.server.client();
    let answer = send_login(&mut browser, name, password);
    (answer.status == 303 && is_signed_in(&mut browser)).then_some(browser)
}

#[test]
fn users_with_werkzeug_and_django_hashes_log_in_with_their_old_passwords() {
    let (site, _) = Site::with_admin(RECORDS);
    let Some(file) = export(&site) else { return };
    let would = site.run(&["user", "import", &file, "--dry-run"]);
    assert!(would.starts_with("nothing was changed; would import 9 users"), "{would}");
    assert_eq!(site.count("SELECT count(*) FROM cloakroom_user"), 1);
    let said = site.run(&["user", "import", &file]);
    assert!(said.starts_with("imported 9 users (8 with a password: "), "{said}");
    assert!(
        said.contains("2 Werkzeug scrypt") && said.contains("1 Django pbkdf2_sha256"),
        "{said}"
    );
    assert!(!site.server.log().contains("pbkdf2_sha256$"), "a hash is in the log");

    for name in WITH_PASSWORD {
        let before = hash_of(&site, name);
        assert!(signs_in(&site, name, "another password").is_none(), "{name}");
        assert_eq!(hash_of(&site, name), before);
        assert!(signs_in(&site, name, &old_password(name)).is_some(), "{name}");
        let after = hash_of(&site, name);
        assert!(after.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{name}: {after}");
        assert!(signs_in(&site, name, &old_password(name)).is_some(), "{name} again");
        assert!(signs_in(&site, name, "another password").is_none(), "{name} again");
        assert_eq!(hash_of(&site, name), after);
    }
    assert!(signs_in(&site, "gone", &old_password("gone")).is_none(), "disabled");
    assert!(signs_in(&site, "newbie", &old_password("newbie")).is_none(), "without a password");
}

#[test]
fn the_subject_of_the_assertion_is_the_applications_own_id() {
    let (site, _) = Site::with_admin(RECORDS);
    let Some(file) = export(&site) else { return };
    site.run(&["user", "import", &file]);
    let mut browser = signs_in(&site, "django", &old_password("django")).expect("signed in");
    let answer = browser.send(Request::get("/auth/nginx/records"));
    let assertion = answer.header("X-Cloakroom-Assertion").expect("there is an assertion");
    assert_eq!(claims(&assertion)["sub"], "102");
}

fn claims(assertion: &str) -> serde_json::Value {
    use base64::Engine;
    let body = assertion.split('.').nth(1).expect("three parts");
    let body = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(body).expect("base64url");
    serde_json::from_slice(&body).expect("claims are JSON")
}

#[test]
fn a_file_with_faults_changes_nothing_and_tells_every_line() {
    let (site, _) = Site::with_admin("");
    let file = site.server.data_dir().join("users.csv");
    let text = "name,id,password_hash,admin\nbob,1,,\nal ice,2,,\neve,3,$2b$99$secretsecret,\nfay,4,,perhaps\nada,5,,\n";
    std::fs::write(&file, text).expect("it can be written");
    let output = site.server.command(&["user", "import", file.to_str().expect("UTF-8")]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("4 problems in"), "{said}");
    for line in ["line 3: name: ", "line 4: password_hash: ", "line 5: admin: ", "line 6: there is"]
    {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains("secretsecret"), "{said}");
    assert_eq!(site.count("SELECT count(*) FROM cloakroom_user"), 1);
}

#[test]
fn users_are_imported_while_no_server_runs_and_more_than_an_ordinary_order_holds_while_one_does() {
    let (mut site, _) = Site::with_admin("");
    let file = site.server.data_dir().join("users.json");
    let path = file.to_str().expect("UTF-8").to_owned();
    let user = |number: u32| format!("{{\"id\": {number}, \"name\": \"user{number:05}\"}}\n");
    std::fs::write(&file, (0..3_000).map(user).collect::<String>()).expect("it can be written");
    let done = site.run(&["user", "import", &path, "--json"]);
    let done: serde_json::Value = serde_json::from_str(&done).expect("it is JSON");
    assert_eq!((&done["imported"], &done["without_password"]), (&3_000.into(), &3_000.into()));

    if !applies("offline_commands") {
        return;
    }
    site.server.stop();
    std::fs::write(&file, (2_999..3_002).map(user).collect::<String>()).expect("it can be written");
    let said = site.run(&["user", "import", &path, "--skip-existing"]);
    assert!(said.contains("imported 2 users") && said.contains("passed over 1 user"), "{said}");
    site.server.restart();
    assert_eq!(site.count("SELECT count(*) FROM cloakroom_user"), 3_003);
}
