//! The store stalls, is cut off, loses answers or refuses writes: 503 in time, no cookie lost, and
//! back soon.

mod crowd;
mod full;
mod lost;
mod scene;

use std::time::Instant;

use cloakroom_testkit::servers::Proxy;

use scene::Scene;

/// Everything that needs the store is refused in time, health is not, and all is well soon after
/// `fault` is over.
#[track_caller]
fn check_outage(what: &str, fault: fn(&Proxy)) {
    let Some(mut scene) = Scene::that_can_be_without_its_store() else { return };
    let cookies = scene.cookies();
    scene.vital().for_each(fault);
    let answers = scene.ask_at_once(scene.requests(), || scene.check_health(20));
    for answered in &answers {
        answered.check_unavailable();
    }
    assert_eq!(scene.cookies(), cookies);
    scene.vital().for_each(Proxy::heal);
    let recovered = scene.check_recovery(Instant::now());
    scene.check_nobody_was_signed_out();
    println!("{what}: recovered after {recovered:?}");
}

#[test]
fn a_store_that_stalls_gives_503_in_time_and_is_found_again() {
    check_outage("stall", Proxy::stall);
}

#[test]
fn a_store_behind_a_half_open_connection_gives_503_in_time_and_is_found_again() {
    check_outage("half-open", Proxy::half_open);
}

#[test]
fn a_store_whose_answers_are_lost_gives_503_in_time_and_is_found_again() {
    check_outage("answers dropped", Proxy::drop_answers);
}

#[test]
fn a_store_that_is_cut_off_gives_503_in_time_and_is_found_again() {
    check_outage("cut", Proxy::cut);
}

#[test]
fn a_store_that_stands_still_gives_503_in_time_and_is_found_again() {
    let Some(mut scene) = Scene::that_can_be_without_its_store() else { return };
    scene.site.stores().pause();
    for answered in scene.ask_at_once(scene.requests(), || scene.check_health(20)) {
        answered.check_unavailable();
    }
    scene.site.stores().resume();
    let recovered = scene.check_recovery(Instant::now());
    scene.check_nobody_was_signed_out();
    println!("standing still: recovered after {recovered:?}");
}

#[test]
fn connections_that_are_reset_cost_no_reader_anything() {
    let Some(mut scene) = Scene::that_can_be_without_its_store() else { return };
    for _ in 0..3 {
        scene.vital().for_each(Proxy::reset);
        scene.check_recovery(Instant::now());
        scene.check_nobody_was_signed_out();
    }
}

#[test]
fn a_cache_that_is_away_in_any_way_costs_nobody_anything() {
    let Some(mut scene) = Scene::with_a_cache() else { return };
    for fault in [Proxy::stall, Proxy::half_open, Proxy::drop_answers, Proxy::cut] {
        let cache = || scene.site.stores().redis_proxy().expect("it has a cache");
        fault(cache());
        for answered in scene.ask_at_once(scene.lasting_requests(), || scene.check_health(5)) {
            answered.check_good();
        }
        scene.check_end_is_seen();
        scene.site.stores().redis_proxy().expect("it has a cache").heal();
        scene.check_recovery(Instant::now());
    }
    scene.check_nobody_was_signed_out();
}
