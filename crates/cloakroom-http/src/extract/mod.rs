//! Extractors and layers for axum.

mod app_user;
mod rejection;
mod require;
mod session;

pub use app_user::{AppUser, LoadUser};
pub use rejection::LoginRejection;
pub use require::{RequireLogin, require_group, require_login};
pub use session::RecentLogin;
