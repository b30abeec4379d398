use cloakroom_core::{Inserted, LimitPolicy, Selector};

use super::scene::{Scene, Tally, actor};
use crate::fixtures::{Draft, START, at, logout, user};

pub(super) async fn limits_hold_for_parallel_logins(mut scene: Scene) {
    let policies = [LimitPolicy::Refuse, LimitPolicy::EndOldest, LimitPolicy::EndLeastRecentlyUsed];
    let policy = *scene.random.pick(&policies);
    let most = 1 + scene.random.below(4);
    let (done, ended) = (Tally::default(), Tally::default());
    let mut actors = Vec::new();
    for second in 0..most as u64 + 20 {
        let draft = scene.login().await.at(at(second)).limit(most as u32, policy);
        let (store, done, gone) = (scene.store.clone(), done.clone(), ended.clone());
        actors.push(actor(async move {
            match store.insert(draft.build()).await {
                Inserted::Done { ended } => {
                    done.add(1);
                    gone.add(ended.len() as u64);
                }
                other => assert_eq!(other, Inserted::LimitReached),
            }
        }));
    }
    scene.race(actors).await;
    let live = scene.store.sessions_of(user(scene.name()), at(60)).await.len();
    assert_eq!(live, most, "{policy:?}");
    assert_eq!(done.total() - ended.total(), most as u64);
    let logins = if policy == LimitPolicy::Refuse { most } else { most + 20 };
    assert_eq!(done.total(), logins as u64);
}

pub(super) async fn law_13_a_flood_of_visitors_never_ends_a_login(mut scene: Scene) {
    scene.store.end(logout(Selector::Everyone, START)).await;
    let cap = 5;
    let mut logins = vec![scene.store.add(scene.login().await).await];
    let (admitted, mut actors) = (Tally::default(), Vec::new());
    for number in 0..30 {
        let (store, admitted) = (scene.store.clone(), admitted.clone());
        if number % 10 == 0 {
            let new = scene.login().await.anonymous_cap(cap).build();
            logins.push(new.record.id);
            actors.push(actor(async move {
                assert_eq!(store.insert(new).await, Inserted::Done { ended: vec![] });
            }));
            continue;
        }
        actors.push(actor(async move {
            match store.insert(Draft::anonymous().anonymous_cap(cap).build()).await {
                Inserted::Done { ended } => {
                    assert_eq!(ended, [], "a visitor ended a session");
                    admitted.add(1);
                }
                other => assert_eq!(other, Inserted::Full),
            }
        }));
    }
    scene.race(actors).await;
    for login in logins {
        assert!(scene.store.is_live(login, at(1)).await, "a login was pushed out");
    }
    assert_eq!(admitted.total(), cap);
    assert_eq!(scene.store.counts(at(1)).await.anonymous, cap);
}
