use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Network;

/// Stands for a name or a network in the table.
pub(super) type Digest = [u8; 16];

/// Makes digests with a key: people type passwords into the field of the name, and whoever reads
/// the database must not find them by trying.
#[derive(Clone)]
pub(super) struct Digests(Hmac<Sha256>);

impl Digests {
    /// With a key of its own, derived from `key`.
    pub(super) fn new(key: &[u8]) -> Self {
        Self(keyed(&mac(&keyed(key), &[b"cloakroom/v1/guesses"])))
    }

    pub(super) fn account(&self, name: &str) -> Digest {
        self.digest(b"account:", name)
    }

    pub(super) fn network(&self, network: Network) -> Digest {
        self.digest(b"network:", &network.to_string())
    }

    fn digest(&self, kind: &[u8], text: &str) -> Digest {
        let mut digest = Digest::default();
        digest.copy_from_slice(&mac(&self.0, &[kind, text.as_bytes()])[..16]);
        digest
    }
}

impl fmt::Debug for Digests {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Digests")
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    let keyed = <Hmac<Sha256> as KeyInit>::new_from_slice(key);
    keyed.expect("HMAC takes a key of any length")
}

fn mac(keyed: &Hmac<Sha256>, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = keyed.clone();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn a_name_that_reads_like_a_network_has_another_digest() {
        let (digests, address) = (Digests::new(&[7; 32]), "192.0.2.7");
        let network = Network::from(address.parse::<IpAddr>().unwrap());
        assert_ne!(digests.account(address), digests.network(network));
    }

    #[test]
    fn another_key_gives_other_digests_and_debug_shows_none() {
        let (one, other) = (Digests::new(&[7; 32]), Digests::new(&[8; 32]));
        assert_eq!(one.account("bob"), one.clone().account("bob"));
        assert_ne!(one.account("bob"), other.account("bob"));
        assert_eq!(format!("{one:?}"), "Digests");
    }
}
