//! What happens around every route.

mod body;
mod finish;
mod head;
mod headers;
mod host;
mod pages;
mod panic;
mod time;

pub use body::whole_body;
pub use finish::finish;
pub use head::bounded_head;
pub use headers::secure;
pub use host::check_host;
pub use pages::{PageError, draw_errors};
pub use panic::survive;
pub use time::in_time;
