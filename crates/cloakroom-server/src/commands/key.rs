use anyhow::Result;
use cloakroom::{AssertionKey, SecretKey, key_file};

use super::output::Output;
use crate::app::{ASSERTION_KEY, SESSION_KEY, node_keys};
use crate::config::Config;
use crate::sql::Sql;

/// Makes the keys that are missing. Opens the database itself: a server with other keys does not
/// start to take the order.
pub(super) async fn adopt(config: &Config, output: &mut Output) -> Result<()> {
    let keys = node_keys(config, Sql::open(config).await?).await?;
    let data = &config.server.data;
    let session = key_file(&data.join(SESSION_KEY), SecretKey::generate()?.reveal())?;
    let assertion = key_file(&data.join(ASSERTION_KEY), &AssertionKey::generate()?)?;
    keys.adopt(SESSION_KEY, &session).await?;
    keys.adopt(ASSERTION_KEY, &assertion).await?;
    output.line(
        "the keys of this data directory are those of all servers on the database now; copy them \
         to the others before they are started",
    )?;
    output.flush()
}
