//! Buffers that are used again: a stack for each thread.

use std::cell::RefCell;

/// The size of a pooled buffer: what a head may measure by default, and a comfortable read.
pub(super) const SIZE: usize = 16 * 1024;

/// How many wait for their next use. What is in flight on one thread at a time is rarely more; the rest
/// is freed, so that a burst does not stay in memory.
const KEPT: usize = 32;

thread_local! {
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn take() -> Vec<u8> {
    let kept = POOL.try_with(|pool| pool.borrow_mut().pop()).ok().flatten();
    kept.unwrap_or_else(|| Vec::with_capacity(SIZE))
}

/// Gives a buffer back. One that has grown, or that was never a pooled one, is freed.
pub(super) fn put(mut buffer: Vec<u8>) {
    if !(SIZE..=2 * SIZE).contains(&buffer.capacity()) {
        return;
    }
    buffer.clear();
    // A thread that is ending has no pool any more; then the memory is simply freed.
    let _ = POOL.try_with(|pool| {
        let mut kept = pool.borrow_mut();
        if kept.len() < KEPT {
            kept.push(buffer);
        }
    });
}
