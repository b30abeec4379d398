//! Many requests while the store does not answer: none waits long, and none leaves anything behind.

use std::collections::HashSet;
use std::fs;
use std::time::Instant;

use cloakroom_testkit::servers::http::Request;
use cloakroom_testkit::servers::{Proxy, wait_until};

use super::scene::{Asked, RECOVERY, Scene};

/// How many come at once.
const CROWD: usize = 200;
/// Most connections to PostgreSQL unless the configuration says otherwise.
const CONNECTIONS: usize = 16;
/// Most to Redis: one, and one that is being made in its place.
const TO_REDIS: usize = 2;

/// So many requests of all kinds that do not end anything, a third of them logins.
fn crowd(scene: &Scene) -> Vec<Asked> {
    let all = scene.lasting_requests();
    let login = |at: usize| at.is_multiple_of(3).then(|| ("a login", scene.login()));
    (0..CROWD).map(|at| login(at).unwrap_or_else(|| all[at % all.len()].clone())).collect()
}

/// The descriptors that the server has open.
fn descriptors(scene: &Scene) -> Vec<String> {
    let open = fs::read_dir(format!("/proc/{}/fd", scene.site.server.pid())).expect("it runs");
    let leads_to = |it: fs::DirEntry| Some(fs::read_link(it.path()).ok()?.display().to_string());
    open.flatten().filter_map(leads_to).collect()
}

/// The connections that the server has to this proxy, or is making.
fn connections(scene: &Scene, proxy: &Proxy) -> usize {
    let descriptors: HashSet<String> = descriptors(scene).into_iter().collect();
    let port = format!(":{:04X}", proxy.port());
    let table = fs::read_to_string("/proc/net/tcp").expect("Linux has it");
    let is_its = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields[2].ends_with(&port) && descriptors.contains(&format!("socket:[{}]", fields[9]))
    };
    table.lines().skip(1).filter(is_its).count()
}

fn threads(scene: &Scene) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", scene.site.server.pid()));
    tasks.expect("it runs").count()
}

#[test]
fn a_crowd_that_comes_during_a_stall_is_refused_in_time_and_leaves_nothing_behind() {
    let Some(mut scene) = Scene::that_can_be_without_its_store() else { return };
    scene.check_recovery(Instant::now());
    let (files, tasks) = (descriptors(&scene).len(), threads(&scene));
    scene.vital().for_each(Proxy::stall);
    let mut most = 0;
    for _ in 0..2 {
        let begun = Instant::now();
        let answers = scene.ask_at_once(crowd(&scene), || {
            // While the crowd itself comes in the processors are busy.
            scene.ask("health", Request::get("/healthz"));
            scene.check_health(50);
            for proxy in scene.vital() {
                most = most.max(connections(&scene, proxy));
            }
        });
        answers.iter().for_each(|it| it.check_unavailable());
        println!("{CROWD} at once: all refused within {:?}", begun.elapsed());
    }
    let is_redis = scene.site.stores().postgres().is_none();
    assert!(most <= if is_redis { TO_REDIS } else { CONNECTIONS }, "{most} connections");
    scene.vital().for_each(Proxy::heal);
    let recovered = scene.check_recovery(Instant::now());
    wait_until("nothing is left of them", RECOVERY, || {
        // Those to the database stay for the next requests.
        descriptors(&scene).len() <= files + CONNECTIONS && threads(&scene) <= tasks + 2
    });
    println!("recovered after {recovered:?}; {most} connections at most");
    scene.check_nobody_was_signed_out();
}
