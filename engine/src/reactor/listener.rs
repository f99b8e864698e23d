//! Listening sockets.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use super::source::{Registration, Way};
use super::stream::Stream;
use crate::net::Family;
use crate::server;
use crate::socket;

/// A listening socket.
#[derive(Debug)]
pub struct Listener {
    registration: Registration,
    socket: OwnedFd,
    family: Family,
}

impl Listener {
    /// Registers a listening socket, which does not block, with the loop around this call.
    ///
    /// # Errors
    /// If there is none, or the kernel refuses it.
    pub fn new(socket: OwnedFd, family: Family) -> io::Result<Self> {
        Ok(Listener {
            registration: Registration::new(&socket)?,
            socket,
            family,
        })
    }
}

impl server::Listener for Listener {
    type Stream = Stream;

    fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(Stream, Option<SocketAddr>)>> {
        loop {
            let seen = ready!(self.registration.poll(cx, Way::In))?;
            match socket::accept(&self.socket, self.family) {
                Ok((socket, peer)) => {
                    return Poll::Ready(Stream::new(socket).map(|stream| (stream, peer)));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.registration.in_vain(seen, Way::In);
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Closing is not enough: a server keeps duplicates of it for a successor.
        self.registration.leave(&self.socket);
    }
}
