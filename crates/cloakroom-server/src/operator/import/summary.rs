use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::check::Checked;

/// What is wrong with a line of a file of users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportFault {
    /// The line on which the user begins.
    pub line: u64,
    /// What is wrong, and what is allowed.
    pub text: String,
}

/// What an import came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportSummary {
    /// Whether it was only asked what would happen.
    pub dry_run: bool,
    /// Users added.
    pub imported: u64,
    /// Users passed over, because they were here already.
    pub skipped: u64,
    /// Of those added, who can sign in with the password they had.
    pub with_password: u64,
    /// Of those added, who need a link to choose one.
    pub without_password: u64,
    /// How many hashes there were of each kind.
    pub hashes: BTreeMap<String, u64>,
}

impl ImportSummary {
    pub(super) fn of(checked: &[Checked], skipped: &HashSet<usize>, dry_run: bool) -> Self {
        let mut summary = Self { dry_run, skipped: skipped.len() as u64, ..Self::default() };
        for (at, person) in checked.iter().enumerate() {
            if skipped.contains(&at) {
                continue;
            }
            summary.imported += 1;
            match person.kind {
                Some(kind) => {
                    summary.with_password += 1;
                    *summary.hashes.entry(kind.to_owned()).or_default() += 1;
                }
                None => summary.without_password += 1,
            }
        }
        summary
    }
}
