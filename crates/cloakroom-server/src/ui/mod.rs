//! What people see: every page as a template and a plain view model.
//!
//! A page knows nothing of stores, requests or configuration: the routes fill its fields and
//! render it. Everything a person typed or a client sent is escaped by the templates. The pages
//! work without script and carry no inline script, style or event attribute, so the strictest
//! content security policy holds for all of them.
//!
//! Serve them with `Referrer-Policy: same-origin`. Under `no-referrer` browsers send
//! `Origin: null` with every form, which the check of the origin must refuse.

pub mod account;
pub mod admin;
pub mod api;
pub mod assets;
pub mod device;
pub mod error;
pub mod forms;
pub mod layout;
pub mod login;
pub mod moment;
pub mod notice;
pub mod paging;
pub mod reason;
pub mod setup;
pub mod tries;
pub mod users;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use account::{AccountPage, ConfirmPage, DeviceRow, PasswordPage, Profile};
pub use admin::{AdminPage, Counts, EndedPage, EndedRow, Exception, Person, SessionRow, Strategy};
pub use device::Device;
pub use error::{ErrorKind, ErrorPage};
pub use forms::{Field, Secret};
pub use layout::{Layout, Nav, Viewer};
pub use login::{LoggedOutPage, LoginPage, LoginProblem, LogoutPage};
pub use moment::Moment;
pub use notice::{Notice, Tone};
pub use paging::Paging;
pub use reason::Reason;
pub use setup::{PasswordLinkPage, SetupPage};
pub use users::{AddUser, OneTimeLink, UserRow, UsersPage};
