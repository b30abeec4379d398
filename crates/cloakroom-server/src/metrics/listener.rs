use std::net::SocketAddr;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::app::SharedApp;

/// A listener that answers `/metrics` and nothing else.
#[derive(Debug)]
pub struct MetricsListener(TcpListener);

impl MetricsListener {
    /// Takes the address.
    ///
    /// # Errors
    /// When it cannot be listened on.
    pub async fn bind(address: SocketAddr) -> Result<Self> {
        let bound = TcpListener::bind(address).await;
        let bound = bound.with_context(|| {
            format!("cannot listen on {address} for metrics; see metrics.listen")
        })?;
        Ok(Self(bound))
    }

    /// Serves until `stopped`.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(
        self,
        app: SharedApp,
        stopped: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let show = async |State(app): State<SharedApp>| super::page(&app).await;
        let routes = Router::new().route("/metrics", get(show)).with_state(app);
        tokio::select! {
            served = axum::serve(self.0, routes) => served,
            // Nobody needs the last page.
            () = stopped => Ok(()),
        }
    }
}
