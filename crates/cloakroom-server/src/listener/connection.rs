use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use axum::{Error, Router};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tower::ServiceExt;

use super::pace::{Paced, Turn, Turns};
use super::{House, told_to_stop};
use crate::config::Peer;
use crate::peer::Connection;

/// Most bytes kept of what a connection has sent and nobody has read; a head beyond it gets 431
/// from hyper. Larger than what `middleware::head` takes, so that people get its page.
const MOST_BUFFERED: usize = 64 * 1024;

/// Answers the requests of one connection until either side ends it, or the server stops.
pub(super) async fn attend(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    house: House,
    mut stopped: watch::Receiver<bool>,
) {
    let turns = Arc::new(Turns::default());
    let io = TokioIo::new(Paced::new(stream, house.limits, turns.clone()));
    let begun = turns.clone();
    let answer = service_fn(move |request: Request<Incoming>| {
        respond(house.routes.clone(), request, peer, begun.begin())
    });
    let mut http = http1::Builder::new();
    // `Paced` tells a connection that waits from one that is slow; hyper does not.
    http.header_read_timeout(None).max_buf_size(MOST_BUFFERED);
    let mut connection = pin!(http.serve_connection(io, answer));
    let mut stopping = false;
    let mut stop = pin!(told_to_stop(&mut stopped));
    let served = poll_fn(|cx| {
        if !stopping && stop.as_mut().poll(cx).is_ready() {
            stopping = true;
            connection.as_mut().graceful_shutdown();
        }
        let before = turns.count();
        let polled = connection.as_mut().poll(cx);
        if polled.is_pending() && turns.count() != before {
            // hyper does not look at a connection again when a turn has ended, so that nobody
            // would begin to count how long it stays unused.
            cx.waker().wake_by_ref();
        }
        polled
    })
    .await;
    if let Err(error) = served {
        tracing::debug!(%error, ?peer, "a connection ended early");
    }
}

async fn respond(
    routes: Router,
    request: Request<Incoming>,
    peer: Peer,
    turn: Turn,
) -> Result<Response<InTurn>, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(Connection(peer)));
    let response = routes.oneshot(request).await?;
    Ok(response.map(|body| InTurn { body, _turn: turn }))
}

/// The body of an answer, whose end ends the turn.
struct InTurn {
    body: Body,
    _turn: Turn,
}

impl HttpBody for InTurn {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
