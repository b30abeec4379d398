//! The names of keys. All keys of a bucket share a hash tag, so they share a slot of a cluster.

use cloakroom_core::{Bucket, SessionId};

/// The keys that every bucket has, in the order in which scripts take them.
const OF_BUCKET: [&str; 16] = [
    "meta",
    "expiry",
    "users",
    "ids",
    "names",
    "visitors",
    "epochs",
    "log",
    "log-due",
    "history",
    "history-ids",
    "history-names",
    "history-due",
    "history-visitors",
    "claims",
    "fences",
];

/// One of the keys of a bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    Meta = 0,
    Expiry = 1,
    Users = 2,
    Ids = 3,
    Names = 4,
    Epochs = 6,
    Log = 7,
    LogDue = 8,
    History = 9,
    HistoryIds = 10,
    HistoryNames = 11,
    HistoryDue = 12,
    HistoryVisitors = 13,
    Claims = 14,
}

/// What all keys begin with.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    pub(crate) fn of(&self, bucket: Bucket, part: Part) -> String {
        self.in_bucket(bucket, OF_BUCKET[part as usize])
    }

    /// All that a bucket has, in order.
    pub(crate) fn of_bucket(&self, bucket: Bucket) -> Vec<String> {
        OF_BUCKET.iter().map(|name| self.in_bucket(bucket, name)).collect()
    }

    pub(crate) fn record(&self, id: SessionId) -> String {
        self.in_bucket(id.bucket(), &format!("s:{id}"))
    }

    pub(crate) fn data(&self, id: SessionId) -> String {
        self.in_bucket(id.bucket(), &format!("d:{id}"))
    }

    /// The places of anonymous sessions, of all buckets.
    pub(crate) fn places(&self) -> String {
        format!("{}:{{anonymous}}:places", self.prefix)
    }

    /// Whose sessions these are.
    pub(crate) fn owner(&self) -> String {
        format!("{}:{{owner}}:name", self.prefix)
    }

    /// How often everyone was ended.
    pub(crate) fn everyone(&self) -> String {
        format!("{}:{{everyone}}:epoch", self.prefix)
    }

    /// A record in the cache, within one life of the server.
    pub(crate) fn cached(&self, life: &str, id: SessionId) -> String {
        self.in_bucket(id.bucket(), &format!("cache:{life}:{id}"))
    }

    /// What all records of a bucket in the cache have to bear to count.
    pub(crate) fn mark(&self, life: &str, bucket: Bucket) -> String {
        self.in_bucket(bucket, &format!("mark:{life}"))
    }

    /// How far the log of the backing store is applied to the cache.
    pub(crate) fn position(&self, life: &str) -> String {
        format!("{}:{{cache}}:position:{life}", self.prefix)
    }

    /// Which backing database is cached.
    pub(crate) fn backing(&self) -> String {
        format!("{}:{{cache}}:backing", self.prefix)
    }

    /// The channel on which entries of the log are announced.
    pub(crate) fn channel(&self) -> String {
        format!("{}:log", self.prefix)
    }

    fn in_bucket(&self, bucket: Bucket, name: &str) -> String {
        format!("{}:{{{:02}}}:{name}", self.prefix, bucket.index())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str) -> &str {
        let start = key.find('{').unwrap() + 1;
        &key[start..key.find('}').unwrap()]
    }

    #[test]
    fn all_keys_of_a_bucket_share_a_hash_tag() {
        let keys = Keys::new("cloakroom");
        for bucket in Bucket::all() {
            let id = SessionId::from_bytes([0xff; 16]).within(bucket);
            let mut all = keys.of_bucket(bucket);
            all.extend([keys.record(id), keys.data(id), keys.of(bucket, Part::Claims)]);
            let expected = format!("{:02}", bucket.index());
            assert!(all.iter().all(|key| tag(key) == expected), "{all:?}");
        }
    }

    #[test]
    fn a_part_has_the_name_that_scripts_have_for_it() {
        let keys = Keys::new("c");
        let bucket = SessionId::from_bytes([0; 16]).bucket();
        let cases = [
            (Part::Meta, "meta"),
            (Part::Epochs, "epochs"),
            (Part::LogDue, "log-due"),
            (Part::HistoryVisitors, "history-visitors"),
            (Part::Claims, "claims"),
        ];
        for (part, name) in cases {
            assert_eq!(keys.of(bucket, part), format!("c:{{00}}:{name}"));
        }
    }
}
