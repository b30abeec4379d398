use cloakroom_core::{
    Carry, Change, EndReason, Guard, Inserted, LimitPolicy, MemoryStore, Selector, Store,
    StoreError, Touch, Updated, WhenFull,
};
use cloakroom_testkit::fixtures::{
    Draft, IDLE, START, at, guard, logout, rotation, sweep, user, write,
};

use crate::support::{crowded, end, subject, within};

const PLENTY: u64 = 1 << 30;

async fn insert(store: &MemoryStore, draft: Draft) -> Inserted {
    store.insert(draft.build()).await.unwrap()
}

#[tokio::test]
async fn at_the_cap_of_sessions_a_login_and_a_visitor_are_refused_and_nobody_ends() {
    let store = within(3, PLENTY, WhenFull::Refuse);
    let kept = subject(&store);
    let ids = [kept.add(Draft::of("ada")).await, kept.add(Draft::of("bob")).await];
    kept.add(Draft::anonymous()).await;
    let bytes = store.usage().bytes;
    for draft in [Draft::of("eve"), Draft::anonymous()] {
        assert_eq!(insert(&store, draft).await, Inserted::Full);
    }
    assert_eq!((store.usage().sessions, store.usage().bytes), (3, bytes));
    assert_eq!(end(&store, ids[0], at(1)).await, 1);
    assert_eq!(insert(&store, Draft::of("eve")).await, Inserted::Done { ended: vec![] });
    assert!(kept.is_live(ids[1], at(1)).await);
}

#[tokio::test]
async fn what_a_login_ends_itself_makes_room_for_it() {
    let store = within(2, PLENTY, WhenFull::Refuse);
    let kept = subject(&store);
    let visitor = kept.add(Draft::anonymous()).await;
    let first = kept.add(Draft::of("ada")).await;
    kept.add(Draft::of("ada").at(at(1)).replacing(visitor, Carry::Everything)).await;
    let limited = Draft::of("ada").limit(2, LimitPolicy::EndOldest).at(at(2));
    assert_eq!(insert(&store, limited).await, Inserted::Done { ended: vec![first] });
    assert_eq!(store.usage().sessions, 2);
}

#[tokio::test]
async fn the_least_recently_used_ends_visitors_before_logins() {
    let store = within(4, PLENTY, WhenFull::EndLeastRecentlyUsed);
    let kept = subject(&store);
    let first = kept.add(Draft::of("ada").at(at(0))).await;
    let second = kept.add(Draft::of("bob").at(at(1))).await;
    let early = kept.add(Draft::anonymous().at(at(2))).await;
    let late = kept.add(Draft::anonymous().at(at(3))).await;
    kept.touch(at(5), vec![Touch { id: early, seen_at: at(5) }]).await;
    kept.touch(at(6), vec![Touch { id: first, seen_at: at(6) }]).await;
    for (minute, expected) in (1..).zip([late, early, second, first]) {
        let login = Draft::of("eve").at(at(60 * minute)).build();
        let inserted = store.insert(login).await.unwrap();
        assert_eq!(inserted, crowded(Inserted::Done { ended: vec![] }, &[expected]));
        let ended = kept.ended(expected).await.expect("it is in the history");
        assert_eq!((ended.reason, ended.ended_at), (EndReason::Capacity, at(60 * minute)));
        let log = kept.log_after(None, 100).await.entries;
        assert_eq!(log.last().unwrap().change, Change::Ended(expected));
    }
    assert_eq!(store.usage().sessions, 4);
}

#[tokio::test]
async fn law_13_a_visitor_pushes_out_visitors_only() {
    let store = within(2, PLENTY, WhenFull::EndLeastRecentlyUsed);
    let kept = subject(&store);
    let login = kept.add(Draft::of("ada")).await;
    let visitor = kept.add(Draft::anonymous().at(at(9))).await;
    let inserted = insert(&store, Draft::anonymous().at(at(10))).await;
    assert_eq!(inserted, crowded(Inserted::Done { ended: vec![] }, &[visitor]));
    kept.end(logout(Selector::Everyone, at(11))).await;
    for second in [12, 13] {
        kept.add(Draft::of("ada").at(at(second)).epoch(1)).await;
    }
    assert_eq!(insert(&store, Draft::anonymous().at(at(14))).await, Inserted::Full);
    assert!(!kept.is_live(login, at(14)).await);
    assert_eq!(kept.sessions_of(user("ada"), at(14)).await.len(), 2);
}

#[tokio::test]
async fn a_refused_login_pushes_nobody_out() {
    let store = within(2, PLENTY, WhenFull::EndLeastRecentlyUsed);
    let kept = subject(&store);
    kept.end(logout(Selector::User(user("ada")), START)).await;
    kept.add(Draft::of("bob")).await;
    let visitor = kept.add(Draft::anonymous()).await;
    assert_eq!(insert(&store, Draft::of("ada")).await, Inserted::Superseded);
    let limited = Draft::of("bob").limit(1, LimitPolicy::Refuse);
    assert_eq!(insert(&store, limited).await, Inserted::LimitReached);
    assert!(kept.is_live(visitor, START).await);
}

#[tokio::test]
async fn an_expired_session_goes_as_expired_when_room_is_made() {
    let store = within(1, PLENTY, WhenFull::EndLeastRecentlyUsed);
    let kept = subject(&store);
    let expired = kept.add(Draft::of("ada")).await;
    let late = START.after(IDLE);
    let inserted = insert(&store, Draft::of("bob").at(late)).await;
    assert_eq!(inserted, Inserted::Done { ended: vec![] });
    assert_eq!(kept.ended(expired).await.unwrap().reason, EndReason::Idle);
}

#[tokio::test]
async fn data_beyond_the_bytes_are_refused_as_a_fault_and_change_nothing() {
    let store = within(100, 20_000, WhenFull::EndLeastRecentlyUsed);
    let kept = subject(&store);
    let id = kept.add(Draft::of("ada").data("k", "1")).await;
    let large = format!("\"{}\"", "x".repeat(30_000));
    let refused = store.update(guard(id, START), vec![write("k", &large)], Default::default());
    match refused.await {
        Err(StoreError::Failed { source, .. }) => {
            assert!(source.to_string().contains("at their cap"), "{source}");
        }
        other => panic!("an update beyond the cap came to {other:?}"),
    }
    assert_eq!(kept.value(id, START, "k").await.as_deref(), Some("1"));
    kept.set(id, START, "k", "2").await;
}

#[tokio::test]
async fn at_the_cap_of_bytes_sessions_are_refused_and_bytes_stay_below() {
    let store = within(1_000_000, 100_000, WhenFull::Refuse);
    let mut inserted = 0;
    while let Inserted::Done { .. } = insert(&store, Draft::of(&format!("u{inserted}"))).await {
        inserted += 1;
        assert!(inserted < 10_000, "no cap");
    }
    assert!(inserted > 100, "{inserted} sessions in 100 kB");
    assert!(store.usage().bytes <= 100_000);
    assert_eq!(store.usage().sessions, inserted);
}

#[tokio::test]
async fn at_the_cap_of_bytes_a_large_session_takes_the_place_of_several() {
    let store = within(1_000_000, 100_000, WhenFull::EndLeastRecentlyUsed);
    let kept = subject(&store);
    let mut second = 0;
    let mut crowded = false;
    while !crowded {
        let draft = Draft::of(&format!("u{second}")).at(at(second));
        crowded = matches!(insert(&store, draft).await, Inserted::Crowded { .. });
        second += 1;
    }
    let large = Draft::of("ada").at(at(second)).data("k", &"1".repeat(5_000));
    let Inserted::Crowded { pushed_out, .. } = insert(&store, large).await else {
        panic!("there was room for 5 kB")
    };
    assert!(pushed_out.len() > 5, "{pushed_out:?}");
    for id in pushed_out {
        assert_eq!(kept.ended(id).await.unwrap().reason, EndReason::Capacity);
    }
    assert!(store.usage().bytes <= 101_000, "{} bytes", store.usage().bytes);
}

#[tokio::test]
async fn the_oldest_history_gives_way_before_sessions_do() {
    let store = within(1_000_000, 200_000, WhenFull::Refuse);
    let kept = subject(&store);
    let mut ended = Vec::new();
    while store.usage().bytes < 190_000 {
        let id = kept.add(Draft::of("ada").at(at(ended.len() as u64))).await;
        end(&store, id, at(ended.len() as u64)).await;
        ended.push(id);
    }
    let soon = at(ended.len() as u64 + 1);
    let refused = (0..100).map(|number| Draft::of(&format!("u{number}")).at(soon));
    let mut full = false;
    for draft in refused {
        full |= insert(&store, draft).await == Inserted::Full;
    }
    assert!(full && kept.ended(ended[0]).await.is_some(), "young history does not give way");
    let late = at(3_000);
    for number in 0..100 {
        let draft = Draft::of(&format!("late-{number}")).at(late);
        assert_eq!(insert(&store, draft).await, Inserted::Done { ended: vec![] });
    }
    assert!(kept.ended(ended[0]).await.is_none(), "the oldest went first");
    assert!(kept.ended(*ended.last().unwrap()).await.is_some(), "the youngest stayed");
}

/// Each login ends the one before, whose history and log entry take more than it gives back.
#[tokio::test]
async fn logins_that_end_each_other_stay_within_the_cap_of_bytes() {
    let store = within(1_000_000, 100_000, WhenFull::Refuse);
    let login = |second| Draft::of("ada").limit(1, LimitPolicy::EndOldest).at(at(second));
    let mut refused = 0;
    for second in 0..590 {
        refused += u32::from(insert(&store, login(second)).await == Inserted::Full);
        assert!(store.usage().bytes <= 101_000, "{} bytes", store.usage().bytes);
    }
    assert!(refused > 0, "history younger than ten minutes does not give way");
    assert_eq!(subject(&store).sessions_of(user("ada"), at(590)).await.len(), 1);
    for second in (1_200..2_400).step_by(20) {
        let inserted = insert(&store, login(second)).await;
        assert!(matches!(inserted, Inserted::Done { .. }), "{inserted:?}: old history gives way");
        assert!(store.usage().bytes <= 101_000, "{} bytes", store.usage().bytes);
    }
}

#[tokio::test]
async fn rotations_stay_within_the_cap_of_bytes() {
    let most = 1 << 20;
    let store = within(1_000_000, most, WhenFull::Refuse);
    let kept = subject(&store);
    let id = kept.add(Draft::of("ada")).await;
    for count in 0..8_000 {
        let guard = Guard { id, generation: count, now: START };
        let rotated = kept.rotate(guard, rotation(count + 1, "new")).await;
        assert!(matches!(rotated, Updated::Done { .. }), "{rotated:?}");
        assert!(store.usage().bytes <= most, "{} bytes", store.usage().bytes);
    }
}

/// What does not fit even so is refused, and those that it pushed out are told all the same.
#[tokio::test]
async fn a_refused_insert_names_those_that_it_pushed_out() {
    let store = within(1_000_000, 10_000, WhenFull::EndLeastRecentlyUsed);
    let kept = subject(&store);
    let visitor = kept.add(Draft::anonymous()).await;
    let large = Draft::anonymous().at(at(1)).data("k", &"1".repeat(20_000));
    assert_eq!(insert(&store, large).await, crowded(Inserted::Full, &[visitor]));
    assert_eq!(kept.ended(visitor).await.unwrap().reason, EndReason::Capacity);
}

#[tokio::test]
async fn everything_that_goes_gives_its_bytes_back() {
    let store = within(1_000_000, PLENTY, WhenFull::EndLeastRecentlyUsed);
    let kept = subject(&store);
    let mut visitor = kept.add(Draft::anonymous()).await;
    for number in 0..200 {
        let draft = Draft::of(&format!("u{number}")).named(&format!("name-{}", number % 7));
        let draft = draft.data("k", &"7".repeat(number)).with(|record| {
            record.client.user_agent = Some(format!("Browser {}", number % 5));
            record.groups = vec![format!("group-{}", number % 3)];
        });
        let id = kept.add(draft.replacing(visitor, Carry::Everything)).await;
        kept.set(id, START, "k", &"8".repeat(200 - number)).await;
        kept.regroup(user(&format!("u{number}")), vec!["other".to_owned()], START).await;
        visitor = kept.add(Draft::anonymous().data("v", "1")).await;
    }
    assert!(store.usage().bytes > 50_000);
    kept.end(logout(Selector::Everyone, at(1))).await;
    for _ in 0..3 {
        let mut sweep = sweep(at(100_000_000), 10_000);
        sweep.history_before = at(100_000_000);
        kept.sweep(sweep).await;
    }
    let usage = store.usage();
    assert_eq!((usage.sessions, usage.anonymous, usage.bytes), (0, 0, 0));
}
