use anyhow::Result;
use serde::Serialize;

use super::output::{Array, Output};
use super::table::Table;
use crate::operator::client::Operator;
use crate::operator::{Order, Reply};

/// A page of a list, and where the next one begins.
pub(super) type Page<T> = (Vec<T>, Option<String>);

/// A list that is fetched a page at a time, so that it may be as long as it likes.
pub(super) struct Pages<'a, T, O> {
    /// Who is asked.
    pub(super) operator: &'a Operator,
    /// The order for the page behind a position.
    pub(super) order: O,
    /// The page in a reply.
    pub(super) page: fn(Reply) -> Result<Page<T>>,
}

impl<T: Serialize, O: Fn(Option<String>) -> Order> Pages<'_, T, O> {
    async fn each(&self, mut take: impl FnMut(Vec<T>) -> Result<()>) -> Result<()> {
        let mut after = None;
        loop {
            let reply = self.operator.order((self.order)(after)).await?;
            let (items, next) = (self.page)(reply)?;
            take(items)?;
            match next {
                Some(_) => after = next,
                None => return Ok(()),
            }
        }
    }

    /// Writes all as one JSON array.
    pub(super) async fn write_json(&self, output: &mut Output) -> Result<()> {
        let mut array = Array::new(output);
        self.each(|items| array.add(&items)).await?;
        array.end()
    }

    /// Writes all as one table and says how many there were.
    pub(super) async fn write_table<const COLUMNS: usize>(
        &self,
        mut table: Table<COLUMNS>,
        row: fn(T) -> [String; COLUMNS],
        output: &mut Output,
    ) -> Result<u64> {
        let mut count = 0_u64;
        let write = |items: Vec<T>| {
            count += items.len() as u64;
            output.text(&table.rows(items.into_iter().map(row).collect()))?;
            output.flush()
        };
        self.each(write).await?;
        Ok(count)
    }
}
