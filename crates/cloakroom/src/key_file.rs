use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// A key file could not be read or made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// It is not what it should be.
    #[error(
        "{path:?} does not hold a key of {expected}; put the right file back, or remove it to end all sessions and make a new one"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// Others can read it.
    #[error(
        "{path:?} can be read by others (mode {mode:o}); a key that leaked must be replaced: remove it, or if nobody has read it, chmod 600 it"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The system refused.
    #[error("{path:?} cannot be used as a key file")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl KeyFileError {
    pub(crate) fn damaged(path: &Path, expected: &'static str) -> Self {
        Self::Damaged { path: path.to_owned(), expected }
    }
}

/// The key in the file at `path`; if there is none, `fresh` is put there with mode 0600 and
/// returned. Of two processes that start at once, both get the key of the one that was first.
///
/// # Errors
/// [`KeyFileError`], which names the file and says what to do.
pub fn key_file(path: &Path, fresh: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
    match read(path) {
        Ok(key) => key,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            create(path, fresh).map_err(failed)?;
            read(path).map_err(failed)?
        }
        Err(error) => Err(failed(error)),
    }
}

fn read(path: &Path) -> io::Result<Result<Zeroizing<Vec<u8>>, KeyFileError>> {
    let mut file = File::open(path)?;
    let mode = file.metadata()?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Ok(Err(KeyFileError::Exposed { path: path.to_owned(), mode }));
    }
    let mut key = Zeroizing::new(Vec::with_capacity(512));
    file.read_to_end(&mut key)?;
    Ok(Ok(key))
}

/// Writes a file of its own and links it, so that a key is there whole or not at all.
fn create(path: &Path, key: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let draft = Path::new(&name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    let written = file.write_all(key).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| fs::hard_link(draft, path));
    fs::remove_file(draft)?;
    match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}
