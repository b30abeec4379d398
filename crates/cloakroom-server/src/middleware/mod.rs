//! What happens around every route.

mod body;
mod finish;
mod headers;
mod host;
mod pages;

pub use body::whole_body;
pub use finish::finish;
pub use headers::secure;
pub use host::check_host;
pub use pages::{PageError, draw_errors};
