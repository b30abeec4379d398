//! What the store says it takes, against what the process does take.

use std::process::{Command, Stdio};
use std::{env, fs};

use cloakroom_core::{MemoryStore, Store};
use cloakroom_testkit::fixtures::Draft;
use cloakroom_testkit::rounds;

const COUNT: &str = "CLOAKROOM_MEMORY_COUNT";

/// Logged-in sessions of distinct users, as browsers make them.
fn draft(number: u32) -> Draft {
    let agent = format!(
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
         Chrome/{}.0.0.0 Safari/537.36",
        100 + number % 300
    );
    Draft::of(&format!("user-{number:07}"))
        .named(&format!("Name {number:07}"))
        .data("cart", &format!("\"{:0194}\"", number))
        .with(|record| {
            record.client.address = Some(format!("203.0.113.{}", number % 256));
            record.client.user_agent = Some(agent);
            record.groups = vec![format!("group-{}", number % 20)];
        })
}

fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
}

/// In a process of its own, whose memory nothing else uses.
#[tokio::test]
async fn fills_a_store_and_says_what_it_takes() {
    let Ok(count) = env::var(COUNT) else { return };
    let store = MemoryStore::new();
    let before = resident();
    for number in 0..count.parse().unwrap() {
        store.insert(draft(number).build()).await.unwrap();
    }
    println!("\ntakes {} {} {}", store.usage().bytes, resident() - before, resident());
}

/// Bytes as the store counts them, as the process grew, and of the whole process.
fn fill(count: u32) -> [u64; 3] {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "bound::fills_a_store_and_says_what_it_takes", "--nocapture"]);
    let output = command.env(COUNT, count.to_string()).stdout(Stdio::piped()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = text.lines().find_map(|line| line.strip_prefix("takes ")).expect("the child says");
    let numbers: Vec<u64> = said.split(' ').map(|number| number.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}

#[test]
fn a_million_sessions_with_200_bytes_of_data_take_at_most_700_megabytes() {
    let count = rounds(50_000, 1_000_000);
    let [counted, grown, resident] = fill(count);
    println!(
        "{count} sessions: {} bytes each; {counted} counted, {grown} in fact, {resident} in all",
        grown / u64::from(count)
    );
    assert!(grown <= 700 * u64::from(count), "{} bytes each", grown / u64::from(count));
    let ratio = counted as f64 / grown as f64;
    assert!((0.85..1.2).contains(&ratio), "{counted} counted, {grown} in fact");
    if count == 1_000_000 {
        assert!(resident <= 700_000_000, "{resident} bytes");
    }
}
