//! The view compared with a list of all entries, each taken by itself.

use super::log::TestLog;
use super::random::{Random, seeds};
use super::{NOW, claims, entry, id_of, user};
use crate::view::{Claimed, Denial, Follow, Mark, RevocationView};
use crate::{Change, LogPage, UserId};

/// Entries with the end of their page.
#[derive(Default)]
struct Naive(Vec<(Vec<u64>, Change)>);

impl Naive {
    fn apply(&mut self, page: &LogPage) {
        let entries = page.entries.iter();
        self.0.extend(entries.map(|entry| (page.next.parts.clone(), entry.change.clone())));
    }

    fn deny(&self, claimed: &Claimed<'_>) -> Option<Denial> {
        let number = claimed.mark.map_or(0, |mark| mark.number);
        let bucket = claimed.session.bucket().index();
        let said = self.0.iter().filter_map(|(parts, change)| {
            let is_news = parts[bucket % parts.len()] > number;
            denied(change, is_news, claimed)
        });
        let order = [
            Denial::KeyRetired,
            Denial::SessionEnded,
            Denial::UserEnded,
            Denial::EveryoneEnded,
            Denial::Rotated,
            Denial::Stale,
        ];
        said.min_by_key(|said| order.iter().position(|denial| denial == said))
    }
}

fn denied(change: &Change, is_news: bool, claimed: &Claimed<'_>) -> Option<Denial> {
    let said = match change {
        Change::KeyRetired(key) => (key == claimed.key, Denial::KeyRetired),
        Change::Ended(id) => (*id == claimed.session, Denial::SessionEnded),
        Change::UserEnded { user, epoch, except } => {
            let is_over = claimed.epoch < *epoch && *except != Some(claimed.session);
            (Some(user) == claimed.user && is_over, Denial::UserEnded)
        }
        Change::EveryoneEnded(epoch) if claimed.user.is_some() && claimed.epoch < *epoch => {
            (true, Denial::EveryoneEnded)
        }
        Change::EveryoneEnded(_) => (is_news, Denial::Stale),
        Change::Rotated(id, generation) => {
            let is_older = claimed.generation < *generation;
            (*id == claimed.session && is_older, Denial::Rotated)
        }
        Change::UserChanged(user) => (Some(user) == claimed.user && is_news, Denial::Stale),
    };
    said.0.then_some(said.1)
}

#[test]
fn a_view_says_what_a_list_of_all_entries_says() {
    for seed in seeds(40, 1_000) {
        compare(seed, 1);
        compare(seed, 64);
    }
}

/// Users in an order in which two share a bucket.
fn users() -> Vec<UserId> {
    (0..4).map(|number| user(&format!("user-{number}"))).collect()
}

fn compare(seed: u64, parts: usize) {
    let (mut random, users) = (Random::new(seed), users());
    let (log, view, mut naive) = (TestLog::new(9, parts), RevocationView::new(), Naive::default());
    super::run(view.load(&log)).unwrap();
    let mut asked = vec![view.position().unwrap()];
    for _ in 0..60 {
        let many = random.below(4);
        log.add((0..many).map(|_| entry(any_change(&mut random, &users))));
        // Sometimes an old page once more.
        let at = asked[asked.len() - 1 - random.below(asked.len().min(3))].clone();
        let page = log.page(Some(&at), 1 + random.below(6));
        assert_eq!(view.apply(&at, &page), Follow::Applied, "seed {seed}");
        naive.apply(&page);
        if page.next.covers(asked.last().unwrap()) {
            asked.push(page.next);
        }
        for _ in 0..20 {
            let claimed = any_claims(&mut random, &users);
            assert_eq!(view.deny(&claimed), naive.deny(&claimed), "seed {seed}: {claimed:?}");
        }
    }
    while view.usage().keys > 0 {
        view.prune(NOW.after(std::time::Duration::from_secs(1 << 40)));
    }
}

fn any_change(random: &mut Random, users: &[UserId]) -> Change {
    let user = random.pick(users).clone();
    let session = id_of(&user, random.below(3) as u64);
    match random.below(7) {
        0 if random.once_in(3) => Change::Ended(session),
        0 | 1 => Change::Rotated(session, random.below(3) as u32),
        2 | 3 => {
            let except = (!random.once_in(3)).then_some(session);
            Change::UserEnded { user, epoch: random.below(9) as u64, except }
        }
        4 => Change::UserChanged(user),
        5 if random.once_in(4) => Change::KeyRetired(format!("key-{}", random.below(3))),
        _ => Change::EveryoneEnded(random.below(4) as u64),
    }
}

fn any_claims<'a>(random: &mut Random, users: &'a [UserId]) -> Claimed<'a> {
    let user = random.pick(users);
    let mark = Mark { incarnation: 9, number: random.below(60) as u64 };
    Claimed {
        epoch: random.below(9) as u64,
        generation: random.below(3) as u32,
        key: if random.once_in(3) { "key-0" } else { "key-7" },
        mark: (!random.once_in(4)).then_some(mark),
        ..claims(id_of(user, random.below(3) as u64), Some(user).filter(|_| !random.once_in(5)))
    }
}
