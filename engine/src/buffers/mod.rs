//! The bytes that have arrived, and the bytes that wait to be sent.
//!
//! An idle connection has neither: buffers come from a pool of the thread when bytes arrive, and go
//! back to it when the connection idles.

mod pool;
mod recv;
mod send;

pub use recv::RecvBuf;
pub(crate) use recv::room_for;
pub use send::SendQueue;

/// A client that pipelines while its request is being answered is read ahead so far, and no further.
pub(crate) const READ_AHEAD: usize = pool::SIZE;

/// The size of a buffer from the pool.
pub(crate) const POOLED: usize = pool::SIZE;

/// Frees the buffers that this thread keeps for the next bytes.
pub(crate) fn forget_spare() {
    pool::clear();
}

/// So many bytes in whole pages.
pub(crate) fn pages(bytes: usize) -> usize {
    bytes.next_multiple_of(4096)
}
