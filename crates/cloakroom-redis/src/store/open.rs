use std::sync::{Arc, Mutex};

use cloakroom_core::{Bucket, SessionId, Timestamp};
use redis::io::tcp::TcpSettings;
use redis::{Client, ConnectionAddr, IntoConnectionInfo};
use rustls::crypto::aws_lc_rs;
use tokio::runtime::Handle;
use tracing::warn;

use super::RedisStore;
use crate::calls::Calls;
use crate::connection::Keeper;
use crate::keys::{Keys, Part};
use crate::options::Options;
use crate::server::ServerFacts;
use crate::{OpenError, Product};

impl RedisStore {
    /// Connects to the server at `url`; see [`Options::new`] for its form.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        Self::open_with(Options::new(url)).await
    }

    /// Connects as `options` say, and warns in the log of what the server does not keep.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub async fn open_with(options: Options) -> Result<Self, OpenError> {
        check_prefix(&options.prefix)?;
        let (client, server) = client(&options)?;
        let connecting =
            Keeper::connect(client, options.connect_timeout, options.response_timeout).await;
        let keeper = connecting.map_err(|fault| refused(&server, fault.text().to_string()))?;
        let facts = keeper.last_link().map(|link| link.facts.clone());
        let facts = facts.ok_or_else(|| OpenError::Unreachable {
            server: server.clone(),
            reason: "the connection was lost at once".to_owned(),
        })?;
        check(&facts, &server, options.require_durable)?;
        for warning in &facts.warnings {
            warn!(server, "{warning}");
        }
        let calls = Arc::new(Calls {
            keeper,
            keys: Keys::new(&options.prefix),
            runtime: Handle::current(),
            incarnation: fresh_incarnation(),
            checks_keys: options.checks_keys,
        });
        begin(&calls).await.map_err(|reason| OpenError::Unreachable { server, reason })?;
        Ok(Self { calls, seen: Arc::new(Mutex::new(facts)) })
    }
}

/// Gives every bucket an incarnation.
async fn begin(calls: &Calls) -> Result<(), String> {
    let mut commands = redis::pipe();
    for bucket in Bucket::all() {
        let meta = calls.keys.of(bucket, Part::Meta);
        commands.cmd("HSETNX").arg(meta).arg("incarnation").arg(&calls.incarnation);
    }
    let begun = calls.send_all(&commands).await;
    begun.map(drop).map_err(|fault| fault.text().to_string())
}

fn fresh_incarnation() -> String {
    // Any text that no other life of the keys has.
    SessionId::new(None, Timestamp::default()).to_string()
}

fn check_prefix(prefix: &str) -> Result<(), OpenError> {
    let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}');
    match (1..=64).contains(&prefix.len()) && prefix.bytes().all(fits) {
        true => Ok(()),
        false => Err(OpenError::Prefix),
    }
}

/// The client, and where the server is, without a password.
fn client(options: &Options) -> Result<(Client, String), OpenError> {
    let invalid = |error: redis::RedisError| OpenError::Address {
        reason: error.category().to_owned(),
    };
    // A program that has chosen a provider keeps it.
    let _ = aws_lc_rs::default_provider().install_default();
    let mut info = options.url.as_str().into_connection_info().map_err(invalid)?;
    let mut login = info.redis_settings().clone();
    if let Some(password) = &options.password {
        login = login.set_password(password);
    }
    info = info.set_redis_settings(login);
    info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
    let server = match info.addr() {
        ConnectionAddr::Unix(path) => path.display().to_string(),
        other => other.to_string(),
    };
    Ok((Client::open(info).map_err(invalid)?, server))
}

fn refused(server: &str, reason: String) -> OpenError {
    let server = server.to_owned();
    let is_login = ["(NOAUTH)", "(WRONGPASS)", "authentication"].iter();
    match is_login.clone().any(|word| reason.contains(word)) {
        true => OpenError::Login { server, reason },
        false => OpenError::Unreachable { server, reason },
    }
}

fn check(facts: &ServerFacts, server: &str, require_durable: bool) -> Result<(), OpenError> {
    let server = server.to_owned();
    if facts.is_old && facts.product == Product::Redis {
        return Err(OpenError::Old { server, found: facts.version.clone() });
    }
    if facts.is_replica {
        return Err(OpenError::Replica { server });
    }
    if require_durable && !facts.warnings.is_empty() {
        return Err(OpenError::NotDurable { server, reasons: facts.warnings.clone() });
    }
    Ok(())
}
