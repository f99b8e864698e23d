//! The bytes of HTTP: a head and its content come in, an answer goes out.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Instant;

use http_server_trait::http::{HeaderValue, Request, Version, header};
use http_server_trait::{AbortReason, BodyError, BodyErrorKind, CloseReason, Conn, Head, Outcome};

use crate::running::Running;

/// The largest head, and the longest line in content. A client that sends more is left.
const LARGEST: u64 = 16 * 1024;
/// More trailers than this are not read, either.
const TRAILERS: usize = 32;

/// A connection, and what has gone over it.
pub(crate) struct Wire<'a> {
    input: BufReader<Counted<'a>>,
    pub(crate) content_in: u64,
    pub(crate) bytes_out: u64,
}

/// A stream whose bytes stand in the books as soon as they have come.
struct Counted<'a> {
    stream: TcpStream,
    server: &'a Running,
    conn: &'a Conn,
}

impl Read for Counted<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(into)?;
        self.server.received(self.conn, read);
        Ok(read)
    }
}

impl<'a> Wire<'a> {
    pub(crate) fn new(server: &'a Running, conn: &'a Conn, stream: TcpStream) -> Self {
        let config = server.pipeline.config();
        // A client that neither sends nor takes holds a thread.
        let _ = stream.set_read_timeout(Some(config.head_time));
        let _ = stream.set_write_timeout(Some(config.write_stall));
        let counted = Counted {
            stream,
            server,
            conn,
        };
        Wire {
            input: BufReader::new(counted),
            content_in: 0,
            bytes_out: 0,
        }
    }

    fn stream(&self) -> &TcpStream {
        &self.input.get_ref().stream
    }

    /// The text of a head; none if the connection ends before its first byte.
    pub(crate) fn head(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.input.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let mut text = Vec::new();
        let mut input = Read::take(&mut self.input, LARGEST);
        while !text.ends_with(b"\r\n\r\n") {
            if input.read_until(b'\n', &mut text)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(Some(text))
    }

    /// The content that belongs to a head, up to a limit.
    pub(crate) fn content(&mut self, head: &Head, limit: u64) -> Result<Vec<u8>, BodyError> {
        let mut content = Vec::new();
        match head.field("transfer-encoding") {
            None => {
                let length = number(head.field("content-length").unwrap_or("0"), 10)?;
                self.piece(&mut content, length, limit)?;
            }
            Some(coding) if coding.eq_ignore_ascii_case("chunked") => {
                self.chunks(&mut content, limit)?;
            }
            Some(_) => return Err(BodyError::new(BodyErrorKind::Malformed)),
        }
        Ok(content)
    }

    fn chunks(&mut self, content: &mut Vec<u8>, limit: u64) -> Result<(), BodyError> {
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or_default();
            match number(size.trim(), 16)? {
                0 => break,
                size => self.piece(content, size, limit)?,
            }
            self.line()?;
        }
        for _ in 0..TRAILERS {
            if self.line()?.trim().is_empty() {
                return Ok(());
            }
        }
        Err(BodyError::new(BodyErrorKind::TooLarge))
    }

    /// So many bytes more. Memory grows as they come, whatever was declared.
    fn piece(&mut self, to: &mut Vec<u8>, size: u64, limit: u64) -> Result<(), BodyError> {
        if size > limit.saturating_sub(to.len() as u64) {
            return Err(BodyError::new(BodyErrorKind::TooLarge));
        }
        let mut piece = Read::take(&mut self.input, size);
        let read = piece.read_to_end(to).map_err(gone)? as u64;
        self.content_in += read;
        if read < size {
            return Err(BodyError::new(BodyErrorKind::Disconnected));
        }
        Ok(())
    }

    fn line(&mut self) -> Result<String, BodyError> {
        let mut line = Vec::new();
        let mut input = Read::take(&mut self.input, LARGEST);
        input.read_until(b'\n', &mut line).map_err(gone)?;
        match String::from_utf8(line) {
            Ok(line) if line.ends_with('\n') => Ok(line),
            Ok(_) => Err(BodyError::new(BodyErrorKind::Disconnected)),
            Err(_) => Err(BodyError::new(BodyErrorKind::Malformed)),
        }
    }

    /// Sends these bytes, all of them.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.input.get_mut().stream.write_all(bytes)?;
        self.input.get_ref().server.sent(bytes.len());
        self.bytes_out += bytes.len() as u64;
        Ok(())
    }

    /// Notices when the client goes away while the application thinks.
    pub(crate) fn watch(&self) -> io::Result<()> {
        let stream = self.stream().try_clone()?;
        stream.set_read_timeout(None)?;
        let conn = self.input.get_ref().conn.clone();
        let watch = move || match stream.peek(&mut [0]) {
            Ok(0) => conn.set_disconnected(CloseReason::ClientClosed),
            // It has sent more than one request, and is here.
            Ok(_) => {}
            Err(_) => {
                conn.set_disconnected(CloseReason::ClientLeft);
                // Whatever is answered, it does not get there.
                conn.set_ended(1, Outcome::Aborted(AbortReason::ClientLeft));
            }
        };
        thread::Builder::new().spawn(watch).map(drop)
    }

    /// Closes. A client that still sends would lose its answer to a reset, so it is listened to for a while.
    pub(crate) fn close(&self) {
        let time = self.input.get_ref().server.pipeline.config().linger_time;
        let until = Instant::now() + time;
        let mut stream = self.stream();
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.set_read_timeout(Some(time));
        while matches!(stream.read(&mut [0; 4096]), Ok(1..)) && Instant::now() < until {}
        // Ends the one who watches, too.
        let _ = stream.shutdown(Shutdown::Both);
    }
}

fn gone(_: io::Error) -> BodyError {
    BodyError::new(BodyErrorKind::Disconnected)
}

fn number(text: &str, radix: u32) -> Result<u64, BodyError> {
    u64::from_str_radix(text, radix).map_err(|_| BodyError::new(BodyErrorKind::Malformed))
}

/// Reads a head as friendly clients write it. What cannot be read is none.
pub(crate) fn parse(text: &[u8], conn: &Conn) -> Option<Head> {
    let mut lines = text
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii_end);
    let mut words = lines.next()?.split(|byte| *byte == b' ');
    let (method, target) = (words.next()?, words.next()?);
    let version = match (words.next()?, words.next()) {
        (b"HTTP/1.0", None) => Version::HTTP_10,
        (version, None) if version.starts_with(b"HTTP/1.") => Version::HTTP_11,
        _ => return None,
    };
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .version(version);
    for line in lines.filter(|line| !line.is_empty()) {
        let colon = line.iter().position(|byte| *byte == b':')?;
        request = request.header(&line[..colon], line[colon + 1..].trim_ascii());
    }
    let (mut parts, ()) = request.body(()).ok()?.into_parts();
    // RFC 9112, 3.2.2: the authority of the target counts, the field does not.
    if let Some(authority) = parts.uri.authority() {
        let host = HeaderValue::from_str(authority.as_str()).ok()?;
        parts.headers.insert(header::HOST, host);
    }
    Some(Head::from_http(parts, conn, 1, Instant::now()))
}
