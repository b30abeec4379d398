use cloakroom_core::{Carry, Guard, MemoryStore, Rotation, SecretDigest, SessionStore};

use crate::fixtures::{Draft, START, at, guard, logout, write};
use crate::random::{Random, new_seed};
use crate::subject::Subject;

/// A store whose every byte at rest can be looked at (law 4).
pub trait Dump {
    /// All that it keeps: files, logs, memory.
    fn dump(&self) -> Vec<u8>;

    /// What the store is given for a secret that a client presents. A store that sees more than
    /// the digest says so here.
    fn admit(&self, secret: &[u8; 32]) -> SecretDigest {
        SecretDigest::of(secret)
    }
}

/// A closure that returns the bytes, for a store of another crate.
impl<F: Fn() -> Vec<u8>> Dump for F {
    fn dump(&self) -> Vec<u8> {
        self()
    }
}

/// Has a store go through login, renewal, rotation, replacement and logout, and looks after each
/// for the secrets that were presented, in every usual encoding.
///
/// # Panics
/// One is found.
pub async fn a_dump_holds_no_presented_secret(store: impl SessionStore, dump: impl Dump) {
    let store = Subject::new(store);
    life_of_a_session(&store, &dump).await;
}

/// The same for a store that several tasks use.
pub(crate) async fn life_of_a_session(store: &Subject, dump: &impl Dump) {
    let mut random = Random::new(new_seed());
    let secrets: [[u8; 32]; 4] = std::array::from_fn(|_| secret(&mut random));
    let [first, second, third, fourth] = secrets.map(|secret| dump.admit(&secret));
    let look = |when: &str| look(&dump.dump(), &secrets, when);

    let visitor = store.add(Draft::anonymous().with(|record| record.digest = first)).await;
    look("an anonymous visit");
    let login = Draft::of("ada").with(|record| record.digest = second);
    let id = store.add(login.replacing(visitor, Carry::Everything)).await;
    store.update(guard(id, START), vec![write("k", "1")]).await;
    look("a login");
    let offer = cloakroom_core::RenewalStep::Offer { counter: 0, next: third };
    store.renew(guard(id, at(1)), offer).await;
    store.renew(guard(id, at(1)), cloakroom_core::RenewalStep::Promote { next: third }).await;
    look("a renewal");
    let rotation = Rotation { digest: fourth, counter: 2, authenticated_at: None };
    store.rotate(Guard { id, generation: 0, now: at(2) }, rotation).await;
    look("a rotation");
    store.end(logout(cloakroom_core::Selector::Everyone, at(3))).await;
    look("the end");
}

fn look(dump: &[u8], secrets: &[[u8; 32]], when: &str) {
    assert!(!dump.is_empty(), "an empty dump proves nothing");
    for secret in secrets {
        let seen = sightings(dump, secret);
        assert!(seen.is_empty(), "after {when}, a presented secret is at rest as {seen:?}");
    }
}

fn secret(random: &mut Random) -> [u8; 32] {
    let mut secret = [0; 32];
    secret[..16].copy_from_slice(&random.bytes());
    secret[16..].copy_from_slice(&random.bytes());
    secret
}

/// The encodings in which `secret` occurs in `dump`: raw, hexadecimal, base64 of both alphabets
/// at each of the three alignments, and as a list of decimal numbers.
pub fn sightings(dump: &[u8], secret: &[u8]) -> Vec<&'static str> {
    let occurs = |needle: &[u8]| dump.windows(needle.len().max(1)).any(|window| window == needle);
    let hexadecimal: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let decimal = format!("{secret:?}");
    let mut seen = Vec::new();
    let mut note = |name, found: bool| found.then(|| seen.push(name));
    note("raw bytes", occurs(secret));
    note("hexadecimal", occurs(hexadecimal.as_bytes()));
    note("HEXADECIMAL", occurs(hexadecimal.to_uppercase().as_bytes()));
    note("decimal", occurs(decimal.as_bytes()) || occurs(decimal.replace(' ', "").as_bytes()));
    note("base64", (0..3).any(|skip| occurs(&base64(&secret[skip..], b"+/"))));
    note("base64url", (0..3).any(|skip| occurs(&base64(&secret[skip..], b"-_"))));
    seen
}

/// Base64 of the whole groups of three bytes; what is left over depends on the bytes behind.
fn base64(bytes: &[u8], last_two: &[u8; 2]) -> Vec<u8> {
    let letter = |sextet: u32| match sextet {
        0..26 => b'A' + sextet as u8,
        26..52 => b'a' + (sextet - 26) as u8,
        52..62 => b'0' + (sextet - 52) as u8,
        _ => last_two[usize::from(sextet == 63)],
    };
    let mut text = Vec::new();
    for group in bytes.chunks_exact(3) {
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        text.extend([18, 12, 6, 0].map(|shift| letter(bits >> shift & 63)));
    }
    text
}

/// What can be seen of a store in memory from outside: all its rows and its `Debug` text.
impl Dump for MemoryStore {
    fn dump(&self) -> Vec<u8> {
        crate::visible::of(self)
    }
}

pub(super) async fn the_debug_text_of_a_store_holds_no_secret_and_no_data(store: Subject) {
    let kept = [0xA7; 32];
    let draft = Draft::of("ada").with(|record| record.digest = SecretDigest::from_bytes(kept));
    store.add(draft.data("k", "\"a very private value\"")).await;
    let text = format!("{:?} {0:#?}", store.store());
    assert_eq!(sightings(text.as_bytes(), &kept), [] as [&str; 0]);
    assert!(!text.contains("a very private value"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_seen_in_every_encoding() {
        let secret: [u8; 32] = std::array::from_fn(|index| 200 - index as u8 * 3);
        for skip in 0..3 {
            let mut text = b"..".to_vec();
            text.extend(base64(&secret[skip..], b"-_"));
            assert_eq!(sightings(&text, &secret), ["base64url"]);
        }
        assert_eq!(sightings(&[b"x", &secret[..]].concat(), &secret), ["raw bytes"]);
        assert_eq!(sightings(format!("{secret:?}").as_bytes(), &secret), ["decimal"]);
        assert_eq!(sightings(b"nothing here", &secret), [] as [&str; 0]);
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        assert_eq!(base64(b"foobar", b"+/"), b"Zm9vYmFy");
        assert_eq!(base64(&[0xfb, 0xff, 0xfe], b"-_"), b"-__-");
    }
}
