//! Streams.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use http_server_trait::CloseReason;

use super::source::{Registration, Way};
use crate::buffers::{RecvBuf, SendQueue};
use crate::socket::{self, Received};
use crate::transport::{Close, Detached, Transport};

/// A connected socket, TCP or Unix. It is registered once, and what it is ready for is remembered: no system call is
/// made that is known to be in vain.
#[derive(Debug)]
pub struct Stream {
    /// Both are there until it leaves for another runtime. Closing the socket, which nobody else has, takes it out of
    /// the loop.
    registration: Option<Registration>,
    socket: Option<OwnedFd>,
}

impl Stream {
    /// Registers a connected socket, which does not block, with the loop around this call.
    ///
    /// # Errors
    /// If there is none, or the kernel refuses it.
    pub fn new(socket: OwnedFd) -> io::Result<Self> {
        Ok(Stream {
            registration: Some(Registration::new(&socket)?),
            socket: Some(socket),
        })
    }

    fn parts(&self) -> io::Result<(&OwnedFd, &Registration)> {
        let parts = self.socket.as_ref().zip(self.registration.as_ref());
        parts.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Transport for Stream {
    fn poll_recv(&mut self, cx: &mut Context<'_>, rx: &mut RecvBuf) -> Poll<io::Result<usize>> {
        let (socket, registration) = self.parts()?;
        loop {
            let seen = ready!(registration.poll(cx, Way::In))?;
            match socket::recv(socket, rx) {
                Ok(Received { count, drained }) => {
                    if drained {
                        registration.drained(seen);
                    }
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    registration.in_vain(seen, Way::In);
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, tx: &mut SendQueue) -> Poll<io::Result<usize>> {
        let (socket, registration) = self.parts()?;
        loop {
            let seen = ready!(registration.poll(cx, Way::Out))?;
            match socket::send(socket, tx) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    registration.in_vain(seen, Way::Out);
                }
                sent => return Poll::Ready(sent),
            }
        }
    }

    fn try_send(&mut self, tx: &mut SendQueue) -> io::Result<usize> {
        socket::send(self.parts()?.0, tx)
    }

    fn peer_end(&self) -> Option<CloseReason> {
        socket::peer_end(self.socket.as_ref()?)
    }

    fn poll_close(&mut self, _: &mut Context<'_>, how: Close) -> Poll<io::Result<()>> {
        Poll::Ready(
            self.parts()
                .and_then(|(socket, _)| socket::close(socket, how)),
        )
    }

    fn poll_detach(&mut self, _: &mut Context<'_>) -> Poll<io::Result<Detached>> {
        let (socket, registration) = self.parts()?;
        registration.leave(socket);
        self.registration = None;
        let socket = self.socket.take().ok_or(io::ErrorKind::NotConnected)?;
        Poll::Ready(Ok(Detached::socket(socket)))
    }
}
