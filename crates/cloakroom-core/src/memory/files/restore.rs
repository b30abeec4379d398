use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::sync::Arc;

use super::super::ended::bare;
use super::super::ends::UserEnd;
use super::super::journal::{self, Entry};
use super::super::log::fresh_incarnation;
use super::super::shard::Shard;
use super::super::snapshot::{self, Header, Loaded, Unfit};
use super::super::writes::{Renewed, rotated};
use super::super::{Inner, MemoryOptions};
use super::disk;
use super::{Restored, SetAside, SnapshotError};
use crate::{Bucket, EndReason, Rotation, SessionId, Timestamp};

/// What the files held.
pub(super) struct Found {
    pub(super) inner: Inner,
    pub(super) lineage: [u8; 16],
    /// The highest in use.
    pub(super) generation: u64,
    pub(super) restored: Restored,
}

/// Reads what is there, or sets it aside.
pub(super) fn find(
    path: &Path,
    options: MemoryOptions,
    now: Timestamp,
) -> Result<Found, SnapshotError> {
    let journals = disk::journals(path).map_err(SnapshotError::at("look for journals of", path))?;
    let generation = journals.last().copied().unwrap_or(0);
    let empty = |set_aside| Found {
        inner: Inner::new(options),
        lineage: *SessionId::new(None, now).as_bytes(),
        generation,
        restored: Restored { set_aside, ..Restored::default() },
    };
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(empty(None)),
        file => file.map_err(SnapshotError::at("read", path))?,
    };
    match load(file, path, &journals, options, now) {
        Ok(found) => Ok(found),
        Err(Unfit::Io(error)) => Err(SnapshotError::at("read", path)(error)),
        Err(unfit) => {
            let aside = disk::set_aside(path, now.unix_millis());
            let path = aside.map_err(SnapshotError::at("set aside", path))?;
            Ok(empty(Some(SetAside { path, reason: unfit.to_string() })))
        }
    }
}

fn load(
    file: File,
    path: &Path,
    journals: &[u64],
    options: MemoryOptions,
    now: Timestamp,
) -> Result<Found, Unfit> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(Unfit::Foreign);
    }
    let file = BufReader::with_capacity(1 << 20, file);
    let Loaded { inner, header } = snapshot::read(file, metadata.len(), options)?;
    let replayed = match header.is_final {
        true => None,
        false => Some(replay_all(&inner, path, header, journals)?),
    };
    let sessions = inner.account.sessions();
    let saved_at = Some(header.saved_at);
    let set_back = Some(header.saved_at.since(now)).filter(|back| back.as_secs() > 0);
    Ok(Found {
        inner,
        lineage: header.lineage,
        generation: journals.last().copied().unwrap_or(0).max(header.generation),
        restored: Restored { sessions, saved_at, replayed, set_back, set_aside: None },
    })
}

/// Does again what the journals say; how many acts there were.
fn replay_all(inner: &Inner, path: &Path, header: Header, journals: &[u64]) -> Result<u64, Unfit> {
    let since: Vec<u64> =
        journals.iter().copied().filter(|number| *number >= header.generation).collect();
    let last = since.last().copied().unwrap_or(header.generation);
    let mut count = 0;
    for generation in header.generation..=last {
        if !since.contains(&generation) {
            return Err(Unfit::NoJournal);
        }
        let file = disk::journal(path, generation);
        let entries = match journal::read(&file, header.lineage, generation) {
            // The snapshot's own journal was whole before the snapshot was there.
            Err(journal::Unfit::Unfinished) if generation > header.generation => continue,
            read => read.map_err(Unfit::from)?,
        };
        count += entries.len() as u64;
        entries.into_iter().for_each(|entry| inner.replay(entry));
    }
    // Positions behind the snapshot are not known any more.
    inner.log().incarnation = fresh_incarnation();
    Ok(count)
}

impl Inner {
    fn replay(&self, entry: Entry) {
        match entry {
            Entry::Ended { ends, by, now } => {
                for (id, reason) in ends {
                    let mut shard = self.shard(id.bucket());
                    self.end_one(&mut shard, id, reason, by.as_deref(), now);
                    shard.remember(id, reason, now);
                }
            }
            Entry::User(end) => self.replay_user(&end),
            Entry::Everyone(end) => {
                for bucket in Bucket::all() {
                    let mut shard = self.shard(bucket);
                    shard.everyone = shard.everyone.max(end.number);
                }
                self.finish_everyone(&end);
            }
            Entry::Rotated { id, rotation, now } => self.replay_rotation(id, rotation, now),
            Entry::Renewed { id, renewed } => self.replay_renewal(id, renewed),
            Entry::Regrouped(regroup) => {
                let mut shard = self.shard(Bucket::of(&regroup.user));
                self.finish_regroup(&mut shard, &Arc::unwrap_or_clone(regroup));
            }
        }
    }

    fn replay_user(&self, end: &UserEnd) {
        let mut shard = self.shard(Bucket::of(&end.user));
        shard.set_epoch(&end.user, end.own);
        self.finish_user(&mut shard, end);
        for id in &end.ids {
            shard.remember(*id, end.how.reason, end.how.now);
        }
    }

    /// A credential that a snapshot knows as current is dead if it was replaced since.
    fn replay_rotation(&self, id: SessionId, rotation: Rotation, now: Timestamp) {
        let mut shard = self.shard(id.bucket());
        let Some(record) = shard.row(id).map(|row| row.record(id, &shard.strings)) else { return };
        if record.renewal.counter < rotation.counter {
            shard.rewrite(id, |record| rotated(record, rotation, now));
        }
    }

    fn replay_renewal(&self, id: SessionId, renewed: Renewed) {
        let mut shard = self.shard(id.bucket());
        let Some(record) = shard.row(id).map(|row| row.record(id, &shard.strings)) else { return };
        if renewed.is_news_for(&record) {
            shard.rewrite(id, |record| renewed.put(record));
        }
    }
}

impl Shard {
    /// Keeps an id from being used again of which the snapshot knew nothing.
    fn remember(&mut self, id: SessionId, reason: EndReason, now: Timestamp) {
        if !self.knows(id) {
            let Self { history, strings, .. } = self;
            history.add(&bare(id, reason, now), strings);
        }
    }
}
