use std::fmt;
use std::time::Duration;

use cloakroom::{StoreError, Timestamp, UserId};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::sql::{SqlError, Transaction};

/// Letters and digits that people do not confuse; 32 of them, so each holds five bits.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const GROUPS: usize = 6;
const GROUP_LENGTH: usize = 4;

/// What a one-time code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodePurpose {
    /// Setting up the first administrator; good for an hour.
    SetUp,
    /// Choosing a password; good for three days.
    Password,
}

impl CodePurpose {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::SetUp => "set_up",
            Self::Password => "password",
        }
    }

    /// How long such a code is good.
    pub fn lifetime(self) -> Duration {
        match self {
            Self::SetUp => Duration::from_secs(3_600),
            Self::Password => Duration::from_secs(3 * 86_400),
        }
    }
}

/// A one-time code: 120 random bits in groups that can be typed. Shown once; the database
/// holds its digest. `Debug` shows only the name of the type.
pub struct Code {
    text: Zeroizing<String>,
    made_at: Timestamp,
}

impl Code {
    /// A fresh random code.
    ///
    /// # Errors
    /// The system's random source failed.
    pub fn generate(now: Timestamp) -> Result<Self, StoreError> {
        let mut random = Zeroizing::new([0_u8; GROUPS * GROUP_LENGTH]);
        getrandom::fill(&mut *random)
            .map_err(|error| StoreError::failed("draw random bytes from the system", error))?;
        let mut text = Zeroizing::new(String::with_capacity(GROUPS * (GROUP_LENGTH + 1)));
        for (at, byte) in random.iter().enumerate() {
            if at > 0 && at % GROUP_LENGTH == 0 {
                text.push('-');
            }
            text.push(char::from(ALPHABET[usize::from(byte % 32)]));
        }
        Ok(Self { text, made_at: now })
    }

    /// The text, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    pub(super) fn row(&self, purpose: CodePurpose, user_id: Option<UserId>) -> CodeRow {
        let expires_at = self.made_at.after(purpose.lifetime());
        CodeRow { digest: digest(&self.text), purpose, user_id, expires_at }
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Code")
    }
}

pub(super) struct CodeRow {
    digest: [u8; 32],
    purpose: CodePurpose,
    user_id: Option<UserId>,
    expires_at: Timestamp,
}

/// The digest of a code as people type it: case, spaces and dashes do not matter.
pub(super) fn digest(code: &str) -> [u8; 32] {
    let kept = code.bytes().filter(u8::is_ascii_alphanumeric).take(256);
    let folded: Zeroizing<Vec<u8>> =
        Zeroizing::new(kept.map(|byte| byte.to_ascii_lowercase()).collect());
    Sha256::digest(&*folded).into()
}

/// Stores a code; earlier ones for the same purpose and user are void.
pub(super) async fn insert(
    transaction: &mut Transaction<'_>,
    code: &CodeRow,
) -> Result<(), SqlError> {
    let (purpose, user) = (code.purpose.as_str(), code.user_id.as_ref().map(UserId::as_str));
    let earlier = "DELETE FROM cloakroom_one_time_code WHERE purpose = ?1 AND user_id ";
    match user {
        Some(user) => {
            let sql = format!("{earlier} = ?2");
            transaction.run(&sql, &[purpose.into(), user.into()]).await?
        }
        None => transaction.run(&format!("{earlier} IS NULL"), &[purpose.into()]).await?,
    };
    let sql = "INSERT INTO cloakroom_one_time_code (digest, purpose, user_id, expires_at)
        VALUES (?1, ?2, ?3, ?4)";
    let values = [(&code.digest).into(), purpose.into(), user.into(), code.expires_at.into()];
    transaction.run(sql, &values).await.map(drop)
}

/// Voids the codes of a user: whoever got hold of an earlier link must not undo a change of
/// password, nor get in once a disabled user is enabled.
pub(super) async fn void(
    transaction: &mut Transaction<'_>,
    user_id: &UserId,
) -> Result<(), SqlError> {
    let sql = "DELETE FROM cloakroom_one_time_code WHERE user_id = ?1";
    transaction.run(sql, &[user_id.into()]).await.map(drop)
}

/// A good code: digest, purpose, now.
pub(super) const GOOD: &str = "SELECT user_id FROM cloakroom_one_time_code
    WHERE digest = ?1 AND purpose = ?2 AND expires_at > ?3";

/// Uses a code up. `None` when it is not good; else whose it was.
pub(super) async fn take(
    transaction: &mut Transaction<'_>,
    digest: &[u8; 32],
    purpose: CodePurpose,
    now: Timestamp,
) -> Result<Option<Option<UserId>>, SqlError> {
    let sql = "DELETE FROM cloakroom_one_time_code
        WHERE digest = ?1 AND purpose = ?2 AND expires_at > ?3 RETURNING user_id";
    let values = [digest.into(), purpose.as_str().into(), now.into()];
    transaction.row(sql, &values).await?.map(|row| row.column(0)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_can_be_typed_in_any_case_with_or_without_dashes() {
        let code = Code::generate(Timestamp::default()).unwrap();
        let typed = format!(" {} ", code.reveal().to_uppercase().replace('-', " "));
        assert_eq!(digest(&typed), digest(code.reveal()));
        assert_eq!(code.reveal().len(), 29);
        assert_eq!(format!("{code:?}"), "Code");
    }

    #[test]
    fn codes_do_not_repeat() {
        let make = || Code::generate(Timestamp::default()).unwrap().reveal().to_owned();
        assert_ne!(make(), make());
    }
}
