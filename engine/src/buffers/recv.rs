//! The bytes that have arrived and are not used up.

use std::fmt;

use super::{pages, pool};

/// The bytes that a connection has received and not used up, in one piece.
///
/// A [`Transport`](crate::Transport) appends to it; the engine reads from its front. While it is empty
/// it may hold no memory at all.
#[derive(Default)]
pub struct RecvBuf {
    data: Vec<u8>,
    /// What lies before it is used up.
    start: u32,
    /// Whether the last read has left nothing where it came from.
    is_drained: bool,
}

/// How much more room content of known length gets than it takes. A read that leaves it free has drained the socket, and
/// none is made in vain to learn that.
const SPARE: usize = 1;

/// The room for so much content that is still to come, in a step of this size.
pub(crate) fn room_for(left: usize, step: usize) -> usize {
    if left <= step { left + SPARE } else { step }
}

impl RecvBuf {
    /// Empty, without memory.
    pub fn new() -> Self {
        RecvBuf::default()
    }

    /// One that reads into this memory and no further: for content of known length.
    pub(crate) fn of(data: Vec<u8>) -> Self {
        RecvBuf {
            data,
            ..RecvBuf::default()
        }
    }

    /// The bytes that are there.
    pub fn bytes(&self) -> &[u8] {
        &self.data[self.start()..]
    }

    /// How many bytes are there.
    pub fn len(&self) -> usize {
        self.data.len() - self.start()
    }

    /// How much memory it takes: the pages that have been written to, not what is reserved.
    pub(crate) fn held(&self) -> usize {
        pages(self.data.len())
    }

    /// Whether none are there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Uses up this many bytes.
    pub fn consume(&mut self, count: usize) {
        let start = self.start() + count.min(self.len());
        if start == self.data.len() {
            self.data.clear();
            self.start = 0;
        } else {
            match u32::try_from(start) {
                Ok(start) => self.start = start,
                Err(_) => self.forget(start),
            }
        }
    }

    fn start(&self) -> usize {
        self.start as usize
    }

    /// What lies before it goes. No buffer of a server is so long that this is needed to use some of it up.
    #[cold]
    fn forget(&mut self, start: usize) {
        self.data.drain(..start);
        self.start = 0;
    }

    /// Notes whether a read into it has left nothing where it came from: a hint for who makes the next one.
    pub fn set_drained(&mut self, is_drained: bool) {
        self.is_drained = is_drained;
    }

    /// Whether the read before has left nothing, as far as was noted. Said once.
    pub fn take_drained(&mut self) -> bool {
        std::mem::take(&mut self.is_drained)
    }

    /// Where to append received bytes: there is room for some, and no more than its capacity is to be
    /// filled. What is appended arrives.
    pub fn room(&mut self) -> &mut Vec<u8> {
        if self.data.capacity() == 0 {
            self.data = pool::take(&pool::LAST_IN);
        }
        if self.data.len() == self.data.capacity() {
            self.make_room();
        }
        &mut self.data
    }

    /// Makes room for content of known length: as much again as has come, and hardly more than all of it.
    pub(crate) fn grow_towards(&mut self, length: usize) {
        let (len, capacity) = (self.data.len(), self.data.capacity());
        if len == capacity {
            self.data
                .reserve_exact(room_for(length - len, capacity.max(pool::SIZE)));
        }
    }

    /// Full: what is used up goes, and if that is nothing there must be more memory.
    #[cold]
    fn make_room(&mut self) {
        if self.start > 0 {
            self.forget(self.start());
        } else {
            self.data.reserve(self.data.capacity());
        }
    }

    /// Gives the memory back, if there is nothing in it.
    pub fn rest(&mut self) {
        if self.is_empty() && self.data.capacity() > 0 {
            pool::put(&pool::LAST_IN, std::mem::take(&mut self.data));
            self.start = 0;
        }
    }

    /// Puts bytes in front of those that are there: what another server had read and not used.
    pub fn prepend(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let behind = self.take();
        // In a buffer like any other: what comes next would be read in tiny pieces into one that they fill.
        let data = self.room();
        data.extend_from_slice(bytes);
        data.extend_from_slice(&behind);
        pool::put(&pool::LAST_IN, behind);
    }

    /// Takes everything out.
    pub fn take(&mut self) -> Vec<u8> {
        let mut data = std::mem::take(&mut self.data);
        data.drain(..self.start());
        self.start = 0;
        data
    }
}

impl Drop for RecvBuf {
    fn drop(&mut self) {
        pool::put(&pool::LAST_IN, std::mem::take(&mut self.data));
    }
}

impl fmt::Debug for RecvBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvBuf")
            .field("len", &self.len())
            .field("capacity", &self.data.capacity())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::RecvBuf;

    #[test]
    fn what_arrives_is_used_up_from_the_front() {
        let mut buffer = RecvBuf::new();
        buffer.room().extend_from_slice(b"abc");
        buffer.consume(1);
        buffer.room().extend_from_slice(b"d");
        assert_eq!(buffer.bytes(), b"bcd");
        buffer.prepend(b"xy");
        assert_eq!(buffer.bytes(), b"xybcd");
        buffer.rest();
        assert_eq!(buffer.len(), 5, "it rests only when it is empty");
        buffer.consume(9);
        assert!(buffer.is_empty());
        buffer.rest();
        assert_eq!(buffer.data.capacity(), 0);
        assert!(buffer.room().capacity() > 0);
    }

    #[test]
    fn a_full_buffer_makes_room_before_it_grows() {
        let mut buffer = RecvBuf::of(Vec::with_capacity(8));
        buffer.room().extend_from_slice(b"01234567");
        buffer.consume(6);
        assert_eq!(buffer.room().capacity(), 8);
        assert_eq!(buffer.bytes(), b"67");
        buffer.room().extend_from_slice(b"89abcd");
        assert!(buffer.room().capacity() > 8);
        assert_eq!(buffer.bytes(), b"6789abcd");
        assert_eq!(buffer.take(), b"6789abcd");
    }
}
