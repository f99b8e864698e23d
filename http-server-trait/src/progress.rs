//! Where a server is in its life.

use std::fmt;
use std::sync::Arc;

use crate::latch::{Latch, Waiting};

/// Where a server is in its life. It only ever goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Readiness {
    /// Its start hooks run; nothing is accepted.
    Starting,
    /// It serves.
    Ready,
    /// An end has been asked for: a balancer is to send nothing more, although a server with a
    /// [lame duck](crate::Drain::lame_duck) still accepts.
    Draining,
    /// It has ended.
    Stopped,
}

impl Readiness {
    /// Its stable name, for probes and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Readiness::Starting => "starting",
            Readiness::Ready => "ready",
            Readiness::Draining => "draining",
            Readiness::Stopped => "stopped",
        }
    }
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a server is in its life, to look at and to wait for. Clones are the same server's.
///
/// A start hook gets it from [`Starting::progress`](crate::Starting::progress), a handler from
/// [`Conn::progress`](crate::Conn::progress), anybody else from
/// [`ServerHandle::progress`](crate::ServerHandle::progress). After a hand-over a handler sees that of the new
/// server. (Clause T-58.)
///
/// ```
/// use http_server_trait::{App, Readiness, Request, http::StatusCode};
///
/// /// What a balancer asks.
/// async fn health(request: Request) -> StatusCode {
///     match request.conn().progress().now() {
///         Readiness::Ready => StatusCode::NO_CONTENT,
///         _ => StatusCode::SERVICE_UNAVAILABLE,
///     }
/// }
/// App::new().handler(health);
/// ```
#[derive(Clone)]
pub struct Progress(Arc<[Latch<()>; 3]>);

impl Progress {
    /// Of a server that is starting. For authors of backends.
    pub fn new() -> Self {
        Progress(Arc::new([Latch::new(), Latch::new(), Latch::new()]))
    }

    /// Where it is now.
    pub fn now(&self) -> Readiness {
        let reached = |readiness: &Readiness| self.has(*readiness);
        let later = [Readiness::Stopped, Readiness::Draining, Readiness::Ready];
        later
            .into_iter()
            .find(reached)
            .unwrap_or(Readiness::Starting)
    }

    /// A future that is ready when it is there, or beyond. Dropping it changes nothing.
    pub fn reached(&self, readiness: Readiness) -> Waiting<()> {
        match self.latch(readiness) {
            Some(latch) => latch.waiting(),
            None => {
                let always = Latch::new();
                always.set(());
                always.waiting()
            }
        }
    }

    /// It has come there, and so beyond what lies before. For authors of backends.
    pub fn set(&self, readiness: Readiness) {
        for passed in [Readiness::Ready, Readiness::Draining, Readiness::Stopped] {
            if passed <= readiness {
                if let Some(latch) = self.latch(passed) {
                    latch.set(());
                }
            }
        }
    }

    fn has(&self, readiness: Readiness) -> bool {
        self.latch(readiness).is_none_or(Latch::is_set)
    }

    fn latch(&self, readiness: Readiness) -> Option<&Latch<()>> {
        match readiness {
            Readiness::Starting => None,
            Readiness::Ready => Some(&self.0[0]),
            Readiness::Draining => Some(&self.0[1]),
            Readiness::Stopped => Some(&self.0[2]),
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Progress::new()
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Progress").field(&self.now()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Progress, Readiness};

    #[test]
    fn goes_on_and_never_back() {
        let progress = Progress::new();
        assert_eq!(progress.now(), Readiness::Starting);
        crate::block_on(progress.reached(Readiness::Starting));
        let ready = progress.reached(Readiness::Ready);
        progress.set(Readiness::Draining);
        crate::block_on(ready);
        progress.set(Readiness::Ready);
        assert_eq!(progress.now(), Readiness::Draining);
        progress.set(Readiness::Stopped);
        assert_eq!(progress.clone().now(), Readiness::Stopped);
    }
}
