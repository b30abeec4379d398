use std::io::{self, Write};

use sha2::{Digest, Sha256};

use super::super::bytes::Writer;
use super::super::log::Log;
use super::super::shard::Shard;
use super::{Header, Kind, MAGIC, VERSION, link};
use crate::{Bucket, Change, LogEntry, SessionId, Timestamp};

/// A section is closed when it has grown to this.
const FULL: usize = 1 << 20;

/// A section to be written.
pub(in super::super) struct Section {
    kind: Kind,
    payload: Vec<u8>,
}

/// Writes the parts as they come, and the end.
pub(in super::super) fn write(
    file: &mut impl Write,
    header: Header,
    parts: impl Iterator<Item = Vec<Section>>,
) -> io::Result<()> {
    let mut chain = write_header(file, header)?;
    let mut count = 0;
    for section in parts.flatten() {
        chain = write_section(file, chain, &section)?;
        count += 1;
    }
    let mut payload = Writer::default();
    payload.number(count);
    write_section(file, chain, &Section { kind: Kind::End, payload: payload.0 }).map(drop)
}

fn write_header(file: &mut impl Write, header: Header) -> io::Result<[u8; 32]> {
    let mut bytes = [&MAGIC[..], &VERSION.to_le_bytes(), &header.lineage].concat();
    bytes.extend(header.generation.to_le_bytes());
    bytes.push(u8::from(header.is_final));
    bytes.extend(header.saved_at.unix_millis().to_le_bytes());
    let chain = Sha256::digest(&bytes);
    file.write_all(&bytes)?;
    file.write_all(&chain)?;
    Ok(chain.into())
}

fn write_section(
    file: &mut impl Write,
    chain: [u8; 32],
    section: &Section,
) -> io::Result<[u8; 32]> {
    let kind = section.kind as u8;
    let length = u32::try_from(section.payload.len()).map_err(io::Error::other)?;
    let chain = link(chain, kind, &section.payload);
    file.write_all(&[kind])?;
    file.write_all(&length.to_le_bytes())?;
    file.write_all(&section.payload)?;
    file.write_all(&chain)?;
    Ok(chain)
}

/// Entries, cut into sections.
fn sections<T>(
    kind: Kind,
    entries: impl Iterator<Item = T>,
    pack: impl Fn(&mut Writer, T),
) -> Vec<Section> {
    let (mut sections, mut writer) = (Vec::new(), Writer::default());
    for entry in entries {
        pack(&mut writer, entry);
        if writer.0.len() >= FULL {
            sections.push(Section { kind, payload: std::mem::take(&mut writer.0) });
        }
    }
    if !writer.0.is_empty() {
        sections.push(Section { kind, payload: writer.0 });
    }
    sections
}

/// A copy of all that a shard holds, made under its lock.
pub(in super::super) fn copy_shard(bucket: Bucket, shard: &Shard) -> Vec<Section> {
    let mut begin = Writer::default();
    begin.number(bucket.index() as u64);
    begin.number(shard.serial);
    begin.number(shard.everyone);
    let mut all = vec![Section { kind: Kind::Shard, payload: begin.0 }];
    all.extend(sections(Kind::Strings, shard.strings.slots(), |writer, slot| {
        writer.fixed(&[u8::from(slot.is_some())]);
        writer.bytes(slot.unwrap_or_default());
    }));
    let rows = shard.named.iter().chain(&shard.anonymous);
    all.extend(sections(Kind::Rows, rows, |writer, (id, row)| {
        pack_entry(writer, *id, row.bytes());
    }));
    all.extend(sections(Kind::History, shard.history.all(), |writer, (id, entry)| {
        pack_entry(writer, id, entry.bytes());
    }));
    all.extend(sections(Kind::Epochs, shard.epochs.iter(), |writer, (user, own)| {
        writer.text(user.as_str());
        writer.number(*own);
    }));
    all
}

fn pack_entry(writer: &mut Writer, id: SessionId, bytes: &[u8]) {
    writer.fixed(id.as_bytes());
    writer.bytes(bytes);
}

/// A copy of the log, made under its lock.
pub(in super::super) fn copy_log(log: &Log) -> Vec<Section> {
    let mut begin = Writer::default();
    for number in [log.incarnation, log.head, log.floor] {
        begin.number(number);
    }
    let mut all = vec![Section { kind: Kind::Log, payload: begin.0 }];
    all.extend(sections(Kind::Log, log.all(), |writer, (number, entry)| {
        writer.number(number);
        pack_log_entry(writer, entry);
    }));
    all
}

fn pack_log_entry(writer: &mut Writer, LogEntry { change, until }: &LogEntry) {
    writer.near(*until, Timestamp::default());
    match change {
        Change::Ended(id) => {
            writer.fixed(&[1]);
            writer.fixed(id.as_bytes());
        }
        Change::Rotated(id, generation) => {
            writer.fixed(&[2]);
            writer.fixed(id.as_bytes());
            writer.number(u64::from(*generation));
        }
        Change::UserEnded { user, epoch, except } => {
            writer.fixed(&[3]);
            writer.text(user.as_str());
            writer.number(*epoch);
            writer.bytes(except.as_ref().map_or(&[], |id| &id.as_bytes()[..]));
        }
        Change::UserChanged(user) => {
            writer.fixed(&[4]);
            writer.text(user.as_str());
        }
        Change::EveryoneEnded(epoch) => {
            writer.fixed(&[5]);
            writer.number(*epoch);
        }
        Change::KeyRetired(key) => {
            writer.fixed(&[6]);
            writer.text(key);
        }
    }
}
