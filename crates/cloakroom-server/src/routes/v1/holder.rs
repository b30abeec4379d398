use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::problem::ApiError;
use crate::api_keys::{ApiKeyRow, Scope};
use crate::app::SharedApp;
use crate::events;

/// A scope that a call needs.
pub(super) trait Needed: Send {
    const SCOPE: Option<Scope>;
}

macro_rules! needed {
    ($($name:ident = $scope:expr;)*) => { $(
        /// Needs this scope.
        pub(super) struct $name;

        impl Needed for $name {
            const SCOPE: Option<Scope> = $scope;
        }
    )* };
}

needed! {
    AnyScope = None;
    SessionsEnd = Some(Scope::SessionsEnd);
    SessionsRead = Some(Scope::SessionsRead);
    SessionsWrite = Some(Scope::SessionsWrite);
    UsersRead = Some(Scope::UsersRead);
    UsersWrite = Some(Scope::UsersWrite);
}

/// The application that calls, whose API key has the scope `S`.
pub(super) struct Holder<S> {
    pub(super) key: ApiKeyRow,
    scope: PhantomData<S>,
}

impl<S> Holder<S> {
    /// Who ended a session when the call does not say.
    pub(super) fn name(&self) -> String {
        format!("api:{}", self.key.name)
    }
}

impl<S: Needed> FromRequestParts<SharedApp> for Holder<S> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, ApiError> {
        let found = match bearer(&parts.headers) {
            Some(presented) => {
                app.api_keys.check(presented, app.cloakroom.sessions().now()).await?
            }
            None => None,
        };
        let Some(key) = found else {
            events::access_refused(None, "api_key");
            return Err(ApiError::key_required());
        };
        let holder = Self { key, scope: PhantomData };
        events::acting(&holder.name());
        match S::SCOPE {
            Some(scope) if !holder.key.scopes.contains(&scope) => {
                events::access_refused(None, scope.as_str());
                Err(ApiError::insufficient_scope(scope))
            }
            _ => Ok(holder),
        }
    }
}

/// The one bearer token (RFC 6750 section 2.1); several are refused.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, more) = (values.next()?, values.next());
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    (more.is_none() && scheme.eq_ignore_ascii_case("bearer")).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, value.parse().unwrap())).collect()
    }

    #[test]
    fn exactly_one_bearer_token_is_taken() {
        assert_eq!(bearer(&headers(&["Bearer abc"])), Some("abc"));
        assert_eq!(bearer(&headers(&["bearer abc"])), Some("abc"));
        for bad in [&[][..], &["Bearer"], &["Basic abc"], &["Bearer a", "Bearer b"]] {
            assert_eq!(bearer(&headers(bad)), None, "{bad:?}");
        }
    }
}
