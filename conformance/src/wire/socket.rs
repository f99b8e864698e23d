//! Sockets, with all times scaled down alike.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use http_server_trait::{Address, BoxFuture, block_on};
use socket2::{SockRef, Socket};

use super::memory::{ClientEnd, MemoryWire};
use super::{Received, Wire, World};
use crate::stage::Stage;

/// Real sockets on this machine.
pub(crate) struct Sockets {
    pub(crate) scale: u32,
}

/// How long a thing that must happen may take to happen. It is not scaled: a busy machine is no failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

impl World for Sockets {
    fn connect(&mut self, to: &Address) -> io::Result<Box<dyn Wire>> {
        let socket = match to {
            Address::Tcp(address) => {
                let mut address = *address;
                if address.ip().is_unspecified() {
                    let loopback = match address {
                        std::net::SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                        std::net::SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
                    };
                    address.set_ip(loopback);
                }
                let stream = TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                Socket::from(stream)
            }
            Address::Unix(path) => Socket::from(UnixStream::connect(path)?),
            other => {
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    format!("{other}"),
                ));
            }
        };
        socket.set_write_timeout(Some(Duration::from_millis(500)))?;
        Ok(Box::new(SocketWire::new(socket, self.scale)))
    }

    fn attend(&mut self, end: ClientEnd) -> Box<dyn Wire> {
        let scale = self.scale;
        Box::new(MemoryWire { end, scale })
    }

    fn pause(&mut self, time: Duration) {
        // Part of the case: the client does nothing for so long.
        thread::sleep(time / self.scale);
    }

    fn wait_for(&mut self, stage: &Stage, what: &str, times: usize) -> bool {
        stage.wait_for(what, times, PATIENCE)
    }

    fn wait_until(&mut self, is_so: &mut dyn FnMut() -> bool) -> bool {
        let until = Instant::now() + PATIENCE;
        while !is_so() {
            if Instant::now() >= until {
                return false;
            }
            // A count in another thread, which nothing tells about.
            thread::sleep(Duration::from_millis(1));
        }
        true
    }

    fn spawn(&mut self, future: BoxFuture<'static, ()>) {
        thread::spawn(move || block_on(future));
    }

    fn block_on(&mut self, future: BoxFuture<'static, ()>) -> Option<()> {
        let (done, waits) = mpsc::channel();
        thread::spawn(move || {
            block_on(future);
            // Nobody waits any more once patience has ended.
            let _ = done.send(());
        });
        waits.recv_timeout(PATIENCE).ok()
    }

    fn is_virtual(&self) -> bool {
        false
    }
}

pub(super) struct SocketWire {
    socket: Socket,
    scale: u32,
}

impl SocketWire {
    pub(super) fn new(socket: Socket, scale: u32) -> Self {
        SocketWire { socket, scale }
    }
}

impl Wire for SocketWire {
    fn keep_little(&mut self) -> io::Result<()> {
        self.socket.set_recv_buffer_size(64 * 1024)
    }

    fn address(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()?.as_socket()
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut sent = 0;
        while sent < bytes.len() {
            match self.socket.write(&bytes[sent..]) {
                Ok(count) => sent += count,
                Err(error) if is_timeout(&error) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(sent)
    }

    fn receive(&mut self, wait: Duration) -> Received {
        let wait = (wait / self.scale).max(Duration::from_millis(1));
        if self.socket.set_read_timeout(Some(wait)).is_err() {
            return Received::Reset;
        }
        let mut bytes = vec![0; 64 * 1024];
        loop {
            match self.socket.read(&mut bytes) {
                Ok(0) => return Received::End,
                Ok(count) => {
                    bytes.truncate(count);
                    return Received::Bytes(bytes);
                }
                Err(error) if is_timeout(&error) => return Received::Nothing,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Received::Reset,
            }
        }
    }

    fn end(&mut self) -> io::Result<()> {
        self.socket.shutdown(Shutdown::Write)
    }

    fn reset(&mut self) {
        // Closing does the rest.
        let _ = SockRef::from(&self.socket).set_linger(Some(Duration::ZERO));
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
