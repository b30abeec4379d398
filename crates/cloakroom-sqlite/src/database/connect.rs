//! Opening the file: what is checked, in which order, and what a refusal says.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use rustix::fs::{Access, access};

use super::Options;
use super::owner::{Owner, claim};
use crate::OpenError;

/// Files up to this size are checked as a whole when they are opened.
const CHECKED_BYTES: i64 = 16 * 1024 * 1024;

/// Statements that a connection keeps prepared; more than there are.
const PREPARED: usize = 128;

const RETRY_EVERY: Duration = Duration::from_millis(10);

/// The first connection to a file: makes it, checks it and sets it up.
pub(super) fn first(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    check_place(path)?;
    create_private(path)?;
    // Setting up a new file can be refused without waiting while another process does the same.
    let begun = Instant::now();
    loop {
        match set_up(path, options) {
            Err(OpenError::Locked { .. }) if begun.elapsed() < options.busy_timeout => {
                std::thread::sleep(RETRY_EVERY);
            }
            done => return done,
        }
    }
}

/// A further connection that writes.
pub(super) fn again(path: &Path, busy_timeout: Duration) -> Result<Connection, OpenError> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, busy_timeout)
        .and_then(durable)
        .map_err(|error| explain(path, error))
}

/// A connection that only reads.
pub(super) fn reader(path: &Path, busy_timeout: Duration) -> Result<Connection, OpenError> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY, busy_timeout)
        .map_err(|error| explain(path, error))
}

/// The file of which SQLite says by its `suffix` that it belongs to `path`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn set_up(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    let opened = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, options.busy_timeout);
    let mut connection = opened.map_err(|error| explain(path, error))?;
    let owner = Owner::of(&mut connection).map_err(|error| explain(path, error))?;
    match owner {
        Owner::Us => {
            tighten(path);
            check_content(&connection, path)?;
        }
        Owner::Nobody if !options.beside_other_tables => tighten(path),
        Owner::Other(_) if !options.beside_other_tables => {
            return Err(OpenError::Foreign { path: path.to_owned() });
        }
        Owner::Other(Some(name)) => {
            return Err(OpenError::NameTaken { path: path.to_owned(), name });
        }
        Owner::Nobody | Owner::Shared | Owner::Other(None) => {}
    }
    let connection = durable(connection).map_err(|error| explain(path, error))?;
    claim(connection, path, options)
}

/// Refuses places where opening cannot succeed, in words better than SQLite's.
fn check_place(path: &Path) -> Result<(), OpenError> {
    if path.is_dir() {
        return Err(OpenError::IsDirectory { path: path.to_owned() });
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let directory = directory.to_owned();
    if !directory.is_dir() {
        return Err(OpenError::NoDirectory { path: path.to_owned(), directory });
    }
    if access(&directory, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        return Err(OpenError::ReadOnlyDirectory { directory });
    }
    if !path.exists() {
        return Ok(());
    }
    if let Err(error) = access(path, Access::READ_OK) {
        return Err(OpenError::Io { path: path.to_owned(), source: error.into() });
    }
    if access(path, Access::WRITE_OK).is_err() {
        return Err(OpenError::ReadOnlyFile { path: path.to_owned() });
    }
    Ok(())
}

/// Makes the file with mode 0600 unless it is there. SQLite gives the files beside it its mode.
fn create_private(path: &Path) -> Result<(), OpenError> {
    static CREATING: Mutex<()> = Mutex::new(());
    // Closing any descriptor of a file drops all locks that this process has on it, so nobody
    // here may find the file, and lock it, before it is closed.
    let _alone = CREATING.lock().unwrap_or_else(PoisonError::into_inner);
    let created = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let private = match created {
        // The umask can have taken away bits that are needed.
        Ok(file) => file.set_permissions(fs::Permissions::from_mode(0o600)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    };
    private.map_err(|source| OpenError::Io { path: path.to_owned(), source })
}

/// Takes other users' rights away from files that somebody gave to them.
fn tighten(path: &Path) {
    for file in ["", "-wal", "-shm"].map(|suffix| beside(path, suffix)) {
        let Ok(found) = fs::metadata(&file) else {
            continue;
        };
        let mode = found.permissions().mode() & 0o777;
        if mode & 0o077 == 0 {
            continue;
        }
        match fs::set_permissions(&file, fs::Permissions::from_mode(0o600)) {
            Ok(()) => tracing::warn!(
                file = %file.display(), mode = format_args!("{mode:o}"),
                "other users could reach the session database; its mode is 600 now"
            ),
            Err(error) => tracing::warn!(
                file = %file.display(), mode = format_args!("{mode:o}"), %error,
                "other users can reach the session database, and its mode cannot be changed"
            ),
        }
    }
}

fn connect(path: &Path, access: OpenFlags, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    // Else statements that a partial index might serve are compiled again for every parameter.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// Write-ahead log, and every commit reaches the disk before it is acknowledged.
fn durable(connection: Connection) -> rusqlite::Result<Connection> {
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN),
            Some("this file system does not allow a write-ahead log".to_owned()),
        ));
    }
    connection.pragma_update(None, "synchronous", "full")?;
    Ok(connection)
}

fn check_content(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let checked = number("PRAGMA page_count").and_then(|pages| {
        let bytes = pages.saturating_mul(number("PRAGMA page_size")?);
        if bytes > CHECKED_BYTES {
            return Ok("ok".to_owned());
        }
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
    });
    match checked {
        Ok(verdict) if verdict == "ok" => Ok(()),
        Ok(detail) => Err(OpenError::Damaged { path: path.to_owned(), detail }),
        Err(error) => Err(explain(path, error)),
    }
}

/// Says plainly what SQLite's error means for somebody who wanted to open a file.
pub(super) fn explain(path: &Path, error: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotADatabase { path },
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path, detail: error.to_string() },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::Locked { path },
        Some(ErrorCode::ReadOnly) => OpenError::ReadOnlyFile { path },
        _ => OpenError::Sqlite { path, source: error },
    }
}
