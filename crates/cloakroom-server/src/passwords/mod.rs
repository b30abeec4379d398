//! Passwords: the secret itself, what a new one must be, and a pool of threads that hashes.
//!
//! Hashing is slow on purpose, so it runs on few threads of low priority behind a bounded queue:
//! what does not fit is refused at once, before anything is looked up.

mod argon;
mod blocked;
mod gauge;
mod policy;
mod pool;
mod queue;
mod secret;
mod stored;
mod verified;

pub use argon::{Argon, HashError, Hashing};
pub use gauge::Load;
pub use policy::{MAX_BYTES, PasswordPolicy, Weakness};
pub use pool::{Busy, Permit, Pool, PoolError, PoolOptions};
pub use secret::Password;
pub use stored::{StoredHash, UnusableHash};
pub use verified::Verified;
