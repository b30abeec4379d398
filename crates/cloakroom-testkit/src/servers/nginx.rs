use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use super::http::Address;
use super::{Process, TempDir, require};

const TIME_TO_START: Duration = Duration::from_secs(20);

/// nginx as any user, with everything it writes in a directory of its own.
#[derive(Debug)]
pub struct Nginx {
    process: Process,
    dir: TempDir,
    port: u16,
}

impl Nginx {
    /// Starts nginx on a full configuration that listens on `127.0.0.1:port`, and waits until it
    /// does. `None` where nginx is missing (a visible skip).
    ///
    /// Relative paths mean the server's own directory. The text must not say `user`, `daemon` or
    /// `pid`; [`Nginx::configuration`] writes the rest around a server.
    #[track_caller]
    pub fn start(port: u16, configuration: &str) -> Option<Self> {
        let program = require("nginx")?;
        let dir = TempDir::new("nginx");
        dir.write("nginx.conf", configuration);
        let process = Process::spawn("nginx", run(program, &dir), &dir.join("log"));
        process.wait_until("nginx listens", TIME_TO_START, || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Some(Self { process, dir, port })
    }

    /// A full configuration around what belongs into `http { }`, with every file nginx writes in
    /// its own directory.
    pub fn configuration(http: &str) -> String {
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("    {kind}_temp_path {kind}_temp;\n"))
            .concat();
        format!(
            "worker_processes 1;\nerror_log stderr info;\nevents {{ worker_connections 256; }}\n\
             http {{\n    access_log access.log;\n{temporary}{http}\n}}\n"
        )
    }

    /// Where it listens.
    pub fn address(&self) -> Address {
        Address::Port(self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it wrote to its error log.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// What it wrote to `access.log`.
    pub fn access_log(&self) -> String {
        std::fs::read_to_string(self.dir.join("access.log")).unwrap_or_default()
    }

    /// Replaces the configuration and waits until nginx has taken it.
    #[track_caller]
    pub fn reload(&self, configuration: &str) {
        let taken = || self.log().matches("gracefully shutting down").count();
        let before = taken();
        self.dir.write("nginx.conf", configuration);
        self.process.signal(Signal::HUP);
        self.process.wait_until("the old worker stops", TIME_TO_START, || taken() > before);
    }
}

fn run(program: PathBuf, dir: &TempDir) -> Command {
    // Workers of a root nginx would run as nobody, who may not enter the directory.
    let user = if rustix::process::geteuid().is_root() { "user root root; " } else { "" };
    let globals = format!("daemon off; {user}pid {};", dir.join("pid").display());
    let mut command = Command::new(program);
    command.arg("-p").arg(dir.path()).args(["-c", "nginx.conf", "-e", "stderr", "-g", &globals]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::free_port;
    use crate::servers::http::Request;

    fn answers(port: u16, text: &str) -> String {
        Nginx::configuration(&format!(
            "server {{ listen 127.0.0.1:{port}; location / {{ return 200 \"{text}\"; }} }}"
        ))
    }

    #[test]
    fn nginx_serves_takes_a_new_configuration_and_writes_its_logs_here() {
        let port = free_port();
        let Some(nginx) = Nginx::start(port, &answers(port, "one")) else {
            return;
        };
        assert_eq!(Request::get("/first").send(&nginx.address()).text(), "one");
        nginx.reload(&answers(port, "two"));
        assert_eq!(Request::get("/second").send(&nginx.address()).text(), "two");
        assert!(nginx.access_log().contains("GET /first HTTP/1.1"));
    }

    #[test]
    fn a_wrong_configuration_is_shown_with_what_nginx_says() {
        if require("nginx").is_none() {
            return;
        }
        let fault =
            std::panic::catch_unwind(|| Nginx::start(free_port(), "nonsense;")).unwrap_err();
        let fault = fault.downcast::<String>().unwrap();
        assert!(fault.contains("unknown directive \"nonsense\""), "{fault}");
    }
}
