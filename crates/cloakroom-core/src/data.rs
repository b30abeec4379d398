use crate::SessionError;

/// One key of a session's data as a read saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Its JSON text; `None` when the key is absent.
    pub json: Option<String>,
    /// Changes with every write of the key; 0 when the key is absent.
    pub version: u64,
}

/// Which keys to read.
#[derive(Clone, Debug)]
pub enum Keys {
    /// All that the session has.
    All,
    /// These, whether they are present or not.
    These(Vec<String>),
}

/// What a write expects of the key it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Anything: overwrite on purpose.
    Any,
    /// This version, 0 meaning absent.
    Version(u64),
}

/// One write.
#[derive(Clone, Debug)]
pub struct DataChange {
    /// The key.
    pub key: String,
    /// What must be there.
    pub expect: Expect,
    /// The new JSON text; `None` removes the key.
    pub json: Option<String>,
}

/// How much one session may hold. Exceeding it is an error that names the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataLimits {
    /// Keys per session.
    pub keys: usize,
    /// Bytes of keys and JSON text per session.
    pub bytes: usize,
}

impl Default for DataLimits {
    /// 64 keys and 64 KiB.
    fn default() -> Self {
        Self { keys: 64, bytes: 64 * 1024 }
    }
}

/// Longest key, in characters.
const MAX_KEY_CHARS: usize = 128;

/// Checks a key: 1 to 128 characters, none of them a control character.
///
/// # Errors
/// [`SessionError::Invalid`] with what is allowed.
pub fn check_key(key: &str) -> Result<(), SessionError> {
    let fits = (1..=MAX_KEY_CHARS).contains(&key.chars().count());
    if fits && !key.chars().any(char::is_control) {
        return Ok(());
    }
    Err(SessionError::Invalid {
        what: "data key",
        allowed: "1 to 128 characters, none of them a control character",
    })
}
