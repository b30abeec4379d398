use std::time::Duration;

use cloakroom_core::{DataChange, Expect, Keys, Live, SessionError, check_key};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Session;
use crate::values::{from_json, to_json};
use crate::{Error, Values};

/// Tries of one update before it gives up: each failed try means that another one succeeded.
const MOST_TRIES: u32 = 10_000;

impl Session {
    /// The value of a key; `None` when it is absent or there is no session. Costs one read.
    ///
    /// # Errors
    /// [`SessionError::Json`] when the value does not fit `T`, [`SessionError::Gone`] when the
    /// session ended meanwhile, or a fault of the store.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        check_key(key)?;
        let Some(live) = self.live().await? else {
            return Ok(None);
        };
        let entries = self.0.sessions.read(&live, Keys::These(vec![key.to_owned()])).await?;
        let Some(entry) = entries.into_iter().next() else {
            return Ok(None);
        };
        self.0.state().versions.insert(entry.key, entry.version);
        entry.json.map(|json| from_json(key, &json)).transpose()
    }

    /// Sets a key, beginning an anonymous session if there is none. Committed when this returns.
    ///
    /// # Errors
    /// [`SessionError::Conflict`] when this request has read the key and another one changed it
    /// since (law 3), [`SessionError::TooLarge`], [`SessionError::Gone`], or a fault.
    pub async fn insert<T: Serialize>(&self, key: &str, value: T) -> Result<(), Error> {
        self.write(key, Some(to_json(key, &value)?), self.expected(key)).await
    }

    /// Sets a key whatever is there: what another request wrote since is lost on purpose.
    ///
    /// # Errors
    /// As [`Session::insert`], but never a conflict.
    pub async fn overwrite<T: Serialize>(&self, key: &str, value: T) -> Result<(), Error> {
        self.write(key, Some(to_json(key, &value)?), Expect::Any).await
    }

    /// Removes a key. Without a session there is nothing to do.
    ///
    /// # Errors
    /// As [`Session::insert`].
    pub async fn remove(&self, key: &str) -> Result<(), Error> {
        check_key(key)?;
        match self.live().await? {
            Some(live) => self.commit(&live, key, None, self.expected(key)).await,
            None => Ok(()),
        }
    }

    /// Changes a key by compare-and-set, retrying until no other request comes in between.
    /// `change` gets the present value and may run several times. Returns the new value.
    ///
    /// # Errors
    /// [`SessionError::Json`], [`SessionError::TooLarge`], [`SessionError::Gone`], or a fault.
    pub async fn update<T, F>(&self, key: &str, mut change: F) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned,
        F: FnMut(Option<T>) -> T,
    {
        let mut result = None;
        self.update_many(&[key], |values| {
            let next = change(values.get(key)?);
            values.set(key, &next)?;
            result = Some(next);
            Ok(())
        })
        .await?;
        Ok(result.expect("the change ran at least once"))
    }

    /// Changes several keys in one compare-and-set and one commit, all or none. `change` sees one
    /// consistent state of exactly `keys` and may run several times.
    ///
    /// # Errors
    /// As [`Session::update`], and whatever `change` returns.
    pub async fn update_many<F>(&self, keys: &[&str], mut change: F) -> Result<(), Error>
    where
        F: FnMut(&mut Values) -> Result<(), Error>,
    {
        for key in keys {
            check_key(key)?;
        }
        let first = || {
            let mut values = Values::absent(keys);
            change(&mut values)?;
            Ok(values.into_data())
        };
        let Some(live) = self.live_or_begin(first).await? else {
            return Ok(());
        };
        let _turn = self.0.sessions.updates(live.id()).lock().await;
        for tries in 0..MOST_TRIES {
            if self.try_update(&live, keys, &mut change).await? {
                return Ok(());
            }
            pause(tries).await;
        }
        Err(SessionError::Conflict { key: keys.join(", ") }.into())
    }

    async fn try_update<F>(&self, live: &Live, keys: &[&str], change: &mut F) -> Result<bool, Error>
    where
        F: FnMut(&mut Values) -> Result<(), Error>,
    {
        let wanted = keys.iter().map(|key| (*key).to_owned()).collect();
        let mut values = Values::of(self.0.sessions.read(live, Keys::These(wanted)).await?);
        change(&mut values)?;
        let changes = values.changes();
        if changes.is_empty() {
            return Ok(true);
        }
        let changed: Vec<String> = changes.iter().map(|change| change.key.clone()).collect();
        match self.0.sessions.write(live, changes).await {
            Ok(versions) => {
                self.0.state().versions.extend(changed.into_iter().zip(versions));
                Ok(true)
            }
            Err(SessionError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// A key that this request has read must still be as it was; any other may be anything.
    fn expected(&self, key: &str) -> Expect {
        self.0.state().versions.get(key).map_or(Expect::Any, |version| Expect::Version(*version))
    }

    async fn write(&self, key: &str, json: Option<String>, expect: Expect) -> Result<(), Error> {
        check_key(key)?;
        let first = || Ok(json.iter().map(|json| (key.to_owned(), json.clone())).collect());
        let Some(live) = self.live_or_begin(first).await? else {
            return Ok(());
        };
        self.commit(&live, key, json, expect).await
    }

    async fn commit(
        &self,
        live: &Live,
        key: &str,
        json: Option<String>,
        expect: Expect,
    ) -> Result<(), Error> {
        let change = DataChange { key: key.to_owned(), expect, json };
        let versions = self.0.sessions.write(live, vec![change]).await?;
        let written = versions.into_iter().map(|version| (key.to_owned(), version));
        self.0.state().versions.extend(written);
        Ok(())
    }
}

/// Lets others go first after a conflict; a little longer each time.
async fn pause(tries: u32) {
    if tries < 8 {
        tokio::task::yield_now().await;
    } else {
        tokio::time::sleep(Duration::from_millis(u64::from(tries.min(20)))).await;
    }
}
