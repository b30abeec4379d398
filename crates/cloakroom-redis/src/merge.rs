//! One order over the sorted sets of all buckets.

use std::cmp::Ordering;
use std::collections::VecDeque;

use cloakroom_core::{Bucket, Timestamp};
use redis::{Cmd, Value};

use crate::calls::Calls;
use crate::connection::Fault;
use crate::keys::Part;
use crate::record::Strange;
use crate::reply::{bytes, list, text};

/// Which members, in which order.
pub(crate) enum Order {
    /// By the bytes of the members, between two bounds as `ZRANGEBYLEX` takes them.
    Members { part: Part, from: Vec<u8>, to: Vec<u8> },
    /// The same backwards, from the upper bound to the first.
    Backwards { part: Part, from: Vec<u8> },
    /// By score, up to a bound as `ZRANGEBYSCORE` takes it.
    Due { part: Part, until: String },
}

/// A walk along the sorted sets of all buckets as if they were one. Asks all buckets together,
/// and again only those whose members are used up.
pub(crate) struct Walk {
    order: Order,
    chunk: usize,
    queues: Vec<Queue>,
}

/// A member.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    pub(crate) score: i64,
    pub(crate) member: Vec<u8>,
}

struct Queue {
    bucket: Bucket,
    found: VecDeque<Found>,
    last: Option<Vec<u8>>,
    taken: usize,
    is_at_end: bool,
}

impl Walk {
    /// A walk that will take about `most` members.
    pub(crate) fn new(order: Order, most: usize) -> Self {
        let queue = |bucket| Queue {
            bucket,
            found: VecDeque::new(),
            last: None,
            taken: 0,
            is_at_end: false,
        };
        // Four times the share of a bucket: most walks need one question.
        let chunk = (most / 16).saturating_add(4).min(most.max(1)).min(1_000);
        Self { order, chunk, queues: Bucket::all().map(queue).collect() }
    }

    /// Those of expired things, oldest first.
    pub(crate) fn due(part: Part, until: Timestamp, most: u32) -> Self {
        let until = until.unix_millis().to_string();
        Self::new(Order::Due { part, until }, most as usize)
    }

    pub(crate) async fn next(&mut self, calls: &Calls) -> Result<Option<(Bucket, Found)>, Fault> {
        self.fill(calls).await?;
        let heads = self.queues.iter().enumerate();
        let heads = heads.filter_map(|(index, queue)| Some((index, queue.found.front()?)));
        let first = heads.min_by(|(_, one), (_, other)| self.order.compare(one, other));
        let Some(index) = first.map(|(index, _)| index) else { return Ok(None) };
        let queue = &mut self.queues[index];
        Ok(queue.found.pop_front().map(|found| (queue.bucket, found)))
    }

    /// The next so many.
    pub(crate) async fn take(
        &mut self,
        calls: &Calls,
        most: usize,
    ) -> Result<Vec<(Bucket, Found)>, Fault> {
        let mut taken = Vec::new();
        while taken.len() < most {
            let Some(found) = self.next(calls).await? else { break };
            taken.push(found);
        }
        Ok(taken)
    }

    async fn fill(&mut self, calls: &Calls) -> Result<(), Fault> {
        let is_empty = |queue: &&mut Queue| queue.found.is_empty() && !queue.is_at_end;
        let mut empty: Vec<&mut Queue> = self.queues.iter_mut().filter(is_empty).collect();
        if empty.is_empty() {
            return Ok(());
        }
        let mut questions = redis::pipe();
        for queue in &empty {
            questions.add_command(self.order.question(calls, queue, self.chunk));
        }
        let answers = calls.send_all(&questions).await?;
        for (queue, answer) in empty.iter_mut().zip(answers) {
            queue.add(self.order.read(answer)?, self.chunk);
        }
        Ok(())
    }
}

impl Queue {
    fn add(&mut self, found: Vec<Found>, chunk: usize) {
        self.is_at_end = found.len() < chunk;
        self.taken += found.len();
        self.last = found.last().map(|found| found.member.clone());
        self.found.extend(found);
    }

    fn beyond_last(&self) -> Option<Vec<u8>> {
        self.last.as_ref().map(|last| [b"(", last.as_slice()].concat())
    }
}

impl Order {
    fn question(&self, calls: &Calls, queue: &Queue, chunk: usize) -> Cmd {
        let key = |part| calls.keys.of(queue.bucket, part);
        match self {
            Self::Members { part, from, to } => {
                let mut command = redis::cmd("ZRANGEBYLEX");
                command.arg(key(*part)).arg(queue.beyond_last().unwrap_or_else(|| from.clone()));
                command.arg(to.as_slice()).arg("LIMIT").arg(0).arg(chunk);
                command
            }
            Self::Backwards { part, from } => {
                let mut command = redis::cmd("ZREVRANGEBYLEX");
                command.arg(key(*part)).arg(queue.beyond_last().unwrap_or_else(|| from.clone()));
                command.arg("-").arg("LIMIT").arg(0).arg(chunk);
                command
            }
            Self::Due { part, until } => {
                let mut command = redis::cmd("ZRANGEBYSCORE");
                command.arg(key(*part)).arg("-inf").arg(until).arg("WITHSCORES");
                command.arg("LIMIT").arg(queue.taken).arg(chunk);
                command
            }
        }
    }

    fn read(&self, answer: Value) -> Result<Vec<Found>, Strange> {
        let mut values = list(answer)?.into_iter();
        let mut found = Vec::new();
        while let Some(member) = values.next() {
            let score = match self {
                Self::Due { .. } => score(values.next().unwrap_or(Value::Nil))?,
                Self::Members { .. } | Self::Backwards { .. } => 0,
            };
            found.push(Found { score, member: bytes(member)? });
        }
        Ok(found)
    }

    fn compare(&self, one: &Found, other: &Found) -> Ordering {
        match self {
            Self::Members { .. } | Self::Due { .. } => one.cmp(other),
            Self::Backwards { .. } => other.cmp(one),
        }
    }
}

/// Scores are whole milliseconds, which the server may write as `1.7e+12`.
fn score(value: Value) -> Result<i64, Strange> {
    let number: f64 = text(value)?.parse().map_err(|_| Strange("a score was expected"))?;
    #[expect(clippy::cast_possible_truncation, reason = "a cast from f64 saturates")]
    Ok(number as i64)
}
