use std::net::TcpStream;
use std::time::Duration;

use super::account::Account;
use super::service::Service;
use super::{Postgres, TempDir, free_port, require};

const TIME_TO_START: Duration = Duration::from_secs(20);

/// PgBouncer in transaction mode before a private PostgreSQL that asks for no password: two
/// transactions of one client may run on two connections.
#[derive(Debug)]
pub struct PgBouncer {
    service: Service,
    _dir: TempDir,
    port: u16,
}

impl PgBouncer {
    /// Starts one with at most `connections` to the server for each database. `None` where it is
    /// missing (a visible skip).
    #[track_caller]
    pub fn before(postgres: &Postgres, connections: u16) -> Option<Self> {
        let (program, dir, port) = (require("pgbouncer")?, TempDir::new("pgbouncer"), free_port());
        let upstream = postgres.port();
        let file = dir.write(
            "pgbouncer.ini",
            format!(
                "[databases]\n* = host=127.0.0.1 port={upstream} user=cloakroom\n[pgbouncer]\n\
                 listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
                 auth_type = any\npool_mode = transaction\ndefault_pool_size = {connections}\n\
                 server_login_retry = 0.1\n"
            ),
        );
        let account = Account::unprivileged();
        if let Some(account) = account {
            account.own(dir.path());
        }
        let log = dir.join("log");
        let service = Service::start("pgbouncer", program, vec![file.into()], account, &log);
        service.wait_until("PgBouncer listens", TIME_TO_START, || is_open(port));
        Some(Self { service, _dir: dir, port })
    }

    /// Where clients find this database.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://cloakroom@127.0.0.1:{}/{database}", self.port)
    }

    /// Its port at 127.0.0.1, the same after a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills it as a power cut would.
    pub fn kill(&mut self) {
        self.service.kill();
    }

    /// Starts it again; kills it first if it runs.
    #[track_caller]
    pub fn start_again(&mut self) {
        self.service.start_again();
        self.service.wait_until("PgBouncer listens", TIME_TO_START, || is_open(self.port));
    }

    /// What it has printed.
    pub fn log(&self) -> String {
        self.service.log()
    }
}

fn is_open(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::PostgresConnection;

    fn backend(connection: &mut PostgresConnection) -> String {
        connection.query("SELECT pg_backend_pid()").unwrap()[0][0].clone()
    }

    #[test]
    fn two_clients_share_one_connection_and_it_comes_back_after_a_kill() {
        let Some(postgres) = Postgres::start() else { return };
        let Some(mut pooler) = PgBouncer::before(&postgres, 1) else { return };
        let open =
            |pooler: &PgBouncer| PostgresConnection::at_port(pooler.port(), "postgres").unwrap();
        let (mut first, mut second) = (open(&pooler), open(&pooler));
        assert_eq!(backend(&mut first), backend(&mut second));
        pooler.kill();
        assert!(first.query("SELECT 1").is_err());
        pooler.start_again();
        assert!(open(&pooler).query("SELECT 1").is_ok());
    }
}
