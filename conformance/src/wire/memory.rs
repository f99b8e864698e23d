//! Connections with no network under them: for streams that are handed to a server.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use futures_io::{AsyncRead, AsyncWrite};

use super::{Received, Wire};

/// A connection in memory: the end that a server is handed, and the client's.
pub(crate) fn pair() -> (ServerEnd, ClientEnd) {
    let pipe = Arc::new(Pipe::default());
    (ServerEnd(Arc::clone(&pipe)), ClientEnd(pipe))
}

/// How many bytes fit between the two ends, in each direction.
const ROOM: usize = 64 * 1024;

#[derive(Default)]
struct Pipe {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    to_server: VecDeque<u8>,
    to_client: VecDeque<u8>,
    client_ended: bool,
    server_ended: bool,
    /// The client has gone without an end.
    reset: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something, and wakes whoever may wait for it on the server's side.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let output = change(&mut state);
        let wakers = [state.reader.take(), state.writer.take()];
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
        self.changed.notify_all();
        output
    }
}

/// The end that a server is handed.
pub(crate) struct ServerEnd(Arc<Pipe>);

impl AsyncRead for ServerEnd {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        if state.reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if state.to_server.is_empty() && !state.client_ended {
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = state.to_server.len().min(into.len());
        for (place, byte) in into.iter_mut().zip(state.to_server.drain(..count)) {
            *place = byte;
        }
        drop(state);
        self.0.changed.notify_all();
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for ServerEnd {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        if state.reset {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let count = bytes.len().min(ROOM.saturating_sub(state.to_client.len()));
        if count == 0 && !bytes.is_empty() {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        state.to_client.extend(&bytes[..count]);
        drop(state);
        self.0.changed.notify_all();
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().server_ended = true;
        self.0.changed.notify_all();
        Poll::Ready(Ok(()))
    }
}

impl Drop for ServerEnd {
    fn drop(&mut self) {
        self.0.lock().server_ended = true;
        self.0.changed.notify_all();
    }
}

/// The client's end. Nothing that it does waits.
pub(crate) struct ClientEnd(Arc<Pipe>);

impl ClientEnd {
    /// Sends as much as there is room for, and says how much that was.
    pub(crate) fn send(&self, bytes: &[u8]) -> usize {
        self.0.change(|state| {
            let count = bytes.len().min(ROOM.saturating_sub(state.to_server.len()));
            state.to_server.extend(&bytes[..count]);
            count
        })
    }

    /// Takes what has arrived.
    pub(crate) fn receive(&self) -> Vec<u8> {
        self.0.change(|state| state.to_client.drain(..).collect())
    }

    /// Whether the server has ended its side, and everything before that has been taken.
    pub(crate) fn is_ended(&self) -> bool {
        let state = self.0.lock();
        state.server_ended && state.to_client.is_empty()
    }

    /// Ends this side.
    pub(crate) fn end(&self) {
        self.0.change(|state| state.client_ended = true);
    }

    /// Goes without an end.
    pub(crate) fn reset(&self) {
        self.0.change(|state| state.reset = true);
    }

    /// Waits until the server has done something, or this time has come.
    fn wait(&self, until: Instant, is_done: impl Fn(&State) -> bool) {
        let mut state = self.0.lock();
        while !is_done(&state) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.0.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for ClientEnd {
    fn drop(&mut self) {
        self.end();
    }
}

/// The client's end, beside a server on threads.
pub(crate) struct MemoryWire {
    pub(crate) end: ClientEnd,
    pub(crate) scale: u32,
}

impl Wire for MemoryWire {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut sent = 0;
        while sent < bytes.len() {
            let count = self.end.send(&bytes[sent..]);
            sent += count;
            if count == 0 {
                let until = Instant::now() + Duration::from_millis(500);
                let before = self.end.0.lock().to_server.len();
                self.end.wait(until, |state| state.to_server.len() < before);
                if self.end.0.lock().to_server.len() == before {
                    break;
                }
            }
        }
        Ok(sent)
    }

    fn receive(&mut self, wait: Duration) -> Received {
        let until = Instant::now() + wait / self.scale;
        self.end.wait(until, |state| {
            !state.to_client.is_empty() || state.server_ended
        });
        let bytes = self.end.receive();
        if !bytes.is_empty() {
            Received::Bytes(bytes)
        } else if self.end.is_ended() {
            Received::End
        } else {
            Received::Nothing
        }
    }

    fn end(&mut self) -> io::Result<()> {
        self.end.end();
        Ok(())
    }

    fn reset(&mut self) {
        self.end.reset();
    }
}
