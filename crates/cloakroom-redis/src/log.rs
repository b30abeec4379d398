//! The revocation log: a stream in each bucket.

use cloakroom_core::{
    Bucket, Change, LogEntry, LogPage, Position, RevocationLog, StoreAnswer, Timestamp, UserId,
};
use redis::Value;
use sha2::{Digest, Sha256};

use crate::RedisStore;
use crate::calls::Calls;
use crate::connection::Fault;
use crate::keys::Part;
use crate::record::{Row, Strange};
use crate::reply::{Parts, bytes, id_of, list, number_or_zero, optional_bytes, text};

impl RevocationLog for RedisStore {
    fn log_after(&self, after: Option<Position>, limit: u32) -> StoreAnswer<'_, LogPage> {
        self.calls.read("read the log", move |calls| {
            let after = after.clone();
            async move { page(&calls, after, limit.max(1) as usize).await }
        })
    }
}

/// The log of one bucket.
struct Stretch {
    head: u64,
    entries: Vec<(u64, LogEntry)>,
    /// Whether there may be more behind the entries.
    is_cut: bool,
}

async fn page(calls: &Calls, after: Option<Position>, limit: usize) -> Result<LogPage, Fault> {
    let start = vec![0; Bucket::COUNT];
    let known = after.as_ref().filter(|at| at.parts.len() == Bucket::COUNT);
    let from = known.map_or(&start, |at| &at.parts);
    let (incarnation, stretches) = stretches(calls, from, limit).await?;
    let is_followed = |at: &Position| {
        let mut heads = at.parts.iter().zip(&stretches);
        at.incarnation == incarnation && heads.all(|(part, stretch)| *part <= stretch.head)
    };
    let gap = after.is_some() && !known.is_some_and(is_followed);
    if gap && known.is_some() {
        let (incarnation, stretches) = self::stretches(calls, &start, limit).await?;
        return Ok(LogPage { gap, ..gather(incarnation, stretches, &start, limit) });
    }
    Ok(LogPage { gap, ..gather(incarnation, stretches, from, limit) })
}

fn gather(incarnation: u64, stretches: Vec<Stretch>, from: &[u64], limit: usize) -> LogPage {
    let (mut entries, mut parts, mut more) = (Vec::new(), Vec::new(), false);
    for (stretch, from) in stretches.into_iter().zip(from) {
        let room = limit.saturating_sub(entries.len());
        let is_cut = stretch.is_cut || stretch.entries.len() > room;
        let taken = stretch.entries.into_iter().take(room);
        let mut last = *from;
        for (number, entry) in taken {
            last = number;
            entries.push(entry);
        }
        parts.push(if is_cut { last } else { last.max(stretch.head) });
        more |= is_cut;
    }
    LogPage { entries, next: Position { incarnation, parts }, more, gap: false }
}

/// Gives a word of its own to each bucket that has none. Writes nothing otherwise, so that a server
/// that is full lets it pass.
pub(crate) async fn begin(calls: &Calls) -> Result<(), Fault> {
    let meta = |bucket| calls.keys.of(bucket, Part::Meta);
    let mut questions = redis::pipe();
    for bucket in Bucket::all() {
        questions.cmd("HEXISTS").arg(meta(bucket)).arg("incarnation");
    }
    let answers = calls.send_all(&questions).await?;
    let missing = Bucket::all().zip(answers).filter(|(_, there)| *there == Value::Int(0));
    let mut commands = redis::pipe();
    for (bucket, _) in missing {
        commands.cmd("HSETNX").arg(meta(bucket)).arg("incarnation").arg(calls.words.fresh());
    }
    calls.send_all(&commands).await.map(drop)
}

async fn stretches(
    calls: &Calls,
    from: &[u64],
    limit: usize,
) -> Result<(u64, Vec<Stretch>), Fault> {
    match ask(calls, from, limit).await? {
        Some(found) => Ok(found),
        None => {
            begin(calls).await?;
            let found = ask(calls, from, limit).await?;
            found.ok_or(Strange("a bucket loses its incarnation").into())
        }
    }
}

/// `None` if a bucket has no incarnation.
async fn ask(
    calls: &Calls,
    from: &[u64],
    limit: usize,
) -> Result<Option<(u64, Vec<Stretch>)>, Fault> {
    // More than its share, so that a page that is not full is rarely cut.
    let most = (limit / 8).saturating_add(8).min(limit);
    let link = calls.keeper.link().await?;
    let mut questions = redis::pipe();
    for (bucket, from) in Bucket::all().zip(from) {
        let meta = calls.keys.of(bucket, Part::Meta);
        questions.cmd("HMGET").arg(&meta).arg("incarnation").arg("head");
        let beyond = format!("{}-0", from.saturating_add(1));
        questions.cmd("XRANGE").arg(calls.keys.of(bucket, Part::Log)).arg(beyond).arg("+");
        questions.arg("COUNT").arg(most);
    }
    let answers = calls.send_all_on(&link, &questions).await?;
    // A server that was started again or followed another may have been set back.
    let mut lives = Sha256::new_with_prefix(link.facts.run_id.as_bytes());
    lives.update(link.facts.replication_id.as_bytes());
    let mut stretches = Vec::new();
    for answer in answers.chunks(2) {
        let [meta, entries] = answer else { return Err(Strange("an answer is missing").into()) };
        let mut meta = Parts::of(meta.clone())?;
        let Some(incarnation) = optional_bytes(meta.next()?)? else { return Ok(None) };
        lives.update(incarnation);
        let head = number_or_zero(meta.next()?)?;
        let entries = list(entries.clone())?.into_iter().map(entry);
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        stretches.push(Stretch { head, is_cut: entries.len() == most, entries });
    }
    let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(lives.finalize());
    Ok(Some((u64::from_be_bytes([a, b, c, d, e, f, g, h]), stretches)))
}

fn entry(value: Value) -> Result<(u64, LogEntry), Strange> {
    let mut parts = Parts::of(value)?;
    let number = text(parts.next()?)?;
    let number = number.split('-').next().and_then(|number| number.parse().ok());
    let mut fields = Parts::of(parts.next()?)?;
    fields.next()?;
    let change = change(&bytes(fields.next()?)?)?;
    fields.next()?;
    let until = text(fields.next()?)?.parse().map_err(|_| Strange("a moment that is none"))?;
    let until = Timestamp::from_unix_millis(until);
    Ok((number.ok_or(Strange("an entry without a number"))?, LogEntry { change, until }))
}

fn change(bytes: &[u8]) -> Result<Change, Strange> {
    let (kind, rest) = bytes.split_first().ok_or(Strange("an empty entry"))?;
    let row = Row(rest);
    let number = |start| -> Result<u64, Strange> {
        row.text(start, 20)?.parse().map_err(|_| Strange("a number that is none"))
    };
    let ended = |start: usize| id_of(rest.get(start..start + 16).unwrap_or_default());
    match kind {
        b'e' => Ok(Change::Ended(ended(0)?)),
        b'r' => {
            let generation = u32::try_from(number(16)?);
            let generation = generation.map_err(|_| Strange("a number out of range"))?;
            Ok(Change::Rotated(ended(0)?, generation))
        }
        b'u' => {
            let except = (rest.get(20) == Some(&b'+')).then(|| ended(21)).transpose()?;
            let user = user(&rest[if except.is_some() { 37 } else { 21 }..])?;
            Ok(Change::UserEnded { user, epoch: number(0)?, except })
        }
        b'c' => Ok(Change::UserChanged(user(rest)?)),
        b'a' => Ok(Change::EveryoneEnded(number(0)?)),
        _ => Err(Strange("an unknown entry in the log")),
    }
}

fn user(bytes: &[u8]) -> Result<UserId, Strange> {
    let text = std::str::from_utf8(bytes).map_err(|_| Strange("a user id that is none"))?;
    UserId::new(text).map_err(|_| Strange("a user id that is none"))
}
