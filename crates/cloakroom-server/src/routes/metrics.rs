use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{FORWARDED, HOST, VIA};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::app::SharedApp;
use crate::config::{MetricsAt, Peer};
use crate::metrics;
use crate::peer::Connection;

/// What proxies add. One of them means that the question comes from farther away than its peer.
const PROXIES: [&str; 5] =
    ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "x-forwarded-server"];

/// The numbers, for programs on this machine that ask directly; to all others the page is not
/// there.
pub(super) async fn show(State(app): State<SharedApp>, request: Request) -> Response {
    let peer = request.extensions().get::<ConnectInfo<Connection>>();
    let near = peer.is_some_and(|ConnectInfo(Connection(peer))| is_near(*peer));
    if app.config.metrics.listen != MetricsAt::Local || !near || !is_direct(request.headers()) {
        return StatusCode::NOT_FOUND.into_response();
    }
    metrics::page(&app).await
}

fn is_near(peer: Peer) -> bool {
    match peer {
        Peer::Address(address) => address.is_loopback(),
        Peer::UnixSocket => true,
    }
}

/// Asked under a name of this machine, by nobody who asks for somebody else. A proxy that passes
/// pages on does so under their public name, and so does a page that rebinds its own.
fn is_direct(headers: &HeaderMap) -> bool {
    let forwarded = PROXIES.iter().any(|name| headers.contains_key(*name));
    let forwarded = forwarded || headers.contains_key(FORWARDED) || headers.contains_key(VIA);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    !forwarded && host.is_some_and(names_this_machine)
}

fn names_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| name.eq_ignore_ascii_case(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_count() {
        for host in ["localhost", "localhost:7070", "127.0.0.1:7070", "[::1]", "[::1]:7070"] {
            assert!(names_this_machine(host), "{host}");
        }
        for host in ["login.example.org", "localhost.example.org", "127.0.0.1.nip.io", "cloakroom"]
        {
            assert!(!names_this_machine(host), "{host}");
        }
    }
}
