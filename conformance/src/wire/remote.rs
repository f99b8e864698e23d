//! Sockets to a server that is somebody else's, anywhere.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use http_server_trait::{Address, BoxFuture};
use socket2::Socket;

use super::memory::{ClientEnd, MemoryWire};
use super::socket::SocketWire;
use super::{Received, Wire, World};
use crate::stage::Stage;

/// The way to a server that we did not start. All waiting has its end.
pub(crate) struct Remote {
    /// By what pauses and silences of cases are divided.
    pub(crate) scale: u32,
    /// How long an answer may take.
    pub(crate) patience: Duration,
    /// When everything has to be over.
    pub(crate) until: Instant,
}

impl Remote {
    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}

impl World for Remote {
    fn connect(&mut self, to: &Address) -> io::Result<Box<dyn Wire>> {
        let socket = match to {
            Address::Tcp(address) => {
                let stream = connect(*address, self.patience.min(self.left()))?;
                stream.set_nodelay(true)?;
                Socket::from(stream)
            }
            Address::Unix(path) => Socket::from(UnixStream::connect(path)?),
            other => {
                let text = format!("{other} cannot be reached from here");
                return Err(io::Error::new(io::ErrorKind::Unsupported, text));
            }
        };
        socket.set_write_timeout(Some(self.patience))?;
        Ok(Box::new(RemoteWire {
            // Times are scaled here.
            inner: SocketWire::new(socket, 1),
            scale: self.scale,
            patience: self.patience,
            until: self.until,
        }))
    }

    fn attend(&mut self, end: ClientEnd) -> Box<dyn Wire> {
        let scale = self.scale;
        Box::new(MemoryWire { end, scale })
    }

    fn pause(&mut self, time: Duration) {
        thread::sleep((time / self.scale).min(self.left()));
    }

    fn wait_for(&mut self, _: &Stage, _: &str, _: usize) -> bool {
        false
    }

    fn wait_until(&mut self, _: &mut dyn FnMut() -> bool) -> bool {
        false
    }

    fn spawn(&mut self, _: BoxFuture<'static, ()>) {}

    fn block_on(&mut self, _: BoxFuture<'static, ()>) -> Option<()> {
        None
    }

    fn is_virtual(&self) -> bool {
        false
    }
}

/// A time-out of zero is none to the system.
fn connect(to: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    TcpStream::connect_timeout(&to, patience.max(Duration::from_millis(1)))
}

struct RemoteWire {
    inner: SocketWire,
    scale: u32,
    patience: Duration,
    until: Instant,
}

impl Wire for RemoteWire {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.send(bytes)
    }

    fn receive(&mut self, wait: Duration) -> Received {
        let left = self.until.saturating_duration_since(Instant::now());
        self.inner
            .receive((wait / self.scale).min(self.patience).min(left))
    }

    fn end(&mut self) -> io::Result<()> {
        self.inner.end()
    }

    fn reset(&mut self) {
        self.inner.reset();
    }
}
