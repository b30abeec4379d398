use std::path::{Path, PathBuf};
use std::process::Command;

use super::once::run;
use super::{TempDir, require};

const EXTENSIONS: &str = "basicConstraints=critical,CA:FALSE\n\
    subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n";

/// A certificate for `localhost` and 127.0.0.1 with its key, and the authority that signed it,
/// made anew for one server.
#[derive(Debug)]
pub(super) struct Tls {
    pub(super) authority: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Tls {
    /// Makes them in `dir`. `None` where openssl is missing (a visible skip).
    #[track_caller]
    pub(super) fn make(dir: &TempDir) -> Option<Self> {
        let openssl = require("openssl")?;
        dir.write("tls/extensions", EXTENSIONS);
        let dir = dir.join("tls");
        let made = make(&openssl, &dir);
        made.unwrap_or_else(|fault| panic!("cannot make certificates: {fault}"));
        let [authority, certificate, key] =
            ["authority.pem", "server.pem", "server.key"].map(|name| dir.join(name));
        Some(Self { authority, certificate, key })
    }
}

fn make(openssl: &Path, dir: &Path) -> std::io::Result<()> {
    let new_key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    let authority = "-x509 -days 30 -subj /CN=tests -keyout authority.key -out authority.pem";
    let request = "-subj /CN=localhost -keyout server.key -out server.csr";
    let sign = "-req -days 30 -in server.csr -CA authority.pem -CAkey authority.key \
        -CAcreateserial -extfile extensions -out server.pem";
    for line in [
        format!("req {new_key} {authority}"),
        format!("req {new_key} {request}"),
        format!("x509 {sign}"),
    ] {
        run(Command::new(openssl).args(line.split_whitespace()).current_dir(dir))?;
    }
    Ok(())
}

/// Whether a client that trusts this authority finds a good certificate for `localhost` there.
#[cfg(test)]
pub(super) fn check(port: u16, authority: &Path, options: &[&str]) -> std::io::Result<()> {
    let mut client = Command::new("openssl");
    client.args(["s_client", "-verify_return_error", "-verify_hostname", "localhost"]);
    client.arg("-connect").arg(format!("127.0.0.1:{port}")).arg("-CAfile").arg(authority);
    run(client.args(options).stdin(std::process::Stdio::null()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_vouches_for_localhost() {
        let dir = TempDir::new("testkit");
        let Some(tls) = Tls::make(&dir) else { return };
        let mut verify = Command::new("openssl");
        verify.args(["verify", "-verify_hostname", "localhost", "-CAfile"]);
        run(verify.arg(&tls.authority).arg(&tls.certificate)).unwrap();
        assert!(std::fs::read_to_string(tls.key).unwrap().contains("PRIVATE KEY"));
    }
}
