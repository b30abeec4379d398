use std::error::Error as StdError;
use std::future::Future;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use cloakroom_core::{StoreError, UserId};
use http::request::Parts;

use super::LoginRejection;
use crate::{CurrentUser, Error, Session};

/// Implemented by the application's state: how its own user row is found.
pub trait LoadUser: Send + Sync {
    /// The application's user row.
    type User: Send;
    /// What can go wrong.
    type Error: StdError + Send + Sync + 'static;

    /// The row of a logged-in user; `None` when there is none any more, which counts as not
    /// logged in.
    fn load_user(
        &self,
        id: &UserId,
    ) -> impl Future<Output = Result<Option<Self::User>, Self::Error>> + Send;
}

/// The application's own row of the logged-in user. Rejects as [`CurrentUser`] does; a failure
/// to load it is answered with 503, as nothing is then known about the user.
#[derive(Clone, Debug)]
pub struct AppUser<U>(pub U);

impl<U> Deref for AppUser<U> {
    type Target = U;

    fn deref(&self) -> &U {
        &self.0
    }
}

impl<S: LoadUser> FromRequestParts<S> for AppUser<S::User> {
    type Rejection = LoginRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, LoginRejection> {
        let user = <CurrentUser as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        let session = <Session as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        match state.load_user(&user.id).await {
            Ok(Some(row)) => Ok(Self(row)),
            Ok(None) => Err(LoginRejection::of_parts(&session.shared().config, parts)),
            Err(error) => Err(Error::from(StoreError::failed("load the user", error)).into()),
        }
    }
}
