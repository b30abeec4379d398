//! What the indexes say of sessions whose records are gone without an end: the net under the
//! sweeper took them, or eviction did. Whoever sees it has it dropped.

use std::collections::BTreeMap;
use std::sync::Arc;

use cloakroom_core::{Bucket, SessionId, Timestamp};

use crate::calls::{Arguments, Calls};
use crate::script::TIDY;

/// Members of indexes that name a session without a record.
#[derive(Default)]
pub(crate) struct Dangling(BTreeMap<Bucket, OfBucket>);

#[derive(Default)]
struct OfBucket {
    ids: Vec<SessionId>,
    users: Vec<Vec<u8>>,
    names: Vec<Vec<u8>>,
}

/// Which index a member is of.
#[derive(Clone, Copy)]
pub(crate) enum Index {
    Ids,
    Users,
    Names,
}

impl Dangling {
    pub(crate) fn add(&mut self, id: SessionId, index: Index, member: &[u8]) {
        let of_bucket = self.0.entry(id.bucket()).or_default();
        of_bucket.ids.push(id);
        match index {
            Index::Ids => {}
            Index::Users => of_bucket.users.push(member.to_vec()),
            Index::Names => of_bucket.names.push(member.to_vec()),
        }
    }

    /// Has them dropped, behind the answer.
    pub(crate) fn drop_later(self, calls: &Arc<Calls>, now: Timestamp) {
        if self.0.is_empty() {
            return;
        }
        let runtime = calls.runtime.clone();
        let calls = Arc::clone(calls);
        runtime.spawn(async move {
            for (bucket, OfBucket { ids, users, names }) in self.0 {
                let mut arguments = Arguments::default();
                arguments.list(users.into_iter()).list(names.into_iter()).ids(&ids);
                // If it fails, the next who sees them tries again.
                let _ = calls.run_in(&TIDY, bucket, now, &ids, arguments).await;
            }
        });
    }
}
