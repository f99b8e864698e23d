//! Streams that somebody else accepted.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_server_trait::Stream;

use crate::buffers::{RecvBuf, SendQueue};
use crate::transport::{Close, Detached, Transport};

/// A stream of any kind, as a transport.
pub(crate) struct Foreign(Pin<Box<dyn Stream>>);

impl Foreign {
    pub(crate) fn new(stream: Box<dyn Stream>) -> Self {
        Foreign(Pin::from(stream))
    }
}

/// How much is read at a time: such a stream wants memory that is written already.
const READ: usize = 8 * 1024;

impl Transport for Foreign {
    fn poll_recv(&mut self, cx: &mut Context<'_>, rx: &mut RecvBuf) -> Poll<io::Result<usize>> {
        let mut piece = [0; READ];
        let room = rx.room();
        let most = (room.capacity() - room.len()).min(READ);
        self.0
            .as_mut()
            .poll_read(cx, &mut piece[..most])
            .map_ok(|count| {
                room.extend_from_slice(&piece[..count]);
                count
            })
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, tx: &mut SendQueue) -> Poll<io::Result<usize>> {
        let (pieces, count) = tx.pieces();
        let sent = match self.0.as_mut().poll_write_vectored(cx, &pieces[..count]) {
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(sent) => sent?,
            Poll::Pending => return Poll::Pending,
        };
        tx.advance(sent);
        Poll::Ready(Ok(sent))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_flush(cx)
    }

    fn ends_when_dropped(&self) -> bool {
        false
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, how: Close) -> Poll<io::Result<()>> {
        match how {
            Close::Write => self.0.as_mut().poll_close(cx),
            // It has no reset. Dropping it without an end is all that can be done.
            Close::Reset => Poll::Ready(Ok(())),
        }
    }

    fn poll_detach(&mut self, _: &mut Context<'_>) -> Poll<io::Result<Detached>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }
}
