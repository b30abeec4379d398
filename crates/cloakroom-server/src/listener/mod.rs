//! Connections: how many there may be, how slow they may be, and how they end.
//!
//! HTTP/1.1 only ([ADR 0015](../../../../docs/adr/0015-an-accept-loop-of-our-own.md)).

mod accept;
mod bind;
mod connection;
mod files;
mod pace;
mod places;
mod seldom;

pub use bind::Listening;
pub use files::room_for;
pub use places::Places;

use tokio::sync::watch;

use crate::config::{Config, Limits};

/// What the listener needs to know.
#[derive(Clone, Debug)]
pub struct House {
    /// Who answers.
    pub routes: axum::Router,
    /// How many may come in.
    pub places: std::sync::Arc<Places>,
    /// How slow they may be.
    pub limits: Limits,
}

impl House {
    /// Opens for as many connections as the configuration and the process allow.
    pub fn new(routes: axum::Router, config: &Config) -> Self {
        let limits = config.limits;
        let most = room_for(limits.connections);
        let places = Places::new(most, limits.connections_per_address, &config.server);
        Self { routes, places: std::sync::Arc::new(places), limits }
    }
}

async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, and then it is time to stop too.
    let _ = stopped.wait_for(|stop| *stop).await;
}
