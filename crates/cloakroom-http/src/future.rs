use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::{CACHE_CONTROL, SET_COOKIE, VARY};
use http::{HeaderValue, Response};

use crate::session::{Outgoing, Seen, Session};

type Renewal = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The future of [`SessionService`](crate::SessionService).
///
/// When the handler has answered, it renews a credential that is due and writes the headers; a
/// request that did not touch its session passes untouched.
pub struct ResponseFuture<F, R>(Stage<F, R>);

enum Stage<F, R> {
    Refused(Option<Response<R>>),
    // Boxed so that the whole future is Unpin without unsafe code.
    Running(Pin<Box<F>>, Session),
    Renewing(Option<Response<R>>, Renewal, Session),
}

impl<F, R> ResponseFuture<F, R> {
    pub(crate) fn refused(response: Response<R>) -> Self {
        Self(Stage::Refused(Some(response)))
    }

    pub(crate) fn running(future: F, session: Session) -> Self {
        Self(Stage::Running(Box::pin(future), session))
    }
}

// Nothing in it is pinned in place: the handler's future is behind a box.
impl<F, R> Unpin for ResponseFuture<F, R> {}

impl<F, R, E> Future for ResponseFuture<F, R>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<R>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let stage = &mut self.get_mut().0;
        loop {
            match stage {
                Stage::Refused(response) => return Poll::Ready(Ok(taken(response))),
                Stage::Running(handler, session) => {
                    let mut response = ready!(handler.as_mut().poll(context))?;
                    match session.due() {
                        Some(renewal) => {
                            *stage = Stage::Renewing(Some(response), renewal, session.clone());
                        }
                        None => {
                            session.finish(&mut response);
                            return Poll::Ready(Ok(response));
                        }
                    }
                }
                Stage::Renewing(response, renewal, session) => {
                    ready!(renewal.as_mut().poll(context));
                    let mut response = taken(response);
                    session.finish(&mut response);
                    return Poll::Ready(Ok(response));
                }
            }
        }
    }
}

fn taken<R>(response: &mut Option<Response<R>>) -> Response<R> {
    response
        .take()
        .expect("a future is not polled after it is ready")
}

impl<F, R> fmt::Debug for ResponseFuture<F, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ResponseFuture")
    }
}

impl Session {
    /// The renewal that this answer should carry, if the credential came in a cookie, its session
    /// was used, and nothing else is being done to the cookie.
    fn due(&self) -> Option<Renewal> {
        let shared = self.shared();
        let state = shared.state();
        let (Some(Seen::Valid(live)), Outgoing::Nothing) = (&state.seen, &state.outgoing) else {
            return None;
        };
        if !shared.credentials.by_cookie || !shared.sessions.is_renewal_due(live) {
            return None;
        }
        let (session, live) = (self.clone(), live.clone());
        drop(state);
        Some(Box::pin(async move { session.offer_renewal(live).await }))
    }

    async fn offer_renewal(&self, live: cloakroom_core::Live) {
        let shared = self.shared();
        match shared.sessions.renew(&live).await {
            Ok(Some(token)) => {
                shared.state().outgoing = Outgoing::Set(token, shared.max_age(&live));
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(error = ?error, "a credential could not be renewed yet"),
        }
    }

    /// Closes the session to further changes of the cookie and writes the headers.
    fn finish<R>(&self, response: &mut Response<R>) {
        let shared = self.shared();
        let mut state = shared.state();
        state.closed = true;
        let cookie = match &state.outgoing {
            Outgoing::Nothing if !state.read => return,
            Outgoing::Nothing => None,
            Outgoing::Set(token, max_age) => Some(shared.config.cookie.set(token, *max_age)),
            Outgoing::Clear => Some(shared.config.cookie.clear()),
        };
        let headers = response.headers_mut();
        if let Some(cookie) = cookie {
            headers.append(SET_COOKIE, cookie);
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.append(VARY, HeaderValue::from_static("Cookie"));
    }
}
