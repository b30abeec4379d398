use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// What Redis answered (RESP2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A status, as in `OK`.
    Status(String),
    /// A refusal.
    Refused(String),
    /// A number.
    Integer(i64),
    /// A value; anything that is no UTF-8 in it is replaced.
    Text(String),
    /// No value.
    Nil,
    /// A list.
    List(Vec<Reply>),
}

impl Reply {
    /// Its text, where it has one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Status(text) | Self::Refused(text) | Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// A connection of a test's own to a private Redis, so that the testkit needs no driver.
#[derive(Debug)]
pub struct RedisConnection {
    stream: BufReader<TcpStream>,
}

impl RedisConnection {
    /// Connects to a port of this machine.
    pub(super) fn open(port: u16, password: Option<&str>) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut connection = Self { stream: BufReader::new(stream) };
        match password.map(|password| connection.send(&["AUTH", password])).transpose()? {
            Some(Reply::Refused(why)) => Err(io::Error::other(why)),
            _ => Ok(connection),
        }
    }

    /// Sends a command and waits for its answer.
    pub fn send(&mut self, command: &[&str]) -> io::Result<Reply> {
        let mut bytes = format!("*{}\r\n", command.len());
        for part in command {
            bytes.push_str(&format!("${}\r\n{part}\r\n", part.len()));
        }
        self.stream.get_mut().write_all(bytes.as_bytes())?;
        self.read()
    }

    /// Makes a command that is not answered in this time a fault; the connection is then good for
    /// nothing more.
    pub fn give_up_after(&mut self, patience: Duration) {
        let _ = self.stream.get_ref().set_read_timeout(Some(patience));
    }

    fn read(&mut self) -> io::Result<Reply> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let line = line.strip_suffix("\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        let (kind, rest) = line.split_at_checked(1).ok_or(io::ErrorKind::InvalidData)?;
        let number = || rest.parse::<i64>().map_err(io::Error::other);
        Ok(match kind {
            "+" => Reply::Status(rest.to_owned()),
            "-" => Reply::Refused(rest.to_owned()),
            ":" => Reply::Integer(number()?),
            "$" => self.read_text(number()?)?,
            "*" => self.read_list(number()?)?,
            _ => return Err(io::Error::other(format!("not RESP2: {line}"))),
        })
    }

    fn read_text(&mut self, length: i64) -> io::Result<Reply> {
        let Ok(length) = usize::try_from(length) else { return Ok(Reply::Nil) };
        let mut content = vec![0; length + 2];
        self.stream.read_exact(&mut content)?;
        Ok(Reply::Text(String::from_utf8_lossy(&content[..length]).into_owned()))
    }

    fn read_list(&mut self, length: i64) -> io::Result<Reply> {
        let Ok(length) = usize::try_from(length) else { return Ok(Reply::Nil) };
        (0..length).map(|_| self.read()).collect::<io::Result<_>>().map(Reply::List)
    }
}
