//! Bytes on the wire, for requests that no client would send, and what must hold after each.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use cloakroom_testkit::servers::Client;
use cloakroom_testkit::servers::http::{Address, Connection, Request, Response};

use crate::support::{COOKIE, SOON, Site, is_signed_in};

/// A server that waits for nobody for longer than a second.
pub(crate) const IMPATIENT: &str = "[limits]\nheader_timeout = \"1s\"\nbody_timeout = \"1s\"\n\
                                    send_timeout = \"1s\"\nkeepalive_timeout = \"1s\"\n";

/// All answers to these bytes, until the server closes the connection. Panics when it never does.
#[track_caller]
pub(crate) fn exchange(site: &Site, bytes: &[u8]) -> Vec<Response> {
    exchange_at(site.server.address(), bytes)
}

/// All answers of the server at this address.
#[track_caller]
pub(crate) fn exchange_at(address: &Address, bytes: &[u8]) -> Vec<Response> {
    let mut connection = Connection::open(address).expect("the server accepts");
    // It may close while it is still being written to.
    let _ = connection.write(bytes);
    let mut answers = Vec::new();
    loop {
        match connection.read_response("GET") {
            Ok(answer) => answers.push(answer),
            Err(fault) => {
                assert_ne!(fault.kind(), ErrorKind::WouldBlock, "the server hangs: {answers:?}");
                assert_ne!(fault.kind(), ErrorKind::InvalidData, "{fault}: {answers:?}");
                return answers;
            }
        }
    }
}

/// The statuses of [`exchange`].
#[track_caller]
pub(crate) fn statuses(site: &Site, bytes: &[u8]) -> Vec<u16> {
    exchange(site, bytes).iter().map(|answer| answer.status).collect()
}

/// A request that signs this browser out, if it is ever read as one.
pub(crate) fn hidden_logout(site: &Site, browser: &Client) -> String {
    let cookie = browser.cookie(COOKIE).expect("it is signed in");
    let request = Request::new("POST", "/cloakroom/logout")
        .header("Origin", site.server.url())
        .header("Sec-Fetch-Site", "same-origin")
        .header("Cookie", format!("{COOKIE}={cookie}"));
    String::from_utf8(request.to_bytes(site.server.address())).expect("it is ASCII")
}

/// After something hostile: the server serves, and nobody was signed out.
#[track_caller]
pub(crate) fn check_unharmed(site: &Site, browser: &mut Client, after: &str) {
    assert!(site.server.is_ready(), "after {after}");
    assert!(is_signed_in(browser), "after {after}");
}

/// A client that sends and reads at its own pace.
#[derive(Debug)]
pub(crate) struct Slow(TcpStream);

/// How a slow client fared.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) answer: String,
    pub(crate) after: Duration,
}

impl Slow {
    const BEAT: Duration = Duration::from_millis(50);

    #[track_caller]
    pub(crate) fn connect(site: &Site) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", site.server.port())).expect("it accepts");
        stream.set_read_timeout(Some(Self::BEAT)).expect("a timeout can be set");
        stream.set_write_timeout(Some(Self::BEAT)).expect("a timeout can be set");
        stream.set_nodelay(true).expect("it can be set");
        Self(stream)
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("the server takes it");
    }

    /// Sends one byte of `drip` after another, a beat apart, until the server closes.
    #[track_caller]
    pub(crate) fn drip(mut self, drip: &[u8]) -> Cut {
        let (start, mut answer) = (Instant::now(), Vec::new());
        let mut drops = drip.iter().cycle();
        while start.elapsed() < SOON {
            if let Some(next) = drops.next() {
                let _ = self.0.write(&[*next]);
            }
            let mut piece = [0; 4096];
            match self.0.read(&mut piece) {
                Err(fault) if is_patience(fault.kind()) => {}
                Ok(read) if read > 0 => answer.extend_from_slice(&piece[..read]),
                _ => {
                    let answer = String::from_utf8_lossy(&answer).into_owned();
                    return Cut { answer, after: start.elapsed() };
                }
            }
        }
        panic!("the server did not close: {}", String::from_utf8_lossy(&answer));
    }

    /// Waits until the server closes.
    #[track_caller]
    pub(crate) fn wait(self) -> Cut {
        self.drip(&[])
    }

    /// Sends `bytes` again and again and reads nothing, until the server closes.
    #[track_caller]
    pub(crate) fn flood(mut self, bytes: &[u8]) -> Duration {
        let start = Instant::now();
        while start.elapsed() < SOON {
            match self.0.write_all(bytes) {
                Err(fault) if !is_patience(fault.kind()) => return start.elapsed(),
                _ => {}
            }
        }
        panic!("the server did not close");
    }
}

fn is_patience(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
