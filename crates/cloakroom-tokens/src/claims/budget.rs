use serde_json::{Map, Value};

use super::issue::OWN;
use super::{AccessTokens, IssueError};

/// What a token has of its own that an application can make smaller.
const ADJUSTABLE: [&str; 2] = ["name", "groups"];

impl AccessTokens {
    /// Names the claims to do without, the largest first, until the rest would fit.
    pub(super) fn over_budget(&self, claims: &Map<String, Value>, bytes: usize) -> IssueError {
        let adjustable = |name: &str| ADJUSTABLE.contains(&name) || !OWN.contains(&name);
        let mut sizes: Vec<(&String, usize)> = claims
            .iter()
            .filter(|(name, _)| adjustable(name))
            .map(|(name, value)| (name, name.len() + value.to_string().len() + 4))
            .collect();
        sizes.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
        let mut excess = bytes.saturating_sub(self.budget_bytes);
        let mut named = Vec::new();
        for (name, size) in sizes {
            if excess == 0 {
                break;
            }
            // Base64 makes four characters of three bytes.
            excess = excess.saturating_sub(size * 4 / 3);
            named.push(name.clone());
        }
        IssueError::OverBudget { bytes, budget: self.budget_bytes, claims: named }
    }
}
