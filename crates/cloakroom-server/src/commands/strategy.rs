use anyhow::Result;

use super::output::Output;
use crate::app::App;
use crate::config::Config;
use crate::operator::client::check;
use crate::operator::socket;

/// Opens the stores itself: a server of another strategy does not start to take the order, and
/// what a running one has open must not be opened beside it.
pub(super) async fn adopt(config: Config, output: &mut Output) -> Result<()> {
    check(&config.server.data)?;
    let claim = socket::claim(&config.server.data)?;
    let app = App::open(config).await?;
    let ended = app.place.adopt(app.cloakroom.sessions()).await;
    // Also after a failure: sessions in memory are with this process alone by now.
    let closed = app.close().await;
    drop(claim);
    let ended = ended?;
    closed?;
    output.line(&format!(
        "sessions are kept as this configuration says from now on; {ended} that were left there \
         from before ended. Start all servers with it"
    ))?;
    output.flush()
}
