//! A connection of a client that takes nothing for granted.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Who waits longer has not been answered.
const PATIENCE: Duration = Duration::from_secs(20);
/// A head is shorter.
const LONGEST_HEAD: usize = 16 * 1024;

/// What can go wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// There was no connection.
    Refused,
    /// There was no answer, or it was no 200.
    Failed,
    /// The answer began and did not end.
    Truncated,
    /// It was the answer of a request that had one.
    Duplicated,
    /// It was the answer of another request, or not what it should be.
    Misordered,
}

/// A connection.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) fn open(to: SocketAddr) -> Result<Self, Wrong> {
        let prepared = |stream: TcpStream| -> io::Result<_> {
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(Connection(BufReader::with_capacity(4096, stream)))
        };
        TcpStream::connect(to)
            .and_then(prepared)
            .map_err(|_| Wrong::Refused)
    }

    pub(crate) fn port(&self) -> Option<u16> {
        self.0
            .get_ref()
            .local_addr()
            .ok()
            .map(|address| address.port())
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Wrong> {
        let sent = self.0.get_mut().write_all(bytes.as_ref());
        sent.map_err(|_| Wrong::Failed)
    }

    /// The head of the next answer: how its content is framed.
    pub(crate) fn head(&mut self, status: &str) -> Result<Framing, Wrong> {
        let mut framing = Framing::Nothing;
        let first = self.line(Wrong::Failed)?;
        if first.split(' ').nth(1) != Some(status) {
            return Err(Wrong::Failed);
        }
        let mut length = first.len();
        loop {
            let line = self.line(Wrong::Truncated)?.to_ascii_lowercase();
            length += line.len();
            if line.is_empty() {
                return Ok(framing);
            }
            if let Some(length) = line.strip_prefix("content-length:") {
                framing = Framing::Length(length.trim().parse().map_err(|_| Wrong::Failed)?);
            }
            if line.starts_with("transfer-encoding:") {
                framing = Framing::Chunked;
            }
            if length > LONGEST_HEAD {
                return Err(Wrong::Failed);
            }
        }
    }

    fn line(&mut self, end: Wrong) -> Result<String, Wrong> {
        let mut line = Vec::new();
        let read = self.0.read_until(b'\n', &mut line);
        match read {
            Ok(0) | Err(_) if line.is_empty() => Err(end),
            Ok(_) if line.ends_with(b"\r\n") => {
                line.truncate(line.len() - 2);
                String::from_utf8(line).map_err(|_| Wrong::Misordered)
            }
            _ => Err(Wrong::Truncated),
        }
    }

    pub(crate) fn exactly(&mut self, bytes: &mut [u8]) -> Result<(), Wrong> {
        self.0.read_exact(bytes).map_err(|_| Wrong::Truncated)
    }

    /// The next chunk. Empty at the end.
    pub(crate) fn chunk(&mut self) -> Result<Vec<u8>, Wrong> {
        let size = self.line(Wrong::Truncated)?;
        let size = usize::from_str_radix(&size, 16).map_err(|_| Wrong::Misordered)?;
        let mut chunk = vec![0; size];
        self.exactly(&mut chunk)?;
        let end = self.line(Wrong::Truncated)?;
        if end.is_empty() {
            Ok(chunk)
        } else {
            Err(Wrong::Misordered)
        }
    }

    /// The whole of the next answer.
    pub(crate) fn answer(&mut self) -> Result<Vec<u8>, Wrong> {
        match self.head("200")? {
            Framing::Nothing => Ok(Vec::new()),
            Framing::Length(length) => {
                let mut content = vec![0; length];
                self.exactly(&mut content)?;
                Ok(content)
            }
            Framing::Chunked => {
                let mut content = Vec::new();
                loop {
                    let chunk = self.chunk()?;
                    if chunk.is_empty() {
                        return Ok(content);
                    }
                    content.extend(chunk);
                }
            }
        }
    }

    /// Ends this side, and waits for the other.
    pub(crate) fn end(&mut self) -> Result<(), Wrong> {
        let stream = self.0.get_ref();
        stream
            .shutdown(std::net::Shutdown::Write)
            .map_err(|_| Wrong::Failed)?;
        match self.0.read(&mut [0; 1]) {
            Ok(0) => Ok(()),
            _ => Err(Wrong::Misordered),
        }
    }
}

/// How an answer's content ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Framing {
    Nothing,
    Length(usize),
    Chunked,
}

/// Whether this is the answer of this request of a client, and what it is if not.
pub(crate) fn is_of(content: &[u8], client: u32, number: u64) -> Result<(), Wrong> {
    if content == name(client, number).as_bytes() {
        return Ok(());
    }
    let text = std::str::from_utf8(content).unwrap_or_default();
    let other = text.strip_prefix(&format!("{client}-"));
    match other.and_then(|other| other.parse::<u64>().ok()) {
        Some(other) if other < number => Err(Wrong::Duplicated),
        _ => Err(Wrong::Misordered),
    }
}

/// The name of a request.
pub(crate) fn name(client: u32, number: u64) -> String {
    format!("{client}-{number}")
}
