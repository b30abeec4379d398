//! The laws that bind a store, each as a race of random interleavings.
//!
//! [`laws!`](crate::laws!) makes two `#[test]`s of each: `stepped` runs all tasks on one thread
//! and lets a seed choose at every yield point who goes on; `parallel` runs them on several
//! threads. A failure prints the seed; `CLOAKROOM_SEED` replays it, `CLOAKROOM_TORTURE=1` runs
//! the full counts.

mod credentials;
mod data;
mod ends;
mod floods;
mod resurrection;
mod scene;

use std::fmt;

use cloakroom_core::SessionStore;

use crate::outcome::outcome;
use crate::random::Random;
use crate::rounds::{Replay, rounds, seeds};
use crate::steps::Yielding;
use crate::subject::Subject;
use crate::suite::{Failure, Running};

pub use scene::{Pace, Scene};

/// Makes two `#[test]`s of every law that binds a store: one in module `stepped`, one in module
/// `parallel`. The argument is that of [`contract!`](crate::contract!).
#[macro_export]
macro_rules! laws {
    ($fresh:expr) => {
        async fn fresh_store_for_a_law() -> ::std::sync::Arc<dyn $crate::SessionStore> {
            ::std::sync::Arc::new(($fresh)().await)
        }
        mod stepped {
            $crate::each_law! { ($crate::stamp_laws) Stepped }
        }
        mod parallel {
            $crate::each_law! { ($crate::stamp_laws) Parallel }
        }
    };
}

/// Hands the names of all laws, with their reduced and full counts, to the macro `$then`.
#[doc(hidden)]
#[macro_export]
macro_rules! each_law {
    (($($then:tt)+) $($head:tt)*) => {
        $($then)+! { [$($head)*]
            resurrection {
                law_1_a_late_write_never_outlives_an_end 150 10000
                law_1_a_replacing_login_and_an_end_revive_nothing 80 5000
                law_1_of_logins_that_replace_one_session_one_carries_its_data 60 3000
                law_1_a_login_begun_before_its_user_was_ended_is_not_live 80 5000
                law_1_of_a_touch_and_a_sweep_exactly_one_wins 80 5000
            }
            ends {
                law_2_an_acknowledged_end_holds_for_every_later_read 60 5000
                law_2_parallel_ends_count_each_session_once 60 2000
                law_11_a_write_begun_under_old_groups_never_lands 80 5000
            }
            data {
                law_3_concurrent_increments_all_count 8 500
                law_3_plain_writes_count_exactly_as_acknowledged 30 2000
                law_3_keys_written_together_are_read_together 40 2000
                law_3_writes_of_different_keys_all_survive 40 5000
            }
            floods {
                limits_hold_for_parallel_logins 8 300
                law_13_a_flood_of_visitors_never_ends_a_login 8 300
            }
            credentials {
                law_8_parallel_offers_give_one_successor 80 5000
                law_8_a_promotion_counts_once 80 5000
                law_8_of_a_promotion_and_a_rotation_exactly_one_wins 80 5000
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! stamp_laws {
    ([$pace:ident] $($topic:ident { $($name:ident $reduced:literal $full:literal)* })*) => { $($(
        #[test]
        fn $name() {
            let pace = $crate::laws::Pace::$pace;
            $crate::laws::run(stringify!($name), pace, super::fresh_store_for_a_law);
        }
    )*)* };
}

macro_rules! tabulate_laws {
    ([] $($topic:ident { $($name:ident $reduced:literal $full:literal)* })*) => {
        &[$($(Law {
            name: stringify!($name),
            reduced: $reduced,
            full: $full,
            run: |scene| Box::pin($topic::$name(scene)),
        }),*),*]
    };
}

/// One law, as a race.
#[derive(Clone, Copy)]
pub struct Law {
    /// What must hold; the number is that of the law.
    pub name: &'static str,
    /// Rounds in an ordinary run.
    pub reduced: u32,
    /// Rounds with `CLOAKROOM_TORTURE=1`.
    pub full: u32,
    /// One round.
    pub run: fn(Scene) -> Running,
}

impl fmt::Debug for Law {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

/// Every law that binds a store.
pub const LAWS: &[Law] = each_law! { (tabulate_laws) };

/// Runs all rounds of one law on one fresh store, in a runtime of its own.
///
/// # Panics
/// The law does not hold, or there is none of that name.
pub fn run<F, S>(name: &str, pace: Pace, fresh: impl FnOnce() -> F)
where
    F: Future<Output = S>,
    S: Into<Subject>,
{
    let law = LAWS.iter().find(|law| law.name == name);
    let law = law.unwrap_or_else(|| panic!("there is no law named {name}"));
    let runtime = pace.runtime().expect("a test may make a runtime");
    runtime.block_on(async {
        let store = fresh().await.into();
        for seed in seeds(rounds(law.reduced, law.full)) {
            let _replay = Replay { what: law.name, seed };
            round(law, &store, pace, seed).await;
        }
    });
}

/// Runs every law at the reduced counts, each on a fresh store, and returns those that failed.
pub async fn failures<F, S>(fresh: impl Fn() -> F) -> Vec<Failure>
where
    F: Future<Output = S>,
    S: SessionStore,
{
    let mut failures = Vec::new();
    for law in LAWS {
        let store = Subject::new(fresh().await);
        for seed in seeds(law.reduced) {
            let running: Running = Box::pin(round(law, &store, Pace::Stepped, seed));
            if let Err(message) = outcome(running).await {
                failures.push(Failure { name: law.name, message: format!("{message} ({seed})") });
                break;
            }
        }
    }
    failures
}

fn round(law: &Law, store: &Subject, pace: Pace, seed: u64) -> Running {
    let yielding = Subject::from(Yielding::around(store.store().clone()));
    (law.run)(Scene::new(yielding, Random::new(seed), pace))
}
