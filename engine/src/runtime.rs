//! A runtime: what a backend gives to the engine besides streams.

use std::future::Future;
use std::task::{Context, Poll};
use std::time::Instant;

/// Tasks and time, as the engine needs them.
///
/// What an application needs of a runtime is [`Execute`](http_server_trait::backend::Execute).
pub trait Runtime: Clone + Send + 'static {
    /// Its timer.
    type Timer: Timer;

    /// Runs a future in the background, on this thread or another.
    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static);

    /// A timer that is ready at this time.
    fn timer(&self, at: Instant) -> Self::Timer;

    /// The time by the clock that its timers follow.
    fn now(&self) -> Instant;
}

/// A timer that can be set again. The engine has one for each connection, made when it is first needed,
/// and sets it again only when a deadline comes before it or when it was early: not for each request.
pub trait Timer: Unpin + Send + 'static {
    /// Ready at the time it is set to, or after it; and then until it is set again.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Sets it to another time. The next poll stores the waker.
    fn set(&mut self, at: Instant);

    /// The time that it is set to.
    fn at(&self) -> Instant;
}
