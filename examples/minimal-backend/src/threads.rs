//! Tasks, timers and blocking work, without a runtime: a thread for each.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use http_server_trait::backend::{Execute, Latch};
use http_server_trait::{BoxFuture, block_on};

/// Plain threads.
#[derive(Debug)]
pub(crate) struct Threads;

impl Execute for Threads {
    fn runtime(&self) -> &'static str {
        "threads"
    }

    fn spawn(&self, future: BoxFuture<'static, ()>) {
        thread::spawn(move || block_on(future));
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        let over = Latch::new();
        let alarm = over.clone();
        thread::spawn(move || {
            thread::sleep(time);
            alarm.set(());
        });
        Box::pin(over.waiting())
    }

    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        thread::spawn(work);
    }
}

/// Waits for a future on this thread, unless the cut comes first. A future that was cut is dropped.
pub(crate) fn wait<T>(cut: &Latch<()>, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    block_on(std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => cut.poll(cx).map(|()| None),
    }))
}
