//! What a credential is made of is nowhere at rest, and in no log (law 4).

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use cloakroom::{OpaqueCodec, SecretKey, Session};
use cloakroom_core::TokenCodec;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::support::{KEY, Scene, on_every_store};

on_every_store!(no_credential_and_no_key_is_in_files_logs_lists_or_debug_texts);

/// Keeps all that is logged, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0.lock().unwrap(), "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Law 4: in any encoding.
async fn no_credential_and_no_key_is_in_files_logs_lists_or_debug_texts(scene: Scene) {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let mut credentials = Vec::new();
    let mut browser = scene.browser();
    browser.post("/data/cart/book").await;
    credentials.extend(browser.cookie.clone());
    browser.post("/keep/alice").await;
    credentials.extend(browser.cookie.clone());
    browser.post("/rotate").await;
    credentials.extend(browser.cookie.clone());
    scene.advance_minutes(61);
    let mut thief = browser.copy();
    browser.who().await;
    credentials.extend(browser.cookie.clone());
    let debug = async |session: Session| {
        let live = session.live().await.unwrap().unwrap();
        let sessions = session.own_sessions().await.unwrap();
        format!("{session:?} {live:?} {sessions:?} {:?}", session.sessions())
    };
    let mut shown = browser.look(debug).await.body;
    scene.advance_minutes(2);
    thief.who().await;
    browser.with_cookies("/who", b"__Host-session=clk_forged").await;
    scene.probe.take_down();
    shown += &thief.get("/who").await.body;
    scene.probe.repair();
    let history = cloakroom::HistoryQuery { name: None, after: None, limit: 100 };
    write!(shown, "{:?}", scene.store().history(history).await.unwrap()).unwrap();
    write!(shown, "{:?} {:?}", browser.cloakroom, scene.builder()).unwrap();

    let log = log.0.lock().unwrap().clone();
    assert!(log.contains("presented after its successor"), "the log is listened to");
    let files = scene.files();
    let has_alice = files.windows(5).any(|window| window == b"alice");
    assert!(has_alice || files.is_empty(), "the files are read");
    let places = [("files", files), ("log", log.into()), ("texts", shown.into())];
    assert_eq!(credentials.len(), 4);
    for secret in
        credentials.iter().flat_map(|token| encodings_of_token(token)).chain(encodings(&KEY))
    {
        for (name, bytes) in &places {
            let found = bytes.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "{:?} is in the {name}", String::from_utf8_lossy(&secret));
        }
    }
}

/// The text of the secret within the token, and the secret itself.
fn encodings_of_token(token: &str) -> Vec<Vec<u8>> {
    let codec = OpaqueCodec::new(&SecretKey::from_bytes(KEY));
    let presented = codec.read(token).unwrap();
    let mut all = encodings(&presented.secret);
    all.push(token.as_bytes()[32..72].to_vec());
    all
}

fn encodings(secret: &[u8; 32]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{secret:?}").trim_matches(['[', ']']).to_owned();
    let mut all = vec![secret.to_vec(), hex.to_uppercase().into(), hex.into(), list.into()];
    // Wherever in a longer text it stands, one of three alignments is its own.
    for skipped in 0..3 {
        for last in [*b"+/", *b"-_"] {
            all.push(base64(&secret[skipped..], last));
        }
    }
    all
}

/// Whole groups only: what comes after them depends on what follows.
fn base64(bytes: &[u8], last: [u8; 2]) -> Vec<u8> {
    let letters = (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').chain(last);
    let alphabet: Vec<u8> = letters.collect();
    let groups = bytes.chunks_exact(3);
    let sextets = groups.flat_map(|group| {
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        [18, 12, 6, 0].map(|shift| (bits >> shift & 63) as usize)
    });
    sextets.map(|sextet| alphabet[sextet]).collect()
}

#[test]
fn the_search_knows_base64() {
    assert_eq!(base64(b"\xfb\xff\xbfMan", *b"+/"), b"+/+/TWFu");
}
