//! Panics as values: user code is never polled outside of this.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::failure::Cause;

/// What a panic carries.
pub(crate) type Panic = Box<dyn Any + Send>;

/// A future whose panics are its result. It is dropped in place, so it is boxed or pinned once.
pub(crate) struct CatchUnwind<F>(Pin<Box<F>>);

impl<F: Future> CatchUnwind<F> {
    pub(crate) fn new(future: F) -> Self {
        CatchUnwind(Box::pin(future))
    }
}

impl<F: Future> Future for CatchUnwind<F> {
    type Output = Result<F::Output, Panic>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        poll_caught(self.0.as_mut(), cx)
    }
}

/// Polls a future; a panic inside becomes the result. The future must not be polled again then.
pub(crate) fn poll_caught<F: Future + ?Sized>(
    future: Pin<&mut F>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, Panic>> {
    // The future is never touched again after a panic, only dropped, so nothing that it left
    // half-done is seen.
    match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(panic) => Poll::Ready(Err(panic)),
    }
}

/// Runs something of the application's, such as a poll of its content; a panic becomes a [`Cause`]. For
/// authors of backends.
pub fn catch<T>(run: impl FnOnce() -> T) -> Result<T, Cause> {
    // What was running is given up after a panic, so nothing that it left half-done is seen.
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| Cause::Panic(panic_text(panic.as_ref())))
}

/// The text of a panic, as the standard library would print it.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a text".to_owned()
    }
}
