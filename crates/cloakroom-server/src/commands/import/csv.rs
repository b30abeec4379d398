use csv::{ByteRecord, ReaderBuilder};

use super::Table;
use super::column::{self, COLUMNS, Cell};
use crate::operator::ImportedPerson;

/// Reads comma-separated values whose first line names the columns.
pub(super) fn read(bytes: &[u8]) -> Table {
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let (mut table, mut record) = (Table::default(), ByteRecord::new());
    let mut columns: Option<Vec<&str>> = None;
    let mut lines = Lines { bytes, at: 0, line: 1 };
    // Reading from memory does not fail, and lines of any width are accepted here.
    while let Ok(true) = reader.read_byte_record(&mut record) {
        let line = lines.of(&record);
        match &columns {
            Some(columns) => table.add(line, person(line, columns, &record)),
            None => match header(&record) {
                Ok(named) => columns = Some(named),
                Err(faults) => {
                    table.add(line, Err(faults));
                    return table;
                }
            },
        }
    }
    table
}

/// Counts lines: the reader's own count lags behind by one where lines end in CR and LF.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line on which a record begins, which comes behind the one asked for before.
    fn of(&mut self, record: &ByteRecord) -> u64 {
        let begin = record.position().and_then(|position| usize::try_from(position.byte()).ok());
        let begin = begin.unwrap_or(self.at).clamp(self.at, self.bytes.len());
        let blank = self.bytes[begin..].iter().take_while(|byte| b"\r\n".contains(byte)).count();
        let passed = &self.bytes[self.at..begin + blank];
        self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.at = begin + blank;
        self.line
    }
}

fn header(record: &ByteRecord) -> Result<Vec<&'static str>, Vec<String>> {
    let (mut columns, mut faults) = (Vec::new(), Vec::new());
    for field in record {
        let given = String::from_utf8_lossy(field);
        let given = given.trim();
        match COLUMNS.iter().find(|column| **column == given) {
            Some(column) if columns.contains(column) => {
                faults.push(format!("the column {given} is there twice"));
            }
            Some(column) => columns.push(*column),
            None => faults.push(column::unknown(&shortened(given))),
        }
    }
    if faults.is_empty() && !columns.contains(&"name") {
        faults.push("the column name is missing from the first line".to_owned());
    }
    if faults.is_empty() { Ok(columns) } else { Err(faults) }
}

/// A file without a header has data there, which is not repeated at length.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 24;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn person(line: u64, columns: &[&str], record: &ByteRecord) -> Result<ImportedPerson, Vec<String>> {
    if record.len() != columns.len() {
        let (has, wants) = (record.len(), columns.len());
        return Err(vec![format!("it has {has} fields, and the first line names {wants}")]);
    }
    let texts: Result<Vec<_>, _> = record.iter().map(|field| std::str::from_utf8(field)).collect();
    let Ok(texts) = texts else { return Err(vec!["it is not UTF-8".to_owned()]) };
    let cells = texts.into_iter().map(|text| match text {
        "" => Cell::Nothing,
        text => Cell::Text(text.to_owned()),
    });
    column::person(line, columns.iter().copied().zip(cells))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &[u8]) -> Vec<(u64, String)> {
        read(text).faults.into_iter().map(|fault| (fault.line, fault.text)).collect()
    }

    #[test]
    fn columns_stand_in_any_order_with_quotes_line_ends_and_lines_within() {
        let text = "groups,name,id,disabled,admin,display_name\r\n\
                    a;b c,bob,17,0,t,\"Bob, \"\"the\r\nbuilder\"\"\"\r\n\
                    ,eve,,True,,\r\n";
        let table = read(text.as_bytes());
        assert!(table.faults.is_empty(), "{:?}", table.faults);
        let [bob, eve] = table.people.as_slice() else { panic!("{:?}", table.people) };
        assert_eq!((bob.line, bob.name.as_str(), bob.id.as_deref()), (2, "bob", Some("17")));
        assert_eq!((bob.disabled, bob.admin), (false, true));
        assert_eq!(bob.groups, ["a", "b", "c"]);
        assert_eq!(bob.display_name.as_deref(), Some("Bob, \"the\r\nbuilder\""));
        assert_eq!((eve.line, eve.id.as_deref(), eve.disabled, eve.admin), (4, None, true, false));
    }

    #[test]
    fn a_wrong_header_is_told_with_what_is_allowed() {
        let told = faults(b"name,passwrod_hash\nbob,x\n");
        assert_eq!(told.len(), 1);
        assert!(told[0].1.contains("\"passwrod_hash\"; allowed are name, id, display_name"));
        assert!(faults(b"name,name\n")[0].1.contains("twice"));
        assert!(faults(b"id,email\n")[0].1.contains("the column name is missing"));
        let told = faults(b"bob,pbkdf2:sha256:1000$tTVHH2RDexnIDJJA$a11b47ee81e349ec\n");
        assert!(!format!("{told:?}").contains("a11b47"), "{told:?}");
    }

    #[test]
    fn every_wrong_line_is_told_and_no_value() {
        let told = faults(b"name,admin\r\nbob\neve,$2b$04$x\n,1\n\xff,0\nada,1\n");
        let lines: Vec<u64> = told.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 3, 4, 5]);
        assert!(told[0].1.contains("1 fields, and the first line names 2"));
        assert!(told[1].1.contains("true or false") && !told[1].1.contains("$2b$"));
        assert_eq!(told[2].1, "name: it is missing");
        assert_eq!(told[3].1, "it is not UTF-8");
    }
}
