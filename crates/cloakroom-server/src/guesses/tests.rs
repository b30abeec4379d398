use std::net::IpAddr;

use super::*;
use crate::sql::testing::{TestDatabase, on_every_database};

/// Counters in a database of their own, on a clock that the test moves.
struct Scene<'a> {
    guesses: Guesses,
    now: Timestamp,
    database: &'a TestDatabase,
}

impl<'a> Scene<'a> {
    async fn new(database: &'a TestDatabase) -> Self {
        let now = Timestamp::from_unix_millis(1_767_225_600_000);
        Self { guesses: open(database).await, now, database }
    }

    async fn with_room_for(database: &'a TestDatabase, most_rows: u32) -> Self {
        let mut scene = Self::new(database).await;
        scene.guesses.rules.most_rows = most_rows;
        scene
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }

    async fn begin(&self, name: &str, from: &str) -> Result<Attempt, Wait> {
        let target = self.guesses.target(name, network(from));
        let begun = self.guesses.begin(target, is_user(name), self.now).await.unwrap();
        // What is told without writing agrees.
        if let Err(wait) = begun {
            assert_eq!(self.guesses.wait(&target, self.now).await.unwrap(), Some(wait));
        }
        begun
    }

    /// A wrong password that was checked; else the seconds to wait.
    async fn wrong(&self, name: &str, from: &str) -> Result<(), u64> {
        self.begin(name, from).await.map(drop).map_err(Wait::seconds)
    }

    /// As many wrong passwords as are checked at this moment.
    async fn exhaust(&self, name: &str, from: &str) -> u32 {
        let mut checked = 0;
        while checked < 1_000 && self.wrong(name, from).await.is_ok() {
            checked += 1;
        }
        checked
    }

    async fn right(&self, name: &str, from: &str) {
        let attempt = self.begin(name, from).await.unwrap();
        self.guesses.right(attempt, self.now).await.unwrap();
    }

    async fn rows(&self) -> u32 {
        let count = self.guesses.sql.read_one("count", rows::COUNT, &[], |row| row.column(0));
        count.await.unwrap().unwrap()
    }
}

async fn open(database: &TestDatabase) -> Guesses {
    let login = crate::config::Config::default().login;
    // Many at once, on a machine that has other things to do.
    let sql = database.node().await.patience(Duration::from_secs(60));
    Guesses::open(sql, &[7; 32], &login).await.unwrap()
}

fn network(from: &str) -> Option<Network> {
    from.parse::<IpAddr>().ok().map(Network::from)
}

fn is_user(name: &str) -> bool {
    ["ada", "bob"].contains(&name)
}

/// An address of another network each time.
fn elsewhere(number: u32) -> String {
    std::net::Ipv4Addr::from(0x0a00_0000 + number).to_string()
}

async fn of_two_hundred_guesses_at_once_exactly_the_free_ones_are_checked(database: &TestDatabase) {
    let scene = Scene::new(database).await;
    for name in ["ada", "nobody"] {
        let tasks: Vec<_> = (0..200)
            .map(|number| {
                let target = scene.guesses.target(name, network(&elsewhere(number)));
                let (guesses, now) = (scene.guesses.clone(), scene.now);
                tokio::spawn(async move {
                    guesses.begin(target, is_user(name), now).await.unwrap().is_ok()
                })
            })
            .collect();
        let mut checked = 0;
        for task in tasks {
            checked += usize::from(task.await.unwrap());
        }
        assert_eq!(checked, 5, "{name}");
    }
}

async fn guesses_at_two_nodes_at_once_are_counted_exactly(database: &TestDatabase) {
    let (one, other) = (Scene::new(database).await, Scene::new(database).await);
    let tasks: Vec<_> = (0..60)
        .map(|number| {
            let scene = if number % 2 == 0 { &one } else { &other };
            let target = scene.guesses.target("ada", network(&elsewhere(number)));
            let (guesses, now) = (scene.guesses.clone(), scene.now);
            tokio::spawn(async move { guesses.begin(target, true, now).await.unwrap().is_ok() })
        })
        .collect();
    let mut checked = 0;
    for task in tasks {
        checked += usize::from(task.await.unwrap());
    }
    assert_eq!(checked, 5);
}

async fn each_failure_after_the_free_ones_doubles_the_wait_for_users_and_others_alike(
    database: &TestDatabase,
) {
    let mut scene = Scene::new(database).await;
    for name in ["ada", "nobody"] {
        assert_eq!(scene.exhaust(name, &elsewhere(1)).await, 5);
        for seconds in [1, 2, 4, 8] {
            assert_eq!(scene.wrong(name, &elsewhere(2)).await, Err(seconds), "{name}");
            scene.pass(Duration::from_secs(seconds));
            assert_eq!(scene.wrong(name, &elsewhere(2)).await, Ok(()), "{name}");
        }
    }
}

async fn a_right_password_forgets_the_accounts_failures_and_no_others_of_the_network(
    database: &TestDatabase,
) {
    let scene = Scene::new(database).await;
    for _ in 0..4 {
        scene.wrong("ada", "192.0.2.1").await.unwrap();
    }
    scene.right("ada", "192.0.2.1").await;
    assert_eq!(scene.exhaust("ada", "198.51.100.1").await, 5, "all five are free again");
    // Four were wrong and a right one came in between: 26 are left.
    let mut checked = 0;
    while scene.wrong(&format!("name{checked}"), "192.0.2.1").await.is_ok() {
        checked += 1;
    }
    assert_eq!(checked, 26);
}

async fn strangers_delay_nobody_where_they_signed_in_before(database: &TestDatabase) {
    let scene = Scene::new(database).await;
    scene.right("ada", "192.0.2.1").await;
    assert_eq!(scene.exhaust("ada", "198.51.100.1").await, 5);
    assert!(scene.wrong("ada", "203.0.113.1").await.is_err(), "who was never seen waits");
    // There the account has a counter of its own, which bounds guesses too.
    scene.right("ada", "192.0.2.1").await;
    assert_eq!(scene.exhaust("ada", "192.0.2.1").await, 5);
    // One account's network is not another's.
    assert_eq!(scene.exhaust("bob", "198.51.100.2").await, 5);
    assert!(scene.wrong("bob", "192.0.2.1").await.is_err());
}

async fn who_signed_in_on_a_network_before_does_not_pay_for_other_people_on_it(
    database: &TestDatabase,
) {
    let scene = Scene::new(database).await;
    scene.right("ada", "192.0.2.1").await;
    let mut number = 0;
    while scene.wrong(&format!("name{number}"), "192.0.2.1").await.is_ok() {
        number += 1;
    }
    assert_eq!(number, 30);
    scene.right("ada", "192.0.2.1").await;
    assert!(scene.wrong("bob", "192.0.2.1").await.is_err());
}

async fn all_addresses_of_a_64_share_one_counter(database: &TestDatabase) {
    let scene = Scene::new(database).await;
    let mut checked = 0;
    while scene.wrong(&format!("name{checked}"), &format!("2001:db8::{checked:x}")).await.is_ok() {
        checked += 1;
    }
    assert_eq!(checked, 30);
    assert_eq!(scene.wrong("fresh", "2001:db8:0:1::1").await, Ok(()));
}

async fn a_network_is_forgiven_a_failure_each_minute(database: &TestDatabase) {
    let mut scene = Scene::new(database).await;
    for number in 0..30 {
        scene.wrong(&format!("name{number}"), "192.0.2.1").await.unwrap();
    }
    assert_eq!(scene.wrong("fresh", "192.0.2.1").await, Err(1));
    scene.pass(Duration::from_secs(10 * 60));
    for number in 0..10 {
        assert_eq!(scene.wrong(&format!("more{number}"), "192.0.2.1").await, Ok(()));
    }
    assert_eq!(scene.wrong("fresh", "192.0.2.1").await, Err(1));
}

async fn what_was_not_checked_is_as_if_it_had_not_been_tried(database: &TestDatabase) {
    let mut scene = Scene::new(database).await;
    assert_eq!(scene.exhaust("ada", "192.0.2.1").await, 5);
    scene.pass(Duration::from_secs(1));
    let attempt = scene.begin("ada", "192.0.2.1").await.unwrap();
    assert!(scene.wrong("ada", "192.0.2.1").await.is_err(), "counted while it is under way");
    scene.guesses.give_back(attempt).await.unwrap();
    assert_eq!(scene.wrong("ada", "192.0.2.1").await, Ok(()));
    assert_eq!(scene.wrong("ada", "192.0.2.1").await, Err(2), "the sixth, not the seventh");
    let attempt = scene.begin("bob", "192.0.2.1").await.unwrap();
    let before = scene.rows().await;
    scene.guesses.give_back(attempt).await.unwrap();
    assert_eq!(scene.rows().await, before - 1, "bob's; the network counts ada's");
}

async fn a_hundred_wrong_passwords_close_an_account_to_strangers_until_it_is_released(
    database: &TestDatabase,
) {
    let mut scene = Scene::new(database).await;
    scene.right("ada", "192.0.2.1").await;
    for name in ["ada", "nobody"] {
        for number in 0..100 {
            assert_eq!(scene.wrong(name, &elsewhere(number)).await, Ok(()), "{name} {number}");
            scene.pass(Duration::from_secs(900));
        }
        scene.pass(Duration::from_secs(20 * 86_400));
        let closed = scene.begin(name, &elsewhere(1)).await.err();
        assert_eq!(closed, Some(Wait::UntilReleased), "{name}");
    }
    // Not at home; and to sign in there opens it everywhere.
    scene.right("ada", "192.0.2.1").await;
    assert_eq!(scene.wrong("ada", &elsewhere(1)).await, Ok(()));
}

async fn an_operator_or_a_one_time_link_opens_an_account_everywhere(database: &TestDatabase) {
    let mut scene = Scene::new(database).await;
    scene.right("ada", "192.0.2.1").await;
    for _ in 0..2 {
        assert_eq!(scene.exhaust("ada", "192.0.2.1").await, 5);
        assert_eq!(scene.exhaust("ada", "198.51.100.1").await, 5);
        assert_eq!(scene.guesses.release("ada", scene.now).await.unwrap(), 5);
        assert_eq!(scene.guesses.release("ada", scene.now).await.unwrap(), 0);
        scene.pass(Duration::from_secs(1));
    }
    assert_eq!(scene.exhaust("ada", "192.0.2.1").await, 5);
    assert_eq!(scene.exhaust("ada", "203.0.113.1").await, 5);
    let target = scene.guesses.target("ada", network("203.0.113.1"));
    scene.guesses.proven(target, scene.now).await.unwrap();
    assert_eq!(scene.exhaust("ada", "192.0.2.1").await, 5);
    assert_eq!(scene.exhaust("ada", "198.51.100.1").await, 5);
    assert_eq!(scene.exhaust("ada", "203.0.113.1").await, 5, "known now, with its own counter");
}

async fn counters_and_known_networks_survive_a_restart(database: &TestDatabase) {
    let mut scene = Scene::new(database).await;
    scene.right("ada", "192.0.2.1").await;
    assert_eq!(scene.exhaust("ada", "198.51.100.1").await, 5);
    scene.guesses = open(scene.database).await;
    assert_eq!(scene.wrong("ada", "198.51.100.1").await, Err(1));
    assert_eq!(scene.wrong("ada", "192.0.2.1").await, Ok(()));
}

async fn ten_networks_are_known_for_ninety_days_after_the_last_sign_in(database: &TestDatabase) {
    let mut scene = Scene::new(database).await;
    for number in 0..12 {
        scene.right("ada", &elsewhere(number)).await;
        scene.pass(Duration::from_secs(1));
    }
    assert_eq!(scene.exhaust("ada", "198.51.100.1").await, 5);
    for number in 0..2 {
        assert!(scene.wrong("ada", &elsewhere(number)).await.is_err(), "{number}");
    }
    for number in 2..12 {
        assert_eq!(scene.wrong("ada", &elsewhere(number)).await, Ok(()), "{number}");
    }
    scene.pass(KNOWN_FOR);
    assert_eq!(scene.exhaust("ada", "198.51.100.1").await, 5);
    assert!(scene.wrong("ada", &elsewhere(5)).await.is_err());
}

async fn a_flood_of_names_pushes_out_no_account_and_no_name_that_waits(database: &TestDatabase) {
    let scene = Scene::with_room_for(database, 20).await;
    assert_eq!(scene.exhaust("ada", &elsewhere(0)).await, 5);
    assert_eq!(scene.exhaust("nobody", &elsewhere(0)).await, 5);
    for number in 0..100 {
        scene.wrong(&format!("name{number}"), &elsewhere(number)).await.unwrap();
    }
    // Twenty names, twenty networks, and ada.
    assert_eq!(scene.rows().await, 41);
    assert_eq!(scene.wrong("ada", "192.0.2.1").await, Err(1));
    assert_eq!(scene.wrong("nobody", "192.0.2.1").await, Err(1));
}

async fn rows_that_no_longer_matter_are_taken_away(database: &TestDatabase) {
    let mut scene = Scene::new(database).await;
    for number in 0..30 {
        scene.wrong(&format!("name{number}"), &elsewhere(number)).await.unwrap();
    }
    assert_eq!(scene.rows().await, 60);
    scene.pass(Duration::from_secs(7 * 3_600));
    scene.wrong("fresh", "192.0.2.1").await.unwrap();
    assert_eq!(scene.rows().await, 2);
}

async fn without_a_network_only_the_account_counts(database: &TestDatabase) {
    let scene = Scene::new(database).await;
    for number in 0..100 {
        scene.wrong(&format!("name{number}"), "").await.unwrap();
    }
    assert_eq!(scene.exhaust("ada", "").await, 5);
    scene.guesses.release("ada", scene.now).await.unwrap();
    scene.right("ada", "").await;
    assert_eq!(scene.rows().await, 100);
}

async fn the_log_is_told_of_each_wait_once_and_of_the_longest(database: &TestDatabase) {
    let mut scene = Scene::new(database).await;
    for _ in 0..4 {
        let begins = scene.begin("ada", "192.0.2.1").await.unwrap().begins();
        assert_eq!(begins, None);
    }
    let begins = scene.begin("ada", "192.0.2.1").await.unwrap().begins();
    assert_eq!(begins, Some(("account", Wait::For(Duration::from_secs(1)))));
    for number in 0..25 {
        scene.wrong(&format!("name{number}"), "192.0.2.1").await.unwrap();
    }
    scene.pass(Duration::from_secs(1));
    let begins = scene.begin("name1", "192.0.2.1").await.unwrap().begins();
    assert_eq!(begins, Some(("network", Wait::For(Duration::from_secs(2)))));
}

on_every_database!(
    a_flood_of_names_pushes_out_no_account_and_no_name_that_waits,
    a_hundred_wrong_passwords_close_an_account_to_strangers_until_it_is_released,
    a_network_is_forgiven_a_failure_each_minute,
    a_right_password_forgets_the_accounts_failures_and_no_others_of_the_network,
    all_addresses_of_a_64_share_one_counter,
    an_operator_or_a_one_time_link_opens_an_account_everywhere,
    counters_and_known_networks_survive_a_restart,
    each_failure_after_the_free_ones_doubles_the_wait_for_users_and_others_alike,
    guesses_at_two_nodes_at_once_are_counted_exactly,
    of_two_hundred_guesses_at_once_exactly_the_free_ones_are_checked,
    rows_that_no_longer_matter_are_taken_away,
    strangers_delay_nobody_where_they_signed_in_before,
    ten_networks_are_known_for_ninety_days_after_the_last_sign_in,
    the_log_is_told_of_each_wait_once_and_of_the_longest,
    what_was_not_checked_is_as_if_it_had_not_been_tried,
    who_signed_in_on_a_network_before_does_not_pay_for_other_people_on_it,
    without_a_network_only_the_account_counts,
);
