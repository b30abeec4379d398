use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpSocket, UnixListener, UnixSocket};
use tokio::sync::watch;

use super::accept::serve;
use super::{House, told_to_stop};
use crate::config::Listen;

/// How long requests under way may take to finish when the server stops.
const LONGEST_STOP: Duration = Duration::from_secs(10);

/// Connections that may come at once before they are looked at. One more is not heard of, and its
/// client tries again after a second; the kernel may allow fewer (`net.core.somaxconn`).
const BACKLOG: u32 = 4_096;

/// An address or a socket that is bound.
#[derive(Debug)]
pub enum Listening {
    /// An address and port.
    Tcp(TcpListener),
    /// A Unix socket and its path.
    Unix(UnixListener, PathBuf),
}

impl Listening {
    /// Binds it.
    ///
    /// # Errors
    /// Says what is in the way.
    pub async fn bind(listen: &Listen) -> Result<Self> {
        match listen {
            Listen::Tcp(address) => {
                let bound = bind_tcp(*address);
                let bound = bound.with_context(|| {
                    format!(
                        "cannot listen on {address}; if the port is in use, choose another with \
                         --listen (make run PORT=…)"
                    )
                })?;
                Ok(Self::Tcp(bound))
            }
            Listen::Unix(path) => Ok(Self::Unix(bind_unix(path).await?, path.clone())),
        }
    }

    /// Serves until told to stop, then lets requests under way finish for a while.
    pub async fn serve(self, house: House, stopped: watch::Receiver<bool>) {
        match self {
            Self::Tcp(listener) => {
                unless_too_slow(serve(listener, house, stopped.clone()), stopped).await;
            }
            Self::Unix(listener, path) => {
                unless_too_slow(serve(listener, house, stopped.clone()), stopped).await;
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // As after a stop connections of before may linger.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Replaces the socket of a server that is gone, never one that answers.
async fn bind_unix(path: &Path) -> Result<UnixListener> {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    if tokio::net::UnixStream::connect(path).await.is_ok() {
        anyhow::bail!("another server listens on {}", path.display());
    }
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path)?,
        Ok(_) => anyhow::bail!("{} is there and is no socket", path.display()),
        Err(_) => {}
    }
    let bound = UnixSocket::new_stream().and_then(|socket| {
        socket.bind(path)?;
        socket.listen(BACKLOG)
    });
    let bound = bound.with_context(|| format!("cannot listen on {}", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(bound)
}

/// A client that sends or reads slowly must not keep the server from stopping.
async fn unless_too_slow(served: impl Future<Output = ()>, mut stopped: watch::Receiver<bool>) {
    let too_slow = async {
        told_to_stop(&mut stopped).await;
        tokio::time::sleep(LONGEST_STOP).await;
    };
    tokio::select! {
        () = served => {}
        () = too_slow => {
            tracing::warn!("some requests did not finish within {LONGEST_STOP:?} and were cut");
        }
    }
}
