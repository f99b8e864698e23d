//! Memory that goes back to the system when a crowd of connections has gone.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http_server_trait::backend::forget_spare;

use crate::buffers;
use crate::connection;
use crate::runtime::{Runtime, Timer};

/// How long after the crowd has gone: what it had is free then, and one that comes back at once finds it still.
const AFTER: Duration = Duration::from_secs(1);

/// How long after the last time at least. It looks at all that is free in the process, and crowds may come and go.
const EVERY: Duration = Duration::from_secs(10);

/// Whether somebody will give back, for all of the process.
static DUE: AtomicBool = AtomicBool::new(false);

/// When it was done last.
static LAST: Mutex<Option<Instant>> = Mutex::new(None);

/// Whoever will do it, or has been dropped before.
struct Due;

impl Drop for Due {
    fn drop(&mut self) {
        DUE.store(false, Ordering::Release);
    }
}

/// Gives back what is free, a second from now, or later if that has been done a moment ago.
pub(crate) fn give_back_later<R: Runtime>(runtime: &R) {
    let now = runtime.now();
    let last = *LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let next = last.and_then(|last| last.checked_add(EVERY));
    let Some(at) = now.checked_add(AFTER).max(next) else {
        return;
    };
    if DUE.swap(true, Ordering::AcqRel) {
        return;
    }
    let due = Due;
    let (mut timer, clock) = (runtime.timer(at), runtime.clone());
    runtime.spawn(async move {
        poll_fn(|cx| timer.poll_ready(cx)).await;
        // Who leaves from now on is not among those for whom this is done.
        drop(due);
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock.now());
        // What is spare may lie anywhere, and is taken anew when it is needed.
        buffers::forget_spare();
        connection::forget_spare();
        forget_spare();
        http_server_memory::give_back();
    });
}
