//! The system calls of a connected socket, for backends that know when to make them.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use http_server_trait::CloseReason;
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, SocketFlags};

use crate::buffers::{RecvBuf, SendQueue};
use crate::net::Family;
use crate::transport::Close;

/// What a read has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// How many bytes; zero at the peer's end.
    pub count: usize,
    /// Whether there was room for more: then nothing more is there, until readiness says so again.
    pub drained: bool,
}

/// Reads what is there, straight into the buffer's memory.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] if nothing is there.
pub fn recv(socket: impl AsFd, rx: &mut RecvBuf) -> io::Result<Received> {
    let room = rx.room();
    let most = room.capacity() - room.len();
    loop {
        match rustix::net::recv(&socket, spare_capacity(room), RecvFlags::empty()) {
            Ok((_, count)) => {
                return Ok(Received {
                    count,
                    drained: count > 0 && count < most,
                });
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Sends as much of what waits as there is room for, in one call. A peer that has gone is an error, not a
/// signal.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] if there is no room.
#[inline]
pub fn send(socket: impl AsFd, tx: &mut SendQueue) -> io::Result<usize> {
    loop {
        let sent = match tx.single() {
            Some(piece) => rustix::net::send(&socket, piece, SendFlags::NOSIGNAL),
            None => send_pieces(socket.as_fd(), tx),
        };
        match sent {
            Ok(count) => {
                tx.advance(count);
                return Ok(count);
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Several pieces, in one call.
fn send_pieces(socket: BorrowedFd<'_>, tx: &SendQueue) -> rustix::io::Result<usize> {
    let (pieces, count) = tx.pieces();
    let mut nothing = SendAncillaryBuffer::default();
    rustix::net::sendmsg(socket, &pieces[..count], &mut nothing, SendFlags::NOSIGNAL)
}

/// Whether and how the peer has ended its side, whatever it has sent before that and nobody has received. `None` as
/// well where the system does not tell that apart from bytes that are there.
pub fn peer_end(socket: impl AsFd) -> Option<CloseReason> {
    const NOW: Timespec = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let mut asked = [PollFd::new(&socket, ENDS)];
    rustix::event::poll(&mut asked, Some(&NOW)).ok()?;
    let told = asked[0].revents();
    if told.contains(PollFlags::ERR) {
        Some(CloseReason::ClientLeft)
    } else if told.intersects(ENDS | PollFlags::HUP) {
        Some(CloseReason::ClientClosed)
    } else {
        None
    }
}

/// What only the peer's end raises.
#[cfg(target_os = "linux")]
const ENDS: PollFlags = PollFlags::RDHUP;
#[cfg(not(target_os = "linux"))]
const ENDS: PollFlags = PollFlags::empty();

/// Ends this side, or lets closing the socket reset it.
pub fn close(socket: impl AsFd, how: Close) -> io::Result<()> {
    match how {
        Close::Write => Ok(rustix::net::shutdown(socket, Shutdown::Write)?),
        Close::Reset => Ok(rustix::net::sockopt::set_socket_linger(
            socket,
            Some(Duration::ZERO),
        )?),
    }
}

/// Accepts a connection, whose socket does not block, and says who it is with; a Unix socket's peer has no
/// address.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] if there is none.
pub fn accept(socket: impl AsFd, family: Family) -> io::Result<(OwnedFd, Option<SocketAddr>)> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    loop {
        match rustix::net::acceptfrom_with(&socket, flags) {
            Ok((socket, peer)) => {
                let peer = peer.filter(|_| family == Family::Tcp);
                return Ok((
                    socket,
                    peer.and_then(|peer| SocketAddr::try_from(peer).ok()),
                ));
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
