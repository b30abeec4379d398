//! How many connections there may be.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::{Peer, Server, TrustedProxies};

/// Places for connections: some for each address, more in all, and a reserve for trusted proxies,
/// so that strangers who reach the port keep neither them nor their health checks out.
#[derive(Debug)]
pub struct Places {
    most: usize,
    most_of_strangers: usize,
    most_per_address: usize,
    trusted: TrustedProxies,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// The place of one connection, free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    network: Option<IpAddr>,
}

/// Which limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// `limits.connections`, or its part for strangers.
    All,
    /// `limits.connections_per_address`.
    Address,
}

impl Places {
    /// This many in all, an eighth of which only trusted proxies get, and this many for each
    /// address that is none.
    pub fn new(most: usize, per_address: u32, server: &Server) -> Self {
        Self {
            most,
            most_of_strangers: most - most / 8,
            most_per_address: usize::try_from(per_address).unwrap_or(usize::MAX),
            trusted: server.trusted_proxies.clone(),
            taken: Mutex::default(),
        }
    }

    /// A place for one more connection.
    pub(super) fn take(self: &Arc<Self>, peer: Peer) -> Result<Place, Full> {
        let network = self.network(peer);
        let mut taken = self.taken();
        let most = if network.is_some() { self.most_of_strangers } else { self.most };
        if taken.all >= most {
            return Err(Full::All);
        }
        if let Some(network) = network {
            let of_network = taken.by_network.entry(network).or_default();
            if *of_network >= self.most_per_address {
                return Err(Full::Address);
            }
            *of_network += 1;
        }
        taken.all += 1;
        Ok(Place { places: self.clone(), network })
    }

    /// What is counted as one address; `None` for trusted proxies. Whoever has an IPv6 address
    /// has all of its /64.
    fn network(&self, peer: Peer) -> Option<IpAddr> {
        match peer {
            _ if self.trusted.trusts(peer) => None,
            Peer::UnixSocket => None,
            Peer::Address(IpAddr::V6(address)) => {
                Some(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into())
            }
            Peer::Address(address) => Some(address),
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Counting cannot fail half-way.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        let Some(network) = self.network else { return };
        if let Some(of_network) = taken.by_network.get_mut(&network) {
            *of_network -= 1;
            if *of_network == 0 {
                taken.by_network.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Cidr, Config};

    fn places(most: usize, per_address: u32) -> Arc<Places> {
        let mut server = Config::default().server;
        server.trusted_proxies = TrustedProxies::new(vec![Cidr::parse("10.0.0.0/8").unwrap()]);
        Arc::new(Places::new(most, per_address, &server))
    }

    fn peer(address: &str) -> Peer {
        Peer::Address(address.parse().unwrap())
    }

    #[test]
    fn one_address_gets_its_share_and_gets_it_back() {
        let places = places(100, 2);
        let first = places.take(peer("192.0.2.1")).unwrap();
        let _second = places.take(peer("192.0.2.1")).unwrap();
        assert_eq!(places.take(peer("192.0.2.1")).unwrap_err(), Full::Address);
        assert!(places.take(peer("192.0.2.2")).is_ok());
        drop(first);
        assert!(places.take(peer("192.0.2.1")).is_ok());
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let places = places(100, 1);
        let _one = places.take(peer("2001:db8::1")).unwrap();
        assert_eq!(places.take(peer("2001:db8::ffff:2")).unwrap_err(), Full::Address);
        assert!(places.take(peer("2001:db8:0:1::1")).is_ok());
    }

    #[test]
    fn strangers_never_take_the_places_of_trusted_proxies() {
        let places = places(16, 100);
        let strangers: Vec<_> = (0..14).map(|_| places.take(peer("192.0.2.1")).unwrap()).collect();
        assert_eq!(places.take(peer("192.0.2.9")).unwrap_err(), Full::All);
        let _proxy = places.take(peer("10.1.2.3")).unwrap();
        let _socket = places.take(Peer::UnixSocket).unwrap();
        assert_eq!(places.take(peer("10.1.2.3")).unwrap_err(), Full::All);
        drop(strangers);
        assert!(places.take(peer("192.0.2.9")).is_ok());
    }

    #[test]
    fn nothing_is_kept_of_addresses_that_are_gone() {
        let places = places(100, 2);
        drop(places.take(peer("192.0.2.1")));
        assert!(places.taken().by_network.is_empty() && places.taken().all == 0);
    }
}
