//! Memory that is used again: a stack of boxes for each thread.

use std::cell::{Cell, RefCell};

/// Something that can be emptied and used again.
pub(crate) trait Recycle {
    fn fresh() -> Self;
    /// Empties it. What it held is gone when this returns; what it is made of may stay.
    fn clear(&mut self);
    /// It will not be the next one that is used: what was left in it for that goes.
    fn set_aside(&mut self) {}
}

/// Boxes that wait to be used again. Enough for what is in flight on one thread at a time; more
/// than that is freed, so that a burst does not stay in memory.
pub(crate) struct Pool<T> {
    /// The box that was given back last. Most often it is the one that is taken next.
    last: Cell<Option<Box<T>>>,
    others: RefCell<Vec<Box<T>>>,
}

const KEPT: usize = 64;

impl<T: Recycle> Pool<T> {
    pub(crate) const fn new() -> Self {
        Pool {
            last: Cell::new(None),
            others: RefCell::new(Vec::new()),
        }
    }

    #[inline]
    #[expect(
        clippy::unnecessary_box_returns,
        reason = "the box is what is used again"
    )]
    pub(crate) fn take(&self) -> Box<T> {
        match self.last.take() {
            Some(last) => last,
            None => self.take_other(),
        }
    }

    #[cold]
    #[expect(
        clippy::unnecessary_box_returns,
        reason = "the box is what is used again"
    )]
    fn take_other(&self) -> Box<T> {
        let other = self.others.borrow_mut().pop();
        other.unwrap_or_else(|| Box::new(T::fresh()))
    }

    /// Frees all that wait.
    pub(crate) fn forget(&self) {
        // What they are made of is freed outside of the borrow.
        drop(self.last.take());
        drop(self.others.take());
    }

    #[inline]
    pub(crate) fn put(&self, mut used: Box<T>) {
        // Emptied before it is where others find it: what it holds may have a `Drop` that comes back here.
        used.clear();
        if let Some(before) = self.last.replace(Some(used)) {
            self.put_aside(before);
        }
    }

    /// What was left for the next use goes.
    pub(crate) fn settle(&self) {
        if let Some(mut last) = self.last.take() {
            last.set_aside();
            if let Some(before) = self.last.replace(Some(last)) {
                self.put_aside(before);
            }
        }
    }

    #[cold]
    fn put_aside(&self, mut used: Box<T>) {
        used.set_aside();
        let mut others = self.others.borrow_mut();
        if others.len() < KEPT - 1 {
            others.push(used);
        }
    }
}

/// Frees what this thread keeps for its next requests. It is taken anew when it is needed.
pub fn forget_spare() {
    crate::head::forget_spare();
    crate::place::forget_spare();
    crate::response::forget_spare();
}
