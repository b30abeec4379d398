//! How a command gets its order carried out.

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::socket::{LONGEST_IMPORT, line_of, path_in, read_line};
use super::{Order, Reply, carry_out};
use crate::app::{App, SESSION_KEY, SharedApp};
use crate::config::{Config, DatabaseAt, Strategy};
use crate::sql::EMBEDDED;

/// Longest reply, in bytes: a page of sessions whose users have thousands of groups fits.
const LONGEST_REPLY: usize = 16 * 1024 * 1024;
/// Ending a million sessions takes its time.
const PATIENCE: Duration = Duration::from_secs(120);
/// Files in the data directory by which a command knows that a server was there. Its database may
/// be elsewhere.
const SIGNS: [&str; 2] = [SESSION_KEY, EMBEDDED];

/// Who carries out the orders of a command.
#[derive(Debug)]
pub enum Operator {
    /// This process, on the database.
    Direct(SharedApp),
    /// The running server, by its socket.
    Server(PathBuf),
}

/// What a command opens itself, without passwords.
fn place(config: &Config) -> String {
    let database = match &config.database.url {
        DatabaseAt::Embedded => "its database".to_owned(),
        elsewhere => elsewhere.to_string(),
    };
    match config.server.strategy {
        Strategy::Redis => format!("{database} and {}", config.redis.url),
        _ => database,
    }
}

impl Operator {
    /// Finds the server that runs on the data directory; while there is none, opens the database
    /// and says so on standard error. Makes nothing: that is for `serve`.
    ///
    /// # Errors
    /// When nothing is in the data directory, or this user may not use what is.
    pub async fn find(config: Config) -> Result<Self> {
        let data = config.server.data.clone();
        check(&data)?;
        let Some(socket) = path_in(&data) else {
            say(&format!(
                "the path {} is too long for a server's socket; opening {} directly",
                data.display(),
                place(&config)
            ));
            return Self::directly(config).await;
        };
        match UnixStream::connect(&socket).await {
            Ok(_) => Ok(Self::Server(socket)),
            Err(error) if nobody_answers(&error) => {
                say(&format!(
                    "no server is running on {}; opening {} directly",
                    data.display(),
                    place(&config)
                ));
                Self::directly(config).await
            }
            Err(error) => {
                let failed = format!("cannot reach the server at {}", socket.display());
                Err(error).context(failed)
            }
        }
    }

    /// Sessions in memory are where the server is. What the last one saved is for the next one
    /// alone: it is taken by who opens it.
    async fn directly(config: Config) -> Result<Self> {
        if config.server.strategy == Strategy::Memory {
            bail!(
                "sessions are in the memory of the server, so commands need it: start it with \
                 `cloakroom serve --data {}` and run this again",
                config.server.data.display()
            );
        }
        let data = &config.server.data;
        if config.database.url == DatabaseAt::Embedded && !data.join(EMBEDDED).exists() {
            bail!(
                "there is no {EMBEDDED} in {}: its server keeps users and sessions elsewhere, \
                 so a command needs the settings it has (`database.url`, `strategy`, and so on)",
                data.display()
            );
        }
        let app = App::open(config).await?;
        app.place.check().await?;
        Ok(Self::Direct(app))
    }

    /// Has an order carried out.
    ///
    /// # Errors
    /// What [`Reply::Failed`] and [`Reply::NotFound`] say; or the server does not answer.
    pub async fn order(&self, order: Order) -> Result<Reply> {
        let reply = match self {
            Self::Direct(app) => carry_out(app, order).await,
            Self::Server(socket) => {
                let answer = timeout(PATIENCE, exchange(socket, &order)).await;
                answer.map_err(|_| {
                    anyhow!(
                        "the server did not answer within {} s; whether it did it is unknown",
                        PATIENCE.as_secs()
                    )
                })??
            }
        };
        match reply {
            Reply::Failed { message } | Reply::NotFound { message } => Err(anyhow!(message)),
            reply => Ok(reply),
        }
    }
}

/// A reply that is no answer to the order, from a server of another version.
pub fn unexpected(reply: &Reply) -> anyhow::Error {
    tracing::debug!(?reply, "a reply of the wrong kind");
    anyhow!(
        "the server gave an answer that this command (version {}) does not understand",
        env!("CARGO_PKG_VERSION")
    )
}

/// Checks that a server was in this directory.
///
/// # Errors
/// Nothing is there, or it is another user's.
pub fn check(data: &Path) -> Result<()> {
    let shown = data.display();
    if SIGNS.iter().any(|sign| data.join(sign).exists()) {
        return Ok(());
    }
    match std::fs::metadata(data.join(EMBEDDED)) {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            bail!(
                "nothing at {shown} yet; start the server with `cloakroom serve --data {shown}`, \
                 or name its data directory with --data"
            )
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => bail!(
            "{shown} belongs to another user; run this as the user who runs the server, or as root"
        ),
        Err(error) => Err(error).with_context(|| format!("cannot look into {shown}")),
    }
}

fn nobody_answers(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused)
}

/// Each order has a connection of its own, so that a reader who pauses holds none open.
async fn exchange(socket: &Path, order: &Order) -> Result<Reply> {
    let line = line_of(order)?;
    if line.len() > LONGEST_IMPORT {
        bail!("this is more than the server takes at once; split it into several files");
    }
    let connected = UnixStream::connect(socket).await;
    let (reader, mut writer) = connected.context("the server went away")?.into_split();
    // Where it is refused unread, the answer says why.
    let _ = writer.write_all(&line).await;
    let read = read_line(&mut BufReader::new(reader), LONGEST_REPLY).await;
    let line = read.ok().flatten();
    let line = line.context("the server went away; whether it did what was asked is unknown")?;
    serde_json::from_slice(&line).context("the server gave an answer that cannot be read")
}

fn say(line: &str) {
    // It is only a remark; nobody may be reading.
    let _ = writeln!(io::stderr(), "{line}");
}
