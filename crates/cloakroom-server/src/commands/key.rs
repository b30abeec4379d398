use anyhow::{Context, Result};
use cloakroom::key_file;

use super::output::Output;
use crate::app::{ASSERTION_KEY, SESSION_KEY, node_keys};
use crate::config::Config;
use crate::sql::Sql;

/// Opens the database itself: a server with other keys does not start to take the order.
pub(super) async fn adopt(config: &Config, output: &mut Output) -> Result<()> {
    let keys = node_keys(config, Sql::open(config).await?).await?;
    for name in [SESSION_KEY, ASSERTION_KEY] {
        let path = config.server.data.join(name);
        std::fs::metadata(&path).with_context(|| format!("{} is needed", path.display()))?;
        keys.adopt(name, &key_file(&path, &[])?).await?;
    }
    output.line(
        "the keys of this data directory are those of all servers on the database now; copy them \
         to the others before they are started",
    )?;
    output.flush()
}
