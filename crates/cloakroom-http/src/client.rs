use http::header::USER_AGENT;
use http::{Extensions, HeaderMap, HeaderValue};

use cloakroom_core::ClientInfo;

/// Where the address of a client comes from, for lists of devices. Never used for a decision.
pub type ClientAddress = fn(&HeaderMap, &Extensions) -> Option<String>;

/// The default: the peer of the connection, if the server was started with its connect info.
/// Headers are not believed.
#[cfg(feature = "axum")]
pub(crate) fn peer_address(_headers: &HeaderMap, extensions: &Extensions) -> Option<String> {
    use axum::extract::ConnectInfo;
    use std::net::SocketAddr;
    let peer = extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(peer.0.ip().to_canonical().to_string())
}

#[cfg(not(feature = "axum"))]
pub(crate) fn peer_address(_headers: &HeaderMap, _extensions: &Extensions) -> Option<String> {
    None
}

/// What a request says of its client, kept until a login needs it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Client {
    pub(crate) address: Option<String>,
    pub(crate) user_agent: Option<HeaderValue>,
}

impl Client {
    pub(crate) fn of(headers: &HeaderMap, extensions: &Extensions, address: ClientAddress) -> Self {
        Self { address: address(headers, extensions), user_agent: headers.get(USER_AGENT).cloned() }
    }

    pub(crate) fn info(&self) -> ClientInfo {
        let user_agent = self.user_agent.as_ref();
        ClientInfo {
            address: self.address.clone(),
            user_agent: user_agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()).into()),
        }
    }
}
