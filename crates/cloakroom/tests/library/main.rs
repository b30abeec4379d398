//! The library as an application uses it: axum routers, browsers with a cookie jar, no sockets.
//!
//! Tests run on every store; each law has tests whose comment begins with its number.
#![expect(clippy::unwrap_used, reason = "a test that finds nothing there has failed")]

mod support;

mod cancelled;
mod cookie;
mod counting;
mod csrf;
mod data;
mod extract;
mod lifetimes;
mod login;
mod observing;
mod outage;
mod races;
mod readme;
mod renewal;
mod repeated;
mod secrets;
mod stale;
mod sweeping;
mod updates;
