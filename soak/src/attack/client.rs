//! A client that waits for nothing, so that one thread can be thousands of them.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// One connection.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    /// What has come. Of what is long, the beginning.
    pub(crate) received: Vec<u8>,
    /// Whether the server has ended it, or reset it.
    pub(crate) is_over: bool,
}

/// More of what comes is not kept.
const KEPT: usize = 4096;

/// Addresses of this machine, to come from: each has so many clients of this number.
pub(crate) fn source(number: usize, each: usize) -> IpAddr {
    let house = number / each.max(1);
    let [high, low] = u16::try_from(house % 60_000)
        .unwrap_or_default()
        .to_be_bytes();
    // 127.0.0.1 is the normal clients'.
    IpAddr::V4(Ipv4Addr::new(127, 1, high, low.max(1)))
}

impl Client {
    pub(crate) fn open(to: SocketAddr) -> io::Result<Self> {
        Client::from(to, Ipv4Addr::LOCALHOST.into(), None)
    }

    /// From an address, and with a small window if so many bytes are to fit into it.
    pub(crate) fn from(to: SocketAddr, source: IpAddr, window: Option<usize>) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        if let Some(window) = window {
            socket.set_recv_buffer_size(window)?;
        }
        if source != IpAddr::V4(Ipv4Addr::LOCALHOST) {
            socket.bind(&SocketAddr::new(source, 0).into())?;
        }
        socket.set_tcp_nodelay(true)?;
        socket.connect(&to.into())?;
        socket.set_nonblocking(true)?;
        Ok(Client {
            stream: socket.into(),
            received: Vec::new(),
            is_over: false,
        })
    }

    /// Sends what is taken of it, and says how much that was.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> usize {
        if bytes.is_empty() {
            return 0;
        }
        match self.stream.write(bytes) {
            Ok(count) => count,
            Err(error) if is_later(&error) => 0,
            Err(_) => {
                // What came before the end can still be read.
                self.take(usize::MAX);
                self.is_over = true;
                0
            }
        }
    }

    /// Takes at most so much of what has come, and says how much that was.
    pub(crate) fn take(&mut self, most: usize) -> usize {
        let mut taken = 0;
        let mut piece = [0; 4096];
        while taken < most && !self.is_over {
            let room = piece.len().min(most - taken);
            match self.stream.read(&mut piece[..room]) {
                Ok(count @ 1..) => {
                    let kept = KEPT.saturating_sub(self.received.len()).min(count);
                    self.received.extend_from_slice(&piece[..kept]);
                    taken += count;
                }
                Err(error) if is_later(&error) => break,
                Ok(_) | Err(_) => self.is_over = true,
            }
        }
        taken
    }

    /// The status of the first answer, when it has come.
    pub(crate) fn status(&self) -> Option<u16> {
        let line = self.received.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
        std::str::from_utf8(line).ok()?.parse().ok()
    }

    /// Waits for so many bytes or the end, no longer than this.
    pub(crate) fn wait(&mut self, bytes: usize, patience: Duration) {
        let begun = std::time::Instant::now();
        while self.received.len() < bytes && !self.is_over && begun.elapsed() < patience {
            if self.take(KEPT) == 0 && !self.is_over {
                // One thread plays many, and a wait of one millisecond is nobody's measurement.
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// Sends nothing more.
    pub(crate) fn half_close(&self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }

    /// Ends it by a reset.
    pub(crate) fn reset(self) {
        let socket = Socket::from(self.stream);
        let _ = socket.set_linger(Some(Duration::ZERO));
    }
}

fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
