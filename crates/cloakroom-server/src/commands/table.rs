/// Text in columns, written page by page: a column is as wide as its widest cell so far.
pub(super) struct Table<const COLUMNS: usize> {
    head: Option<[&'static str; COLUMNS]>,
    widths: [usize; COLUMNS],
}

/// Between two columns.
const GAP: &str = "  ";

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(super) fn new(head: [&'static str; COLUMNS]) -> Self {
        Self { head: Some(head), widths: [0; COLUMNS] }
    }

    /// The next rows, the heads of the columns before the first ones; nothing for no rows.
    pub(super) fn rows(&mut self, rows: Vec<[String; COLUMNS]>) -> String {
        if rows.is_empty() {
            return String::new();
        }
        let head = self.head.take().map(|head| head.map(str::to_owned));
        let rows: Vec<_> = head
            .into_iter()
            .chain(rows.into_iter().map(|row| row.map(|cell| shown(&cell))))
            .collect();
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        rows.iter().map(|row| self.line(row)).collect()
    }

    fn line(&self, row: &[String; COLUMNS]) -> String {
        let cells = row.iter().zip(self.widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join(GAP).trim_end())
    }
}

/// A cell as a terminal can take it: nothing in it moves the cursor or turns the text round.
fn shown(cell: &str) -> String {
    match cell.is_empty() {
        true => "-".to_owned(),
        false => cell.chars().map(|char| if is_safe(char) { char } else { '\u{fffd}' }).collect(),
    }
}

fn is_safe(char: char) -> bool {
    let turns =
        matches!(char, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !char.is_control() && !turns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: [&str; 2]) -> [String; 2] {
        cells.map(str::to_owned)
    }

    #[test]
    fn columns_line_up_within_and_across_pages() {
        let mut table = Table::new(["A", "B"]);
        let first = table.rows(vec![row(["long cell", "x"]), row(["", "y"])]);
        assert_eq!(first, "A          B\nlong cell  x\n-          y\n");
        assert_eq!(table.rows(vec![row(["s", "z"])]), "s          z\n");
        assert_eq!(table.rows(Vec::new()), "");
    }

    #[test]
    fn nothing_reaches_the_terminal_that_would_change_what_else_is_shown() {
        let mut table = Table::new(["A", "B"]);
        let page = table.rows(vec![row(["\u{1b}[2J\r\n", "\u{202e}x"])]);
        assert!(page.ends_with("\u{fffd}[2J\u{fffd}\u{fffd}  \u{fffd}x\n"), "{page:?}");
        assert_eq!(page.lines().count(), 2);
    }
}
