//! The running server: from configuration to graceful shutdown.

use std::io::{IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::app::{App, SharedApp};
use crate::config::{Listen, Loaded, MetricsAt};
use crate::events;
use crate::listener::{House, Listening};
use crate::metrics::MetricsListener;
use crate::operator::socket;
use crate::{logging, routes};

/// Where the set-up link is put when nobody looks at the output.
pub const SET_UP_FILE: &str = "setup-link";

/// Runs until SIGINT or SIGTERM; then finishes the requests under way and writes what is pending.
///
/// # Errors
/// Says what keeps the server from starting and what to do about it.
pub async fn run(loaded: Loaded) -> Result<()> {
    let config = loaded.config;
    logging::start(config.log);
    logging::report_panics();
    let listen = config.server.listen.clone();
    // Before anything is opened, so that a port in use is said at once.
    let listening = Listening::bind(&listen).await?;
    let metrics = match config.metrics.listen {
        MetricsAt::Listener(address) => Some(MetricsListener::bind(address).await?),
        MetricsAt::Local | MetricsAt::Off => None,
    };
    let claim = socket::claim(&config.server.data)?;
    // From here on a signal ends the server in an orderly way, or at the start.
    let signals = Signals::listen();
    let app = App::open(config).await?;
    let entrances = Entrances { listening, listen, metrics, claim: &claim };
    let served = attend(&app, entrances, signals).await;
    // Also after a start that failed: sessions in memory are with this process alone by now.
    let closed = app.close().await;
    drop(claim);
    served.and(closed)?;
    events::stopped();
    Ok(())
}

/// Where requests and orders come in.
struct Entrances<'a> {
    listening: Listening,
    listen: Listen,
    metrics: Option<MetricsListener>,
    claim: &'a socket::Claim,
}

async fn attend(app: &SharedApp, entrances: Entrances<'_>, signals: Signals) -> Result<()> {
    let Entrances { listening, listen, metrics, claim } = entrances;
    app.place.move_in(app.cloakroom.sessions()).await?;
    let house = House::new(routes::router(app.clone()), &app.config);
    let orders = socket::bind(app, claim).await?;
    let (stop, stopped) = watch::channel(false);
    let orders = tokio::spawn(socket::serve(orders, app.clone(), wait(stopped.clone())));
    if let Some(metrics) = metrics {
        tokio::spawn(metrics.serve(app.clone(), wait(stopped.clone())));
    }
    greet(app, &listen).await?;
    events::started();
    let summaries = tokio::spawn(events::summarize());
    tokio::spawn(async move {
        signals.wait().await;
        // Whoever waits for it may be gone already.
        let _ = stop.send(true);
    });
    listening.serve(house, stopped).await;
    summaries.abort();
    orders.await.context("the operator's socket failed")
}

async fn wait(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, and then it is time to stop too.
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// What asks the server to stop.
struct Signals(std::io::Result<(Signal, Signal)>);

impl Signals {
    fn listen() -> Self {
        let both = signal(SignalKind::interrupt())
            .and_then(|interrupt| Ok((interrupt, signal(SignalKind::terminate())?)));
        Self(both)
    }

    async fn wait(self) {
        let Ok((mut interrupt, mut terminate)) = self.0 else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

/// At most eight lines on where everything is.
async fn greet(app: &SharedApp, listen: &Listen) -> Result<()> {
    let (server, sessions) = (&app.config.server, app.cloakroom.sessions());
    let mut lines = vec![
        format!("Cloakroom is ready at {}{}/", server.public_url, server.prefix),
        format!("  data      {}", server.data.display()),
        format!(
            "  strategy  {}, kept in {}; ends take effect: {}; durability: {}",
            app.config.server.strategy.as_str(),
            app.config.keeping().title(),
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
