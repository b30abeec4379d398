//! How scripts and commands are called, and how reads and writes differ.

use std::fmt;
use std::sync::Arc;

use cloakroom_core::{Answer, Bucket, SessionId, StoreAnswer, StoreError, Timestamp};
use redis::{Cmd, ErrorKind, Pipeline, RedisError, ServerErrorKind, Value};
use tokio::runtime::Handle;

use crate::connection::{Fault, Keeper, Link};
use crate::keys::Keys;
use crate::record::padded;
use crate::script::{Call, Script};
use crate::words::Words;

/// The server as the parts of the store speak to it.
pub(crate) struct Calls {
    pub(crate) keeper: Keeper,
    pub(crate) keys: Keys,
    pub(crate) runtime: Handle,
    /// One becomes the incarnation of a bucket that has none.
    pub(crate) words: Words,
    pub(crate) checks_keys: bool,
}

/// What a script is given beside its keys.
#[derive(Default)]
pub(crate) struct Arguments(Vec<Vec<u8>>);

impl Arguments {
    pub(crate) fn push(&mut self, argument: impl Into<Vec<u8>>) -> &mut Self {
        self.0.push(argument.into());
        self
    }

    pub(crate) fn number(&mut self, number: impl fmt::Display) -> &mut Self {
        self.push(number.to_string())
    }

    pub(crate) fn time(&mut self, time: Timestamp) -> &mut Self {
        self.push(padded(time.unix_millis()))
    }

    pub(crate) fn id(&mut self, id: SessionId) -> &mut Self {
        self.push(*id.as_bytes())
    }

    /// A list: its length, then its items.
    pub(crate) fn list<T: Into<Vec<u8>>>(
        &mut self,
        items: impl ExactSizeIterator<Item = T>,
    ) -> &mut Self {
        self.number(items.len());
        items.for_each(|item| {
            self.push(item);
        });
        self
    }

    pub(crate) fn ids(&mut self, ids: &[SessionId]) -> &mut Self {
        self.list(ids.iter().map(|id| *id.as_bytes()))
    }
}

impl Calls {
    /// One command.
    pub(crate) async fn send(&self, command: &Cmd) -> Result<Value, Fault> {
        let link = self.keeper.link().await?;
        let sent = link.send(command).await.map_err(Fault::from);
        self.watch(&link, sent)
    }

    /// Commands together.
    pub(crate) async fn send_all(&self, commands: &Pipeline) -> Result<Vec<Value>, Fault> {
        self.send_all_on(&self.keeper.link().await?, commands).await
    }

    /// Commands together, on a certain connection.
    pub(crate) async fn send_all_on(
        &self,
        link: &Arc<Link>,
        commands: &Pipeline,
    ) -> Result<Vec<Value>, Fault> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let sent = link.send_all(commands).await.map_err(Fault::from);
        self.watch(link, sent)
    }

    /// A script on keys of one bucket.
    pub(crate) async fn run(
        &self,
        script: &'static Script,
        keys: &[String],
        arguments: &Arguments,
    ) -> Result<Value, Fault> {
        self.run_on(&self.keeper.link().await?, script, keys, arguments).await
    }

    /// A script, on a certain connection.
    pub(crate) async fn run_on(
        &self,
        link: &Arc<Link>,
        script: &'static Script,
        keys: &[String],
        arguments: &Arguments,
    ) -> Result<Value, Fault> {
        let ran = match self.checks_keys {
            false => run(link, script.call(), keys, arguments).await,
            true => run(link, &script.checked(), keys, arguments).await,
        };
        self.watch(link, ran.map_err(Fault::from))
    }

    /// A script that takes all keys of a bucket, then those of `sessions`.
    pub(crate) async fn run_in(
        &self,
        script: &'static Script,
        bucket: Bucket,
        now: Timestamp,
        sessions: &[SessionId],
        arguments: Arguments,
    ) -> Result<Value, Fault> {
        let mut keys = self.keys.of_bucket(bucket);
        for id in sessions {
            keys.extend([self.keys.record(*id), self.keys.data(*id)]);
        }
        let mut all = Arguments::default();
        all.push(self.keys.channel()).push(self.words.fresh()).time(now);
        all.0.extend(arguments.0);
        self.run(script, &keys, &all).await
    }

    fn watch<T>(&self, link: &Arc<Link>, outcome: Result<T, Fault>) -> Result<T, Fault> {
        if let Some(fault) = outcome.as_ref().err().filter(|fault| fault.ends_connection()) {
            self.keeper.lost(link, fault);
        }
        outcome
    }

    /// An answer that changes nothing: tried once more where the connection was lost meanwhile.
    pub(crate) fn read<'a, T, F, R>(
        self: &Arc<Self>,
        operation: &'static str,
        reading: R,
    ) -> StoreAnswer<'a, T>
    where
        R: Fn(Arc<Self>) -> F + Send + 'a,
        F: Future<Output = Result<T, Fault>> + Send,
        T: Send + 'a,
    {
        let calls = Arc::clone(self);
        Answer::pending(async move {
            let first = reading(Arc::clone(&calls)).await;
            let outcome = match first {
                Err(fault) if fault.is_worth_another_try() => reading(calls).await,
                first => first,
            };
            outcome.map_err(|fault| fault.of_read(operation))
        })
    }

    /// A write in a task of its own, which goes on when nobody waits for the answer (law 9).
    pub(crate) fn write<'a, T, F>(&self, operation: &'static str, writing: F) -> StoreAnswer<'a, T>
    where
        F: Future<Output = Result<T, Fault>> + Send + 'static,
        T: Send + 'static,
    {
        let task = self.runtime.spawn(writing);
        Answer::pending(async move {
            match task.await {
                Ok(outcome) => outcome.map_err(|fault| fault.of_write(operation)),
                Err(stopped) => Err(StoreError::unknown(operation, stopped)),
            }
        })
    }
}

async fn run(
    link: &Link,
    call: &Call,
    keys: &[String],
    arguments: &Arguments,
) -> Result<Value, RedisError> {
    let command = |name, script: &str| {
        let mut command = redis::cmd(name);
        command.arg(script).arg(keys.len()).arg(keys).arg(&arguments.0);
        command
    };
    match link.send(&command("EVALSHA", &call.digest)).await {
        Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
            link.send(&command("EVAL", &call.text)).await
        }
        outcome => outcome,
    }
}
