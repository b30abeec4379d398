use cloakroom::Timestamp;
use serde::{Deserialize, Serialize};

/// A moment, written as RFC 3339 in UTC with milliseconds: `2026-03-12T14:03:05.000Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Time(pub Timestamp);

impl From<Time> for String {
    /// A moment beyond the calendar is written as the last one within it.
    fn from(Time(moment): Time) -> Self {
        let held = jiff::Timestamp::from_millisecond(moment.unix_millis());
        let held = held.unwrap_or(jiff::Timestamp::MAX);
        held.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
    }
}

impl TryFrom<String> for Time {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, jiff::Error> {
        let moment: jiff::Timestamp = text.parse()?;
        Ok(Self(Timestamp::from_unix_millis(moment.as_millisecond())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_survives_its_text() {
        for millis in [0, 1_773_324_185_000, 1_773_324_185_042] {
            let time = Time(Timestamp::from_unix_millis(millis));
            assert_eq!(Time::try_from(String::from(time)).unwrap(), time);
        }
        let time = Time(Timestamp::from_unix_millis(1_773_324_185_000));
        assert_eq!(String::from(time), "2026-03-12T14:03:05.000Z");
    }
}
