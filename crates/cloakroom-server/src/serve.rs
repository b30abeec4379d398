//! The running server: from configuration to graceful shutdown.

use std::future::IntoFuture;
use std::io::{IsTerminal, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::app::{App, SharedApp};
use crate::config::{Listen, Loaded, MetricsAt};
use crate::events;
use crate::metrics::MetricsListener;
use crate::operator::socket;
use crate::peer::{Connection, Prompt};
use crate::{logging, routes};

/// How long requests under way may take to finish when the server stops.
const LONGEST_STOP: Duration = Duration::from_secs(10);

/// Where the set-up link is put when nobody looks at the output.
pub const SET_UP_FILE: &str = "setup-link";

/// Runs until SIGINT or SIGTERM; then finishes the requests under way and writes what is pending.
///
/// # Errors
/// Says what keeps the server from starting and what to do about it.
pub async fn run(loaded: Loaded) -> Result<()> {
    let config = loaded.config;
    logging::start(config.log);
    let listen = config.server.listen.clone();
    // Before anything is opened, so that a port in use is said at once.
    let listening = bind(&listen).await?;
    let metrics = match config.metrics.listen {
        MetricsAt::Listener(address) => Some(MetricsListener::bind(address).await?),
        MetricsAt::Local | MetricsAt::Off => None,
    };
    let app = App::open(config)?;
    let orders = socket::bind(&app).await?;
    let (stop, stopped) = watch::channel(false);
    let orders = tokio::spawn(socket::serve(orders, app.clone(), wait(stopped.clone())));
    if let Some(metrics) = metrics {
        tokio::spawn(metrics.serve(app.clone(), wait(stopped.clone())));
    }
    greet(&app, &listen).await?;
    events::started();
    let summaries = tokio::spawn(events::summarize());
    tokio::spawn(async move {
        wait_for_signal().await;
        // Whoever waits for it may be gone already.
        let _ = stop.send(true);
    });
    listening.serve(routes::router(app.clone()), stopped).await?;
    orders.await.context("the operator's socket failed")?;
    app.cloakroom.close().await.context("what was pending could not be written")?;
    summaries.abort();
    events::stopped();
    Ok(())
}

enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

async fn bind(listen: &Listen) -> Result<Listening> {
    match listen {
        Listen::Tcp(address) => {
            let bound = TcpListener::bind(address).await;
            let bound = bound.with_context(|| {
                format!(
                    "cannot listen on {address}; if the port is in use, choose another with \
                     --listen (make run PORT=…)"
                )
            })?;
            Ok(Listening::Tcp(bound))
        }
        Listen::Unix(path) => Ok(Listening::Unix(bind_unix(path).await?, path.clone())),
    }
}

/// Replaces the socket of a server that is gone, never one that answers.
async fn bind_unix(path: &Path) -> Result<UnixListener> {
    if tokio::net::UnixStream::connect(path).await.is_ok() {
        anyhow::bail!("another server listens on {}", path.display());
    }
    match std::fs::symlink_metadata(path) {
        Ok(found) if std::os::unix::fs::FileTypeExt::is_socket(&found.file_type()) => {
            std::fs::remove_file(path)?;
        }
        Ok(_) => anyhow::bail!("{} is there and is no socket", path.display()),
        Err(_) => {}
    }
    let bound = UnixListener::bind(path);
    let bound = bound.with_context(|| format!("cannot listen on {}", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(bound)
}

impl Listening {
    /// Serves until told to stop, then lets requests under way finish for a while.
    async fn serve(self, routes: Router, stopped: watch::Receiver<bool>) -> Result<()> {
        let service = routes.into_make_service_with_connect_info::<Connection>();
        match self {
            Self::Tcp(listener) => {
                let server = axum::serve(Prompt(listener), service);
                let server = server.with_graceful_shutdown(wait(stopped.clone()));
                unless_too_slow(server.into_future(), stopped).await
            }
            Self::Unix(listener, path) => {
                let server = axum::serve(listener, service);
                let server = server.with_graceful_shutdown(wait(stopped.clone()));
                let served = unless_too_slow(server.into_future(), stopped).await;
                let _ = std::fs::remove_file(path);
                served
            }
        }
    }
}

/// A client that sends or reads slowly must not keep the server from stopping.
async fn unless_too_slow(
    server: impl Future<Output = std::io::Result<()>>,
    stopped: watch::Receiver<bool>,
) -> Result<()> {
    let too_slow = async {
        wait(stopped).await;
        tokio::time::sleep(LONGEST_STOP).await;
    };
    tokio::select! {
        served = server => Ok(served?),
        () = too_slow => {
            tracing::warn!("some requests did not finish within {LONGEST_STOP:?} and were cut");
            Ok(())
        }
    }
}

async fn wait(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, and then it is time to stop too.
    let _ = stopped.wait_for(|stop| *stop).await;
}

async fn wait_for_signal() {
    let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// At most eight lines on where everything is.
async fn greet(app: &SharedApp, listen: &Listen) -> Result<()> {
    let (server, sessions) = (&app.config.server, app.cloakroom.sessions());
    let mut lines = vec![
        format!("Cloakroom is ready at {}{}/", server.public_url, server.prefix),
        format!("  data      {}", server.data.display()),
        format!(
            "  strategy  database; ends take effect: {}; durability: {}",
            sessions.revocation_bound(),
            sessions.durability()
        ),
    ];
    if let Listen::Unix(path) = listen {
        lines.push(format!("  socket    {}", path.display()));
    }
    lines.extend(set_up(app).await?);
    if std::io::stdout().is_terminal() {
        lines.push("  stop      Ctrl-C".to_owned());
    }
    let mut out = std::io::stdout().lock();
    // Nobody may be reading; the server runs on.
    let _ = out.write_all((lines.join("\n") + "\n").as_bytes()).and_then(|()| out.flush());
    Ok(())
}

/// Says how to set up the first administrator, while there is none: to a terminal, or else into
/// a file that only the owner can read, so that the code reaches no log.
async fn set_up(app: &SharedApp) -> Result<Vec<String>> {
    let file = app.config.server.data.join(SET_UP_FILE);
    let Some((link, code)) = app.set_up_link().await? else { return Ok(Vec::new()) };
    if std::io::stdout().is_terminal() {
        return Ok(vec![
            format!("  set up    {link}"),
            format!(
                "  code      {} (good for an hour; `cloakroom setup-link` makes another)",
                code.reveal()
            ),
        ]);
    }
    let mut options = std::fs::OpenOptions::new();
    let mut open = options.write(true).create_new(true).mode(0o600).open(&file)?;
    open.write_all(format!("{link}\n").as_bytes())?;
    Ok(vec![format!("  set up    the link is in {} (good for an hour)", file.display())])
}
