//! What happens around every route.

mod headers;
mod host;
mod pages;

pub use headers::secure;
pub use host::check_host;
pub use pages::{PageError, draw_errors};
