//! A plain blocking HTTP/1.1 client that sends exactly what it is told and shows exactly what
//! came: duplicate headers, any bytes, TCP or a Unix socket. It follows no redirect.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A port of 127.0.0.1.
    Port(u16),
    /// A Unix socket.
    Socket(PathBuf),
}

impl fmt::Display for Address {
    /// The value of `Host` a client there would send.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => write!(f, "localhost:{port}"),
            Self::Socket(_) => write!(f, "localhost"),
        }
    }
}

/// One request. `Host`, `Content-Length` and `Connection: close` are added where none is given.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST`, or any other token.
    pub method: String,
    /// The request target as sent.
    pub target: String,
    /// Header names and values in order, sent as they are.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: &str, target: &str) -> Self {
        let (method, target) = (method.to_owned(), target.to_owned());
        Self { method, target, headers: Vec::new(), body: Vec::new() }
    }

    /// A GET.
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A POST of form fields.
    pub fn post_form(target: &str, fields: &[(&str, &str)]) -> Self {
        Self::new("POST", target)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(urlencoded(fields))
    }

    /// Adds a header, also when there is one of that name.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it over a connection of its own and reads the answer.
    pub fn try_send(&self, address: &Address) -> io::Result<Response> {
        let mut connection = Connection::open(address)?;
        connection.write(&self.to_bytes(address))?;
        connection.read_response(&self.method)
    }

    /// Like [`try_send`](Self::try_send), for a server that must answer.
    #[track_caller]
    pub fn send(&self, address: &Address) -> Response {
        self.try_send(address).unwrap_or_else(|fault| {
            panic!("no answer to {} {} at {address:?}: {fault}", self.method, self.target)
        })
    }

    /// Its bytes on the wire.
    pub fn to_bytes(&self, address: &Address) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        let mut line = |name: &str, value: &[u8]| {
            bytes.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
        };
        if !self.has("Host") {
            line("Host", address.to_string().as_bytes());
        }
        if !self.has("Connection") {
            line("Connection", b"close");
        }
        let counted = self.has("Content-Length") || self.has("Transfer-Encoding");
        if !counted && (!self.body.is_empty() || self.method == "POST") {
            line("Content-Length", self.body.len().to_string().as_bytes());
        }
        for (name, value) in &self.headers {
            line(name, value);
        }
        [&bytes, b"\r\n".as_slice(), &self.body].concat()
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(it, _)| it.eq_ignore_ascii_case(name))
    }
}

/// Form fields as `application/x-www-form-urlencoded`.
pub fn urlencoded(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    pairs.join("&")
}

/// Percent-encodes everything but letters, digits and `-._~`.
pub fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
        escaped
    })
}

/// One answer.
#[derive(Clone)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// The lines after the status line, as they came, without line ends.
    pub header_lines: Vec<Vec<u8>>,
    /// Its body, without transfer coding.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of the first header of that name; bytes outside UTF-8 are replaced.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers(name).into_iter().next()
    }

    /// The values of all headers of that name, in order.
    pub fn headers(&self, name: &str) -> Vec<String> {
        self.header_lines
            .iter()
            .map(|line| String::from_utf8_lossy(line))
            .filter_map(|line| {
                let (it, value) = line.split_once(':')?;
                it.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
            .collect()
    }

    /// The body as text; bytes outside UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON. Panics, showing it, when it is none.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|fault| panic!("{fault}: {self:?}"))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "status {}", self.status)?;
        for line in &self.header_lines {
            writeln!(f, "{}", String::from_utf8_lossy(line))?;
        }
        write!(f, "\n{}", self.text())
    }
}

trait Stream: Read + Write + fmt::Debug + Send {}
impl<T: Read + Write + fmt::Debug + Send> Stream for T {}

/// One connection, for tests that send a request piece by piece or several on one connection.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<Box<dyn Stream>>,
}

impl Connection {
    /// Connects. Reads and writes give up after thirty seconds.
    pub fn open(address: &Address) -> io::Result<Self> {
        let stream: Box<dyn Stream> = match address {
            Address::Port(port) => {
                let stream = TcpStream::connect(("127.0.0.1", *port))?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Address::Socket(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Box::new(stream)
            }
        };
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)?;
        self.stream.get_mut().flush()
    }

    /// Reads one answer to a request of that method, past any 1xx before it.
    pub fn read_response(&mut self, method: &str) -> io::Result<Response> {
        loop {
            let (status, header_lines) = self.read_head()?;
            let mut response = Response { status, header_lines, body: Vec::new() };
            if status >= 200 {
                if method != "HEAD" && status != 204 && status != 304 {
                    response.body = self.read_body(&response)?;
                }
                return Ok(response);
            }
        }
    }

    fn read_head(&mut self) -> io::Result<(u16, Vec<Vec<u8>>)> {
        let status_line = self.read_line()?;
        let status = String::from_utf8_lossy(&status_line)
            .strip_prefix("HTTP/1.")
            .and_then(|rest| rest.split(' ').nth(1)?.parse().ok())
            .ok_or_else(|| malformed("status line", &status_line))?;
        let mut lines = Vec::new();
        loop {
            let line = self.read_line()?;
            if line.is_empty() {
                return Ok((status, lines));
            }
            lines.push(line);
        }
    }

    fn read_line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(line)
    }

    fn read_body(&mut self, head: &Response) -> io::Result<Vec<u8>> {
        if head.header("Transfer-Encoding").is_some_and(|it| it.eq_ignore_ascii_case("chunked")) {
            return self.read_chunks();
        }
        let mut body = Vec::new();
        match head.header("Content-Length") {
            Some(length) => {
                let length = length.parse().map_err(|_| malformed("length", length.as_bytes()))?;
                body = self.read_exactly(length)?;
            }
            None => {
                self.stream.read_to_end(&mut body)?;
            }
        }
        Ok(body)
    }

    fn read_chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.read_line()?;
            let digits = String::from_utf8_lossy(&line);
            let digits = digits.split(';').next().unwrap_or_default().trim();
            let length =
                usize::from_str_radix(digits, 16).map_err(|_| malformed("chunk", &line))?;
            if length == 0 {
                while !self.read_line()?.is_empty() {}
                return Ok(body);
            }
            body.extend(self.read_exactly(length)?);
            self.read_line()?;
        }
    }

    fn read_exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

fn malformed(part: &str, bytes: &[u8]) -> io::Error {
    let text = String::from_utf8_lossy(bytes);
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed {part}: {text}"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;
    use std::thread::{self, JoinHandle};

    use super::*;
    use crate::servers::TempDir;

    /// Serves one connection: reads a head and `body` bytes, writes `answer`, closes; the thread
    /// gives back what it read.
    fn answer(mut stream: impl Read + Write, body: usize, answer: &[u8]) -> Vec<u8> {
        let mut seen = Vec::new();
        let mut byte = [0];
        while !seen.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            seen.push(byte[0]);
        }
        let mut rest = vec![0; body];
        stream.read_exact(&mut rest).unwrap();
        stream.write_all(answer).unwrap();
        [seen, rest].concat()
    }

    fn serve(body: usize, reply: &'static [u8]) -> (Address, JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = Address::Port(listener.local_addr().unwrap().port());
        (address, thread::spawn(move || answer(listener.accept().unwrap().0, body, reply)))
    }

    #[test]
    fn duplicate_headers_and_any_bytes_are_sent_as_given() {
        let (address, server) = serve(0, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let request = Request::get("/x?y").header("Cookie", "a=1").header("Cookie", b"b=\xff");
        request.header("Host", "evil.example").send(&address);
        let expected = b"GET /x?y HTTP/1.1\r\nConnection: close\r\nCookie: a=1\r\n\
                         Cookie: b=\xff\r\nHost: evil.example\r\n\r\n";
        assert_eq!(server.join().unwrap(), expected);
    }

    #[test]
    fn a_form_is_encoded_and_counted() {
        let (address, server) = serve(16, b"HTTP/1.1 303 See Other\r\nLocation: /next\r\n\r\n");
        let response = Request::post_form("/f", &[("a", "b c"), ("d", "&=")]).send(&address);
        assert_eq!((response.status, response.header("location")), (303, Some("/next".to_owned())));
        let seen = String::from_utf8(server.join().unwrap()).unwrap();
        assert!(seen.contains("\r\nContent-Length: 16\r\n"), "{seen}");
        assert!(seen.ends_with("\r\n\r\na=b%20c&d=%26%3D"), "{seen}");
    }

    #[test]
    fn several_set_cookie_lines_stay_apart() {
        let (address, _server) =
            serve(0, b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie:b=2 \r\n\r\nrest");
        let response = Request::get("/").send(&address);
        assert_eq!(response.headers("Set-Cookie"), ["a=1", "b=2"]);
        assert_eq!(response.header_lines[1], b"set-cookie:b=2 ");
        assert_eq!(response.text(), "rest");
    }

    #[test]
    fn a_chunked_body_is_put_together_and_an_early_answer_passed_over() {
        let (address, _server) = serve(
            0,
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\
              Transfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n3;x=y\r\nped\r\n0\r\nTrailer: z\r\n\r\n",
        );
        let response = Request::get("/").send(&address);
        assert_eq!((response.status, response.text().as_str()), (200, "wikiped"));
    }

    #[test]
    fn a_unix_socket_is_an_address() {
        let dir = TempDir::new("testkit");
        let listener = UnixListener::bind(dir.join("s")).unwrap();
        let server = thread::spawn(move || {
            answer(listener.accept().unwrap().0, 0, b"HTTP/1.1 204 No Content\r\n\r\n")
        });
        assert_eq!(Request::get("/").send(&Address::Socket(dir.join("s"))).status, 204);
        assert!(server.join().unwrap().starts_with(b"GET / HTTP/1.1\r\nHost: localhost\r\n"));
    }

    #[test]
    fn a_connection_that_closes_early_is_an_error_and_not_an_answer() {
        let (address, _server) = serve(0, b"HTTP/1.1 200 OK\r\nContent-Le");
        let fault = Request::get("/").try_send(&address).unwrap_err();
        assert_eq!(fault.kind(), io::ErrorKind::UnexpectedEof);
    }
}
