//! The bytes that wait to be sent.

use std::collections::VecDeque;
use std::fmt;
use std::io::IoSlice;

use bytes::Bytes;

use super::pool;

/// The bytes that wait to be sent, in order: small pieces copied into one buffer, large ones as they
/// are, for a vectored write.
#[derive(Default)]
pub struct SendQueue {
    small: Vec<u8>,
    /// How much of `small` has been sent.
    start: usize,
    /// Most answers have no such piece.
    large: Option<Box<Pieces>>,
}

/// The pieces that were not copied.
#[derive(Default)]
struct Pieces {
    queue: VecDeque<Large>,
    /// How much of them waits.
    len: usize,
}

/// A piece that was not copied. It follows the first `after` bytes of `small`.
struct Large {
    after: usize,
    bytes: Bytes,
}

/// From this size on a piece is not copied. Below it, one more element of a vectored write costs more
/// than the copy.
const LARGE: usize = 8 * 1024;

/// When so much of the buffer has been sent, it is dropped from it.
const COMPACT: usize = 32 * 1024;

/// How many pieces one write takes.
const PIECES: usize = 16;

impl SendQueue {
    /// Empty, without memory.
    pub fn new() -> Self {
        SendQueue::default()
    }

    /// How many bytes wait.
    pub fn len(&self) -> usize {
        let large = self.large.as_ref().map_or(0, |large| large.len);
        self.small.len() - self.start + large
    }

    /// How much memory it takes.
    pub(crate) fn held(&self) -> usize {
        let large = self.large().map(|large| large.bytes.len());
        super::pages(self.small.len()) + large.sum::<usize>()
    }

    /// Whether none wait.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds bytes that are written by a function. Gives what that gives.
    #[inline]
    pub fn write<A>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> A) -> A {
        if self.small.capacity() == 0 {
            self.small = pool::take(&pool::LAST_OUT);
        }
        if self.start >= COMPACT {
            self.compact();
        }
        write(&mut self.small)
    }

    /// Many small pieces will be added: they get a long buffer at once.
    pub(crate) fn expect_many(&mut self) {
        if self.small.capacity() < pool::LONG {
            self.lengthen();
        }
    }

    fn lengthen(&mut self) {
        let mut long = pool::take_long();
        long.extend_from_slice(&self.small);
        pool::put(&pool::LAST_OUT, std::mem::replace(&mut self.small, long));
    }

    /// Whether a piece of this length is copied.
    #[inline]
    pub(crate) fn is_small(length: usize) -> bool {
        length < LARGE
    }

    /// A queue that never runs empty, because its producer keeps up with a slow client, would otherwise
    /// keep everything that it ever sent.
    #[cold]
    fn compact(&mut self) {
        self.small.drain(..self.start);
        self.large
            .iter_mut()
            .flat_map(|large| large.queue.iter_mut())
            .for_each(|large| large.after -= self.start);
        self.start = 0;
    }

    fn large(&self) -> impl Iterator<Item = &Large> {
        self.large.iter().flat_map(|large| large.queue.iter())
    }

    /// Adds a copy of a piece, if it is small; or says that it is not.
    #[inline]
    pub fn copies(&mut self, bytes: &[u8]) -> bool {
        let is_small = SendQueue::is_small(bytes.len());
        if is_small {
            self.write(|small| small.extend_from_slice(bytes));
        }
        is_small
    }

    /// Adds a piece: a copy of it if it is small, itself if it is large.
    #[inline]
    pub fn push(&mut self, bytes: Bytes) {
        if self.copies(&bytes) {
            return;
        }
        let large = self.large.get_or_insert_default();
        large.len += bytes.len();
        large.queue.push_back(Large {
            after: self.small.len(),
            bytes,
        });
    }

    /// The first pieces that wait, for a vectored write, and how many of them there are.
    pub fn pieces(&self) -> ([IoSlice<'_>; PIECES], usize) {
        let mut pieces = [IoSlice::new(&[]); PIECES];
        let mut at = self.start;
        let mut filled = 0;
        for large in self.large() {
            for piece in [&self.small[at..large.after], &large.bytes[..]] {
                if !piece.is_empty() && filled < PIECES {
                    pieces[filled] = IoSlice::new(piece);
                    filled += 1;
                }
            }
            at = large.after;
        }
        let rest = &self.small[at..];
        if !rest.is_empty() && filled < PIECES {
            pieces[filled] = IoSlice::new(rest);
            filled += 1;
        }
        (pieces, filled)
    }

    /// The one piece that waits, if it is only one: for a plain write.
    pub fn single(&self) -> Option<&[u8]> {
        self.large()
            .next()
            .is_none()
            .then(|| &self.small[self.start..])
    }

    /// So many bytes have been sent.
    pub fn advance(&mut self, mut count: usize) {
        count = count.min(self.len());
        while count > 0 {
            let Some(pieces) = self.large.as_deref_mut().filter(|large| large.len > 0) else {
                self.start += count;
                break;
            };
            let Some(large) = pieces.queue.front_mut() else {
                break;
            };
            let before = (large.after - self.start).min(count);
            self.start += before;
            count -= before;
            let sent = large.bytes.len().min(count);
            count -= sent;
            pieces.len -= sent;
            if sent == large.bytes.len() && self.start == large.after {
                pieces.queue.pop_front();
            } else {
                large.bytes = large.bytes.slice(sent..);
            }
        }
        if self.is_empty() {
            self.small.clear();
            self.start = 0;
        }
    }

    /// Gives the memory back, if nothing waits.
    pub fn rest(&mut self) {
        if self.is_empty() && self.small.capacity() > 0 {
            pool::put(&pool::LAST_OUT, std::mem::take(&mut self.small));
            self.large = None;
        }
    }

    /// Forgets everything that waits.
    pub fn clear(&mut self) {
        self.small.clear();
        self.large = None;
        self.start = 0;
    }
}

impl Drop for SendQueue {
    fn drop(&mut self) {
        pool::put(&pool::LAST_OUT, std::mem::take(&mut self.small));
    }
}

impl fmt::Debug for SendQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendQueue")
            .field("len", &self.len())
            .field("large", &self.large().count())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Bytes, LARGE, SendQueue};

    /// Sends everything in writes of at most `at_most` bytes.
    fn drain(queue: &mut SendQueue, at_most: usize) -> Vec<u8> {
        let mut sent = Vec::new();
        while !queue.is_empty() {
            let (pieces, count) = queue.pieces();
            assert!(count > 0);
            let all: Vec<u8> = pieces[..count]
                .iter()
                .flat_map(|piece| piece.to_vec())
                .collect();
            if let Some(single) = queue.single() {
                assert_eq!(single, all);
            }
            let now = all.len().min(at_most);
            sent.extend_from_slice(&all[..now]);
            queue.advance(now);
        }
        sent
    }

    #[test]
    fn order_is_kept_however_much_a_write_takes() {
        let large = |byte: u8, more: usize| Bytes::from(vec![byte; LARGE + more]);
        for at_most in [97, LARGE - 1, LARGE, LARGE + 3, 3 * LARGE, usize::MAX] {
            let mut queue = SendQueue::new();
            let mut expected = Vec::new();
            for round in 0..12_u8 {
                queue.write(|out| out.extend_from_slice(&[round; 3]));
                queue.push(Bytes::from_static(b"small"));
                expected.extend_from_slice(&[round; 3]);
                expected.extend_from_slice(b"small");
                if round % 3 == 0 {
                    let piece = large(round, round.into());
                    expected.extend_from_slice(&piece);
                    queue.push(piece.clone());
                    queue.push(piece.clone());
                    expected.extend_from_slice(&piece);
                }
            }
            assert_eq!(queue.len(), expected.len());
            assert!(drain(&mut queue, at_most) == expected, "{at_most}");
            queue.rest();
            assert_eq!(queue.small.capacity(), 0);
        }
    }

    #[test]
    fn what_was_sent_is_not_kept() {
        let mut queue = SendQueue::new();
        queue.push(Bytes::from_static(b"never empty"));
        for _ in 0..10_000 {
            queue.push(Bytes::from_static(&[b'a'; 1000]));
            queue.advance(1000);
        }
        assert!(
            queue.small.capacity() < 4 * super::COMPACT,
            "{}",
            queue.small.capacity()
        );
    }

    #[test]
    fn a_long_buffer_changes_no_order_and_is_used_again() {
        let mut queue = SendQueue::new();
        queue.write(|out| out.extend_from_slice(b"sent, head"));
        queue.push(Bytes::from(vec![b'x'; LARGE]));
        queue.advance(6);
        queue.expect_many();
        let long = queue.small.as_ptr();
        let mut expected = b"head".to_vec();
        expected.extend_from_slice(&[b'x'; LARGE]);
        for byte in 0..60 {
            queue.push(Bytes::from(vec![byte; 1000]));
            expected.extend_from_slice(&[byte; 1000]);
        }
        assert_eq!(queue.small.as_ptr(), long, "it has not grown");
        assert!(drain(&mut queue, 5000) == expected);
        queue.rest();
        queue.expect_many();
        assert_eq!(queue.small.as_ptr(), long, "it was kept");
        let mut other = SendQueue::new();
        other.expect_many();
        assert_ne!(other.small.as_ptr(), long, "one at a time");
    }

    #[test]
    fn what_is_added_while_something_waits_comes_after_it() {
        let mut queue = SendQueue::new();
        queue.push(Bytes::from(vec![1; LARGE]));
        queue.advance(LARGE - 1);
        queue.write(|out| out.push(2));
        queue.push(Bytes::from(vec![3; LARGE]));
        queue.advance(2);
        queue.write(|out| out.push(4));
        let mut expected = vec![3; LARGE];
        expected.push(4);
        assert!(drain(&mut queue, 1000) == expected);
    }
}
