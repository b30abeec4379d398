//! The users of an application, with their ids and password hashes: all of them or none.

mod check;
mod person;
mod summary;

use std::collections::HashSet;

use cloakroom::StoreError;

use self::check::{Checked, check};
pub use self::person::{ForeignHash, ImportedPerson};
pub use self::summary::{ImportFault, ImportSummary};
use super::Reply;
use super::refusal::Refusal;
use crate::app::SharedApp;
use crate::users::Conflict;
use serde::{Deserialize, Serialize};

/// Faults that a reply tells; there may be more.
pub const MOST_FAULTS: usize = 20;

/// Users to add, all of them or none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// The users. Nothing in them is checked yet.
    pub people: Vec<ImportedPerson>,
    /// Pass over those who are here already, with the same id and name.
    pub skip_existing: bool,
    /// Only tell what would happen.
    pub dry_run: bool,
}

pub(super) async fn import(app: &SharedApp, import: Import) -> Result<Reply, Refusal> {
    let Import { people, skip_existing, dry_run } = import;
    let checking = app.clone();
    // A hundred thousand hashes take a while to read.
    let checked = tokio::task::spawn_blocking(move || check(&checking, people)).await;
    let (checked, mut faults) =
        checked.map_err(|stopped| StoreError::failed("check users to import", stopped))??;
    let (conflicts, skipped) = conflicts(app, &checked, skip_existing).await?;
    faults.extend(conflicts);
    if !faults.is_empty() {
        return Ok(refused(faults));
    }
    add(app, checked, &skipped, dry_run).await
}

/// The faults of users who are here already, and which of `checked` are passed over.
async fn conflicts(
    app: &SharedApp,
    checked: &[Checked],
    skip_existing: bool,
) -> Result<(Vec<ImportFault>, HashSet<usize>), StoreError> {
    let wanted: Vec<_> = checked.iter().map(Checked::wanted).collect();
    let found = app.users.conflicts(&wanted).await?;
    let (mut faults, mut skipped) = (Vec::new(), HashSet::new());
    for (at, conflict) in found {
        match conflict {
            Conflict::Same if skip_existing => drop(skipped.insert(at)),
            conflict => faults.push(ImportFault { line: checked[at].line, text: told(&conflict) }),
        }
    }
    Ok((faults, skipped))
}

fn told(conflict: &Conflict) -> String {
    match conflict {
        Conflict::Same => {
            "this user is here already; --skip-existing passes over those who are".to_owned()
        }
        Conflict::Id { name } => format!("the id is that of user {name} already"),
        Conflict::Name { name, id } => {
            format!("there is a user {name} already, with another id ({id})")
        }
    }
}

fn refused(mut faults: Vec<ImportFault>) -> Reply {
    faults.sort_by_key(|fault| fault.line);
    let count = faults.len() as u64;
    faults.truncate(MOST_FAULTS);
    Reply::ImportRefused { faults, count }
}

async fn add(
    app: &SharedApp,
    checked: Vec<Checked>,
    skipped: &HashSet<usize>,
    dry_run: bool,
) -> Result<Reply, Refusal> {
    let summary = ImportSummary::of(&checked, skipped, dry_run);
    if dry_run {
        return Ok(Reply::Imported(summary));
    }
    let added = checked.into_iter().enumerate().filter(|(at, _)| !skipped.contains(at));
    let people = added.map(|(_, checked)| checked.user).collect();
    if !app.users.import(people).await? {
        return Err(Refusal::Failed(
            "users were added meanwhile; nothing was imported. Try again".to_owned(),
        ));
    }
    tracing::info!(
        count = summary.imported,
        skipped = summary.skipped,
        "an operator imported users"
    );
    Ok(Reply::Imported(summary))
}
