//! After hooks: what looks back at a request that has ended.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::error::BoxError;
use crate::exec::BoxFuture;
use crate::flow::IntoOutcome;
use crate::handler::{FnHook, Shared, ViaArc, ViaFn, ViaTrait};
use crate::reason::Outcome;
use crate::summary::Summary;

/// Looks back at a request that has ended: an access log, a metric.
///
/// It is called exactly once for every request whose head was understood, whatever became of it,
/// when its answer has been handed to the operating system or has failed. It can change nothing; an
/// error or a panic in it goes to the error hook and does not hurt the connection.
///
/// One connection's calls come one after the other, in the order of their requests. While one takes
/// its time, its connection is not read; but requests that were there already may have been answered
/// before it: pipelined answers leave together, and their hooks are called then. (Clauses T-28, T-29.)
///
/// ```
/// use http_server_trait::{App, Completed};
/// use std::sync::Arc;
///
/// let mut app = App::new();
/// app.after(|done: Arc<Completed>| async move {
///     println!("{done}");
/// });
/// ```
pub trait After: Send + Sync + 'static {
    /// Looks.
    fn after(&self, done: Arc<Completed>) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// A request that has ended. It is also the [`Summary`] of the request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Completed {
    /// What the request was.
    pub request: Summary,
    /// The status of the final answer, if there was one.
    pub status: Option<StatusCode>,
    /// How it ended.
    pub outcome: Outcome,
    /// How much content of the request was received, framing not counted.
    pub bytes_in: u64,
    /// How many bytes of the answer, its head included, the operating system took.
    pub bytes_out: u64,
    /// How long it took, by phase.
    pub phases: Phases,
}

/// How long the phases of a request took. They add up to the time from its first byte to the last
/// byte of its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Phases {
    /// From the first byte of the head to the last one, middleware included.
    pub head: Duration,
    /// From there until the content was complete, if it was collected.
    pub body: Duration,
    /// From there until the handlers had answered.
    pub handler: Duration,
    /// From there until the answer was given to the operating system, or had failed.
    pub send: Duration,
}

impl Phases {
    /// All of it.
    pub fn total(&self) -> Duration {
        self.head + self.body + self.handler + self.send
    }
}

impl Completed {
    /// A request that ended like this. For authors of backends.
    pub fn new(request: Summary, status: Option<StatusCode>, outcome: Outcome) -> Self {
        let phases = Phases::default();
        Completed {
            request,
            status,
            outcome,
            bytes_in: 0,
            bytes_out: 0,
            phases,
        }
    }

    /// All of the time.
    pub fn duration(&self) -> Duration {
        self.phases.total()
    }
}

impl Deref for Completed {
    type Target = Summary;

    fn deref(&self) -> &Summary {
        &self.request
    }
}

impl fmt::Display for Completed {
    /// A line for an access log: id, request line, status, bytes, milliseconds, outcome.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(id) = self.request.id() {
            write!(f, "{id} ")?;
        }
        write!(f, "\"{}\" ", self.request)?;
        match self.status {
            Some(status) => write!(f, "{}", status.as_u16())?,
            None => f.write_str("-")?,
        }
        let milliseconds = self.duration().as_secs_f64() * 1e3;
        write!(
            f,
            " in={} out={} {milliseconds:.3}ms {}",
            self.bytes_in, self.bytes_out, self.outcome
        )
    }
}

/// What can be registered as an `after` hook. `M` only tells the ways apart and is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no `after` hook",
    note = "it is an `async fn(Arc<Completed>)`, a closure like `|done: Arc<Completed>| async move {{ .. }}`, or a type that implements `After`",
    note = "it may return `()` or `Result<(), E>`, and its future must be `Send`"
)]
pub trait IntoAfter<M> {
    /// The hook that it becomes.
    type After: After;
    /// Becomes it.
    fn into_after(self) -> Self::After;
}

impl<F, Fut, R> IntoAfter<(ViaFn, Fut, R)> for F
where
    F: Fn(Arc<Completed>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = R> + Send + 'static,
    R: IntoOutcome + 'static,
{
    type After = FnHook<F, (Fut, R)>;

    fn into_after(self) -> Self::After {
        FnHook::new(self)
    }
}

impl<F, Fut, R> After for FnHook<F, (Fut, R)>
where
    F: Fn(Arc<Completed>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = R> + Send + 'static,
    R: IntoOutcome + 'static,
{
    fn after(&self, done: Arc<Completed>) -> impl Future<Output = Result<(), BoxError>> + Send {
        let looking = (self.function)(done);
        async move { looking.await.into_outcome() }
    }
}

impl<H: After> IntoAfter<ViaTrait> for H {
    type After = H;

    fn into_after(self) -> H {
        self
    }
}

impl<H: After> IntoAfter<ViaArc> for Arc<H> {
    type After = Shared<H>;

    fn into_after(self) -> Shared<H> {
        Shared(self)
    }
}

impl<H: After> After for Shared<H> {
    fn after(&self, done: Arc<Completed>) -> impl Future<Output = Result<(), BoxError>> + Send {
        self.0.after(done)
    }
}

/// The object-safe twin: how an `App` stores an `after` hook.
pub(crate) trait AnyAfter: Send + Sync {
    fn call(&self, done: Arc<Completed>) -> BoxFuture<'_, Result<(), BoxError>>;
}

impl<H: After> AnyAfter for H {
    fn call(&self, done: Arc<Completed>) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(self.after(done))
    }
}
