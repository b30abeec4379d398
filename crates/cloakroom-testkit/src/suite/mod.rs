//! The contract of a store, one check for every sentence in it.
//!
//! [`contract!`](crate::contract!) makes a `#[test]` of each. [`CHECKS`] is the table of them, for
//! running them in another way; [`failures`] runs them all and says which a store fails.

mod browse;
mod carry;
mod counts;
mod end;
mod epochs;
mod history;
mod insert;
mod limits;
mod load;
mod log;
mod read;
mod regroup;
mod renew;
mod rotate;
mod secrets;
mod sizes;
mod sweep;
mod touch;
mod update;

use std::fmt;

use cloakroom_core::SessionStore;

use crate::outcome::outcome;
use crate::subject::Subject;

pub use crate::outcome::Running;
pub use secrets::{Dump, a_dump_holds_no_presented_secret, sightings};

/// Makes a `#[test]` of every sentence of the store contract.
///
/// The argument is an `async fn` (or a closure) that makes a fresh, empty store for each test.
/// [`Kept::with`](crate::Kept::with) keeps alive what the store needs, such as a directory.
///
/// ```
/// async fn fresh() -> cloakroom_core::MemoryStore {
///     cloakroom_core::MemoryStore::new()
/// }
///
/// cloakroom_testkit::contract!(fresh);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! contract {
    ($fresh:expr) => {
        $crate::each_check! { ($crate::stamp_checks) $fresh }
    };
}

/// Hands the names of all checks to the macro `$then`.
#[doc(hidden)]
#[macro_export]
macro_rules! each_check {
    (($($then:tt)+) $($head:tt)*) => {
        $($then)+! { [$($head)*]
            insert {
                an_inserted_session_is_loaded_field_by_field
                an_inserted_session_holds_its_first_data
                an_insert_of_an_id_in_use_is_a_conflict_and_changes_nothing
                an_insert_of_an_id_that_ended_is_a_conflict
                an_insert_of_an_id_that_expired_is_a_conflict
                of_parallel_inserts_of_one_id_exactly_one_is_done
            }
            carry {
                an_insert_ends_the_session_it_replaces
                a_login_carries_nothing_unless_asked
                a_login_carries_everything_when_asked
                a_login_carries_the_keys_asked_for_where_present
                an_own_key_wins_over_a_carried_one
                a_session_that_is_no_longer_live_carries_nothing
                a_refused_insert_leaves_the_session_it_would_replace
            }
            limits {
                at_a_limit_that_refuses_a_login_changes_nothing
                at_a_limit_the_oldest_session_ends
                at_a_limit_the_least_recently_used_session_ends
                a_lowered_limit_ends_as_many_as_it_takes
                a_replaced_session_does_not_count_against_the_limit
                expired_sessions_do_not_count_against_the_limit
                a_limit_binds_one_user_only
                at_the_anonymous_cap_a_visitor_is_refused_and_nobody_ends
                the_anonymous_cap_never_refuses_a_login
                ended_and_swept_visitors_make_room_under_the_cap
            }
            epochs {
                an_epoch_begins_at_zero_and_rises_when_a_user_is_ended
                a_login_begun_before_its_user_was_ended_is_superseded
                a_login_begun_before_everyone_was_ended_is_superseded
                a_login_begun_before_all_others_were_ended_is_superseded
                visitors_have_no_epoch_to_be_superseded_by
                an_epoch_is_raised_at_least_to_the_one_given
                a_login_of_a_higher_epoch_raises_that_of_its_user
                a_session_of_a_lower_epoch_is_spared_where_it_is_excepted
                an_epoch_never_goes_back
                ending_one_session_raises_no_epoch
            }
            load {
                a_session_is_live_until_its_idle_deadline
                a_session_is_live_until_its_absolute_deadline
                a_session_that_ended_is_not_loaded
                a_session_that_never_was_is_not_loaded
            }
            read {
                a_read_of_all_keys_comes_in_the_order_of_the_keys
                a_read_of_some_keys_comes_in_the_order_asked
                an_absent_key_reads_as_version_zero
                a_read_of_a_session_that_is_not_live_is_none
                data_of_any_text_comes_back_as_it_was
                a_read_sees_the_data_of_one_session_only
            }
            update {
                an_update_of_an_ended_session_is_gone_and_creates_nothing
                an_update_of_an_expired_session_is_gone_and_creates_nothing
                an_update_of_an_unknown_session_is_gone_and_creates_nothing
                an_update_under_another_generation_is_gone
                an_update_begun_before_a_rotation_is_gone
                an_update_returns_the_versions_that_reads_show
                a_write_of_the_version_read_is_done
                a_write_of_a_version_that_changed_is_a_conflict
                version_zero_expects_an_absent_key
                a_removal_can_expect_a_version
                a_deliberate_overwrite_expects_nothing
                an_update_writes_all_of_its_changes_or_none
                an_update_leaves_other_keys_alone
                a_version_once_used_is_never_used_again
                an_update_changes_nothing_but_data
                a_write_whose_answer_is_dropped_still_happens
            }
            sizes {
                an_update_beyond_the_keys_is_too_large_and_changes_nothing
                an_update_beyond_the_bytes_is_too_large_and_changes_nothing
                data_may_reach_its_limits_exactly
                what_an_update_removes_or_replaces_makes_room
            }
            rotate {
                a_rotation_kills_the_old_credential_its_parent_and_its_successor
                a_rotation_raises_the_generation_by_one_and_keeps_the_rest
                a_rotation_records_a_proof_of_identity_if_there_was_one
                a_rotation_with_another_counter_is_a_conflict
                a_rotation_of_a_session_that_is_not_live_is_gone
                of_two_rotations_from_one_state_the_second_is_gone
            }
            renew {
                an_offer_keeps_the_successor_and_changes_nothing_else
                an_offer_made_twice_is_done_twice
                an_offer_beside_another_one_is_a_conflict
                an_offer_for_another_counter_is_a_conflict
                a_promotion_makes_the_successor_current_and_keeps_the_parent
                a_promotion_made_twice_is_done_twice_and_counts_once
                a_promotion_of_what_was_never_offered_is_a_conflict
                a_promotion_that_another_one_overtook_is_a_conflict
                a_renewal_begun_before_a_rotation_is_gone
                a_renewal_of_a_session_that_is_not_live_is_gone
            }
            touch {
                a_touch_moves_last_seen_and_changes_nothing_else
                a_touch_never_changes_data
                a_touch_never_moves_last_seen_backwards
                a_touch_moves_the_idle_deadline_and_not_the_absolute_one
                a_touch_never_revives_an_expired_session
                a_touch_of_an_ended_or_unknown_session_creates_nothing
                a_batch_of_touches_moves_each_that_can_move
            }
            regroup {
                a_regroup_changes_the_groups_of_all_live_sessions_of_a_user
                a_regroup_leaves_other_users_and_visitors_alone
                a_regroup_passes_over_sessions_that_are_not_live
                a_write_begun_under_old_groups_is_gone
            }
            end {
                the_end_of_one_session_ends_that_one
                the_end_of_a_user_ends_all_of_that_user
                the_end_of_all_but_one_gives_that_one_the_new_epoch
                excepting_another_users_session_spares_nobody
                the_end_of_everyone_ends_visitors_too
                every_one_of_several_acknowledged_ends_holds
                an_end_is_recorded_with_its_reason_and_who_ordered_it
                every_reason_survives_the_history
                an_end_made_twice_counts_once_and_keeps_the_first_reason
                the_end_of_an_unknown_session_is_no_fault
                an_ended_session_takes_no_write_of_any_kind
                an_expired_session_ends_as_expired_and_is_not_counted
            }
            sweep {
                a_sweep_moves_expired_sessions_into_the_history
                a_sweep_begins_exactly_at_the_deadline
                a_sweep_is_bounded_and_takes_what_expired_first
                a_backlog_is_counted_up_to_ten_times_the_limit
                visitors_that_expire_leave_no_history
                a_sweep_drops_old_history_in_bounded_steps
                the_history_of_visitors_is_dropped_after_ten_minutes
                a_sweep_leaves_the_data_of_live_sessions
            }
            browse {
                a_list_shows_each_live_login_on_exactly_one_page
                a_list_shows_neither_visitors_nor_what_is_not_live
                a_summary_says_what_the_record_says
                a_search_for_a_name_finds_exactly_it_newest_first
                a_search_for_a_prefix_comes_by_name_then_newest_first
                names_match_byte_by_byte
                the_last_page_has_no_next
                a_cursor_survives_its_text
                a_made_up_cursor_reaches_nothing_else
                what_is_live_throughout_is_listed_once_under_change
                the_sessions_of_a_user_come_newest_first
                the_sessions_of_a_user_are_at_most_a_thousand
            }
            counts {
                counts_follow_logins_and_ends
                expired_sessions_count_until_they_are_swept
                counts_say_when_they_were_counted
            }
            history {
                a_live_or_unknown_session_has_not_ended
                an_expired_session_is_in_the_history_once_it_is_swept
                the_history_comes_newest_session_first_page_by_page
                the_history_of_a_name_shows_exactly_it
                the_history_lists_logins_only
            }
            log {
                the_log_of_a_fresh_store_is_empty
                the_end_of_one_session_enters_the_log
                the_end_of_a_user_enters_the_log_as_one_entry
                the_end_of_all_but_one_enters_the_log_with_that_one
                the_end_of_everyone_enters_the_log_with_a_rising_number
                an_end_that_raised_an_epoch_enters_the_log_even_if_it_found_nobody
                an_end_by_the_limit_enters_the_log
                a_replacement_enters_the_log
                a_rotation_enters_the_log_with_the_new_generation
                a_change_of_groups_enters_the_log_once
                an_end_that_ended_nothing_leaves_no_entry
                what_is_refused_leaves_no_entry
                what_changes_no_right_leaves_no_entry
                the_acts_on_a_user_come_in_their_order
                pages_of_any_size_hold_every_entry_once
                a_position_survives_its_text_and_shows_what_came_after_it
                a_position_of_another_log_is_a_gap
                behind_a_gap_the_log_is_followed_as_from_its_beginning
                an_entry_stays_as_long_as_a_credential_it_concerns_could_live
                a_sweep_drops_the_entries_that_nobody_needs_any_more
                numbers_are_not_used_again_once_entries_were_dropped
                an_acknowledged_act_is_in_the_log_at_once
                a_follower_misses_nothing_of_parallel_ends
            }
            secrets {
                the_debug_text_of_a_store_holds_no_secret_and_no_data
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! stamp_checks {
    ([$fresh:expr] $($topic:ident { $($name:ident)* })*) => { $($(
        #[test]
        fn $name() {
            $crate::suite::run(stringify!($name), $fresh);
        }
    )*)* };
}

macro_rules! tabulate_checks {
    ([] $($topic:ident { $($name:ident)* })*) => {
        &[$($(Check {
            name: stringify!($name),
            run: |store| Box::pin($topic::$name(store)),
        }),*),*]
    };
}
/// One sentence of the contract.
#[derive(Clone, Copy)]
pub struct Check {
    /// The sentence.
    pub name: &'static str,
    /// Checks it on a fresh store.
    pub run: fn(Subject) -> Running,
}

impl fmt::Debug for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

/// A check that a store failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The sentence that does not hold.
    pub name: &'static str,
    /// What the check found.
    pub message: String,
}

/// Every sentence of the contract, in the order of the store's methods.
pub const CHECKS: &[Check] = each_check! { (tabulate_checks) };

/// Runs one check on a fresh store, in a runtime of its own. [`contract!`](crate::contract!) does
/// this for each.
///
/// # Panics
/// The store fails the check, or there is none of that name.
pub fn run<F, S>(name: &str, fresh: impl FnOnce() -> F)
where
    F: Future<Output = S>,
    S: SessionStore,
{
    let check = CHECKS.iter().find(|check| check.name == name);
    let check = check.unwrap_or_else(|| panic!("there is no check named {name}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a test may make a runtime");
    runtime.block_on(async { (check.run)(Subject::new(fresh().await)).await });
}

/// Runs every check, each on a fresh store, and returns those that failed.
pub async fn failures<F, S>(fresh: impl Fn() -> F) -> Vec<Failure>
where
    F: Future<Output = S>,
    S: SessionStore,
{
    let mut failures = Vec::new();
    for check in CHECKS {
        let running = (check.run)(Subject::new(fresh().await));
        if let Err(message) = outcome(running).await {
            failures.push(Failure { name: check.name, message });
        }
    }
    failures
}
