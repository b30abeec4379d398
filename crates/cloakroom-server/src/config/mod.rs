//! What the server was told to do: defaults < one TOML file < environment < flags.
//!
//! One table (`table.rs`) says every setting's key, default, meaning and allowed values; it drives
//! reading, refusal, `config check` and the table in `docs/operations.md`. Every layer's values are
//! checked, also those a later layer overrides, and all problems are reported together.

mod apps;
mod cidr;
mod discover;
mod duration;
mod environment;
mod error;
mod file;
mod kind;
mod listen;
mod load;
mod metrics;
mod origin;
mod report;
mod rules;
mod secret;
mod setting;
mod settings;
mod stores;
mod suggest;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod value;

pub use apps::App;
pub use cidr::{Cidr, Peer, TrustedProxies};
pub use error::{ConfigErrors, Problem};
pub use listen::Listen;
pub use load::{Inputs, Loaded, Source, load};
pub use metrics::MetricsAt;
pub use origin::{Origin, OriginError, Scheme, origin_of};
pub use report::{check_report, settings_markdown};
pub use secret::Secret;
pub use settings::{
    Config, Cookie, Database, Limits, Log, LogFormat, LogLevel, Login, Memory, Metrics,
    PasswordLength, Redis, Server, Session, Store, Strategy, Sweep,
};
pub use stores::{DatabaseAt, RedisAt, Snapshot};
