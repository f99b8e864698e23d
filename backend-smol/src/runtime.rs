//! Tasks, timers and blocking work.

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http_server_engine::net::Family;
#[cfg(target_os = "linux")]
use http_server_engine::reactor::Handle;
use http_server_engine::server::{self, Backend};
use http_server_engine::{Runtime, Timer};
use http_server_trait::BoxFuture;
use http_server_trait::backend::{Execute, Passed};

use crate::stream::{Listener, Stream};

/// smol, as a backend.
#[derive(Clone, Debug)]
pub(crate) struct Smol(pub(crate) Executor);

/// Where tasks run.
#[derive(Clone, Debug)]
pub(crate) enum Executor {
    /// That of `smol::spawn`.
    Global,
    /// One that somebody runs.
    Own(Arc<smol::Executor<'static>>),
    /// A thread of ours.
    #[cfg(target_os = "linux")]
    Loop(Handle),
}

impl Executor {
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        match self {
            Executor::Global => smol::spawn(future).detach(),
            Executor::Own(executor) => executor.spawn(future).detach(),
            #[cfg(target_os = "linux")]
            Executor::Loop(handle) => handle.spawn(future),
        }
    }
}

impl Backend for Smol {
    const NAME: &'static str = "smol";
    type Runtime = Smol;
    type Socket = OwnedFd;
    type Listener = Listener;
    type Stream = Stream;

    fn listener(socket: OwnedFd, family: Family) -> io::Result<Listener> {
        Listener::new(socket, family)
    }

    fn duplicate(socket: &OwnedFd) -> io::Result<Passed> {
        server::duplicate(socket)
    }

    fn socket(passed: Passed) -> Result<OwnedFd, Passed> {
        server::descriptor(passed)
    }

    fn stream(passed: Passed, _: Family) -> io::Result<Stream> {
        let socket = server::descriptor(passed).map_err(|_| server::foreign())?;
        Stream::new(socket)
    }
}

impl Runtime for Smol {
    type Timer = Alarm;

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(future);
    }

    fn timer(&self, at: Instant) -> Alarm {
        Alarm {
            timer: smol::Timer::at(at),
            at,
        }
    }

    fn now(&self) -> Instant {
        Instant::now()
    }
}

/// A timer.
#[derive(Debug)]
pub(crate) struct Alarm {
    timer: smol::Timer,
    at: Instant,
}

impl Timer for Alarm {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.timer.will_fire() {
            // It has, and would not say so again.
            return Poll::Ready(());
        }
        Pin::new(&mut self.timer).poll(cx).map(drop)
    }

    fn set(&mut self, at: Instant) {
        self.timer.set_at(at);
        self.at = at;
    }

    fn at(&self) -> Instant {
        self.at
    }
}

/// A runtime, reached from anywhere.
#[derive(Debug)]
pub(crate) struct Remote(pub(crate) Executor);

impl Execute for Remote {
    fn runtime(&self) -> &'static str {
        "smol"
    }

    fn spawn(&self, future: BoxFuture<'static, ()>) {
        self.0.spawn(future);
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            smol::Timer::after(time).await;
        })
    }

    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        smol::unblock(work).detach();
    }
}
