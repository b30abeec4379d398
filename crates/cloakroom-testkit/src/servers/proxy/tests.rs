use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use super::*;

const SOON: Duration = Duration::from_secs(20);
const SHORTLY: Duration = Duration::from_millis(100);

/// A target that answers each line with the same line, and says which it has seen.
fn echo() -> (Proxy, Receiver<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (seen, sees) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, seen) = (stream.unwrap(), seen.clone());
            thread::spawn(move || {
                let mut piece = [0; 64];
                while let Ok(read @ 1..) = stream.read(&mut piece) {
                    let _ = seen.send(String::from_utf8_lossy(&piece[..read]).into_owned());
                    let _ = stream.write_all(&piece[..read]);
                }
            });
        }
    });
    (Proxy::before(port), sees)
}

fn client(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

fn ask(stream: &mut TcpStream, line: &str) -> Result<String, ErrorKind> {
    stream.write_all(line.as_bytes()).map_err(|fault| fault.kind())?;
    let mut answer = vec![0; line.len()];
    stream.read_exact(&mut answer).map_err(|fault| fault.kind())?;
    Ok(String::from_utf8(answer).unwrap())
}

fn is_silent(stream: &mut TcpStream, line: &str) -> bool {
    stream.set_read_timeout(Some(SHORTLY)).unwrap();
    let answer = ask(stream, line);
    stream.set_read_timeout(Some(SOON)).unwrap();
    answer == Err(ErrorKind::WouldBlock)
}

#[test]
fn connections_and_bytes_are_carried_and_counted() {
    let (proxy, _sees) = echo();
    let mut first = client(&proxy);
    assert_eq!(ask(&mut first, "one").unwrap(), "one");
    assert_eq!(ask(&mut client(&proxy), "three").unwrap(), "three");
    wait_until("one is left", SOON, || proxy.open() == 1);
    assert_eq!((proxy.taken(), proxy.bytes_to_target(), proxy.bytes_to_clients()), (2, 8, 8));
    let target = format!("x://127.0.0.1:{}/y", proxy.shared.target());
    assert_eq!(proxy.instead_in(&target), format!("x://127.0.0.1:{}/y", proxy.port()));
}

#[test]
fn a_cut_resets_what_is_open_and_refuses_what_is_new_until_healed() {
    let (proxy, _sees) = echo();
    let mut old = client(&proxy);
    ask(&mut old, "x").unwrap();
    proxy.cut();
    assert_eq!(old.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    let refused = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    proxy.heal();
    assert_eq!(ask(&mut client(&proxy), "y").unwrap(), "y");
    proxy.reset();
    assert_eq!(ask(&mut client(&proxy), "z").unwrap(), "z");
}

#[test]
fn a_delay_holds_each_piece_either_way() {
    let (proxy, _sees) = echo();
    let mut stream = client(&proxy);
    proxy.delay(SHORTLY);
    let start = Instant::now();
    assert_eq!(ask(&mut stream, "x").unwrap(), "x");
    assert!(start.elapsed() >= 2 * SHORTLY);
    proxy.delay(Duration::from_secs(3600));
    assert!(is_silent(&mut stream, "y"));
    proxy.heal();
    assert_eq!(stream.read(&mut [0]).unwrap(), 1, "what waits goes on when all is well");
}

#[test]
fn what_is_stalled_goes_on_later_and_what_was_half_open_is_reset() {
    let (proxy, sees) = echo();
    let mut old = client(&proxy);
    ask(&mut old, "a").unwrap();
    proxy.stall();
    let mut new = client(&proxy);
    assert!(is_silent(&mut old, "b") && is_silent(&mut new, "c"));
    proxy.heal();
    assert_eq!((old.read(&mut [0]).unwrap(), new.read(&mut [0]).unwrap()), (1, 1));
    proxy.half_open();
    let mut newest = client(&proxy);
    assert!(is_silent(&mut old, "d") && is_silent(&mut newest, "e"));
    assert_eq!(proxy.open(), 3);
    proxy.heal();
    for stream in [&mut old, &mut newest] {
        assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
    let mut seen: Vec<String> = sees.try_iter().collect();
    seen.sort();
    assert_eq!(seen, ["a", "b", "c"]);
}

#[test]
fn a_half_open_connection_that_its_client_closes_is_no_longer_counted() {
    let (proxy, _sees) = echo();
    proxy.half_open();
    drop((client(&proxy), client(&proxy)));
    wait_until("both are gone", SOON, || proxy.taken() == 2 && proxy.open() == 0);
}

#[test]
fn dropped_answers_are_to_requests_that_went_through() {
    let (proxy, sees) = echo();
    let mut stream = client(&proxy);
    ask(&mut stream, "a").unwrap();
    proxy.drop_answers();
    assert!(is_silent(&mut stream, "b"));
    assert_eq!([sees.recv().unwrap(), sees.recv().unwrap()], ["a", "b"]);
    proxy.heal();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn an_answer_or_a_request_is_lost_once() {
    let (proxy, sees) = echo();
    let (mut one, mut other) = (client(&proxy), client(&proxy));
    proxy.lose_answer_to("COMMIT");
    assert_eq!(ask(&mut other, "BEGIN").unwrap(), "BEGIN");
    assert!(!proxy.has_struck());
    assert_eq!(ask(&mut one, "a COMMIT").unwrap_err(), ErrorKind::ConnectionReset);
    assert_eq!(ask(&mut other, "b COMMIT").unwrap(), "b COMMIT");
    proxy.lose_request("");
    assert_eq!(ask(&mut other, "never").unwrap_err(), ErrorKind::ConnectionReset);
    assert!(proxy.has_struck());
    assert_eq!(ask(&mut client(&proxy), "end").unwrap(), "end");
    let seen: Vec<String> = sees.try_iter().collect();
    assert_eq!(seen, ["BEGIN", "a COMMIT", "b COMMIT", "end"]);
}

#[test]
fn a_connection_is_cut_in_the_middle_of_a_request() {
    let (proxy, sees) = echo();
    proxy.cut_after_bytes(7);
    let mut stream = client(&proxy);
    assert_eq!(ask(&mut stream, "whole").unwrap(), "whole");
    ask(&mut stream, "halved").unwrap_err();
    assert_eq!([sees.recv().unwrap(), sees.recv().unwrap()], ["whole", "ha"]);
}

#[test]
fn a_client_is_reset_when_nobody_listens_behind_the_proxy() {
    let proxy = Proxy::before(free_port());
    let fault = client(&proxy).read(&mut [0]).unwrap_err();
    assert_eq!(fault.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn everything_is_cut_in_the_place_of_an_answer() {
    let (proxy, sees) = echo();
    let (mut one, mut other) = (client(&proxy), client(&proxy));
    ask(&mut other, "a").unwrap();
    proxy.cut_before_answer_to("COMMIT");
    assert_eq!(ask(&mut one, "COMMIT").unwrap_err(), ErrorKind::ConnectionReset);
    assert_eq!(ask(&mut other, "b").unwrap_err(), ErrorKind::ConnectionReset);
    let refused = || TcpStream::connect(("127.0.0.1", proxy.port())).is_err();
    wait_until("nobody is let in", SOON, refused);
    proxy.heal();
    assert_eq!(ask(&mut client(&proxy), "c").unwrap(), "c");
    let seen: Vec<String> = sees.try_iter().collect();
    assert_eq!(seen, ["a", "COMMIT", "c"]);
}

#[test]
fn it_leads_elsewhere_from_the_next_connection_on() {
    let ((proxy, sees), (other, other_sees)) = (echo(), echo());
    let mut old = client(&proxy);
    ask(&mut old, "a").unwrap();
    proxy.lead_to(other.shared.target());
    ask(&mut old, "never").unwrap_err();
    assert_eq!(ask(&mut client(&proxy), "b").unwrap(), "b");
    assert_eq!((sees.recv().unwrap(), other_sees.recv().unwrap()), ("a".into(), "b".into()));
}
