use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, Pipeline, RedisResult, Value};

use super::Fault;
use crate::server::{ServerFacts, Settings};

/// A connection to one life of one server.
pub(crate) struct Link {
    connection: MultiplexedConnection,
    pub(crate) facts: ServerFacts,
}

const SETTINGS: [&str; 6] = [
    "maxmemory",
    "maxmemory-policy",
    "appendonly",
    "appendfsync",
    "no-appendfsync-on-rewrite",
    "save",
];

impl Link {
    /// Connects and asks the server who it is.
    pub(super) async fn connect(
        client: &Client,
        connect_timeout: Duration,
        response_timeout: Duration,
    ) -> Result<Self, Fault> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(connect_timeout))
            .set_response_timeout(Some(response_timeout))
            .set_pipeline_buffer_size(512);
        let connecting = async {
            let mut connection =
                client.get_multiplexed_async_connection_with_config(&config).await?;
            let facts = facts(&mut connection).await?;
            match facts.is_loading {
                false => Ok(Self { connection, facts }),
                true => Err(Fault::not_done("Redis is loading its data after a start")),
            }
        };
        // The library bounds each step; the server may answer some and not others.
        match tokio::time::timeout(connect_timeout + response_timeout, connecting).await {
            Ok(linked) => linked,
            Err(_) => Err(Fault::too_late()),
        }
    }

    pub(crate) async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        self.connection.clone().send_packed_command(command).await?.extract_error()
    }

    /// Sends commands together; the first refusal of one is the answer to all.
    pub(crate) async fn send_all(&self, commands: &Pipeline) -> RedisResult<Vec<Value>> {
        let count = commands.len();
        let values = self.connection.clone().send_packed_commands(commands, 0, count).await?;
        values.into_iter().map(Value::extract_error).collect()
    }
}

async fn facts(connection: &mut MultiplexedConnection) -> Result<ServerFacts, Fault> {
    let info: String = redis::cmd("INFO").query_async(connection).await?;
    let facts = ServerFacts::of(&info, &settings(connection).await);
    match facts.run_id.is_empty() {
        false => Ok(facts),
        // Nobody would notice that it was started again.
        true => Err(Fault::not_done("the server does not tell its run_id")),
    }
}

async fn settings(connection: &mut MultiplexedConnection) -> Settings {
    let mut settings = HashMap::new();
    for name in SETTINGS {
        let mut command = redis::cmd("CONFIG");
        command.arg("GET").arg(name);
        let told: RedisResult<HashMap<String, String>> = command.query_async(connection).await;
        // Managed servers forbid it.
        settings.extend(told.ok()?);
    }
    Some(settings)
}

impl fmt::Debug for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Link").field("facts", &self.facts).finish_non_exhaustive()
    }
}
