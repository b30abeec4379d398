//! The library as an application uses it: axum routers, browsers with a cookie jar, no sockets.
//!
//! Tests run on every store; each law has tests whose comment begins with its number.

mod support;

mod cookie;
