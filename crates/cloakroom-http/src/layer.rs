use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use cloakroom_core::Sessions;
use http::{Request, Response, StatusCode};
use tower_layer::Layer;
use tower_service::Service;

use crate::carrier::credentials;
use crate::client::Client;
use crate::csrf::{check_same_origin, is_safe};
use crate::session::{Session, Shared};
use crate::{HttpConfig, Problem, ResponseFuture};

/// Puts a lazy [`Session`] into the extensions of every request, refuses cross-site requests
/// that would change something, and writes the cookie that a handler's calls asked for.
#[derive(Clone, Debug)]
pub struct SessionLayer {
    sessions: Sessions,
    config: Arc<HttpConfig>,
}

impl SessionLayer {
    /// A layer over these sessions.
    pub fn new(sessions: Sessions, config: HttpConfig) -> Self {
        Self { sessions, config: Arc::new(config) }
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> SessionService<S> {
        SessionService { inner, layer: self.clone() }
    }
}

/// The service that [`SessionLayer`] makes.
#[derive(Clone)]
pub struct SessionService<S> {
    inner: S,
    layer: SessionLayer,
}

impl<S> fmt::Debug for SessionService<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SessionService").finish_non_exhaustive()
    }
}

impl<S, B, R> Service<Request<B>> for SessionService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, R>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if let Some(refusal) = self.layer.refusal(&request) {
            return ResponseFuture::refused(refusal.into_http());
        }
        let session = self.layer.session(&request);
        request.extensions_mut().insert(session.clone());
        ResponseFuture::running(self.inner.call(request), session)
    }
}

impl SessionLayer {
    fn refusal<B>(&self, request: &Request<B>) -> Option<Problem> {
        let (method, uri) = (request.method(), request.uri());
        let trusted = &self.config.trusted_origins;
        let refusal = check_same_origin(method, uri, request.headers(), trusted).err()?;
        tracing::info!(%method, path = uri.path(), "refused a cross-site request");
        Some(Problem::new(StatusCode::FORBIDDEN, "cross-site-request", refusal.to_string()))
    }

    fn session<B>(&self, request: &Request<B>) -> Session {
        let (headers, extensions) = (request.headers(), request.extensions());
        Session::new(Shared::new(
            self.sessions.clone(),
            Arc::clone(&self.config),
            credentials(headers, self.config.cookie.name()),
            Client::of(headers, extensions, self.config.client_address),
            is_safe(request.method()),
        ))
    }
}
