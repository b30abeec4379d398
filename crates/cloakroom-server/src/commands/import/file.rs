use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::{Table, csv, json};
use crate::cli::ImportFormat;

/// Longest file, in bytes: some 200,000 users.
const LONGEST: u64 = 64 * 1024 * 1024;
/// What some programs put in front of UTF-8.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Reads a file of users, or standard input when it is `-`.
pub(super) fn read(path: &Path, format: Option<ImportFormat>) -> Result<Table> {
    let format = match format.or_else(|| format_of(path)) {
        Some(format) => format,
        None => bail!(
            "the ending of {} does not tell what it is: name it with --format csv or --format json",
            path.display()
        ),
    };
    let bytes = bytes(path).with_context(|| format!("cannot read {}", path.display()))?;
    if bytes.len() as u64 > LONGEST {
        bail!("{} has more than {LONGEST} bytes; split it into several files", path.display());
    }
    let bytes = bytes.strip_prefix(MARK).unwrap_or(&bytes);
    Ok(match format {
        ImportFormat::Csv => csv::read(bytes),
        ImportFormat::Json => json::read(bytes),
    })
}

fn format_of(path: &Path) -> Option<ImportFormat> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "csv" => Some(ImportFormat::Csv),
        "json" | "jsonl" | "ndjson" => Some(ImportFormat::Json),
        _ => None,
    }
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().take(LONGEST + 1).read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
