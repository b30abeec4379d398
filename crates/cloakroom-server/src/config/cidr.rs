use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// A network such as `10.0.0.0/8` or `fd00::/8`; a bare address is a network of one.
///
/// An IPv4-mapped IPv6 address counts as the IPv4 address it carries, on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    bits: u8,
}

impl Cidr {
    /// Reads a network; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr =
            address.parse().map_err(|_| format!("\"{text}\" is not a network"))?;
        let bits = match bits {
            None => width(address),
            Some(bits) => prefix_length(bits, address)
                .ok_or_else(|| format!("\"{text}\" has no valid prefix length"))?,
        };
        let network = masked(address, bits);
        if network != address {
            return Err(format!(
                "\"{text}\" has bits beyond its prefix; the network is {network}/{bits}"
            ));
        }
        Ok(Self { network, bits }.unmapped())
    }

    /// Whether `address` lies in this network.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.network.is_ipv4() && masked(address, self.bits) == self.network
    }

    fn unmapped(self) -> Self {
        const MAPPED_BITS: u8 = 96;
        let network = self.network.to_canonical();
        if network.is_ipv4() && self.network.is_ipv6() && self.bits >= MAPPED_BITS {
            return Self { network, bits: self.bits - MAPPED_BITS };
        }
        self
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.network, self.bits)
    }
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn prefix_length(text: &str, address: IpAddr) -> Option<u8> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let bits: u8 = digits.then(|| text.parse().ok())??;
    (bits <= width(address)).then_some(bits)
}

fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A process on this machine that the socket's file permissions let in.
    UnixSocket,
    /// An address.
    Address(IpAddr),
}

/// The peers whose word about the client is believed: listed networks, and every Unix-socket peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Cidr>);

impl TrustedProxies {
    /// Trusts exactly these networks.
    pub const fn new(networks: Vec<Cidr>) -> Self {
        Self(networks)
    }

    /// Whether `peer` is trusted.
    pub fn trusts(&self, peer: Peer) -> bool {
        match peer {
            Peer::UnixSocket => true,
            Peer::Address(address) => self.0.iter().any(|network| network.contains(address)),
        }
    }

    /// The networks, in the order they were listed.
    pub fn networks(&self) -> &[Cidr] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn holds(network: &str, address: &str) -> bool {
        Cidr::parse(network).unwrap().contains(ip(address))
    }

    #[test]
    fn a_network_contains_its_addresses_and_no_others() {
        assert!(holds("10.0.0.0/8", "10.255.3.4"));
        assert!(!holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("192.168.1.128/25", "192.168.1.200"));
        assert!(!holds("192.168.1.128/25", "192.168.1.127"));
        assert!(holds("0.0.0.0/0", "255.255.255.255"));
        assert!(!holds("0.0.0.0/0", "::1"));
        assert!(!holds("::/0", "127.0.0.1"));
        assert!(holds("fd00::/8", "fd12:3456::1"));
        assert!(!holds("fd00::/8", "fe80::1"));
        assert!(holds("::1", "::1"));
        assert!(!holds("127.0.0.1", "127.0.0.2"));
    }

    #[test]
    fn an_ipv4_mapped_address_counts_as_ipv4() {
        assert!(holds("127.0.0.0/8", "::ffff:127.0.0.1"));
        assert!(holds("::ffff:10.0.0.0/104", "10.1.2.3"));
        assert!(!holds("::1/128", "::ffff:0.0.0.1"));
        assert_eq!(Cidr::parse("::ffff:10.0.0.0/104").unwrap().to_string(), "10.0.0.0/8");
    }

    #[test]
    fn a_malformed_network_is_refused_with_its_reason() {
        for text in ["", "localhost", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/+8", "10.0/8"]
        {
            assert!(Cidr::parse(text).is_err(), "{text}");
        }
        let error = Cidr::parse("10.1.2.3/8").unwrap_err();
        assert!(error.contains("10.0.0.0/8"), "{error}");
    }

    #[test]
    fn unix_socket_peers_are_trusted_even_when_no_network_is() {
        let nobody = TrustedProxies::default();
        assert!(nobody.trusts(Peer::UnixSocket));
        assert!(!nobody.trusts(Peer::Address(ip("127.0.0.1"))));
    }
}
