//! Where the server is, and whether it can be used at all.

use redis::io::tcp::TcpSettings;
use redis::{Client, ConnectionAddr, IntoConnectionInfo};
use rustls::crypto::aws_lc_rs;

use crate::{OpenError, Options, Product, ServerFacts};

/// A client, and where its server is, without a password.
pub(crate) struct Address {
    pub(crate) client: Client,
    pub(crate) server: String,
}

fn check_prefix(prefix: &str) -> Result<(), OpenError> {
    let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}');
    match (1..=64).contains(&prefix.len()) && prefix.bytes().all(fits) {
        true => Ok(()),
        false => Err(OpenError::Prefix),
    }
}

impl Address {
    pub(crate) fn of(options: &Options) -> Result<Self, OpenError> {
        check_prefix(&options.prefix)?;
        let invalid =
            |error: redis::RedisError| OpenError::Address { reason: error.category().to_owned() };
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
            tls @ ConnectionAddr::TcpTls { .. } => format!("{tls} (by TLS)"),
            other => other.to_string(),
        };
        Ok(Self { client: Client::open(info).map_err(invalid)?, server })
    }
}

/// Why the first connection did not come about.
pub(crate) fn refused(server: &str, reason: String) -> OpenError {
    let server = server.to_owned();
    let mut is_login = ["(NOAUTH)", "(WRONGPASS)"].iter();
    match is_login.any(|word| reason.contains(word)) {
        true => OpenError::Login { server, reason },
        false => OpenError::Unreachable { server, reason },
    }
}

/// Whether a server that answers can be used.
pub(crate) fn check(facts: &ServerFacts, server: &str) -> Result<(), OpenError> {
    let server = server.to_owned();
    if facts.is_old && facts.product == Product::Redis {
        return Err(OpenError::Old { server, found: facts.version.clone() });
    }
    if facts.is_replica {
        return Err(OpenError::Replica { server });
    }
    Ok(())
}
