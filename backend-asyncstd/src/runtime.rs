//! Tasks, timers and blocking work.

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
#[cfg(not(target_os = "linux"))]
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_std::task;
use http_server_engine::net::Family;
#[cfg(target_os = "linux")]
use http_server_engine::reactor::Handle;
use http_server_engine::server::{self, Backend};
use http_server_engine::{Runtime, Timer};
use http_server_trait::BoxFuture;
use http_server_trait::backend::{Execute, Passed};

#[cfg(not(target_os = "linux"))]
use crate::door::Door;
use crate::stream::{Listener, Stream};

/// async-std, as a backend.
#[derive(Clone, Debug)]
pub(crate) struct AsyncStd(pub(crate) Executor);

/// Where tasks run.
#[derive(Clone, Debug)]
pub(crate) enum Executor {
    /// That of `task::spawn`.
    Global,
    /// A thread of ours.
    #[cfg(target_os = "linux")]
    Loop(Handle),
    /// A thread of ours: the tasks of this thread, reached from elsewhere by its door.
    #[cfg(not(target_os = "linux"))]
    Local(Arc<Door>),
}

impl Executor {
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        match self {
            Executor::Global => drop(task::spawn(future)),
            #[cfg(target_os = "linux")]
            Executor::Loop(handle) => handle.spawn(future),
            #[cfg(not(target_os = "linux"))]
            Executor::Local(door) if door.is_here() => drop(task::spawn_local(future)),
            #[cfg(not(target_os = "linux"))]
            Executor::Local(door) => door.pass(Box::pin(future)),
        }
    }
}

impl Backend for AsyncStd {
    const NAME: &'static str = "async-std";
    type Runtime = AsyncStd;
    type Socket = OwnedFd;
    type Listener = Listener;
    type Stream = Stream;

    fn listener(socket: OwnedFd, family: Family) -> io::Result<Listener> {
        Ok(match family {
            Family::Tcp => Listener::tcp(std::net::TcpListener::from(socket).into()),
            Family::Unix => Listener::unix(std::os::unix::net::UnixListener::from(socket).into()),
        })
    }

    fn duplicate(socket: &OwnedFd) -> io::Result<Passed> {
        server::duplicate(socket)
    }

    fn socket(passed: Passed) -> Result<OwnedFd, Passed> {
        server::descriptor(passed)
    }

    fn stream(passed: Passed, family: Family) -> io::Result<Stream> {
        let socket = server::descriptor(passed).map_err(|_| server::foreign())?;
        Ok(match family {
            Family::Tcp => Stream::tcp(std::net::TcpStream::from(socket).into()),
            Family::Unix => Stream::unix(std::os::unix::net::UnixStream::from(socket).into()),
        })
    }
}

impl Runtime for AsyncStd {
    type Timer = Alarm;

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(future);
    }

    fn timer(&self, at: Instant) -> Alarm {
        Alarm {
            sleep: Some(sleep_until(at)),
            at,
        }
    }

    fn now(&self) -> Instant {
        Instant::now()
    }
}

/// A timer. async-std's cannot be set again, so it is made anew; which happens rarely.
pub(crate) struct Alarm {
    /// There until it is over.
    sleep: Option<BoxFuture<'static, ()>>,
    at: Instant,
}

impl Timer for Alarm {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(sleep) = &mut self.sleep {
            ready!(sleep.as_mut().poll(cx));
            self.sleep = None;
        }
        Poll::Ready(())
    }

    fn set(&mut self, at: Instant) {
        self.sleep = Some(sleep_until(at));
        self.at = at;
    }

    fn at(&self) -> Instant {
        self.at
    }
}

fn sleep_until(at: Instant) -> BoxFuture<'static, ()> {
    Box::pin(task::sleep(at.saturating_duration_since(Instant::now())))
}

/// A runtime, reached from anywhere.
#[derive(Debug)]
pub(crate) struct Remote(pub(crate) Executor);

impl Execute for Remote {
    fn runtime(&self) -> &'static str {
        "async-std"
    }

    fn spawn(&self, future: BoxFuture<'static, ()>) {
        self.0.spawn(future);
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(task::sleep(time))
    }

    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        drop(task::spawn_blocking(work));
    }
}
