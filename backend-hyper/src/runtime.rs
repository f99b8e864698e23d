//! The runtime that hyper, the hooks and everything else here run on: tokio.

use std::io;
use std::time::Duration;

use http_server_trait::backend::Execute;
use http_server_trait::{BoxFuture, Config, ListenError, ListenErrorKind};
use tokio::runtime::{Builder, Handle, Runtime};

/// A runtime, reached from anywhere.
#[derive(Debug)]
pub(crate) struct Remote(pub(crate) Handle);

impl Execute for Remote {
    fn runtime(&self) -> &'static str {
        "tokio"
    }

    fn spawn(&self, future: BoxFuture<'static, ()>) {
        drop(self.0.spawn(future));
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        let _inside = self.0.enter();
        Box::pin(tokio::time::sleep(time))
    }

    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        drop(self.0.spawn_blocking(work));
    }
}

/// A runtime of a server's own.
pub(crate) fn own(config: &Config) -> Result<Runtime, ListenError> {
    let default = || std::thread::available_parallelism().map_or(1, usize::from);
    let made = Builder::new_multi_thread()
        .worker_threads(config.workers.unwrap_or_else(default).max(1))
        .thread_name("bayonet-hyper")
        .enable_all()
        .build();
    made.map_err(|error: io::Error| {
        ListenError::new(ListenErrorKind::NoRuntime, "tokio").with_source(error)
    })
}
