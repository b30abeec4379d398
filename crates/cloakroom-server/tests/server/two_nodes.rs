//! Two servers on the same stores: what one acknowledged holds on the other, and what cannot be
//! shared is refused.

use std::fs;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use cloakroom_testkit::servers::{
    Cloakroom, Postgres, Redis, StoreKind, StoreServers, TempDir, wait_until,
};
use cloakroom_testkit::{Random, rounds, seeds};
use serde_json::{Value, json};

use crate::account::{NEW_PASSWORD, change_password};
use crate::behind::applies;
use crate::crash::spin;
use crate::support::{
    Application, PASSWORD, SOON, Site, binary, check_problem, choose_password, code_of,
    is_signed_in, send_login, set_up,
};
use crate::v1_data::increment;

/// What servers on one database have in common.
const KEYS: [&str; 2] = ["session.key", "assertion.key"];

/// Sessions of two minutes, whose use is noted after a twentieth of that, and sweeps all the time.
const HASTY: &str = "[session]\nidle_timeout = \"2m\"\n[sweep]\ninterval = \"1s\"\n";
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);
const NOTED_AFTER: Duration = Duration::from_secs(6);

/// Two servers, and one application that calls both.
struct Nodes {
    first: Site,
    second: Site,
    apps: [Application; 2],
    shared: Shared,
}

/// What servers have in common besides keys.
struct Shared {
    stores: Arc<StoreServers>,
    /// The settings that lead to an SQLite file, where there is one.
    settings: String,
    _dir: TempDir,
}

impl Nodes {
    /// `None`, and a word why, where sessions cannot be shared.
    #[track_caller]
    fn start(configuration: &str) -> Option<Self> {
        if !applies("several_nodes") {
            return None;
        }
        let shared = Shared::start()?;
        let first = shared.node(configuration, None);
        let second = shared.node(configuration, Some(&first));
        let app = first.application();
        let other = Application { address: second.server.address().clone(), ..app.clone() };
        Some(Self { first, second, apps: [app, other], shared })
    }

    /// One at random, and the other.
    fn either(&self, random: &mut Random) -> (&Application, &Application) {
        let [first, second] = &self.apps;
        if random.once_in(2) { (first, second) } else { (second, first) }
    }

    fn is_active_anywhere(&self, token: &str) -> bool {
        self.apps.iter().any(|app| app.is_active(token))
    }

    /// Nothing went wrong that nobody was told of.
    #[track_caller]
    fn check_logs(&self) {
        for site in [&self.first, &self.second] {
            let log = site.server.log();
            for word in ["ERROR", "deadlock", "sweeping failed", "panicked"] {
                assert!(!log.contains(word), "{word}:\n{log}");
            }
        }
    }
}

impl Shared {
    /// The store that is chosen, with users in PostgreSQL; or all in one SQLite file.
    #[track_caller]
    fn start() -> Option<Self> {
        let (kind, dir) = (StoreKind::chosen(), TempDir::new("shared"));
        let (mut settings, mut postgres) = (String::new(), None);
        match kind {
            StoreKind::Sqlite => {
                let file = format!("sqlite:{}", dir.join("shared.db").display());
                settings = format!("[database]\nurl = {file:?}\n");
            }
            _ => postgres = Some(Postgres::start()?),
        }
        let redis = match kind.flavor() {
            Some(flavor) => Some(Redis::start(flavor)?),
            None => None,
        };
        let stores = Arc::new(StoreServers::of(kind, postgres, redis));
        Some(Self { stores, settings, _dir: dir })
    }

    /// A server on it, with the keys of another one.
    #[track_caller]
    fn node(&self, configuration: &str, keys_of: Option<&Site>) -> Site {
        let dir = TempDir::new("node");
        if let Some(other) = keys_of {
            let data = dir.join("data");
            fs::create_dir(&data).expect("a directory can be made");
            for key in KEYS {
                let copied = fs::copy(other.server.data_dir().join(key), data.join(key));
                copied.expect("the other server has keys");
            }
        }
        let configuration = format!("{configuration}{}", self.settings);
        let stores = Arc::clone(&self.stores);
        let server = Cloakroom::start_on(stores, binary(), dir.path(), &configuration);
        Site { server, _dir: dir }
    }

    /// What a server says that has to refuse to start on it.
    #[track_caller]
    fn refused(&self, dir: &TempDir) -> String {
        Cloakroom::refused_on(Arc::clone(&self.stores), binary(), dir.path(), &self.settings)
    }
}

/// Waits for everybody, then for up to two milliseconds more.
fn set_off(barrier: &Barrier, microseconds: usize) {
    barrier.wait();
    spin(Duration::from_micros(microseconds as u64));
}

fn last_seen(app: &Application, id: &str) -> Value {
    app.get(&format!("sessions/{id}")).json()["last_seen_at"].clone()
}

#[test]
fn law_1_no_late_write_or_use_through_one_node_revives_what_ended_on_the_other() {
    let Some(nodes) = Nodes::start(HASTY) else { return };
    // So few at a time that none expires meanwhile.
    let each = rounds(40, 200);
    for seed in seeds(rounds(1, 50)) {
        println!("seed {seed}: {each} sessions end on one node and are used on the other");
        let (mut random, mut writes, mut rotations) = (Random::new(seed), 0, 0);
        let (canary, canary_id) = nodes.apps[0].log_in("canary");
        let sessions: Vec<_> = (0..each)
            .map(|number| nodes.apps[number as usize % 2].log_in(&format!("user-{number}")))
            .collect();
        let old = Instant::now();
        wait_until("a use is worth noting", SOON, || old.elapsed() > NOTED_AFTER);
        for (number, (token, id)) in sessions.iter().enumerate() {
            let path = match random.below(4) {
                0 => format!("users/user-{number}/end-sessions"),
                1 => "sessions/log-out".to_owned(),
                _ => format!("sessions/{id}/end"),
            };
            let came = race_an_end(&nodes, &mut random, &path, token, id);
            writes += usize::from(came.write);
            rotations += usize::from(came.rotation);
        }
        println!("{writes} writes and {rotations} rotations were before the end, the others late");
        // Uses are written in the order in which they came: those of the others are by now.
        let before = last_seen(&nodes.apps[0], &canary_id);
        assert!(nodes.apps.iter().all(|app| app.is_active(&canary)));
        wait_until("what was used is noted", SOON, || {
            last_seen(&nodes.apps[1], &canary_id) != before
        });
        for ((token, id), app) in sessions.iter().zip(nodes.apps.iter().cycle()) {
            assert!(!app.is_active(token), "seed {seed}: {id} came back");
        }
        assert!(nodes.apps.iter().all(|app| app.live() == 1), "seed {seed}");
        check_no_data(&nodes, seed);
        nodes.apps[0].post(&format!("sessions/{canary_id}/end"), &json!(null));
    }
    nodes.check_logs();
}

/// What was done before the session ended.
struct Came {
    write: bool,
    rotation: bool,
}

/// Ends a session on one node while it is written and used on the other; from the answer on it is
/// dead on both.
#[track_caller]
fn race_an_end(nodes: &Nodes, random: &mut Random, path: &str, token: &str, id: &str) -> Came {
    let (here, there) = nodes.either(random);
    let barrier = Barrier::new(4);
    let waits = [(); 4].map(|()| random.below(2_000));
    let data = format!("sessions/{id}/data");
    let change = json!({"changes": [{"key": "k", "value": 1, "overwrite": true}]});
    let (written, rotated) = thread::scope(|scope| {
        let write = scope.spawn(|| {
            set_off(&barrier, waits[0]);
            there.patch(&data, &change)
        });
        scope.spawn(|| {
            set_off(&barrier, waits[1]);
            there.verify(token);
        });
        let rotation = scope.spawn(|| {
            set_off(&barrier, waits[2]);
            there.post("sessions/rotate", &json!({ "token": token }))
        });
        set_off(&barrier, waits[3]);
        let logs_out = path.ends_with("log-out");
        let body = if logs_out { json!({ "token": token }) } else { json!(null) };
        let ended = here.post(path, &body);
        assert!([200, 204].contains(&ended.status), "{path}: {ended:?}");
        let rotation = rotation.join().expect("it answers");
        // A rotation that was first has made another credential of the one to log out.
        let was_first = logs_out && rotation.status == 200;
        if was_first && there.get(&format!("sessions/{id}")).status == 200 {
            here.post(&format!("sessions/{id}/end"), &json!(null));
        }
        (write.join().expect("it answers"), rotation)
    });
    assert!([200, 410].contains(&written.status), "{written:?}");
    assert!(!nodes.is_active_anywhere(token), "{path}: {id} goes on after its end");
    if rotated.status == 200 {
        let new = rotated.json()["token"].as_str().expect("a token").to_owned();
        assert!(!nodes.is_active_anywhere(&new), "{path}: a rotation outlived the end of {id}");
    }
    check_problem(&there.patch(&data, &change), 410, "session-ended");
    check_problem(&there.get(&data), 410, "session-ended");
    Came { write: written.status == 200, rotation: rotated.status == 200 }
}

/// Where data are in PostgreSQL, none of an ended session is left.
#[track_caller]
fn check_no_data(nodes: &Nodes, seed: u64) {
    if applies("sql_view") && StoreKind::chosen() != StoreKind::Sqlite {
        let data = "SELECT count(*) FROM cloakroom_session_data";
        assert_eq!(nodes.first.count(data), 0, "seed {seed}");
    }
}

#[test]
fn law_2_an_end_holds_on_the_other_node_from_its_answer_on() {
    let Some(nodes) = Nodes::start("") else { return };
    for seed in seeds(rounds(20, 2_000)) {
        let (here, there) = nodes.either(&mut Random::new(seed));
        let (token, id) = there.log_in("anna");
        // What is asked again and again is cached where there is a cache.
        assert!(there.is_active(&token) && here.is_active(&token) && there.is_active(&token));
        let asking = Barrier::new(2);
        thread::scope(|scope| {
            let asks = scope.spawn(|| {
                asking.wait();
                let begun = Instant::now();
                while there.is_active(&token) {
                    assert!(begun.elapsed() < SOON, "seed {seed}: it goes on and on");
                }
            });
            asking.wait();
            here.post(&format!("sessions/{id}/end"), &json!(null));
            assert!(!there.is_active(&token), "seed {seed}: it goes on after its end");
            asks.join().expect("it is refused in the end");
        });
    }
    nodes.check_logs();
}

#[test]
fn law_3_of_a_thousand_increments_through_two_nodes_every_one_counts() {
    const WORKERS: u32 = 4;
    // Each of them is tried until it is not beaten to it, which takes long on a busy machine.
    let each = rounds(30, 1_000 / WORKERS);
    let Some(nodes) = Nodes::start("") else { return };
    let (_, id) = nodes.apps[0].log_in("anna");
    let data = format!("sessions/{id}/data");
    thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (app, data) = (&nodes.apps[worker as usize % 2], &data);
            scope.spawn(move || (0..each).for_each(|_| increment(app, data, "shared")));
        }
    });
    for app in &nodes.apps {
        assert_eq!(app.get(&data).json()["entries"]["shared"]["value"], WORKERS * each);
    }
    nodes.check_logs();
}

/// Logs anna in so often at once, half of them on each node; how many got in.
fn log_in_at_once(nodes: &Nodes, count: usize) -> usize {
    let barrier = Barrier::new(count);
    let login = json!({"user": {"id": "anna"}});
    thread::scope(|scope| {
        let all: Vec<_> = (0..count)
            .map(|number| {
                let (app, barrier, login) = (&nodes.apps[number % 2], &barrier, &login);
                scope.spawn(move || {
                    barrier.wait();
                    app.post("sessions", login)
                })
            })
            .collect();
        let answers = all.into_iter().map(|it| it.join().expect("it answers"));
        answers
            .filter(|answer| {
                if answer.status != 201 {
                    check_problem(answer, 409, "session-limit");
                }
                answer.status == 201
            })
            .count()
    })
}

#[test]
fn a_limit_of_sessions_is_kept_by_two_nodes_together() {
    const LIMIT: usize = 5;
    for policy in ["refuse", "end_oldest"] {
        let limit = format!("[session]\nlimit = {LIMIT}\nlimit_policy = \"{policy}\"\n");
        let Some(nodes) = Nodes::start(&limit) else { return };
        for round in 0..rounds(2, 100) {
            let got_in = log_in_at_once(&nodes, LIMIT + 20);
            let expected = if policy == "refuse" { LIMIT } else { LIMIT + 20 };
            assert_eq!(got_in, expected, "{policy}, round {round}");
            for app in &nodes.apps {
                assert_eq!(app.live_of("anna"), LIMIT, "{policy}, round {round}");
            }
            nodes.apps[round as usize % 2].post("users/anna/end-sessions", &json!(null));
        }
        nodes.check_logs();
    }
}

#[test]
fn law_1_a_login_begun_before_an_end_on_the_other_node_is_not_live() {
    let Some(nodes) = Nodes::start("") else { return };
    for seed in seeds(rounds(20, 2_000)) {
        let mut random = Random::new(seed);
        let (here, there) = nodes.either(&mut random);
        let ends = ["users/anna/end-sessions", "users/anna/end-sessions", "sessions/end-everyone"];
        let path = *random.pick(&ends);
        let body =
            if path.starts_with("users") { json!(null) } else { json!({"confirm": "everyone"}) };
        let epoch = there.get("users/anna/epoch").json()["epoch"].clone();
        let login = json!({"user": {"id": "anna"}, "as_of_epoch": epoch});
        let barrier = Barrier::new(3);
        let waits = [(); 3].map(|()| random.below(2_000));
        thread::scope(|scope| {
            for wait in &waits[1..] {
                scope.spawn(|| {
                    set_off(&barrier, *wait);
                    let answer = there.post("sessions", &login);
                    assert!([201, 409].contains(&answer.status), "seed {seed}: {answer:?}");
                });
            }
            set_off(&barrier, waits[0]);
            assert_eq!(here.post(path, &body).status, 200, "seed {seed}");
        });
        assert!(nodes.apps.iter().all(|app| app.live() == 0), "seed {seed}: {path}");
    }
    nodes.check_logs();
}

#[test]
fn law_11_a_user_disabled_on_one_node_has_no_session_by_a_login_on_the_other() {
    let Some(nodes) = Nodes::start("") else { return };
    let bob = nodes.apps[0].post("users", &json!({"name": "bob", "id": "bob"}));
    assert_eq!(bob.status, 201, "{bob:?}");
    for seed in seeds(rounds(12, 1_000)) {
        let mut random = Random::new(seed);
        let (here, there) = nodes.either(&mut random);
        let barrier = Barrier::new(3);
        let waits = [(); 3].map(|()| random.below(2_000));
        let tokens = thread::scope(|scope| {
            let logins = [1, 2].map(|number| {
                let (barrier, wait) = (&barrier, waits[number]);
                scope.spawn(move || {
                    set_off(barrier, wait);
                    there.post("sessions", &json!({"user": {"id": "bob"}}))
                })
            });
            set_off(&barrier, waits[0]);
            assert_eq!(here.post("users/bob/disable", &json!(null)).status, 200);
            let answers = logins.map(|login| login.join().expect("it answers"));
            answers
                .iter()
                .filter(|answer| answer.status == 201)
                .map(|answer| crate::support::token_and_id(answer).0)
                .collect::<Vec<_>>()
        });
        for token in &tokens {
            assert!(!nodes.is_active_anywhere(token), "seed {seed}: a disabled user is in");
        }
        assert_eq!(there.post("users/bob/enable", &json!(null)).status, 200);
        assert!(!tokens.iter().any(|token| nodes.is_active_anywhere(token)), "seed {seed}");
        let (token, _) = here.log_in("bob");
        assert!(there.is_active(&token), "seed {seed}");
    }
    nodes.check_logs();
}

#[test]
fn law_11_no_login_by_the_old_password_outlives_its_change_on_the_other_node() {
    let Some(nodes) = Nodes::start("") else { return };
    let (here, there) = (&nodes.first, &nodes.second);
    // The node that was started last has the link that is good.
    let answer = set_up(&mut here.server.client(), &there.set_up_code());
    assert_eq!(answer.status, 303, "{answer:?}");
    for seed in seeds(rounds(4, 200)) {
        let mut random = Random::new(seed);
        let name = format!("user-{}", seed % 1_000_000_000);
        let added = nodes.apps[1].post("users", &json!({ "name": name })).json();
        let code = code_of(added["password_link"].as_str().expect("a link"));
        let mut owner = here.server.client();
        assert_eq!(choose_password(&mut owner, &code).status, 303);
        let (barrier, wait) = (Barrier::new(3), random.below(40_000));
        let mut thieves = thread::scope(|scope| {
            let logins = [(); 2].map(|()| {
                scope.spawn(|| {
                    barrier.wait();
                    let mut browser = there.server.client();
                    send_login(&mut browser, &name, PASSWORD);
                    browser
                })
            });
            set_off(&barrier, wait);
            let answer = change_password(&mut owner, PASSWORD, NEW_PASSWORD);
            assert_eq!(answer.status, 303, "seed {seed}: {answer:?}");
            logins.map(|login| login.join().expect("it answers"))
        });
        for thief in &mut thieves {
            assert!(!is_signed_in(thief), "seed {seed}: by the old password");
        }
        assert!(is_signed_in(&mut owner), "seed {seed}: who changed it is signed out");
    }
    nodes.check_logs();
}

#[test]
fn two_nodes_sweep_at_once_and_get_in_nobodys_way() {
    let expiring = rounds(100, 1_000);
    let Some(mut nodes) = Nodes::start(HASTY) else { return };
    let begun = Instant::now();
    for number in 0..expiring {
        nodes.apps[number as usize % 2].log_in(&format!("user-{}", number % 40));
    }
    let still = IDLE_TIMEOUT.saturating_sub(begun.elapsed() + Duration::from_secs(4));
    for site in [&mut nodes.first, &mut nodes.second] {
        let Some(()) = site.later(still) else { return };
    }
    let swept = |app: &Application| app.get("sessions/count").json()["sessions"] == json!(0);
    wait_until("all that expired is swept", SOON, || {
        let (token, id) = nodes.apps[0].log_in("user-1");
        nodes.apps[1].post(&format!("sessions/{id}/end"), &json!(null));
        assert!(!nodes.is_active_anywhere(&token));
        nodes.apps.iter().all(swept)
    });
    nodes.check_logs();
}

#[test]
fn a_second_node_without_the_keys_of_the_first_is_refused_and_says_why() {
    let Some(nodes) = Nodes::start("") else { return };
    let dir = TempDir::new("node");
    let said = nodes.shared.refused(&dir);
    assert!(said.contains("copy session.key from the data directory"), "{said}");
    let wrong = dir.join("data/session.key");
    fs::copy(nodes.first.server.data_dir().join(KEYS[0]), &wrong).expect("it has a key");
    fs::write(&wrong, [7; 32]).expect("it can be overwritten");
    let said = nodes.shared.refused(&dir);
    assert!(said.contains("cloakroom key adopt"), "{said}");
    assert!(nodes.apps.iter().all(|app| app.live() == 0), "the others go on");
}

#[test]
fn a_second_server_on_one_redis_with_users_of_its_own_is_refused_and_says_why() {
    let kind = StoreKind::chosen();
    let Some(flavor) = kind.flavor() else {
        println!("does not apply to {kind:?}: there is no Redis");
        return;
    };
    let Some(redis) = Redis::start(flavor) else { return };
    let stores = Arc::new(StoreServers::of(kind, None, Some(redis)));
    let shared = Shared { stores, settings: String::new(), _dir: TempDir::new("shared") };
    let mut first = shared.node("", None);
    let app = first.application();
    let (token, _) = app.log_in("anna");
    let dir = TempDir::new("node");
    let said = shared.refused(&dir);
    assert!(said.contains("whose users are in another database"), "{said}");
    assert!(said.contains("set database.url to one PostgreSQL for both"), "{said}");
    assert!(app.is_active(&token));
    first.server.restart();
    assert!(app.is_active(&token), "the first one may start again");
}
