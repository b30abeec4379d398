use std::io::{self, Read};

use sha2::{Digest, Sha256};

use super::super::bytes::{Malformed, Read as ReadBytes, Reader};
use super::super::ended::Entry;
use super::super::journal;
use super::super::row::Row;
use super::super::shard::Shard;
use super::super::{Inner, MemoryOptions};
use super::{HEADER, Header, Kind, MAGIC, VERSION, link};
use crate::{Bucket, Change, LogEntry, SessionId, Timestamp, UserId};

/// Why a file is no snapshot that can be restored.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum Unfit {
    #[error("it is no snapshot of sessions")]
    Foreign,
    #[error("it was made by a newer version (format {0}, this one reads up to {VERSION})")]
    Newer(u32),
    #[error("it is cut short")]
    Truncated,
    #[error("it is damaged")]
    Damaged,
    #[error("the journal of the ends since is missing")]
    NoJournal,
    #[error("{0}")]
    Journal(journal::Unfit),
    #[error(transparent)]
    Io(io::Error),
}

impl From<Malformed> for Unfit {
    fn from(_: Malformed) -> Self {
        Self::Damaged
    }
}

impl From<io::Error> for Unfit {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Truncated,
            _ => Self::Io(error),
        }
    }
}

impl From<journal::Unfit> for Unfit {
    fn from(unfit: journal::Unfit) -> Self {
        match unfit {
            journal::Unfit::Io(error) => Self::Io(error),
            other => Self::Journal(other),
        }
    }
}

/// What a snapshot held.
pub(in super::super) struct Loaded {
    pub(in super::super) inner: Inner,
    pub(in super::super) header: Header,
}

/// Reads all of a snapshot of `length` bytes. Memory is taken only for what the file has.
pub(in super::super) fn read(
    file: impl Read,
    length: u64,
    options: MemoryOptions,
) -> Result<Loaded, Unfit> {
    let mut sections = Sections { file, left: length, chain: [0; 32] };
    let header = sections.header()?;
    let mut build = Build { inner: Inner::new(options), shard: None, shards: 0, log_begun: false };
    for count in 0_u64.. {
        let (kind, payload) = sections.next()?;
        let mut reader = Reader(&payload);
        if kind == Kind::End {
            let said = reader.number()?;
            reader.end()?;
            if said != count || sections.left > 0 {
                return Err(Unfit::Damaged);
            }
            break;
        }
        build.take(kind, reader)?;
    }
    build.finish(header)
}

struct Sections<R> {
    file: R,
    left: u64,
    chain: [u8; 32],
}

impl<R: Read> Sections<R> {
    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Unfit> {
        self.left = self.left.checked_sub(N as u64).ok_or(Unfit::Truncated)?;
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn header(&mut self) -> Result<Header, Unfit> {
        if self.left < MAGIC.len() as u64 {
            return Err(Unfit::Foreign);
        }
        let magic: [u8; 8] = self.fixed()?;
        if magic != MAGIC {
            return Err(Unfit::Foreign);
        }
        let version: [u8; 4] = self.fixed()?;
        if u32::from_le_bytes(version) > VERSION {
            return Err(Unfit::Newer(u32::from_le_bytes(version)));
        }
        let rest: [u8; HEADER - 12] = self.fixed()?;
        let digest: [u8; 32] = self.fixed()?;
        let said = Sha256::new().chain_update(magic).chain_update(version).chain_update(rest);
        self.chain = said.finalize().into();
        if self.chain != digest {
            return Err(Unfit::Damaged);
        }
        let mut reader = Reader(&rest);
        Ok(Header {
            lineage: reader.array()?,
            generation: u64::from_le_bytes(reader.array()?),
            is_final: reader.byte()? != 0,
            saved_at: Timestamp::from_unix_millis(i64::from_le_bytes(reader.array()?)),
        })
    }

    fn next(&mut self) -> Result<(Kind, Vec<u8>), Unfit> {
        let [kind] = self.fixed()?;
        let length = u64::from(u32::from_le_bytes(self.fixed()?));
        self.left = self.left.checked_sub(length).ok_or(Unfit::Truncated)?;
        // As much as the file has, whatever it says.
        let mut payload = Vec::new();
        if (&mut self.file).take(length).read_to_end(&mut payload)? as u64 != length {
            return Err(Unfit::Truncated);
        }
        let digest: [u8; 32] = self.fixed()?;
        self.chain = link(self.chain, kind, &payload);
        if self.chain != digest {
            return Err(Unfit::Damaged);
        }
        Ok((Kind::of(kind).ok_or(Unfit::Damaged)?, payload))
    }
}

/// A store being restored.
struct Build {
    inner: Inner,
    /// The shard whose sections come now, and its rows so far.
    shard: Option<(Bucket, Vec<(SessionId, Row)>)>,
    shards: usize,
    log_begun: bool,
}

impl Build {
    fn take(&mut self, kind: Kind, reader: Reader<'_>) -> Result<(), Unfit> {
        match kind {
            Kind::Shard => self.begin_shard(reader),
            Kind::Strings => self.strings(reader),
            Kind::Rows => self.rows(reader),
            Kind::History => self.history(reader),
            Kind::Epochs => self.epochs(reader),
            Kind::Log => self.log(reader),
            Kind::End => Err(Unfit::Damaged),
        }
    }

    fn begin_shard(&mut self, mut reader: Reader<'_>) -> Result<(), Unfit> {
        self.end_shard()?;
        let index = reader.number()?;
        let bucket = Bucket::all().nth(self.shards).ok_or(Unfit::Damaged)?;
        if bucket.index() as u64 != index || self.log_begun {
            return Err(Unfit::Damaged);
        }
        let mut shard = self.inner.shard(bucket);
        (shard.serial, shard.everyone) = (reader.number()?, reader.number()?);
        reader.end()?;
        drop(shard);
        self.shards += 1;
        self.shard = Some((bucket, Vec::new()));
        Ok(())
    }

    fn bucket(&self) -> Result<Bucket, Unfit> {
        self.shard.as_ref().map(|(bucket, _)| *bucket).ok_or(Unfit::Damaged)
    }

    fn strings(&self, mut reader: Reader<'_>) -> Result<(), Unfit> {
        let mut shard = self.inner.shard(self.bucket()?);
        while !reader.is_empty() {
            let (present, bytes) = (reader.byte()? != 0, reader.bytes()?);
            let taken = shard.strings.restore(present.then_some(bytes)).ok_or(Unfit::Damaged)?;
            shard.account.charge(taken);
        }
        Ok(())
    }

    fn rows(&mut self, mut reader: Reader<'_>) -> Result<(), Unfit> {
        let Some((bucket, rows)) = &mut self.shard else { return Err(Unfit::Damaged) };
        let mut shard = self.inner.shard(*bucket);
        while !reader.is_empty() {
            let (id, bytes) = read_entry(&mut reader, *bucket)?;
            let row = Row::checked(id, bytes, &shard.strings)?;
            let shared: Vec<u32> = row.shared(&row.head(id)).collect();
            if !shared.into_iter().all(|index| shard.strings.use_again(index)) {
                return Err(Unfit::Damaged);
            }
            rows.push((id, row));
        }
        Ok(())
    }

    fn history(&self, mut reader: Reader<'_>) -> Result<(), Unfit> {
        let bucket = self.bucket()?;
        let mut shard = self.inner.shard(bucket);
        let Shard { history, strings, .. } = &mut *shard;
        while !reader.is_empty() {
            let (id, bytes) = read_entry(&mut reader, bucket)?;
            let entry = Entry::checked(id, bytes, strings)?;
            let agent = entry.agent(id, strings).is_none_or(|agent| strings.use_again(agent));
            if !agent || history.holds(id) {
                return Err(Unfit::Damaged);
            }
            history.put(&entry.unpack(id, strings), entry);
        }
        Ok(())
    }

    fn epochs(&self, mut reader: Reader<'_>) -> Result<(), Unfit> {
        let mut shard = self.inner.shard(self.bucket()?);
        while !reader.is_empty() {
            let user = UserId::new(reader.text()?).map_err(|_| Unfit::Damaged)?;
            shard.set_epoch(&user, reader.number()?);
        }
        Ok(())
    }

    /// The shard's rows, with their places in the indexes.
    fn end_shard(&mut self) -> Result<(), Unfit> {
        let Some((bucket, rows)) = self.shard.take() else { return Ok(()) };
        let mut shard = self.inner.shard(bucket);
        if rows.iter().any(|(id, _)| shard.history.holds(*id)) {
            return Err(Unfit::Damaged);
        }
        shard.fill(rows)?;
        let freed = shard.strings.drop_unused();
        shard.account.refund(freed);
        Ok(())
    }

    fn log(&mut self, mut reader: Reader<'_>) -> Result<(), Unfit> {
        let begun = std::mem::replace(&mut self.log_begun, true);
        if !begun {
            self.end_shard()?;
        }
        let mut log = self.inner.log();
        if !begun {
            log.incarnation = reader.number()?;
            (log.head, log.floor) = (reader.number()?, reader.number()?);
            return Ok(reader.end()?);
        }
        while !reader.is_empty() {
            let number = reader.number()?;
            if !(1..=log.head).contains(&number) {
                return Err(Unfit::Damaged);
            }
            log.put(number, read_log_entry(&mut reader)?);
        }
        Ok(())
    }

    fn finish(self, header: Header) -> Result<Loaded, Unfit> {
        if !self.log_begun || self.shards != Bucket::COUNT {
            return Err(Unfit::Damaged);
        }
        Ok(Loaded { inner: self.inner, header })
    }
}

fn read_entry<'a>(reader: &mut Reader<'a>, bucket: Bucket) -> ReadBytes<(SessionId, &'a [u8])> {
    let id = SessionId::from_bytes(reader.array()?);
    if id.bucket() != bucket {
        return Err(Malformed);
    }
    Ok((id, reader.bytes()?))
}

fn read_log_entry(reader: &mut Reader<'_>) -> ReadBytes<LogEntry> {
    let until = reader.near(Timestamp::default())?;
    let change = match reader.byte()? {
        1 => Change::Ended(SessionId::from_bytes(reader.array()?)),
        2 => Change::Rotated(SessionId::from_bytes(reader.array()?), reader.small()?),
        3 => Change::UserEnded {
            user: read_user(reader)?,
            epoch: reader.number()?,
            except: match reader.bytes()? {
                [] => None,
                id => Some(SessionId::from_bytes(id.try_into().map_err(|_| Malformed)?)),
            },
        },
        4 => Change::UserChanged(read_user(reader)?),
        5 => Change::EveryoneEnded(reader.number()?),
        6 => Change::KeyRetired(reader.text()?.to_owned()),
        _ => return Err(Malformed),
    };
    Ok(LogEntry { change, until })
}

fn read_user(reader: &mut Reader<'_>) -> ReadBytes<UserId> {
    UserId::new(reader.text()?).map_err(|_| Malformed)
}
