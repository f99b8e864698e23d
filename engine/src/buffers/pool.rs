//! Buffers that are used again: a stack for each thread.

use std::cell::{Cell, RefCell};
use std::thread::LocalKey;

/// The size of a pooled buffer: what a head may measure by default, and a comfortable read.
pub(super) const SIZE: usize = 16 * 1024;

/// The size of the buffer that a thread has for content that comes in many small pieces: what may wait of an answer by
/// default, and some more. It saves growing to it, which would take three steps and copy twice as much as is sent.
pub(super) const LONG: usize = 5 * SIZE;

/// How many wait for their next use. What is in flight on one thread at a time is rarely more; the rest
/// is freed, so that a burst does not stay in memory.
const KEPT: usize = 32;

/// Where a buffer waits that was given back last. Most often it is the one that is taken next, so those that
/// bytes come in and those that they go out of have one each.
pub(super) type Last = LocalKey<Cell<Vec<u8>>>;

thread_local! {
    pub(super) static LAST_IN: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    pub(super) static LAST_OUT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static LAST_LONG: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn take(last: &'static Last) -> Vec<u8> {
    let kept = last.try_with(Cell::take).unwrap_or_default();
    if kept.capacity() > 0 {
        return kept;
    }
    let kept = POOL.try_with(|pool| pool.borrow_mut().pop()).ok().flatten();
    kept.unwrap_or_else(|| Vec::with_capacity(SIZE))
}

/// One that holds what many small pieces make together.
pub(super) fn take_long() -> Vec<u8> {
    let kept = LAST_LONG.try_with(Cell::take).unwrap_or_default();
    if kept.capacity() > 0 {
        return kept;
    }
    Vec::with_capacity(LONG)
}

/// Gives a buffer back. One that has grown, or that was never a pooled one, is freed.
pub(super) fn put(last: &'static Last, mut buffer: Vec<u8>) {
    if !(SIZE..=2 * SIZE).contains(&buffer.capacity()) {
        return put_long(buffer);
    }
    buffer.clear();
    // A thread that is ending has no pool any more; then the memory is simply freed.
    let before = last
        .try_with(|last| last.replace(buffer))
        .unwrap_or_default();
    if before.capacity() > 0 {
        put_aside(before);
    }
}

/// One long buffer is kept for each thread.
#[cold]
fn put_long(mut buffer: Vec<u8>) {
    if buffer.capacity() == LONG {
        buffer.clear();
        let _ = LAST_LONG.try_with(|last| last.set(buffer));
    }
}

/// Frees all that wait on this thread.
pub(super) fn clear() {
    for last in [&LAST_IN, &LAST_OUT, &LAST_LONG] {
        drop(last.try_with(Cell::take));
    }
    drop(POOL.try_with(RefCell::take));
}

#[cold]
fn put_aside(buffer: Vec<u8>) {
    let _ = POOL.try_with(|pool| {
        let mut kept = pool.borrow_mut();
        if kept.len() < KEPT {
            kept.push(buffer);
        }
    });
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::{LAST_IN, LAST_LONG, LAST_OUT, LONG, POOL, SIZE, clear, put};

    #[test]
    fn nothing_is_kept_once_it_is_cleared() {
        for last in [&LAST_IN, &LAST_OUT] {
            for size in [SIZE, SIZE, LONG] {
                put(last, Vec::with_capacity(size));
            }
        }
        clear();
        let kept = [&LAST_IN, &LAST_OUT, &LAST_LONG].map(|last| last.with(Cell::take).capacity());
        assert_eq!((kept, POOL.with_borrow(Vec::len)), ([0; 3], 0));
    }
}
