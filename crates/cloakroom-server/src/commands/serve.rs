use anyhow::Result;

use crate::config::Loaded;

pub(super) async fn run(loaded: Loaded) -> Result<()> {
    crate::serve::run(loaded).await
}
