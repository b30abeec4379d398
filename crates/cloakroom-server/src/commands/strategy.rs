use anyhow::Result;

use super::output::Output;
use crate::app::App;
use crate::config::Config;

/// Opens the stores itself: a server of another strategy does not start to take the order.
pub(super) async fn adopt(config: Config, output: &mut Output) -> Result<()> {
    let app = App::open(config).await?;
    let ended = app.place.adopt(app.cloakroom.sessions()).await?;
    app.close().await?;
    output.line(&format!(
        "sessions are kept as this configuration says from now on; {ended} that were left there \
         from before ended. Start all servers with it"
    ))?;
    output.flush()
}
