use std::io::{self, ErrorKind};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::connection::attend;
use super::places::Full;
use super::seldom::Seldom;
use super::{House, told_to_stop};
use crate::config::Peer;

/// What a connection gets for which there is no place.
const NO_PLACE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\n\
      Connection: close\r\nContent-Type: text/plain\r\nContent-Length: 49\r\n\r\n\
      Too many connections are open. Try again shortly.";
/// A fresh connection takes a few bytes at once, or never.
const LONGEST_REFUSAL: Duration = Duration::from_millis(100);
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Where connections come in.
pub(super) trait Entrance: Send {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next one, and who is at its other end.
    fn next(&self) -> impl Future<Output = io::Result<(Self::Stream, Peer)>> + Send;
}

impl Entrance for TcpListener {
    type Stream = tokio::net::TcpStream;

    async fn next(&self) -> io::Result<(Self::Stream, Peer)> {
        let (stream, address) = self.accept().await?;
        // Small answers go out at once; without it they are only slower.
        let _ = stream.set_nodelay(true);
        Ok((stream, Peer::Address(address.ip().to_canonical())))
    }
}

impl Entrance for UnixListener {
    type Stream = tokio::net::UnixStream;

    async fn next(&self) -> io::Result<(Self::Stream, Peer)> {
        let (stream, _) = self.accept().await?;
        Ok((stream, Peer::UnixSocket))
    }
}

/// Serves until told to stop, then until the requests under way are answered.
pub(super) async fn serve(
    entrance: impl Entrance,
    house: House,
    mut stopped: watch::Receiver<bool>,
) {
    let (mut connections, mut faults, refused) =
        (JoinSet::new(), Faults::default(), Seldom::default());
    loop {
        tokio::select! {
            () = told_to_stop(&mut stopped) => break,
            accepted = entrance.next() => match accepted {
                Ok((stream, peer)) => {
                    faults.are_over();
                    match house.places.take(peer) {
                        Ok(place) => {
                            let attended = attend(stream, peer, house.clone(), stopped.clone());
                            connections.spawn(async move {
                                attended.await;
                                drop(place);
                            });
                        }
                        Err(full) => refuse(stream, peer, full, &refused).await,
                    }
                }
                Err(error) => faults.wait_after(&error).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(entrance);
    while connections.join_next().await.is_some() {}
}

async fn refuse(mut stream: impl AsyncWrite + Unpin, peer: Peer, full: Full, refused: &Seldom) {
    if let Some(refused) = refused.count() {
        tracing::warn!(
            ?peer,
            refused,
            limit = full.setting(),
            "there are too many connections, and more are refused; a proxy that is in \
             trusted_proxies has no limit for its address"
        );
    }
    let _ = timeout(LONGEST_REFUSAL, stream.write_all(NO_PLACE)).await;
}

impl Full {
    const fn setting(self) -> &'static str {
        match self {
            Self::All => "limits.connections",
            Self::Address => "limits.connections_per_address",
        }
    }
}

/// Failures to accept, one after another: out of files or memory, say. Accepting again at once
/// would fail again at once.
#[derive(Debug, Default)]
struct Faults {
    pause: Option<Duration>,
}

impl Faults {
    fn are_over(&mut self) {
        if self.pause.take().is_some() {
            tracing::info!("connections are accepted again");
        }
    }

    async fn wait_after(&mut self, error: &io::Error) {
        if let Some(pause) = self.after(error) {
            tokio::time::sleep(pause).await;
        }
    }

    /// How long to wait; not at all when one client was gone before it was accepted.
    fn after(&mut self, error: &io::Error) -> Option<Duration> {
        use ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
        if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
            return None;
        }
        if self.pause.is_none() {
            tracing::error!(%error, "accepting connections fails; trying again");
        }
        let pause = self.pause.map_or(SHORTEST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE));
        self.pause = Some(pause);
        self.pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_has_the_length_it_names() {
        let text = std::str::from_utf8(NO_PLACE).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("Content-Length: {}", body.len())), "{}", body.len());
    }

    #[test]
    fn a_failing_accept_is_tried_again_at_growing_intervals() {
        let (mut faults, out_of_files) = (Faults::default(), io::Error::from_raw_os_error(24));
        let pauses: Vec<_> = (0..9).filter_map(|_| faults.after(&out_of_files)).collect();
        assert_eq!(pauses[0], SHORTEST_PAUSE);
        assert_eq!(pauses[8], LONGEST_PAUSE);
        assert!(pauses.is_sorted());
        assert_eq!(faults.after(&ErrorKind::ConnectionAborted.into()), None);
        faults.are_over();
        assert_eq!(faults.after(&out_of_files), Some(SHORTEST_PAUSE));
    }
}
