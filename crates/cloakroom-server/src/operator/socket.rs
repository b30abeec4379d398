//! Where the running server takes orders: a Unix socket in its data directory. Only the server's
//! own user and root can reach it, and each connection is asked who it is besides.
//!
//! A connection carries lines of JSON: an [`Order`] there, a
//! [`Reply`] back, in turn.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Order, Reply, carry_out};
use crate::app::{App, SharedApp, make_directory};
use crate::events::by_operator;

const NAME: &str = "admin.sock";
/// As long as [`NAME`], so that it fits where that fits.
const DRAFT: &str = ".admin.new";
const LOCK: &str = "admin.lock";
/// Longest path of a Unix socket on Linux, in bytes.
const LONGEST_PATH: usize = 107;
/// Longest order, in bytes.
const LONGEST_ORDER: usize = 64 * 1024;
/// Longest order to import users, in bytes: some 200,000 of them.
pub(super) const LONGEST_IMPORT: usize = 64 * 1024 * 1024;
/// How such an order begins.
const IMPORT: &[u8] = br#"{"order":"user_import""#;
/// How long a connection may take to send an order, or to take a reply.
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections at once; more wait.
const MOST_CONNECTIONS: usize = 32;
const PAUSE_AFTER_FAULT: Duration = Duration::from_millis(100);

/// The socket of a data directory; `None` when its path is too long for one.
pub(super) fn path_in(data: &Path) -> Option<PathBuf> {
    let path = data.join(NAME);
    (path.as_os_str().as_bytes().len() <= LONGEST_PATH).then_some(path)
}

/// The bound socket.
#[derive(Debug)]
pub struct Door(Option<(UnixListener, SocketFile)>);

/// Removes the file when dropped.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Whoever finds it left behind sees that nobody answers.
        let _ = fs::remove_file(&self.0);
    }
}

/// The data directory is this server's until this is dropped: after the last of what is in memory
/// has been saved, or another server would begin without it.
#[derive(Debug)]
pub struct Claim(#[expect(dead_code, reason = "it is held, not read")] File);

/// Claims the data directory, making it if needed: before anything in it is opened, for what is
/// there may be in use by another server.
///
/// # Errors
/// When another server runs on the data directory, or it cannot be used.
pub fn claim(data: &Path) -> Result<Claim> {
    make_directory(data)?;
    lock(data).map(Claim)
}

/// Binds the socket in the data directory, in place of one that a dead server left. With a path
/// too long for a socket there is none, which the log says.
///
/// # Errors
/// When the socket cannot be made.
pub async fn bind(app: &App, _: &Claim) -> Result<Door> {
    let data = &app.config.server.data;
    let Some(path) = path_in(data) else {
        tracing::warn!(
            data = %data.display(), longest = LONGEST_PATH,
            "the path of the data directory is too long for a socket in it: commands will open \
             the database directly; a shorter --data avoids that"
        );
        return Ok(Door(None));
    };
    let bound = bind_at(&path, &data.join(DRAFT));
    let listener = bound.with_context(|| format!("cannot listen on {}", path.display()))?;
    Ok(Door(Some((listener, SocketFile(path)))))
}

/// The lock goes with the process however it dies, so it tells a live server from a dead one.
fn lock(data: &Path) -> Result<File> {
    let path = data.join(LOCK);
    let mut options = OpenOptions::new();
    let opened = options.write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = opened.with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "another server is running on the data directory {}; stop it, or choose another \
             directory with --data",
            data.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

/// Nobody finds the socket before its mode is right and it listens.
fn bind_at(path: &Path, draft: &Path) -> io::Result<UnixListener> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::other("something that is no socket is in its place"));
        }
        _ => {}
    }
    match fs::remove_file(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(draft)?;
    fs::set_permissions(draft, Permissions::from_mode(0o600))?;
    fs::rename(draft, path)?;
    Ok(listener)
}

/// Carries out orders until `shutdown`; then finishes those under way and removes the socket.
pub async fn serve(door: Door, app: SharedApp, shutdown: impl Future<Output = ()>) {
    let Door(Some((listener, file))) = door else { return shutdown.await };
    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept(), if connections.len() < MOST_CONNECTIONS => {
                match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(attend(stream, app.clone(), stopped.clone()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "accepting an operator's connection failed");
                        tokio::time::sleep(PAUSE_AFTER_FAULT).await;
                    }
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop((file, listener, stop));
    while connections.join_next().await.is_some() {}
}

async fn attend(stream: UnixStream, app: SharedApp, mut stopped: watch::Receiver<()>) {
    let peer = stream.peer_cred().map(|peer| peer.uid());
    let (reader, mut writer) = stream.into_split();
    if !peer.as_ref().is_ok_and(|peer| may_order(*peer, own_user())) {
        tracing::warn!(?peer, "an order from another user was refused");
        let message = "only the user who runs the server, or root, may give orders".to_owned();
        return send(&mut writer, &Reply::Failed { message }).await.unwrap_or(());
    }
    let mut reader = BufReader::new(reader);
    loop {
        let line = tokio::select! {
            line = timeout(PATIENCE, read_order(&mut reader)) => line,
            _ = stopped.changed() => return,
        };
        let Ok(Ok(Some(line))) = line else { return };
        let whole = line.len() <= longest(&line);
        if send(&mut writer, &answer(&app, line).await).await.is_err() || !whole {
            return;
        }
    }
}

fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn may_order(peer: u32, own: u32) -> bool {
    peer == own || peer == 0
}

fn longest(line: &[u8]) -> usize {
    if line.starts_with(IMPORT) { LONGEST_IMPORT } else { LONGEST_ORDER }
}

/// A line, cut at one byte more than its kind of order may have.
async fn read_order(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let Some(mut line) = read_line(reader, LONGEST_ORDER).await? else { return Ok(None) };
    let longest = longest(&line);
    if line.len() > LONGEST_ORDER && line.len() < longest {
        let rest = read_line(reader, longest - line.len()).await?;
        line.append(&mut rest.unwrap_or_default());
    }
    Ok(Some(line))
}

async fn answer(app: &SharedApp, line: Vec<u8>) -> Reply {
    let longest = longest(&line);
    if line.len() > longest {
        return Reply::Failed { message: format!("the order is longer than {longest} bytes") };
    }
    match decoded(line).await {
        Ok(order) => by_operator(carry_out(app, order)).await,
        Err(error) => Reply::Failed {
            message: format!(
                "the server (version {}) does not know this order: {error}",
                env!("CARGO_PKG_VERSION")
            ),
        },
    }
}

async fn decoded(line: Vec<u8>) -> serde_json::Result<Order> {
    if line.len() <= LONGEST_ORDER {
        return serde_json::from_slice(&line);
    }
    // It takes long enough to hold up requests that share this thread.
    let decoded = tokio::task::spawn_blocking(move || serde_json::from_slice(&line)).await;
    decoded.unwrap_or_else(|stopped| Err(serde::de::Error::custom(stopped)))
}

async fn send(writer: &mut OwnedWriteHalf, reply: &Reply) -> io::Result<()> {
    let line = line_of(reply)?;
    timeout(PATIENCE, writer.write_all(&line)).await?
}

/// A value as one line of JSON.
pub(super) fn line_of(value: &impl serde::Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

/// A line without its end, cut at one byte more than `longest`; `None` at the end of the stream.
pub(super) async fn read_line(
    reader: &mut (impl AsyncBufRead + Unpin),
    longest: usize,
) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let most = u64::try_from(longest).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(most).read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        return Ok(None);
    }
    line.pop_if(|last| *last == b'\n');
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_user_and_root_may_order() {
        assert!(may_order(1000, 1000) && may_order(0, 1000));
        assert!(!may_order(1001, 1000) && !may_order(1000, 0));
    }

    #[test]
    fn a_path_too_long_for_a_socket_has_none() {
        let fits = format!("/{}", "d".repeat(LONGEST_PATH - NAME.len() - 2));
        assert!(path_in(Path::new(&fits)).is_some());
        assert!(path_in(Path::new(&format!("{fits}d"))).is_none());
        assert_eq!(NAME.len(), DRAFT.len());
    }

    #[tokio::test]
    async fn lines_are_read_one_by_one_and_cut() {
        let mut reader = BufReader::new(&b"one\ntwo\nfar too long\n"[..]);
        for expected in ["one", "two", "far "] {
            let line = read_line(&mut reader, 3).await.unwrap().unwrap();
            assert_eq!(line, expected.as_bytes());
        }
        let mut nothing = BufReader::new(&b""[..]);
        assert!(read_line(&mut nothing, 3).await.unwrap().is_none());
    }
}
