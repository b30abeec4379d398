use crate::operator::{ForeignHash, ImportedPerson};

/// The columns that a file of users may have, in any order.
pub(super) const COLUMNS: [&str; 8] =
    ["name", "id", "display_name", "email", "groups", "password_hash", "admin", "disabled"];

/// A value, as the file has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Flag(bool),
    List(Vec<String>),
    Nothing,
    /// A whole number, as text.
    Number(String),
    /// A kind of value that stands for nothing here.
    Other,
    Text(String),
}

/// What is allowed, for a name of a column that is not.
pub(super) fn unknown(column: &str) -> String {
    format!("there is no column {column:?}; allowed are {}", COLUMNS.join(", "))
}

/// A user from their cells. The faults name the column and never show the value, which may be a
/// hash that stands in the wrong column.
pub(super) fn person<'a>(
    line: u64,
    cells: impl IntoIterator<Item = (&'a str, Cell)>,
) -> Result<ImportedPerson, Vec<String>> {
    let (mut person, mut faults) = (ImportedPerson { line, ..Default::default() }, Vec::new());
    for (column, cell) in cells {
        if let Err(allowed) = put(&mut person, column, cell) {
            faults.push(allowed);
        }
    }
    if person.name.is_empty() && faults.is_empty() {
        faults.push("name: it is missing".to_owned());
    }
    if faults.is_empty() { Ok(person) } else { Err(faults) }
}

fn put(person: &mut ImportedPerson, column: &str, cell: Cell) -> Result<(), String> {
    let told = |allowed: &str| format!("{column}: {allowed}");
    match column {
        "name" => person.name = text(cell).map_err(told)?.unwrap_or_default(),
        "id" => person.id = id(cell).map_err(told)?,
        "display_name" => person.display_name = text(cell).map_err(told)?,
        "email" => person.email = text(cell).map_err(told)?,
        "groups" => person.groups = groups(cell).map_err(told)?,
        "password_hash" => person.password_hash = text(cell).map_err(told)?.map(ForeignHash::new),
        "admin" => person.admin = flag(cell).map_err(told)?,
        "disabled" => person.disabled = flag(cell).map_err(told)?,
        other => return Err(unknown(other)),
    }
    Ok(())
}

fn text(cell: Cell) -> Result<Option<String>, &'static str> {
    match cell {
        Cell::Nothing => Ok(None),
        Cell::Text(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        _ => Err("it is to be a text"),
    }
}

fn id(cell: Cell) -> Result<Option<String>, &'static str> {
    match cell {
        Cell::Number(number) => Ok(Some(number)),
        cell => text(cell).map_err(|_| "it is to be a text or a whole number"),
    }
}

fn groups(cell: Cell) -> Result<Vec<String>, &'static str> {
    match cell {
        Cell::Nothing => Ok(Vec::new()),
        Cell::List(groups) => Ok(groups),
        Cell::Text(text) => {
            let groups = text.split([';', ',', ' ']).filter(|group| !group.is_empty());
            Ok(groups.map(str::to_owned).collect())
        }
        _ => Err("they are to be a list, or a text with ; or spaces between them"),
    }
}

/// As databases write them: SQLite 1, PostgreSQL t, Python True.
fn flag(cell: Cell) -> Result<bool, &'static str> {
    const ALLOWED: &str = "it is to be true or false, 1 or 0, yes or no, or nothing for false";
    let text = match cell {
        Cell::Flag(flag) => return Ok(flag),
        Cell::Nothing => return Ok(false),
        Cell::Number(text) | Cell::Text(text) => text.to_ascii_lowercase(),
        Cell::List(_) | Cell::Other => return Err(ALLOWED),
    };
    match text.as_str() {
        "1" | "t" | "true" | "y" | "yes" => Ok(true),
        "" | "0" | "f" | "false" | "n" | "no" => Ok(false),
        _ => Err(ALLOWED),
    }
}
