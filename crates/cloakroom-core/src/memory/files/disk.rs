use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

const JOURNAL: &str = ".journal-";

/// A new file that nobody else can read, in the place of one that may be there.
pub(in super::super) fn create_private(path: &Path) -> io::Result<File> {
    remove(path)?;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Has the names in a file's directory on disk.
pub(in super::super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(directory(path))?.sync_all()
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// The path of a journal.
pub(super) fn journal(path: &Path, generation: u64) -> PathBuf {
    with_suffix(path, &format!("{JOURNAL}{generation}"))
}

fn unfinished(path: &Path) -> PathBuf {
    with_suffix(path, ".new")
}

/// A file was not replaced, or nobody knows.
#[derive(Debug)]
pub(super) struct NotReplaced {
    pub(super) error: io::Error,
    /// Whether the new file has the name already; after a power failure it may not.
    pub(super) in_place: bool,
}

impl From<NotReplaced> for io::Error {
    fn from(failed: NotReplaced) -> Self {
        failed.error
    }
}

/// Writes a file beside `path` and puts it there once all of it is on disk.
pub(super) fn replace(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), NotReplaced> {
    let unfinished = unfinished(path);
    let written = create_private(&unfinished).and_then(|file| {
        let mut file = BufWriter::with_capacity(1 << 20, file);
        write(&mut file)?;
        file.into_inner()?.sync_all()?;
        fs::rename(&unfinished, path)
    });
    if let Err(error) = written {
        // It only takes room; the next one is written over it.
        let _ = remove(&unfinished);
        return Err(NotReplaced { error, in_place: false });
    }
    sync_directory(path).map_err(|error| NotReplaced { error, in_place: true })
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes the snapshot and has that on disk, then its journals.
pub(super) fn discard(path: &Path) -> io::Result<()> {
    remove(&unfinished(path))?;
    remove(path)?;
    sync_directory(path)?;
    remove_journals(path, u64::MAX)
}

/// Removes the journals before a generation.
pub(super) fn remove_journals(path: &Path, before: u64) -> io::Result<()> {
    for generation in journals(path)?.into_iter().filter(|number| *number < before) {
        remove(&journal(path, generation))?;
    }
    Ok(())
}

/// The generations of the journals that are there, in order.
pub(super) fn journals(path: &Path) -> io::Result<Vec<u64>> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Err(io::Error::from(io::ErrorKind::InvalidFilename));
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(directory(path))? {
        let entry = entry?.file_name();
        let number =
            entry.to_str().and_then(|entry| entry.strip_prefix(name)?.strip_prefix(JOURNAL));
        found.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    found.sort_unstable();
    Ok(found)
}

/// Renames the snapshot and its journals so that they are not read again; where the snapshot is
/// now.
pub(super) fn set_aside(path: &Path, millis: i64) -> io::Result<PathBuf> {
    let aside = with_suffix(path, &format!(".damaged-{millis}"));
    fs::rename(path, &aside)?;
    for generation in journals(path)? {
        fs::rename(journal(path, generation), journal(&aside, generation))?;
    }
    sync_directory(path)?;
    Ok(aside)
}
