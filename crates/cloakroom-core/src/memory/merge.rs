use std::collections::VecDeque;

use crate::Bucket;

/// How many rows of a shard are looked at under its lock: the first time, and at most.
const FIRST_LOOK: usize = 4;
const LONGEST_LOOK: usize = 16;

/// Rows of all shards in one order. Each shard is locked for a few rows at a time.
pub(super) struct Merge<T, F> {
    fetch: F,
    parts: Vec<Part<T>>,
}

struct Part<T> {
    bucket: Bucket,
    rows: VecDeque<T>,
    /// The last row fetched, behind which the next ones are.
    last: Option<T>,
    more: bool,
    look: usize,
}

impl<T, F> Merge<T, F>
where
    T: Ord + Clone,
    F: FnMut(Bucket, Option<&T>, usize) -> (Vec<T>, bool),
{
    /// `fetch` gives the next rows of a shard behind one, at most so many, and whether there can
    /// be more.
    pub(super) fn new(fetch: F) -> Self {
        let part = |bucket| Part {
            bucket,
            rows: VecDeque::new(),
            last: None,
            more: true,
            look: FIRST_LOOK,
        };
        Self { fetch, parts: Bucket::all().map(part).collect() }
    }

    fn fill(&mut self, index: usize) {
        let part = &mut self.parts[index];
        while part.rows.is_empty() && part.more {
            let (rows, more) = (self.fetch)(part.bucket, part.last.as_ref(), part.look);
            part.last = rows.last().cloned().or(part.last.take());
            part.rows.extend(rows);
            (part.more, part.look) = (more, (part.look * 2).min(LONGEST_LOOK));
        }
    }

    /// How many rows are left, counted up to `most`: in no order, which costs far less than to go
    /// through them one by one.
    pub(super) fn count_up_to(mut self, most: usize) -> usize {
        let mut count = 0;
        for index in 0..self.parts.len() {
            loop {
                self.fill(index);
                let found = self.parts[index].rows.len();
                self.parts[index].rows.clear();
                count += found;
                if count >= most {
                    return most;
                }
                if found == 0 {
                    break;
                }
            }
        }
        count
    }
}

impl<T, F> Iterator for Merge<T, F>
where
    T: Ord + Clone,
    F: FnMut(Bucket, Option<&T>, usize) -> (Vec<T>, bool),
{
    type Item = T;

    fn next(&mut self) -> Option<T> {
        for index in 0..self.parts.len() {
            self.fill(index);
        }
        let heads = self.parts.iter().enumerate();
        let heads = heads.filter_map(|(index, part)| Some((part.rows.front()?, index)));
        let (_, index) = heads.min()?;
        self.parts[index].rows.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_all_shards_come_in_order_however_few_are_fetched_at_a_time() {
        let rows = |bucket: Bucket| (0..20_usize).map(move |row| row * 100 + bucket.index());
        for most in [1, 3, 64] {
            let merged = Merge::new(|bucket, last: Option<&usize>, look| {
                let behind = rows(bucket).filter(|row| last.is_none_or(|last| row > last));
                let found: Vec<_> = behind.take(look.min(most)).collect();
                let more = !found.is_empty();
                (found, more)
            });
            let mut expected: Vec<_> = Bucket::all().flat_map(rows).collect();
            expected.sort_unstable();
            assert_eq!(merged.collect::<Vec<_>>(), expected);
        }
    }
}
