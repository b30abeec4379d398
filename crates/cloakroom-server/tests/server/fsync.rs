//! Nothing is acknowledged before it is on the disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Barrier;
use std::thread;

use cloakroom_testkit::servers::{Cloakroom, TempDir, require, wait_until};

use crate::support::{ADMIN, SOON, Site, binary, set_up};

/// What the server did, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    /// It read a request for a logout or login from this connection.
    Asked(String),
    /// It wrote to the write-ahead log.
    Wrote,
    /// The write-ahead log had reached the disk.
    Synced,
    /// It began to answer on this connection.
    Answered(String),
}

/// A server whose system calls are written down.
fn traced() -> Option<(Site, impl Fn() -> Vec<Event>)> {
    let strace = require("strace")?;
    let dir = TempDir::new("fsync");
    let (program, trace) = (dir.join("traced"), dir.join("trace"));
    let calls = "fdatasync,fsync,pwrite64,pwritev,read,recvfrom,write,writev,sendto,sendmsg";
    let script = format!(
        "#!/bin/sh\nexec {} -f -yy -s 64 -e signal=none -e trace={calls} -o {} {} \"$@\"\n",
        strace.display(),
        trace.display(),
        binary().display()
    );
    fs::write(&program, script).expect("a script is written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("it can be run");
    let server = Cloakroom::start(&program, dir.path(), "");
    let site = Site { server, _dir: dir };
    Some((site, move || events(&trace)))
}

fn events(trace: &Path) -> Vec<Event> {
    let text = fs::read(trace).expect("there is a trace");
    // A line that is still being written says nothing yet.
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut begun = std::collections::HashMap::new();
    text.lines().filter_map(|line| event(line, &mut begun)).collect()
}

/// A call counts as a sync or a read when it has returned, and as a write when it begins.
fn event<'a>(
    line: &'a str,
    begun: &mut std::collections::HashMap<&'a str, &'a str>,
) -> Option<Event> {
    let (thread, call) = line.split_once(' ')?;
    let call = call.trim_start();
    if let Some(rest) = call.strip_prefix("<... ") {
        let start = begun.remove(thread)?;
        return returned(start, rest);
    }
    if call.ends_with("<unfinished ...>") {
        begun.insert(thread, call);
        return started(call);
    }
    started(call).or_else(|| returned(call, call))
}

fn started(call: &str) -> Option<Event> {
    let is_log = call.contains("cloakroom.db-wal>");
    if call.starts_with("pwrite") && is_log {
        return Some(Event::Wrote);
    }
    let sends = ["write(", "writev(", "sendto(", "sendmsg("].iter().any(|it| call.starts_with(it));
    (sends && call.contains("\"HTTP/1.1 ")).then(|| Event::Answered(connection(call)))
}

fn returned(start: &str, end: &str) -> Option<Event> {
    let syncs = start.starts_with("fdatasync(") || start.starts_with("fsync(");
    if syncs && start.contains("cloakroom.db-wal>") {
        assert!(end.contains("= 0"), "a sync failed: {end}");
        return Some(Event::Synced);
    }
    let asks = end.contains("\"POST /cloakroom/log") || start.contains("\"POST /cloakroom/log");
    let reads = start.starts_with("read(") || start.starts_with("recvfrom(");
    (asks && reads).then(|| Event::Asked(connection(start)))
}

/// `TCP:[127.0.0.1:1->127.0.0.1:2]` of a call's first argument.
fn connection(call: &str) -> String {
    let named = call.split_once("<TCP").and_then(|(_, rest)| rest.split_once(">]>"));
    let plain = call.split_once('<').and_then(|(_, rest)| rest.split_once("]>"));
    named.or(plain).map(|(name, _)| name.to_owned()).unwrap_or_default()
}

/// Asserts of each acknowledged write that the log was synced between its request and its
/// answer, and returns how many there were.
#[track_caller]
fn check(events: &[Event]) -> usize {
    let mut answers = 0;
    for (at, event) in events.iter().enumerate() {
        let Event::Asked(asked) = event else { continue };
        let rest = &events[at..];
        let answered = Event::Answered(asked.clone());
        let until = rest.iter().position(|event| *event == answered);
        let until = until.unwrap_or_else(|| panic!("no answer on {asked}: {rest:#?}"));
        let between = &rest[..until];
        assert!(between.contains(&Event::Synced), "answered before a sync: {between:?}");
        answers += 1;
    }
    answers
}

#[test]
fn a_write_has_reached_the_disk_before_the_first_byte_of_its_answer() {
    let Some((site, events)) = traced() else { return };
    let mut ada = site.server.client();
    assert_eq!(set_up(&mut ada, &site.set_up_code()).status, 303);
    let before = events().len();
    for _ in 0..5 {
        let mut browser = site.browser_of(ADMIN);
        assert_eq!(browser.post_form("/cloakroom/logout", &[]).status, 200);
    }
    wait_until("all is in the trace", SOON, || {
        let events = events();
        let answers = events[before..].iter().filter(|it| matches!(it, Event::Answered(_)));
        answers.count() >= 15
    });
    let events = events();
    assert_eq!(check(&events[before..]), 10);
    let wrote = events[before..].iter().filter(|it| **it == Event::Wrote).count();
    assert!(wrote >= 10, "{wrote} writes are in the trace");
    // One at a time nothing else can have synced it: what was written is synced at each answer.
    let mut unsynced = false;
    for event in &events[before..] {
        match event {
            Event::Wrote => unsynced = true,
            Event::Synced => unsynced = false,
            Event::Answered(on) => assert!(!unsynced, "answered on {on} before the sync"),
            Event::Asked(_) => {}
        }
    }
}

#[test]
fn each_answer_of_a_batch_of_writes_comes_after_a_sync() {
    const AT_ONCE: usize = 12;
    let Some((site, events)) = traced() else { return };
    assert_eq!(set_up(&mut site.server.client(), &site.set_up_code()).status, 303);
    let browsers: Vec<_> = (0..AT_ONCE).map(|_| site.browser_of(ADMIN)).collect();
    let (before, barrier) = (events().len(), Barrier::new(AT_ONCE));
    thread::scope(|threads| {
        for mut browser in browsers {
            let barrier = &barrier;
            threads.spawn(move || {
                barrier.wait();
                assert_eq!(browser.post_form("/cloakroom/logout", &[]).status, 200);
            });
        }
    });
    wait_until("all is in the trace", SOON, || {
        let events = events();
        events[before..].iter().filter(|it| matches!(it, Event::Answered(_))).count() >= AT_ONCE
    });
    let events = events();
    assert_eq!(check(&events[before..]), AT_ONCE);
    let syncs = events[before..].iter().filter(|it| **it == Event::Synced).count();
    println!("{AT_ONCE} logouts at once took {syncs} syncs of the log");
}
