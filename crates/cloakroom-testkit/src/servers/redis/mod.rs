//! A private Redis or Valkey.

mod builder;
mod reply;

use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use super::TempDir;
use super::service::Service;

pub use builder::RedisBuilder;
pub use reply::{RedisConnection, Reply};

const TIME_TO_START: Duration = Duration::from_secs(30);

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    /// Redis 7 of Debian.
    Redis,
    /// Valkey 9.
    Valkey,
}

/// Redis or Valkey with data and port of its own, which keeps nothing on disk unless told to.
#[derive(Debug)]
pub struct Redis {
    service: Service,
    dir: TempDir,
    wanted: RedisBuilder,
    port: u16,
    tls: Option<(std::path::PathBuf, u16)>,
}

impl Redis {
    /// Starts one. `None` where it is missing (a visible skip).
    #[track_caller]
    pub fn start(flavor: Flavor) -> Option<Self> {
        Self::builder(flavor).start()
    }

    /// One with options, a password or TLS.
    pub fn builder(flavor: Flavor) -> RedisBuilder {
        RedisBuilder::new(flavor)
    }

    /// Which server it is.
    pub fn flavor(&self) -> Flavor {
        self.wanted.flavor()
    }

    /// Its port at 127.0.0.1, the same after a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where clients find it, without the password.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Where clients find it by TLS, and the certificate of the authority that signed its own.
    pub fn tls(&self) -> Option<(String, &Path)> {
        let (authority, port) = self.tls.as_ref()?;
        Some((format!("rediss://localhost:{port}/0"), authority))
    }

    /// The password that it asks for.
    pub fn password(&self) -> Option<&str> {
        self.wanted.password_asked()
    }

    /// A connection of the test's own.
    pub fn connect(&self) -> io::Result<RedisConnection> {
        RedisConnection::open(self.port, self.password())
    }

    /// Runs a command that must not be refused.
    #[track_caller]
    pub fn run(&self, command: &[&str]) -> Reply {
        match self.connect().and_then(|mut connection| connection.send(command)) {
            Ok(Reply::Refused(why)) => panic!("{command:?}: {why}"),
            Ok(reply) => reply,
            Err(fault) => panic!("{command:?}: {fault}"),
        }
    }

    /// Starts a server of the same kind that follows this one and takes no writes, and waits until
    /// it has all data.
    #[track_caller]
    pub fn replica(&self) -> Option<Self> {
        let master = format!("127.0.0.1 {}", self.port);
        let mut builder = Self::builder(self.flavor()).option("replicaof", &master);
        if let Some(password) = self.password() {
            builder = builder.option("masterauth", &format!("\"{password}\""));
        }
        let replica = builder.start()?;
        replica.wait_until_it_follows();
        Some(replica)
    }

    /// Makes it a replica of another one, and waits until it has the data of that one.
    #[track_caller]
    pub fn follow(&self, primary: &Self) {
        self.run(&["REPLICAOF", "127.0.0.1", &primary.port.to_string()]);
        self.wait_until_it_follows();
    }

    #[track_caller]
    fn wait_until_it_follows(&self) {
        let follows = || {
            let info = self.run(&["INFO", "replication"]);
            info.text().is_some_and(|it| it.contains("master_link_status:up"))
        };
        self.service.wait_until("it follows", TIME_TO_START, follows);
    }

    /// Kills it and its children as a power cut would, and waits until they are gone.
    pub fn kill(&mut self) {
        self.service.kill();
    }

    /// Asks it to stop, which saves when it is told to save at all, and waits until it has.
    pub fn stop(&mut self) {
        self.service.stop(Signal::TERM);
    }

    /// Starts it on the same data, options and port, and waits until it answers; kills it first if
    /// it runs.
    #[track_caller]
    pub fn start_again(&mut self) {
        self.service.start_again();
        self.wait_until_ready();
    }

    /// Lets it write no file beyond so many bytes, until it is started again: with 0 as if its
    /// disk were full.
    pub fn bound_files(&self, bytes: Option<u64>) {
        self.service.bound_files(bytes);
    }

    /// Makes it stop working without closing anything: what is sent to it waits.
    pub fn pause(&self) {
        self.service.pause();
    }

    /// Lets it go on after a pause.
    pub fn resume(&self) {
        self.service.resume();
    }

    /// What it has printed.
    pub fn log(&self) -> String {
        self.service.log()
    }

    /// Its directory, with what it keeps on disk.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    #[track_caller]
    fn wait_until_ready(&self) {
        // While it loads its data it refuses.
        let pong = || self.connect()?.send(&["PING"]);
        let is_ready = || pong().is_ok_and(|reply| reply == Reply::Status("PONG".to_owned()));
        self.service.wait_until("it answers", TIME_TO_START, is_ready);
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;
    use crate::servers::tls::check;

    const BOTH: [Flavor; 2] = [Flavor::Redis, Flavor::Valkey];

    fn text(text: &str) -> Reply {
        Reply::Text(text.to_owned())
    }

    #[test]
    fn it_answers_dies_by_kill_and_comes_back_with_what_it_was_told_to_keep() {
        for flavor in BOTH {
            let Some(mut lossy) = Redis::start(flavor) else { return };
            let durable = Redis::builder(flavor).option("appendonly", "yes");
            let Some(mut durable) = durable.option("appendfsync", "always").start() else { return };
            for redis in [&mut lossy, &mut durable] {
                redis.run(&["SET", "kept", "7"]);
                redis.kill();
                assert!(TcpStream::connect(("127.0.0.1", redis.port())).is_err());
                redis.start_again();
            }
            assert_eq!(lossy.run(&["GET", "kept"]), Reply::Nil);
            assert_eq!(durable.run(&["GET", "kept"]), text("7"));
            durable.stop();
            durable.start_again();
            assert_eq!(durable.run(&["GET", "kept"]), text("7"));
        }
    }

    #[test]
    fn both_are_the_versions_we_speak_of() {
        for (flavor, version) in
            [(Flavor::Redis, "redis_version:7."), (Flavor::Valkey, "valkey_version:9.")]
        {
            let Some(redis) = Redis::start(flavor) else { return };
            let info = redis.run(&["INFO", "server"]);
            assert!(info.text().unwrap().contains(version), "{info:?}");
        }
    }

    #[test]
    fn a_paused_one_is_connected_to_and_answers_when_it_goes_on() {
        let Some(redis) = Redis::start(Flavor::Redis) else { return };
        redis.pause();
        let mut connection = redis.connect().unwrap();
        connection.give_up_after(Duration::from_millis(200));
        assert!(connection.send(&["PING"]).is_err());
        redis.resume();
        assert_eq!(redis.run(&["ECHO", "x"]), text("x"));
    }

    #[test]
    fn options_and_password_are_taken() {
        let redis = Redis::builder(Flavor::Redis).option("maxmemory", "9000000");
        let Some(redis) = redis.password("secret of the test").start() else { return };
        let answer = redis.run(&["CONFIG", "GET", "maxmemory"]);
        assert_eq!(answer, Reply::List(vec![text("maxmemory"), text("9000000")]));
        let fault = RedisConnection::open(redis.port(), Some("another")).unwrap_err();
        assert!(fault.to_string().contains("WRONGPASS"), "{fault}");
    }

    #[test]
    fn redis_takes_tls() {
        let Some(redis) = Redis::builder(Flavor::Redis).tls().start() else { return };
        let (url, authority) = redis.tls().unwrap();
        let port = url.rsplit([':', '/']).nth(1).unwrap().parse().unwrap();
        check(port, authority, &[]).unwrap();
    }

    #[test]
    fn a_replica_follows_and_takes_no_writes() {
        for flavor in BOTH {
            let Some(primary) = Redis::builder(flavor).password("p").start() else { return };
            primary.run(&["SET", "kept", "7"]);
            let Some(replica) = primary.replica() else { return };
            assert_eq!(replica.run(&["GET", "kept"]), text("7"));
            let refused = replica.connect().unwrap().send(&["SET", "kept", "8"]).unwrap();
            assert!(refused.text().unwrap().starts_with("READONLY"), "{refused:?}");
        }
    }
}
