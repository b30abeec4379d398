use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::{FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::LoginRejection;
use crate::CurrentUser;

/// A layer that lets only logged-in users through; put it inside the session layer, with
/// `route_layer`.
pub fn require_login() -> RequireLogin<()> {
    RequireLogin { inner: (), group: None }
}

/// A layer that lets only members of `group` through. Others who are logged in get 403.
pub fn require_group(group: impl Into<String>) -> RequireLogin<()> {
    RequireLogin { inner: (), group: Some(group.into()) }
}

/// What [`require_login`] and [`require_group`] make: the layer, and around a service the
/// service.
#[derive(Clone, Debug)]
pub struct RequireLogin<S> {
    inner: S,
    group: Option<String>,
}

impl<S> Layer<S> for RequireLogin<()> {
    type Service = RequireLogin<S>;

    fn layer(&self, inner: S) -> RequireLogin<S> {
        RequireLogin { inner, group: self.group.clone() }
    }
}

impl<S> Service<Request> for RequireLogin<S>
where
    S: Service<Request, Error = Infallible> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        let group = self.group.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let user = CurrentUser::from_request_parts(&mut parts, &()).await;
            let user = match user {
                Ok(user) => user,
                Err(rejection) => return Ok(rejection.into_response()),
            };
            if group.is_some_and(|group| !user.is_in(&group)) {
                return Ok(LoginRejection::forbidden().into_response());
            }
            let response = inner.call(Request::from_parts(parts, body)).await?;
            Ok(response.into_response())
        })
    }
}
