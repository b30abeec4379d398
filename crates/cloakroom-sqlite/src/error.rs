use std::io;
use std::path::PathBuf;

/// Why a database could not be opened. In none of these cases was anything in it overwritten.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file is an SQLite database, but damaged.
    #[error("{path} is damaged: {detail}. Nothing was changed; restore a backup", path = .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite found first.
        detail: String,
    },
    /// The file is an SQLite database of another program, and was not to be shared
    /// ([`Options::beside_other_tables`](crate::Options::beside_other_tables)).
    #[error("{path} is an SQLite database of another program. Nothing was changed", path = .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{path} cannot be opened", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        #[source]
        source: io::Error,
    },
    /// The path names a directory.
    #[error("{path} is a directory; the path of a file is needed", path = .path.display())]
    IsDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// Another program holds the file for longer than the busy timeout.
    #[error("{path} is locked by another program", path = .path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The tables were made by a newer version of this program.
    #[error(
        "{path} has version {found} of the {component} tables; this program knows versions up to \
         {known}. Nothing was changed; start the newer program",
        path = .path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Whose tables.
        component: &'static str,
        /// The version in the file.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// The directory of the file is not there.
    #[error("{path} cannot be opened: there is no directory {directory}",
        path = .path.display(), directory = .directory.display())]
    NoDirectory {
        /// The file.
        path: PathBuf,
        /// The directory.
        directory: PathBuf,
    },
    /// The file is not an SQLite database.
    #[error("{path} is not an SQLite database. Nothing was changed", path = .path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The directory may not be written, and SQLite needs files beside the database.
    #[error("the directory {directory} is read-only for this user; the database needs to write there",
        directory = .directory.display())]
    ReadOnlyDirectory {
        /// The directory.
        directory: PathBuf,
    },
    /// The file may not be written.
    #[error("{path} is read-only for this user", path = .path.display())]
    ReadOnlyFile {
        /// The file.
        path: PathBuf,
    },
    /// A name in the file that ours begin with belongs to somebody else.
    #[error(
        "{path} has a table, index, trigger or view {name} that is not Cloakroom's, whose names \
         begin with cloakroom_. Nothing was changed; rename it, or use another file",
        path = .path.display()
    )]
    NameTaken {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// Anything else that SQLite said.
    #[error("{path} cannot be opened", path = .path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What it said.
        #[source]
        source: rusqlite::Error,
    },
}
