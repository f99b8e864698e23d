//! Memory that is used again: a stack of boxes for each thread.

use std::cell::RefCell;

/// Something that can be emptied and used again.
pub(crate) trait Recycle {
    fn fresh() -> Self;
    /// Empties it. What it held is gone when this returns; what it is made of may stay.
    fn clear(&mut self);
}

/// Boxes that wait to be used again. Enough for what is in flight on one thread at a time; more
/// than that is freed, so that a burst does not stay in memory.
pub(crate) struct Pool<T>(RefCell<Vec<Box<T>>>);

const KEPT: usize = 64;

impl<T: Recycle> Pool<T> {
    pub(crate) const fn new() -> Self {
        Pool(RefCell::new(Vec::new()))
    }

    #[expect(
        clippy::unnecessary_box_returns,
        reason = "the box is what is used again"
    )]
    pub(crate) fn take(&self) -> Box<T> {
        self.0
            .borrow_mut()
            .pop()
            .unwrap_or_else(|| Box::new(T::fresh()))
    }

    /// Frees all that wait.
    pub(crate) fn forget(&self) {
        // What they are made of is freed outside of the borrow.
        drop(self.0.take());
    }

    pub(crate) fn put(&self, mut used: Box<T>) {
        // Emptied outside of the borrow: what it holds may have a `Drop` that comes back here.
        used.clear();
        let mut kept = self.0.borrow_mut();
        if kept.len() < KEPT {
            kept.push(used);
        }
    }
}

/// Frees what this thread keeps for its next requests. It is taken anew when it is needed.
pub fn forget_spare() {
    crate::head::forget_spare();
    crate::response::forget_spare();
}
