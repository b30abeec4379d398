use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::super::bytes::{Reader, Writer};
use super::super::files::{create_private, sync_directory};
use super::Entry;

const MAGIC: [u8; 8] = *b"CLOAKJNL";
const VERSION: u32 = 1;
/// Magic, version, lineage, generation, and the digest of these.
const HEADER: usize = 8 + 4 + 16 + 8 + 32;

/// A file that entries are appended to, a frame for all that are written together.
pub(in super::super) struct JournalFile {
    file: File,
    chain: [u8; 32],
}

/// Why a journal cannot be relied on.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum Unfit {
    #[error("the journal was made by a newer version")]
    Newer,
    #[error("the journal belongs to another snapshot")]
    Foreign,
    /// It was being made, so nothing was written to it, or it was cut short since.
    #[error("the journal is cut short")]
    Unfinished,
    #[error("the journal is damaged")]
    Damaged,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl JournalFile {
    /// Makes a journal that follows a snapshot of that lineage and generation, and has it on disk.
    pub(in super::super) fn create(
        path: &Path,
        lineage: [u8; 16],
        generation: u64,
    ) -> io::Result<Self> {
        let mut file = create_private(path)?;
        let mut header = [&MAGIC[..], &VERSION.to_le_bytes(), &lineage].concat();
        header.extend(generation.to_le_bytes());
        let chain = Sha256::digest(&header).into();
        header.extend(chain);
        file.write_all(&header)?;
        file.sync_all()?;
        sync_directory(path)?;
        Ok(Self { file, chain })
    }

    /// Writes entries, and returns once they are on disk. After an error the file is not to be
    /// used again.
    pub(super) fn append(&mut self, entries: &[Vec<u8>]) -> io::Result<()> {
        let mut payload = Writer::default();
        entries.iter().for_each(|entry| payload.bytes(entry));
        let length = u32::try_from(payload.0.len()).map_err(io::Error::other)?;
        let chain = link(self.chain, &payload.0);
        let lengths = [length.to_le_bytes(), (!length).to_le_bytes()].concat();
        self.file.write_all(&[&lengths[..], &chain, &payload.0].concat())?;
        self.file.sync_data()?;
        self.chain = chain;
        Ok(())
    }
}

fn link(chain: [u8; 32], payload: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(chain).chain_update(payload).finalize().into()
}

/// All entries of a journal. What was being written when the process was killed is cut short, or
/// zeros; it was not acknowledged. Anything else that does not fit is damage.
pub(in super::super) fn read(
    path: &Path,
    lineage: [u8; 16],
    generation: u64,
) -> Result<Vec<Entry>, Unfit> {
    let mut bytes = Vec::new();
    File::open(path)?.read_to_end(&mut bytes)?;
    let Some((header, mut rest)) = bytes.split_at_checked(HEADER) else {
        return Err(Unfit::Unfinished);
    };
    let mut chain = check_header(header, lineage, generation)?;
    let mut entries = Vec::new();
    while let Some((payload, next, tail)) = next_frame(rest, chain)? {
        unpack(payload, &mut entries)?;
        (chain, rest) = (next, tail);
    }
    Ok(entries)
}

fn check_header(header: &[u8], lineage: [u8; 16], generation: u64) -> Result<[u8; 32], Unfit> {
    let (head, digest) = header.split_at(HEADER - 32);
    let mut reader = Reader(head);
    let version = reader.fixed(8).and_then(|magic| Ok((magic, reader.array::<4>()?)));
    match version {
        Ok((magic, _)) if magic != MAGIC => return Err(Unfit::Damaged),
        Ok((_, version)) if u32::from_le_bytes(version) > VERSION => return Err(Unfit::Newer),
        _ => {}
    }
    let chain: [u8; 32] = Sha256::digest(head).into();
    if chain != digest {
        return Err(Unfit::Damaged);
    }
    if head[12..28] != lineage || head[28..36] != generation.to_le_bytes() {
        return Err(Unfit::Foreign);
    }
    Ok(chain)
}

type Frame<'a> = (&'a [u8], [u8; 32], &'a [u8]);

fn next_frame(rest: &[u8], chain: [u8; 32]) -> Result<Option<Frame<'_>>, Unfit> {
    if rest.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let mut reader = Reader(rest);
    let (Ok(length), Ok(inverted)) = (reader.array::<4>(), reader.array::<4>()) else {
        return Ok(None);
    };
    let length = u32::from_le_bytes(length);
    if u32::from_le_bytes(inverted) != !length {
        return Err(Unfit::Damaged);
    }
    let (Ok(digest), Ok(payload)) = (reader.array::<32>(), reader.fixed(length as usize)) else {
        return Ok(None);
    };
    let next = link(chain, payload);
    if next != digest {
        return Err(Unfit::Damaged);
    }
    Ok(Some((payload, next, reader.0)))
}

fn unpack(payload: &[u8], entries: &mut Vec<Entry>) -> Result<(), Unfit> {
    let mut reader = Reader(payload);
    while !reader.is_empty() {
        let entry = reader.bytes().and_then(Entry::unpack).map_err(|_| Unfit::Damaged)?;
        entries.push(entry);
    }
    Ok(())
}
