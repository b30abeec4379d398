//! The snapshot: a file with everything that a store in memory holds.
//!
//! A header, then sections, each with a digest over itself and all before it. For each shard one
//! section that begins it and those of its texts, sessions, ended sessions and epochs; then the
//! log; then the end, which says how many sections there were.

mod read;
mod write;

use sha2::{Digest, Sha256};

use crate::Timestamp;

pub(super) use read::{Loaded, Unfit, read};
pub(super) use write::{copy_log, copy_shard, write};

const MAGIC: [u8; 8] = *b"CLOAKMEM";
const VERSION: u32 = 1;

/// Bytes of a header: magic, version, and what [`Header`] says, then the digest of these.
const HEADER: usize = 8 + 4 + 16 + 8 + 1 + 8;

/// What a snapshot says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The same in all snapshots and journals of one directory since it was begun.
    pub(super) lineage: [u8; 16],
    /// That of the journal that goes with it.
    pub(super) generation: u64,
    /// Whether nothing was written after it, so that no journal goes with it.
    pub(super) is_final: bool,
    pub(super) saved_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Shard = 1,
    Strings = 2,
    Rows = 3,
    History = 4,
    Epochs = 5,
    Log = 6,
    End = 7,
}

impl Kind {
    const ALL: [Self; 7] =
        [Self::Shard, Self::Strings, Self::Rows, Self::History, Self::Epochs, Self::Log, Self::End];

    fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// The digest of a section, with that of the one before.
fn link(chain: [u8; 32], kind: u8, payload: &[u8]) -> [u8; 32] {
    let length = (payload.len() as u64).to_le_bytes();
    let digest = Sha256::new().chain_update(chain).chain_update([kind]).chain_update(length);
    digest.chain_update(payload).finalize().into()
}
