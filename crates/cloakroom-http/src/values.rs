use std::collections::BTreeMap;

use cloakroom_core::{DataChange, Entry, Expect, SessionError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// Several keys of a session's data during one [`Session::update_many`](crate::Session::update_many).
#[derive(Clone, Debug, Default)]
pub struct Values(BTreeMap<String, Value>);

#[derive(Clone, Debug, Default)]
struct Value {
    json: Option<String>,
    version: u64,
    changed: bool,
}

impl Values {
    pub(crate) fn of(entries: Vec<Entry>) -> Self {
        let values = entries.into_iter().map(|entry| {
            (entry.key, Value { json: entry.json, version: entry.version, changed: false })
        });
        Self(values.collect())
    }

    pub(crate) fn absent(keys: &[&str]) -> Self {
        Self(keys.iter().map(|key| ((*key).to_owned(), Value::default())).collect())
    }

    /// The value of a key, as the update found or last set it.
    ///
    /// # Errors
    /// [`SessionError::Json`] when it does not fit `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        let json = self.0.get(key).and_then(|value| value.json.as_deref());
        json.map(|json| from_json(key, json)).transpose()
    }

    /// Sets a key, which must be one of those named in the update.
    ///
    /// # Errors
    /// [`SessionError::Json`] when the value has no JSON form, [`SessionError::Invalid`] for a
    /// key that was not named.
    pub fn set<T: Serialize>(&mut self, key: &str, value: &T) -> Result<(), Error> {
        let json = to_json(key, value)?;
        self.change(key, Some(json))
    }

    /// Removes a key, which must be one of those named in the update.
    ///
    /// # Errors
    /// [`SessionError::Invalid`] for a key that was not named.
    pub fn remove(&mut self, key: &str) -> Result<(), Error> {
        self.change(key, None)
    }

    fn change(&mut self, key: &str, json: Option<String>) -> Result<(), Error> {
        let Some(value) = self.0.get_mut(key) else {
            return Err(SessionError::Invalid {
                what: "data key",
                allowed: "one of the keys named in the update",
            }
            .into());
        };
        value.json = json;
        value.changed = true;
        Ok(())
    }

    /// If anything changed, all named keys are written as they now are, each expected as it was
    /// read: so the update saw one consistent state, keys it only looked at included.
    pub(crate) fn changes(&self) -> Vec<DataChange> {
        if !self.0.values().any(|value| value.changed) {
            return Vec::new();
        }
        let change = |(key, value): (&String, &Value)| DataChange {
            key: key.clone(),
            expect: Expect::Version(value.version),
            json: value.json.clone(),
        };
        self.0.iter().map(change).collect()
    }

    pub(crate) fn into_data(self) -> Vec<(String, String)> {
        self.0.into_iter().filter_map(|(key, value)| Some((key, value.json?))).collect()
    }
}

pub(crate) fn from_json<T: DeserializeOwned>(key: &str, json: &str) -> Result<T, Error> {
    let parsed = serde_json::from_str(json);
    parsed.map_err(|source| SessionError::Json { key: key.to_owned(), source }.into())
}

pub(crate) fn to_json<T: Serialize>(key: &str, value: &T) -> Result<String, Error> {
    let written = serde_json::to_string(value);
    written.map_err(|source| SessionError::Json { key: key.to_owned(), source }.into())
}
