use std::sync::{Arc, PoisonError};

use super::RevocationView;
use super::common::Common;
use super::shard::Shards;
use crate::{LogPage, Position, RevocationLog, StoreError};

/// Entries asked for at once.
const PAGE: u32 = 5_000;

/// How often a load begins, because the log begins anew, or ends, because others are faster.
const MOST_TRIES: u32 = 16;

/// What a page came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "after `Reload` the view does not follow the log"]
pub enum Follow {
    /// It was applied.
    Applied,
    /// It does not follow what the view holds: the log has another incarnation or was set back, or
    /// entries in between are missing. Nothing was applied; the view has to be loaded.
    Reload,
}

impl RevocationView {
    /// Applies what [`RevocationLog::log_after`] answered to `asked`. Applying a page again, or an
    /// older one, changes nothing.
    pub fn apply(&self, asked: &Position, page: &LogPage) -> Follow {
        let mut writer = self.writer();
        let Some(at) = self.position() else { return Follow::Reload };
        if page.gap || !at.covers(asked) || !page.next.covers(asked) {
            return Follow::Reload;
        }
        for entry in &page.entries {
            self.shards.put(&mut writer.common, entry, &page.next.parts);
        }
        self.set_position(farther(at, &page.next));
        Follow::Applied
    }

    /// Reads what is new in the log, page by page, or all of it if what the view holds cannot be
    /// followed from.
    ///
    /// # Errors
    /// A fault of the log. What was applied until then stays.
    pub async fn follow(&self, log: &dyn RevocationLog) -> Result<(), StoreError> {
        loop {
            let Some(at) = self.position() else { return self.load(log).await };
            let page = log.log_after(Some(at.clone()), PAGE).await?;
            if self.apply(&at, &page) == Follow::Reload {
                return self.load(log).await;
            }
            if !goes_on(&page, Some(&at))? {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    }

    /// Reads the whole log, and then puts it in the place of what the view holds: whoever asks
    /// meanwhile is told by the old content, and then by the new. Sessions that had ended stay
    /// ended until their `until`, whether the log still knows or not.
    ///
    /// # Errors
    /// A fault of the log, or one that begins anew again and again. Nothing was changed then.
    pub async fn load(&self, log: &dyn RevocationLog) -> Result<(), StoreError> {
        let before = self.position();
        let (mut fresh, mut asked, mut tries) = (None, None::<Position>, 0);
        while tries < MOST_TRIES {
            let page = log.log_after(asked.clone(), PAGE).await?;
            let follows = !page.gap && asked.as_ref().is_some_and(|at| page.next.covers(at));
            let mut content = fresh.take().filter(|_| follows).unwrap_or_else(|| {
                tries += 1;
                Fresh::new(page.next.incarnation)
            });
            content.put(&page);
            let goes_on = goes_on(&page, asked.as_ref())?;
            fresh = if goes_on {
                Some(content)
            } else {
                tries += 1;
                let Some(lacking) = self.install(content, &page.next, before.as_ref()) else {
                    return Ok(());
                };
                Some(lacking)
            };
            asked = Some(page.next);
            tokio::task::yield_now().await;
        }
        Err(strange("it begins anew again and again"))
    }

    /// Gives the content back if others have applied entries meanwhile that it lacks.
    fn install(&self, fresh: Fresh, next: &Position, before: Option<&Position>) -> Option<Fresh> {
        let mut writer = self.writer();
        let at = self.position();
        if at.as_ref() != before && !at.is_some_and(|at| next.covers(&at)) {
            return Some(fresh);
        }
        writer.common = Arc::clone(&fresh.common);
        self.shards.replace_by(fresh.shards);
        self.set_position(next.clone());
        None
    }

    fn set_position(&self, position: Position) {
        *self.position.write().unwrap_or_else(PoisonError::into_inner) = Some(position);
    }
}

/// Whether there is more behind a page.
fn goes_on(page: &LogPage, asked: Option<&Position>) -> Result<bool, StoreError> {
    if page.more && Some(&page.next) == asked {
        return Err(strange("it says that there is more and gives nothing"));
    }
    Ok(page.more)
}

fn strange(why: &'static str) -> StoreError {
    StoreError::failed("read the revocation log", why)
}

/// The farther place of two in one log.
fn farther(mut one: Position, other: &Position) -> Position {
    for (one, other) in one.parts.iter_mut().zip(&other.parts) {
        *one = (*other).max(*one);
    }
    one
}

/// Content that nobody sees yet.
struct Fresh {
    common: Arc<Common>,
    shards: Shards,
}

impl Fresh {
    fn new(incarnation: u64) -> Self {
        let common = Arc::new(Common::of(incarnation));
        Self { shards: Shards::new(&common), common }
    }

    fn put(&mut self, page: &LogPage) {
        for entry in &page.entries {
            self.shards.put(&mut self.common, entry, &page.next.parts);
        }
    }
}
