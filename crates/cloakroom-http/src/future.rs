use cloakroom_core::Chain;
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

/// Also when the handler failed or the client went away: no credential can reach it any more.
impl<F, R> Drop for ResponseFuture<F, R> {
    fn drop(&mut self) {
        if let Stage::Running(_, session) | Stage::Renewing(_, _, session) = &self.0 {
            session.shared().state().closed = true;
        }
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
    response.take().expect("a future is not polled after it is ready")
}

impl<F, R> fmt::Debug for ResponseFuture<F, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ResponseFuture")
    }
}

impl Session {
    /// The renewal that this answer should carry, if the credential came in a cookie, its session
    /// was used, and nothing else is being done to the cookie. Beside a bearer token of ours there
    /// is none: the bearer could not follow, and its next use would look like theft.
    fn due(&self) -> Option<Renewal> {
        let shared = self.shared();
        let state = shared.state();
        let (Some(Seen::Valid(live)), Outgoing::Nothing) = (&state.seen, &state.outgoing) else {
            return None;
        };
        let (sessions, bearer) = (&shared.sessions, shared.credentials.bearer.as_deref());
        let by_bearer = bearer.is_some_and(|bearer| sessions.named_by(bearer).is_some());
        let by_cookie = shared.config.renewal && shared.credentials.by_cookie;
        if !by_cookie || by_bearer || !sessions.is_renewal_due(live, shared.started_at) {
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
                let (max_age, mut state) = (shared.max_age(&live), shared.state());
                // A task of the handler's may have logged out or in meanwhile, which counts more.
                if matches!(state.outgoing, Outgoing::Nothing) {
                    state.outgoing = Outgoing::Set(token, max_age);
                }
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "a credential could not be renewed yet")
            }
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
