use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use cloakroom_core::SessionId;
use cloakroom_testkit::fixtures::{START, user};
use cloakroom_testkit::{Random, Subject, rounds, seeds};

use crate::child::{self, hexadecimal};
use crate::support::{Place, subject};

/// What a process said before it was killed.
#[derive(Debug, Default)]
struct Said {
    ended: Vec<SessionId>,
    epochs: Vec<(String, u64)>,
    rotated: Vec<(SessionId, String)>,
}

/// Kills the process after a while, within which it acknowledged something.
fn run_and_kill(place: &Place, random: &mut Random) -> Said {
    let mut child = child::start(&place.snapshot());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = Said::default();
    let ready = lines.by_ref().map_while(Result::ok).any(|line| line.ends_with("ready"));
    assert!(ready, "the child did not begin");
    let until = Instant::now() + random.millis(250);
    while Instant::now() < until || said.ended.is_empty() {
        said.note(&lines.next().expect("it runs until it is killed").unwrap());
    }
    child.kill().unwrap();
    // What it had said by then, and only now is read.
    lines.map_while(Result::ok).for_each(|line| said.note(&line));
    child.wait().unwrap();
    said
}

impl Said {
    fn note(&mut self, line: &str) {
        let words: Vec<_> = line.split_whitespace().collect();
        let id = |text: &str| text.parse::<SessionId>().unwrap();
        match words[..] {
            ["ended", ref ids @ ..] => self.ended.extend(ids.iter().map(|text| id(text))),
            ["epoch", name, epoch] => self.epochs.push((name.to_owned(), epoch.parse().unwrap())),
            ["rotated", text, digest] => self.rotated.push((id(text), digest.to_owned())),
            _ => {}
        }
    }

    async fn check(&self, store: &Subject) {
        for id in &self.ended {
            assert!(!store.is_live(*id, START).await, "{id} ended and is live after the crash");
        }
        for (name, epoch) in &self.epochs {
            let now = store.epoch(user(name)).await;
            assert!(now >= *epoch, "the epoch of {name} went back from {epoch} to {now}");
        }
        for (id, digest) in &self.rotated {
            if let Some(record) = store.load(*id, START).await {
                let found = hexadecimal(record.digest.as_bytes());
                assert_eq!(&found, digest, "the credential of {id} came back");
            }
        }
    }
}

#[test]
fn laws_1_and_2_no_acknowledged_end_is_undone_by_kill_9() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut random = Random::new(seeds(1)[0]);
    let begun = Instant::now();
    let (mut ended, mut survived) = (0, 0);
    let mut place = Place::new();
    let rounds = rounds(6, 50);
    for round in 0..rounds {
        let said = run_and_kill(&place, &mut random);
        let (store, report) = place.open_journalled();
        assert_eq!(report.set_aside, None, "round {round}");
        runtime.block_on(said.check(&subject(&store)));
        ended += said.ended.len();
        survived += report.sessions;
        // Every other round goes on with what the crash before has left.
        if round % 2 == 1 {
            drop(store);
            place = Place::new();
        }
    }
    println!(
        "{rounds} times kill -9: {ended} acknowledged ends, none undone; {survived} sessions \
         were live again; {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    assert!(survived > 0, "snapshots held something");
    assert!(begun.elapsed() < Duration::from_secs(600));
}
