use std::ops::Deref;
use std::time::Duration;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::StatusCode;
use http::request::Parts;

use super::LoginRejection;
use crate::{CurrentUser, Error, Problem, Session};

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        parts.extensions.get::<Self>().cloned().ok_or(Error::NoLayer)
    }
}

impl<S: Sync> FromRequestParts<S> for CurrentUser {
    type Rejection = LoginRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, LoginRejection> {
        let session = <Session as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        match session.user().await? {
            Some(user) => Ok(user),
            None => Err(LoginRejection::of_parts(&session.shared().config, parts)),
        }
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for CurrentUser {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Error> {
        let session = <Session as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        session.user().await
    }
}

/// A user who proved who they are within the last `MINUTES` minutes (step-up). Others get 401
/// with the code `recent-login-required`, or the login page in a browser.
#[derive(Clone, Debug)]
pub struct RecentLogin<const MINUTES: u64>(pub CurrentUser);

impl<const MINUTES: u64> Deref for RecentLogin<MINUTES> {
    type Target = CurrentUser;

    fn deref(&self) -> &CurrentUser {
        &self.0
    }
}

impl<S: Sync, const MINUTES: u64> FromRequestParts<S> for RecentLogin<MINUTES> {
    type Rejection = LoginRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, LoginRejection> {
        let user = <CurrentUser as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        let session = <Session as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        let age = session.sessions().now().since(user.authenticated_at);
        if age < Duration::from_secs(MINUTES * 60) {
            return Ok(Self(user));
        }
        Err(match LoginRejection::of_parts(&session.shared().config, parts) {
            login @ LoginRejection::Login(_) => login,
            _ => LoginRejection::Problem(Problem::new(
                StatusCode::UNAUTHORIZED,
                "recent-login-required",
                "This needs a recent login: log in again and repeat the request.",
            )),
        })
    }
}
