use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::USER;

const PATIENCE: Duration = Duration::from_secs(30);
const PROTOCOL: i32 = 3 << 16;

/// What a statement answered: each row is its columns as text, with NULL as an empty one.
pub type Rows = Vec<Vec<String>>;

/// A connection of a test's own to a private PostgreSQL, which speaks the simple query protocol
/// and nothing else; so the testkit needs no driver.
#[derive(Debug)]
pub struct PostgresConnection {
    stream: Stream,
}

#[derive(Debug)]
enum Stream {
    Socket(UnixStream),
    Port(TcpStream),
}

impl PostgresConnection {
    /// Connects through a Unix socket that asks for no password.
    pub(super) fn open(socket: &Path, database: &str) -> io::Result<Self> {
        Self::begin(Stream::Socket(UnixStream::connect(socket)?), database)
    }

    /// Connects to what listens at a port of this machine and asks neither for a password nor for
    /// TLS: PostgreSQL, a pooler or a proxy before it.
    pub fn at_port(port: u16, database: &str) -> io::Result<Self> {
        Self::begin(Stream::Port(TcpStream::connect(("127.0.0.1", port))?), database)
    }

    fn begin(stream: Stream, database: &str) -> io::Result<Self> {
        let mut connection = Self { stream };
        connection.give_up_after(PATIENCE);
        let mut start = PROTOCOL.to_be_bytes().to_vec();
        for text in ["user", USER, "database", database, ""] {
            start.extend(text.bytes().chain([0]));
        }
        connection.send(&[], &start)?;
        connection.read_rows()?;
        Ok(connection)
    }

    /// Runs one statement, or several with `;` between them, and returns all their rows. What the
    /// server refuses is the fault.
    pub fn query(&mut self, statements: &str) -> io::Result<Rows> {
        self.send(b"Q", &[statements.as_bytes(), &[0]].concat())?;
        self.read_rows()
    }

    /// Makes a statement that is not answered in this time a fault; the connection is then good
    /// for nothing more.
    pub fn give_up_after(&mut self, patience: Duration) {
        // Fails for no time at all only.
        let _ = match &self.stream {
            Stream::Socket(stream) => stream.set_read_timeout(Some(patience)),
            Stream::Port(stream) => stream.set_read_timeout(Some(patience)),
        };
    }

    fn send(&mut self, kind: &[u8], content: &[u8]) -> io::Result<()> {
        let length = i32::try_from(content.len() + 4).map_err(io::Error::other)?;
        self.stream.write_all(&[kind, &length.to_be_bytes(), content].concat())
    }

    /// Reads until the server is ready for the next statement.
    fn read_rows(&mut self) -> io::Result<Rows> {
        let (mut rows, mut refused) = (Rows::new(), None);
        loop {
            match self.read_message()? {
                (b'D', content) => rows.push(columns(&content)?),
                (b'E', content) => refused = Some(said(&content)),
                (b'R', content) if content != [0; 4] => {
                    return Err(io::Error::other("the server asks for a password"));
                }
                (b'Z', _) => break,
                _ => {}
            }
            // While it starts or stops it refuses and hangs up.
            if let Some(fault) = refused.take_if(|fault| fault.starts_with("FATAL")) {
                return Err(io::Error::other(fault));
            }
        }
        refused.map_or(Ok(rows), |fault| Err(io::Error::other(fault)))
    }

    fn read_message(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let length = usize::try_from(i32::from_be_bytes(length)).map_err(io::Error::other)?;
        let mut content = vec![0; length.saturating_sub(4)];
        self.stream.read_exact(&mut content)?;
        Ok((kind, content))
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Socket(stream) => stream.read(buffer),
            Self::Port(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Socket(stream) => stream.write(buffer),
            Self::Port(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn columns(row: &[u8]) -> io::Result<Vec<String>> {
    let short = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let mut rest = row.get(2..).ok_or_else(short)?;
    let mut columns = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk() {
        // NULL has the length -1.
        let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
        let (text, after) = after.split_at_checked(length).ok_or_else(short)?;
        columns.push(String::from_utf8_lossy(text).into_owned());
        rest = after;
    }
    Ok(columns)
}

/// `SEVERITY CODE: message` of a refusal.
fn said(fields: &[u8]) -> String {
    let field = |name: u8| {
        let found = fields.split(|it| *it == 0).find(|field| field.first() == Some(&name));
        String::from_utf8_lossy(found.map_or(&[], |field| &field[1..])).into_owned()
    };
    format!("{} {}: {}", field(b'V'), field(b'C'), field(b'M'))
}
