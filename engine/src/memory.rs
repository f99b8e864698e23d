//! Memory that goes back to the system when a crowd of connections has gone.

use std::future::poll_fn;
use std::time::Duration;

use http_server_trait::backend::forget_spare;

use crate::buffers;
use crate::connection;
use crate::runtime::{Runtime, Timer};

/// How long after the crowd has gone: what it had is free then, and one that comes back at once finds it still.
const AFTER: Duration = Duration::from_secs(1);

/// Gives back what is free, a second from now.
pub(crate) fn give_back_later<R: Runtime>(runtime: &R) {
    let Some(at) = runtime.now().checked_add(AFTER) else {
        return;
    };
    let mut timer = runtime.timer(at);
    runtime.spawn(async move {
        poll_fn(|cx| timer.poll_ready(cx)).await;
        // What is spare may lie anywhere, and is taken anew when it is needed.
        buffers::forget_spare();
        connection::forget_spare();
        forget_spare();
        http_server_memory::give_back();
    });
}
