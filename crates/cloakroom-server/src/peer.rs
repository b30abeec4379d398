//! Who is at the other end of a connection, and whose word about the client is believed.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::SharedApp;
use crate::config::{Peer, TrustedProxies};
use crate::guesses::Network;

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Connection(pub Peer);

/// The address of the client, behind the trusted proxies.
#[derive(Clone, Debug)]
struct ClientIp(String);

/// The network that failed sign-ins are counted on. There is none when only a trusted proxy is
/// seen: whatever it forgot to say about its clients, they must not pay for each other.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientNetwork(pub Option<Network>);

impl<S: Sync> FromRequestParts<S> for ClientNetwork {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or_default())
    }
}

/// Finds the client's address once per request, for the session layer and the log.
pub async fn find_client(
    State(app): State<SharedApp>,
    mut request: Request,
    next: Next,
) -> Response {
    let trusted = &app.config.server.trusted_proxies;
    if let Some(ConnectInfo(Connection(peer))) = request.extensions().get().copied()
        && let Some(address) = client_ip(peer, request.headers(), trusted)
    {
        let is_proxy = trusted.trusts(Peer::Address(address));
        let network = (!is_proxy).then(|| Network::from(address));
        request.extensions_mut().insert(ClientNetwork(network));
        request.extensions_mut().insert(ClientIp(address.to_string()));
    }
    next.run(request).await
}

/// Whether the peer is one of the trusted proxies.
pub fn is_trusted(app: &SharedApp, extensions: &Extensions) -> bool {
    let peer = extensions.get::<ConnectInfo<Connection>>();
    peer.is_some_and(|ConnectInfo(Connection(peer))| {
        app.config.server.trusted_proxies.trusts(*peer)
    })
}

/// For the session layer: what [`find_client`] found.
pub fn client_address(_headers: &HeaderMap, extensions: &Extensions) -> Option<String> {
    extensions.get::<ClientIp>().map(|ClientIp(address)| address.clone())
}

/// The last address that a trusted peer vouches for. Read from the right: what stands left of an
/// untrusted address was written by a stranger.
fn client_ip(peer: Peer, headers: &HeaderMap, trusted: &TrustedProxies) -> Option<IpAddr> {
    let mut client = match peer {
        Peer::Address(address) => Some(address),
        Peer::UnixSocket => None,
    };
    if !trusted.trusts(peer) {
        return client;
    }
    let forwarded = headers.get_all("x-forwarded-for");
    // What is no text ends the walk like any other nonsense; left out, it would hide the hop that
    // a proxy added to it.
    let values: Vec<&str> =
        forwarded.iter().map(|value| value.to_str().unwrap_or_default()).collect();
    for hop in values.join(",").rsplit(',') {
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        client = Some(address.to_canonical());
        if !trusted.trusts(Peer::Address(address)) {
            break;
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Cidr;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let trusted = TrustedProxies::new(vec![Cidr::parse("10.0.0.0/8").unwrap()]);
        let headers = forwarded
            .iter()
            .map(|value| ("x-forwarded-for".parse().unwrap(), value.parse().unwrap()));
        let peer = Peer::Address(peer.parse().unwrap());
        client_ip(peer, &headers.collect(), &trusted).unwrap().to_string()
    }

    #[test]
    fn a_strangers_word_about_the_address_is_not_believed() {
        assert_eq!(client("192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
    }

    #[test]
    fn behind_trusted_proxies_the_last_untrusted_address_counts() {
        assert_eq!(client("10.0.0.1", &["198.51.100.7, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["198.51.100.7", "203.0.113.9, 10.0.0.2"]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["nonsense"]), "10.0.0.1");
    }
}
