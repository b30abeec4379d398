use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::*;

/// A directory of its own for one test, removed at its end.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("cloakroom-config-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn with(files: &[(&str, &str)]) -> Self {
        let place = Self::new();
        for (name, text) in files {
            let path = place.0.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        place
    }

    fn inputs(&self) -> Inputs {
        Inputs { directory: self.0.clone(), ..Inputs::default() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn file(text: &str) -> Result<Loaded, ConfigErrors> {
    load(&Place::with(&[("cloakroom.toml", text)]).inputs())
}

fn environment(variables: &[(&str, &str)]) -> Result<Loaded, ConfigErrors> {
    let environment = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    load(&Inputs { environment: environment.collect(), ..Place::new().inputs() })
}

fn complaint(result: Result<Loaded, ConfigErrors>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn nothing_set_gives_the_defaults_everyone_agreed_on() {
    let loaded = load(&Place::new().inputs()).unwrap();
    let Config { server, cookie, session, .. } = &loaded.config;
    assert_eq!(loaded.config, Config::default());
    assert_eq!(server.page_url("login"), "http://localhost:7070/cloakroom/login");
    assert_eq!(server.data, Path::new("./cloakroom-data"));
    assert_eq!(cookie.name, "__Host-cloakroom");
    assert_eq!(session.ordinary.idle, Duration::from_secs(86_400));
    assert_eq!(session.remember.absolute, Duration::from_secs(90 * 86_400));
    assert_eq!((session.limit, session.anonymous_limit), (0, 100_000));
    let (ours, library) = (loaded.config.policy(), cloakroom::Policy::default());
    assert_eq!(format!("{ours:?}"), format!("{library:?}"));
    let trusts =
        |text: &str| server.trusted_proxies.trusts(Peer::Address(text.parse::<IpAddr>().unwrap()));
    assert!(trusts("127.0.0.1") && trusts("::1") && trusts("::ffff:127.0.0.1"));
    assert!(!trusts("10.0.0.1") && !trusts("::2"));
}

#[test]
fn each_layer_overrides_the_one_before_and_is_named() {
    let place = Place::with(&[(
        "cloakroom.toml",
        "listen = '127.0.0.1:1'\n\n[session]\nidle_timeout = '1h'\nstep_up = '5m'\n[log]\nlevel = 'warn'\n",
    )]);
    let loaded = load(&Inputs {
        environment: vec![
            ("CLOAKROOM_SESSION_STEP_UP".into(), "2m".into()),
            ("CLOAKROOM_LOG_LEVEL".into(), "error".into()),
            ("PATH".into(), "/bin".into()),
        ],
        flags: vec![("log.level", "debug".into())],
        ..place.inputs()
    })
    .unwrap();
    assert_eq!(loaded.config.session.ordinary.idle, Duration::from_secs(3_600));
    assert_eq!(loaded.config.session.step_up, Duration::from_secs(120));
    assert_eq!(loaded.config.log.level, LogLevel::Debug);
    let source = |key: &str| loaded.source(key).to_string();
    assert_eq!(source("listen"), "file cloakroom.toml:1");
    assert_eq!(source("session.idle_timeout"), "file cloakroom.toml:4");
    assert_eq!(source("session.step_up"), "environment CLOAKROOM_SESSION_STEP_UP");
    assert_eq!(source("log.level"), "flag --log-level");
    assert_eq!(source("prefix"), "default");
}

#[test]
fn the_public_url_follows_the_port_unless_it_is_set() {
    let url = |variables: &[(&str, &str)]| {
        environment(variables).unwrap().config.server.public_url.to_string()
    };
    assert_eq!(url(&[("CLOAKROOM_LISTEN", "0.0.0.0:9000")]), "http://localhost:9000");
    assert_eq!(url(&[("CLOAKROOM_LISTEN", "127.0.0.1:0")]), "http://localhost:7070");
    assert_eq!(url(&[("CLOAKROOM_LISTEN", "unix:/run/c.sock")]), "http://localhost:7070");
    let both =
        [("CLOAKROOM_LISTEN", "127.0.0.1:9000"), ("CLOAKROOM_PUBLIC_URL", "https://a.example")];
    assert_eq!(url(&both), "https://a.example");
}

#[test]
fn a_public_url_without_tls_is_refused_by_name() {
    let text = complaint(environment(&[("CLOAKROOM_PUBLIC_URL", "http://login.example.org")]));
    assert!(text.contains("public_url = \"http://login.example.org\""), "{text}");
    assert!(text.contains("use https"), "{text}");
    assert!(text.contains("environment CLOAKROOM_PUBLIC_URL"), "{text}");
}

#[test]
fn all_problems_are_reported_at_once_each_with_place_and_what_is_allowed() {
    let text = complaint(file(
        "listne = '127.0.0.1:1'\nsession.idle_timeout = 24\nsession.limit = -1\nstrategy = 'cookie'\n\
         log.level = true\ntrusted_proxies = ['10.1.2.3/8']\n[cookie]\nname = 'sid'\n[app.files]\nname = 'Files'\n",
    ));
    for part in [
        "the configuration has 8 problems:",
        "listne (file cloakroom.toml:1): not a setting; did you mean listen?",
        "session.idle_timeout = 24 (file cloakroom.toml:2): not a duration",
        "session.limit = -1 (file cloakroom.toml:3): out of range; allowed: a whole number from 0 to 10000",
        "strategy = \"cookie\" (file cloakroom.toml:4): no such choice; allowed: \"database\", \"memory\" or \"redis\"",
        "log.level = (a boolean) (file cloakroom.toml:5): not a word",
        "the network is 10.0.0.0/8",
        "cookie.name = \"sid\" (file cloakroom.toml:8): without __Host-",
        "app.files.origin: missing",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
}

#[test]
fn a_wrong_value_is_refused_also_where_a_later_layer_overrides_it() {
    let place = Place::with(&[("cloakroom.toml", "log.level = 'loud'")]);
    let flags = vec![("log.level", "info".to_owned())];
    assert!(complaint(load(&Inputs { flags, ..place.inputs() })).contains("loud"));
}

#[test]
fn a_limit_of_sessions_reaches_the_library_with_its_policy() {
    let loaded = file("session.limit = 3\nsession.limit_policy = 'end_oldest'").unwrap();
    let limit = loaded.config.policy().limit.unwrap();
    assert_eq!((limit.most, limit.policy), (3, cloakroom::LimitPolicy::EndOldest));
}

#[test]
fn timeouts_that_contradict_each_other_are_refused() {
    let text = complaint(file("[session]\nidle_timeout = '40d'\n"));
    assert!(
        text.contains(
            "session.idle_timeout = \"40d\" (file cloakroom.toml:2): longer than \
             session.absolute_timeout = \"30d\" (default)"
        ),
        "{text}"
    );
    assert!(
        complaint(file("session.anonymous_idle_timeout = '25h'")).contains("anonymous_absolute")
    );
    assert!(
        complaint(file("session.renew_grace = '1h'\nsession.renew_after = '1m'")).contains("renew")
    );
    assert!(
        complaint(file("session.absolute_timeout = '100d'")).contains("remember_absolute_timeout")
    );
}

#[test]
fn a_rule_says_nothing_about_a_value_that_was_refused_already() {
    let text = complaint(file(
        "session.absolute_timeout = 'x'\nsession.idle_timeout = '60d'\nsession.remember_idle_timeout = '60d'",
    ));
    assert!(text.contains("the configuration has 1 problem:"), "{text}");
}

#[test]
fn a_file_that_is_not_toml_is_refused_with_its_lines() {
    let text = complaint(file("listen = '127.0.0.1:1'\nprefix = \n[app.files]\n"));
    assert!(text.contains("file cloakroom.toml:2: "), "{text}");
    assert!(!text.contains("app.files"), "{text}");
    let twice = complaint(file("data = 'a'\ndata = 'b'\n"));
    assert!(twice.contains("cloakroom.toml:2"), "{twice}");
}

#[test]
fn applications_come_from_the_file_and_the_environment() {
    let place = Place::with(&[(
        "cloakroom.toml",
        "[app.data-manager]\nname = 'Data Manager'\norigin = 'https://data.example.org'\n\
         [app.notes]\norigin = 'http://notes.localhost:8000'\n",
    )]);
    let name = ("CLOAKROOM_APP_DATA_MANAGER_NAME".to_owned(), "Data".to_owned());
    let loaded = load(&Inputs { environment: vec![name], ..place.inputs() }).unwrap();
    let apps = &loaded.config.apps;
    assert_eq!(apps["data-manager"].name, "Data");
    assert_eq!(apps["data-manager"].origin.to_string(), "https://data.example.org");
    assert_eq!(apps["notes"].name, "notes");
    assert_eq!(loaded.source("app.notes.origin").to_string(), "file cloakroom.toml:5");
}

#[test]
fn a_wrong_application_is_refused() {
    for (text, part) in [
        ("[app.files]\n", "app.files.origin: missing"),
        ("[app.Files]\norigin = 'https://a.example'", "not an application's id"),
        ("[app.\"a.b\"]\norigin = 'https://a.example'", "not an application's id"),
        ("app.files.origin = 'http://a.example'", "use https"),
        ("app.files.origin = 'https://a.example/'", "without a slash"),
        ("app.files.orgin = 'https://a.example'", "did you mean app.files.origin?"),
        ("app.files = 'https://a.example'", "app.files"),
        ("app = 3", "app"),
    ] {
        let complaint = complaint(file(text));
        assert!(complaint.contains(part), "{text}: {complaint}");
    }
}

#[test]
fn sections_and_values_are_not_mistaken_for_each_other() {
    assert!(complaint(file("session = 5")).contains(": a section;"));
    assert!(
        complaint(file("[sesion]\n")).contains("sesion (file cloakroom.toml:1): not a setting")
    );
    assert!(complaint(file("[listen]\naddress = 'x'")).contains("listen.address"));
}

#[test]
fn a_variable_is_refused_when_it_looks_like_ours_and_reported_otherwise() {
    for (name, part) in [
        ("CLOAKROOM_PUBLICURL", "did you mean CLOAKROOM_PUBLIC_URL?"),
        ("CLOAKROOM_LISTN", "did you mean CLOAKROOM_LISTEN?"),
        ("CLOAKROOM_SESSION_FOREVER", "lists them all"),
        ("CLOAKROOM_APP_FILES_ORGIN", "did you mean CLOAKROOM_APP_FILES_ORIGIN?"),
    ] {
        let text = complaint(environment(&[(name, "x")]));
        assert!(text.contains(&format!("environment {name}: not a setting")), "{text}");
        assert!(text.contains(part), "{text}");
    }
    let others = [
        "CLOAKROOM_APP",
        "CLOAKROOM_APP_PORT_80_TCP",
        "CLOAKROOM_APP_SERVICE_HOST",
        "CLOAKROOM_BIN",
        "CLOAKROOM_ISSUER",
        "CLOAKROOM_PORT",
        "CLOAKROOM_PORT_80_TCP",
        "CLOAKROOM_SEED",
        "CLOAKROOM_SERVICE_HOST",
        "CLOAKROOM_TORTURE",
        "CLOAKROOM_URL",
    ];
    let loaded = environment(&others.map(|name| (name, "x"))).unwrap();
    assert_eq!(loaded.ignored, others);
    assert!(check_report(&loaded).contains("# CLOAKROOM_SEED is not a setting: ignored\n"));
}

#[test]
fn an_empty_or_unreadable_variable_is_refused_not_ignored() {
    assert!(complaint(environment(&[("CLOAKROOM_LISTEN", "")])).contains("listen = \"\""));
    assert!(complaint(environment(&[("CLOAKROOM_DATA", "a\u{FFFD}")])).contains("not UTF-8"));
    let none = environment(&[("CLOAKROOM_TRUSTED_PROXIES", "")]).unwrap();
    assert!(none.config.server.trusted_proxies.networks().is_empty());
}

#[test]
fn a_named_file_must_exist_and_is_the_only_one_read() {
    let place = Place::with(&[("cloakroom.toml", "wrong = 1"), ("other.toml", "prefix = '/x'")]);
    let named = |name: &str| load(&Inputs { config_file: Some(name.into()), ..place.inputs() });
    assert_eq!(named("other.toml").unwrap().config.server.prefix, "/x");
    let missing = complaint(named("none.toml"));
    assert!(missing.ends_with("the configuration file none.toml does not exist"), "{missing}");
    let variable = ("CLOAKROOM_CONFIG".to_owned(), "other.toml".to_owned());
    let loaded = load(&Inputs { environment: vec![variable], ..place.inputs() }).unwrap();
    assert_eq!(loaded.file.as_deref(), Some(Path::new("other.toml")));
}

#[test]
fn the_data_directory_may_hold_the_file() {
    let place = Place::with(&[("d/cloakroom.toml", "prefix = '/x'")]);
    let loaded = load(&Inputs { flags: vec![("data", "d".into())], ..place.inputs() }).unwrap();
    assert_eq!(loaded.source("prefix").to_string(), "file d/cloakroom.toml:1");
}

#[test]
fn two_files_are_refused_because_neither_should_win_in_silence() {
    let place = Place::with(&[("cloakroom.toml", ""), ("cloakroom-data/cloakroom.toml", "")]);
    assert!(complaint(load(&place.inputs())).contains("--config"));
    let here = Inputs { flags: vec![("data", ".".into())], ..place.inputs() };
    assert!(load(&here).is_ok());
}

#[test]
fn the_report_is_toml_that_says_the_same_again() {
    let before = file("prefix = '/x'\ntrusted_proxies = []\n[app.files]\norigin = 'https://a.example'\nname = 'A \"b\"'\n").unwrap();
    let report = check_report(&before);
    let after = file(&report).unwrap();
    assert_eq!(after.config, before.config);
    assert!(report.lines().all(|line| line.contains("  # ")), "{report}");
    assert!(report.contains("# file cloakroom.toml:1") && report.contains("# default"), "{report}");
}

#[test]
fn the_documentation_lists_every_setting() {
    let table = settings_markdown();
    for key in
        ["`session.idle_timeout`", "`app.<id>.origin`", "`CLOAKROOM_APP_<id>_ORIGIN`", "`\"24h\"`"]
    {
        assert!(table.contains(key), "{key} in {table}");
    }
    assert!(
        table
            .lines()
            .filter(|line| line.starts_with('|'))
            .all(|line| line.matches('|').count() == 6)
    );
}
