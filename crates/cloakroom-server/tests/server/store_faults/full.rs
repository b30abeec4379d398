//! The store has no room or takes no writes: whoever is signed in stays so, and whoever would
//! write is told to come again.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use cloakroom::Keeping;
use cloakroom_testkit::servers::http::Request;
use cloakroom_testkit::servers::{
    Cloakroom, Postgres, Redis, StoreKind, StoreServers, TempDir, wait_until,
};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::json;

use super::scene::{Answered, RECOVERY, Scene, cookie};
use crate::behind::keeping;
use crate::support::{
    ADMIN, PASSWORD, RECORDS, Site, binary, check_problem, is_signed_in, send_login,
};

/// What writes, and what only reads.
struct Tried {
    writes: Vec<Answered>,
    reads: Vec<Answered>,
}

/// One of each kind, a logout of the other device among them.
#[track_caller]
fn try_all(scene: &Scene) -> Tried {
    let is_write = |what: &str| ["a login", "a login by /v1", "data"].contains(&what);
    let all = scene.lasting_requests().into_iter();
    let (writes, reads): (Vec<_>, Vec<_>) = all.partition(|(what, _)| is_write(what));
    let writes = scene.ask_at_once(writes, || scene.check_health(5));
    Tried { writes, reads: scene.ask_at_once(reads, || scene.check_health(5)) }
}

fn logout(scene: &Scene) -> Answered {
    let form = Request::post_form("/cloakroom/logout", &[]);
    let form = form.header("Origin", scene.site.server.url());
    scene.ask("a logout", form.header("Cookie", cookie(&scene.late)))
}

/// Sets the memory that the Redis of the server may take.
#[track_caller]
fn limit(scene: &Scene, policy: &str, bytes: &str) {
    let redis = scene.site.stores().redis().expect("there is a Redis");
    redis.run(&["CONFIG", "SET", "maxmemory-policy", policy]);
    redis.run(&["CONFIG", "SET", "maxmemory", bytes]);
}

#[track_caller]
fn on(wanted: Keeping) -> bool {
    let is_it = keeping() == wanted;
    if !is_it {
        println!("does not apply to {}: it is of {}", keeping().title(), wanted.title());
    }
    is_it
}

#[test]
fn a_full_redis_takes_no_logins_and_still_knows_and_ends_sessions() {
    if !on(Keeping::Redis) {
        return;
    }
    let mut scene = Scene::new();
    limit(&scene, "noeviction", "1");
    let tried = try_all(&scene);
    tried.writes.iter().for_each(Answered::check_unavailable);
    tried.reads.iter().for_each(Answered::check_good);
    scene.check_nobody_was_signed_out();
    assert_eq!(logout(&scene).answer().status, 200, "an end needs no room");
    assert!(!is_signed_in(&mut scene.late));
    limit(&scene, "noeviction", "0");
    let recovered = scene.check_recovery(Instant::now());
    assert!(is_signed_in(&mut scene.ada));
    println!("a full Redis: recovered after {recovered:?}");
}

#[test]
fn a_cache_that_is_full_or_throws_things_out_costs_nobody_anything() {
    let Some(mut scene) = Scene::with_a_cache() else { return };
    for policy in ["noeviction", "allkeys-lru", "volatile-ttl", "allkeys-random"] {
        limit(&scene, policy, "1");
        let tried = try_all(&scene);
        tried.writes.iter().chain(&tried.reads).for_each(Answered::check_good);
        scene.check_end_is_seen();
        scene.check_nobody_was_signed_out();
    }
    limit(&scene, "noeviction", "0");
    scene.check_recovery(Instant::now());
}

#[test]
fn a_redis_that_may_evict_is_warned_of_and_refused_where_that_must_not_be() {
    let (true, Some(flavor)) = (on(Keeping::Redis), StoreKind::chosen().flavor()) else { return };
    let redis = Redis::builder(flavor).option("maxmemory-policy", "allkeys-lru");
    let redis = redis.option("appendonly", "yes").option("appendfsync", "always");
    let Some(redis) = redis.start() else { return };
    let mut site = Site::on(StoreServers::of(StoreKind::chosen(), None, Some(redis)), "");
    let warning = "maxmemory-policy allkeys-lru";
    assert!(site.server.log().contains(warning), "{}", site.server.log());
    site.server.stop();
    let file = site._dir.path().join("cloakroom.toml");
    let text = fs::read_to_string(&file).expect("it is there");
    fs::write(&file, format!("{text}\n[redis]\nrequire_durable = \"yes\"\n")).expect("it is ours");
    let refused = site.server.command(&["serve"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains(warning), "{said}");
    let redis = site.stores().redis().expect("there is a Redis");
    redis.run(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    drop(redis);
    site.server.restart();
}

#[test]
fn a_database_that_becomes_read_only_takes_no_writes_and_signs_nobody_out() {
    if !StoreKind::chosen().uses_postgres() {
        println!("does not apply to {}: it is of PostgreSQL", keeping().title());
        return;
    }
    let mut scene = Scene::new();
    let set = |on: &str| {
        let postgres = scene.site.stores().postgres().expect("there is one");
        postgres.run("postgres", &format!("ALTER SYSTEM SET default_transaction_read_only = {on}"));
        postgres.run("postgres", "SELECT pg_reload_conf()");
        let shows = || postgres.run("postgres", "SHOW default_transaction_read_only");
        wait_until("it is so", RECOVERY, || shows() == [[on.to_owned()]]);
    };
    set("on");
    scene.vital().for_each(cloakroom_testkit::servers::Proxy::reset);
    try_all(&scene).writes.iter().for_each(Answered::check_unavailable);
    logout(&scene).check_unavailable();
    set("off");
    let recovered = scene.check_recovery(Instant::now());
    scene.check_nobody_was_signed_out();
    println!("read-only: recovered after {recovered:?}");
}

#[test]
fn an_address_that_comes_to_lead_to_a_standby_serves_nobody_what_may_be_old() {
    if !StoreKind::chosen().uses_postgres() {
        println!("does not apply to {}: it is of PostgreSQL", keeping().title());
        return;
    }
    let mut scene = Scene::new();
    let (primary, standby) = {
        let postgres = scene.site.stores().postgres().expect("there is one");
        (postgres.port(), postgres.standby())
    };
    let proxy = || scene.site.stores().postgres_proxy().expect("there is one");
    check_behind(&standby);
    proxy().lead_to(standby.port());
    let tried = scene.ask_at_once(scene.requests(), || scene.check_health(5));
    let is_cached = |it: &&Answered| keeping() != Keeping::RedisBacked || it.answer().status != 200;
    tried.iter().filter(is_cached).for_each(Answered::check_unavailable);
    proxy().lead_to(primary);
    let recovered = scene.check_recovery(Instant::now());
    scene.check_nobody_was_signed_out();
    println!("a standby in its place: recovered after {recovered:?}");
}

/// That it has the tables, so that it could be read.
#[track_caller]
fn check_behind(standby: &Postgres) {
    wait_until("the standby follows", RECOVERY, || {
        let rows = standby.run("postgres", "SELECT count(*) > 0 FROM cloakroom.session");
        rows == [["t".to_owned()]]
    });
}

/// A server that goes on when it may write no further in a file, as on a full disk.
fn bounded() -> Site {
    let dir = TempDir::new("full");
    let script = format!("#!/bin/sh\ntrap '' XFSZ\nexec {} \"$@\"\n", binary().display());
    let program = dir.write("bounded", script);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("it can be run");
    let server = Cloakroom::start(&program, dir.path(), RECORDS);
    Site { server, _dir: dir }
}

#[test]
fn a_full_disk_takes_no_logins_and_signs_nobody_out() {
    if !on(Keeping::Sqlite) {
        return;
    }
    let mut scene = Scene::at(bounded());
    let pid = i32::try_from(scene.site.server.pid()).ok().and_then(Pid::from_raw).expect("an id");
    let may_write = |bytes: Option<u64>| {
        let limit = Rlimit { current: bytes, maximum: None };
        prlimit(Some(pid), Resource::Fsize, limit).expect("it is our process");
    };
    may_write(Some(0));
    let tried = try_all(&scene);
    tried.writes.iter().for_each(Answered::check_unavailable);
    tried.reads.iter().for_each(Answered::check_good);
    logout(&scene).check_unavailable();
    scene.check_nobody_was_signed_out();
    may_write(None);
    let recovered = scene.check_recovery(Instant::now());
    scene.check_nobody_was_signed_out();
    crate::sqlite::check_integrity(&scene.site, 0);
    println!("a full disk: recovered after {recovered:?}");
}

#[test]
fn a_full_disk_under_postgresql_signs_nobody_out() {
    if !StoreKind::chosen().uses_postgres() {
        println!("does not apply to {}: it is of PostgreSQL", keeping().title());
        return;
    }
    let mut scene = Scene::new();
    let postgres = || scene.site.stores().postgres().expect("there is one");
    postgres().bound_files(Some(0));
    // Without room for its log it stops, at the first write.
    try_all(&scene).writes.iter().for_each(Answered::check_unavailable);
    logout(&scene).check_unavailable();
    postgres().start_again();
    let recovered = scene.check_recovery(Instant::now());
    scene.check_nobody_was_signed_out();
    println!("a full disk under PostgreSQL: recovered after {recovered:?}");
}

/// A Redis that writes all to a file, with this `appendfsync`.
#[track_caller]
fn with_a_file(appendfsync: &str) -> Option<Scene> {
    let (true, Some(flavor)) = (on(Keeping::Redis), StoreKind::chosen().flavor()) else {
        return None;
    };
    let redis = Redis::builder(flavor).option("appendonly", "yes");
    let redis = redis.option("appendfsync", appendfsync).start()?;
    Some(Scene::at(Site::on(StoreServers::of(StoreKind::chosen(), None, Some(redis)), RECORDS)))
}

#[test]
fn a_full_disk_under_redis_takes_no_writes_and_signs_nobody_out() {
    let Some(mut scene) = with_a_file("everysec") else { return };
    let bound = |bytes| scene.site.stores().redis().expect("there is one").bound_files(bytes);
    bound(Some(0));
    wait_until("Redis takes no writes", RECOVERY, || {
        send_login(&mut scene.site.server.client(), ADMIN, PASSWORD).status == 503
    });
    let tried = try_all(&scene);
    tried.writes.iter().for_each(Answered::check_unavailable);
    tried.reads.iter().for_each(Answered::check_good);
    logout(&scene).check_unavailable();
    bound(None);
    let recovered = scene.check_recovery(Instant::now());
    scene.check_nobody_was_signed_out();
    println!("a full disk under Redis: recovered after {recovered:?}");
}

#[test]
fn a_full_disk_under_a_redis_that_writes_before_it_answers_loses_nothing() {
    let Some(mut scene) = with_a_file("always") else { return };
    let redis = || scene.site.stores().redis().expect("there is one");
    redis().bound_files(Some(0));
    // It stops, as it cannot keep what it would acknowledge.
    try_all(&scene).writes.iter().for_each(Answered::check_unavailable);
    logout(&scene).check_unavailable();
    redis().start_again();
    let recovered = scene.check_recovery(Instant::now());
    scene.check_nobody_was_signed_out();
    println!("a full disk under Redis: recovered after {recovered:?}");
}

#[test]
fn a_full_memory_takes_no_logins_until_somebody_has_left() {
    if !on(Keeping::Memory) {
        return;
    }
    let (site, mut ada) = Site::with_admin("[memory]\nmax_sessions = 2\n");
    let mut late = site.browser_of(ADMIN);
    let app = site.application();
    let refused = send_login(&mut site.server.client(), ADMIN, PASSWORD);
    assert_eq!((refused.status, refused.headers("Retry-After").len()), (503, 1), "{refused:?}");
    assert!(refused.headers("Set-Cookie").is_empty(), "{refused:?}");
    assert!(refused.text().contains("no room"), "{refused:?}");
    let refused = app.post("sessions", &json!({"user": {"id": "anna"}}));
    check_problem(&refused, 503, "too-many-sessions");
    assert!(is_signed_in(&mut ada) && is_signed_in(&mut late));
    late.post_form("/cloakroom/logout", &[]);
    assert!(is_signed_in(&mut site.browser_of(ADMIN)));
}
