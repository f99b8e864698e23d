//! Tasks, timers and blocking work.

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http_server_engine::net::Family;
use http_server_engine::server::{self, Backend};
use http_server_engine::{Runtime, Timer};
use http_server_trait::BoxFuture;
use http_server_trait::backend::{Execute, Passed};
use tokio::runtime::Handle;
use tokio::task::unconstrained;
use tokio::time::{Sleep, sleep, sleep_until};

use crate::stream::{Listener, Stream};

/// tokio, as a backend.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tokio;

impl Backend for Tokio {
    const NAME: &'static str = "tokio";
    type Runtime = Tokio;
    type Socket = OwnedFd;
    type Listener = Listener;
    type Stream = Stream;

    fn listener(socket: OwnedFd, family: Family) -> io::Result<Listener> {
        Ok(match family {
            Family::Tcp => Listener::Tcp(tokio::net::TcpListener::from_std(
                std::net::TcpListener::from(socket),
            )?),
            Family::Unix => {
                let socket = std::os::unix::net::UnixListener::from(socket);
                Listener::Unix(tokio::net::UnixListener::from_std(socket)?)
            }
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
            Family::Tcp => Stream::Tcp(tokio::net::TcpStream::from_std(
                std::net::TcpStream::from(socket),
            )?),
            Family::Unix => {
                let socket = std::os::unix::net::UnixStream::from(socket);
                Stream::Unix(tokio::net::UnixStream::from_std(socket)?)
            }
        })
    }
}

impl Runtime for Tokio {
    type Timer = Alarm;

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        drop(tokio::spawn(future));
    }

    fn timer(&self, at: Instant) -> Alarm {
        Alarm(Box::pin(sleep_until(at.into())))
    }

    fn now(&self) -> Instant {
        // tokio's own, so that a paused clock of a test is followed.
        tokio::time::Instant::now().into_std()
    }
}

/// A timer.
#[derive(Debug)]
pub(crate) struct Alarm(Pin<Box<Sleep>>);

impl Timer for Alarm {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Also where a handler has used up the turn of this task: a timer that was not asked would never strike.
        pin!(unconstrained(self.0.as_mut())).poll(cx)
    }

    fn set(&mut self, at: Instant) {
        self.0.as_mut().reset(at.into());
    }

    fn at(&self) -> Instant {
        self.0.deadline().into_std()
    }
}

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
        Box::pin(sleep(time))
    }

    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        drop(self.0.spawn_blocking(work));
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Wake, Waker};
    use std::time::{Duration, Instant};

    use http_server_engine::{Runtime as _, Timer as _};
    use tokio::runtime::Builder;
    use tokio::sync::Notify;
    use tokio::task::consume_budget;
    use tokio::time::timeout;

    use super::Tokio;

    /// Tells of being woken, but not before this.
    struct At(Instant, Notify);

    impl Wake for At {
        fn wake(self: Arc<Self>) {
            if Instant::now() >= self.0 {
                self.1.notify_one();
            }
        }
    }

    #[test]
    fn timer_is_set_also_where_a_handler_has_used_up_its_turn() {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let at = Instant::now() + Duration::from_millis(20);
            let struck = Arc::new(At(at, Notify::new()));
            let waker = Waker::from(Arc::clone(&struck));
            let mut alarm = Tokio.timer(at);
            poll_fn(|cx| {
                while pin!(consume_budget()).poll(cx).is_ready() {}
                let _ = alarm.poll_ready(&mut Context::from_waker(&waker));
                Poll::Ready(())
            })
            .await;
            let told = timeout(Duration::from_secs(10), struck.1.notified()).await;
            assert!(told.is_ok(), "nobody has asked tokio for it");
        });
    }
}
