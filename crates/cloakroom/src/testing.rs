//! For tests of applications: a logged-in user's headers, and a clock that can be set.
//!
//! ```
//! # use axum::{Router, body::Body, http::Request, routing::get};
//! # use tower::ServiceExt;
//! use cloakroom::{Cloakroom, CurrentUser, User, testing};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let clock = testing::clock();
//! let cloakroom = Cloakroom::memory().clock(clock.clone()).open().await.unwrap();
//! let app = Router::new()
//!     .route("/", get(|user: CurrentUser| async move { user.name }))
//!     .layer(cloakroom.layer());
//!
//! let alice = testing::log_in(&cloakroom, User::new("alice").unwrap()).await;
//! let mut request = Request::get("/").body(Body::empty()).unwrap();
//! request.headers_mut().extend(alice.clone());
//! assert_eq!(app.clone().oneshot(request).await.unwrap().status(), 200);
//!
//! clock.advance(std::time::Duration::from_secs(25 * 3600));
//! let mut request = Request::get("/").body(Body::empty()).unwrap();
//! request.headers_mut().extend(alice);
//! assert_eq!(app.oneshot(request).await.unwrap().status(), 401);
//! # }
//! ```

use std::sync::Arc;

use cloakroom_core::{ClientInfo, Login, ManualClock, SessionToken};
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::Cloakroom;

/// A clock that stands until it is advanced; give it to [`Builder::clock`](crate::Builder::clock).
pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::default())
}

/// Logs a user in and returns the headers that a browser with that login would send from a page
/// of the application itself.
///
/// # Panics
/// When the store fails, the user's session limit is reached, or the cookie name is no header
/// text.
pub async fn log_in(cloakroom: &Cloakroom, login: impl Into<Login>) -> HeaderMap {
    let issued = cloakroom.sessions().log_in(login, ClientInfo::default(), None).await;
    let issued = issued.expect("a test can log its user in");
    headers(cloakroom, &issued.token)
}

/// The headers that a browser holding `token` would send.
///
/// # Panics
/// When the cookie name is no header text.
pub fn headers(cloakroom: &Cloakroom, token: &SessionToken) -> HeaderMap {
    let cookie = format!("{}={}", cloakroom.cookie().name(), token.reveal());
    let mut cookie = HeaderValue::try_from(cookie).expect("cookie names and tokens are ASCII");
    cookie.set_sensitive(true);
    let same_origin = HeaderValue::from_static("same-origin");
    let mut headers = HeaderMap::new();
    headers.insert(COOKIE, cookie);
    headers.insert("sec-fetch-site", same_origin);
    headers
}
