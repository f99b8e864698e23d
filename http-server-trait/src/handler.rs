//! Handlers: what answers a request.

use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::exec::BoxFuture;
use crate::flow::{Flow, IntoFlow};
use crate::head::Head;
use crate::place::{self, Placed};
use crate::request::Request;

/// Answers a request, or passes it on to the next handler.
///
/// A plain `async fn(Request) -> T` and a closure are handlers already, where `T` is whatever turns
/// into a [`Flow`]; implement this trait for types of your own. Handlers are asked in the order of
/// their registration; the first answer ends the chain, and if none answers it is a 404. (Clauses
/// T-10, T-20 to T-24.)
///
/// ```
/// use http_server_trait::{App, Flow, Handler, Request, Response};
///
/// struct Greeter { name: &'static str }
///
/// impl Handler for Greeter {
///     async fn handle(&self, request: Request) -> Flow<Request> {
///         match request.path() {
///             "/hello" => Flow::Reply(Response::text(format!("hello, {}", self.name))),
///             _ => Flow::Continue(request),
///         }
///     }
/// }
///
/// let mut app = App::new();
/// app.handler(Greeter { name: "lens" });
/// app.handler(|request: Request| async move { format!("nothing at {}", request.path()) });
/// ```
pub trait Handler: Send + Sync + 'static {
    /// Answers, or gives the request back for the next handler.
    ///
    /// # Cancel safety
    /// The future is dropped where it waits when the deadline of the request strikes, when that of a
    /// shutdown does, or when the connection is killed. Otherwise it runs to its end, also when the client
    /// has gone: [`cancel_on_disconnect`](crate::cancel_on_disconnect) wraps a handler that should not.
    fn handle(&self, request: Request) -> impl Future<Output = Flow<Request>> + Send;

    /// Whether this handler wants its content whole or as it comes.
    fn body_plan(&self, head: &Head) -> BodyPlan {
        let _ = head;
        BodyPlan::Collect
    }

    /// Calls [`handle`](Handler::handle) and polls the future once: what was decided, or the handler at work. It is
    /// there for handlers of this crate, whose futures need no box of their own.
    #[doc(hidden)]
    fn handle_first(
        &self,
        request: Request,
        cx: &mut Context<'_>,
    ) -> Result<Flow<Request>, Working<'_>> {
        let mut future: BoxFuture<'_, _> = Box::pin(self.handle(request));
        match future.as_mut().poll(cx) {
            Poll::Ready(flow) => Ok(flow),
            Poll::Pending => Err(Working(Work::Boxed(future))),
        }
    }
}

/// A handler that was not ready at once: it is at work.
pub struct Working<'a>(Work<'a>);

enum Work<'a> {
    Boxed(BoxFuture<'a, Flow<Request>>),
    Placed(Box<dyn Placed>),
}

impl Working<'_> {
    /// Polls it once more. It is not polled again once it is ready.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Flow<Request>> {
        match &mut self.0 {
            Work::Boxed(future) => future.as_mut().poll(cx),
            Work::Placed(placed) => placed.poll(cx),
        }
    }

    /// It is ready, and over. What it was made in may be used again.
    pub(crate) fn end(self) {
        if let Work::Placed(placed) = self.0 {
            placed.give_back();
        }
    }
}

impl std::fmt::Debug for Working<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Working")
    }
}

/// How a handler wants the content of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BodyPlan {
    /// Whole: the handler is called when all of it is there. The default. (Clause T-20.)
    Collect,
    /// As it comes: the handler is called with the head, and takes the content when it likes. While it
    /// does not, no more is read from the client. (Clause T-22.)
    Stream,
}

/// What can be registered as a handler. `M` only tells the ways apart and is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    note = "a handler is an `async fn(Request) -> T`, a closure like `|request: Request| async move {{ .. }}`, or a type that implements `Handler`",
    note = "its future must be `Send`, and `T` must turn into a `Flow<Request>`: see the table at `Flow`"
)]
pub trait IntoHandler<M> {
    /// The handler that it becomes.
    type Handler: Handler;
    /// Becomes it.
    fn into_handler(self) -> Self::Handler;
}

/// Tells apart: a function or closure.
#[derive(Debug)]
pub struct ViaFn(());
/// Tells apart: a type that implements the trait itself.
#[derive(Debug)]
pub struct ViaTrait(());
/// Tells apart: a shared one.
#[derive(Debug)]
pub struct ViaArc(());

/// A function as a hook.
pub struct FnHook<F, M> {
    pub(crate) function: F,
    marker: PhantomData<fn() -> M>,
}

impl<F, M> FnHook<F, M> {
    pub(crate) fn new(function: F) -> Self {
        FnHook {
            function,
            marker: PhantomData,
        }
    }
}

impl<F, M> std::fmt::Debug for FnHook<F, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("FnHook")
            .field(&std::any::type_name::<F>())
            .finish()
    }
}

impl<F, Fut, R> IntoHandler<(ViaFn, Fut, R)> for F
where
    F: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = R> + Send + 'static,
    R: IntoFlow<Request> + 'static,
{
    type Handler = FnHook<F, (Fut, R)>;

    fn into_handler(self) -> Self::Handler {
        FnHook::new(self)
    }
}

impl<F, Fut, R> Handler for FnHook<F, (Fut, R)>
where
    F: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = R> + Send + 'static,
    R: IntoFlow<Request> + 'static,
{
    fn handle(&self, request: Request) -> impl Future<Output = Flow<Request>> + Send {
        let answering = (self.function)(request);
        async move { answering.await.into_flow() }
    }

    fn handle_first(
        &self,
        request: Request,
        cx: &mut Context<'_>,
    ) -> Result<Flow<Request>, Working<'_>> {
        placed(|| (self.function)(request), cx)
    }
}

/// Makes a future that borrows nothing and polls it for the first time: see [`Handler::handle_first`].
#[inline]
pub(crate) fn placed<'a, F>(
    make: impl FnOnce() -> F,
    cx: &mut Context<'_>,
) -> Result<Flow<Request>, Working<'a>>
where
    F: Future<Output: IntoFlow<Request>> + Send + 'static,
{
    place::first(make, cx).map_err(|placed| Working(Work::Placed(placed)))
}

impl<H: Handler> IntoHandler<ViaTrait> for H {
    type Handler = H;

    fn into_handler(self) -> H {
        self
    }
}

impl<H: Handler> IntoHandler<ViaArc> for Arc<H> {
    type Handler = Shared<H>;

    fn into_handler(self) -> Shared<H> {
        Shared(self)
    }
}

/// A shared hook, for one that is registered and kept.
#[derive(Debug)]
pub struct Shared<H>(pub(crate) Arc<H>);

impl<H: Handler> Handler for Shared<H> {
    fn handle(&self, request: Request) -> impl Future<Output = Flow<Request>> + Send {
        self.0.handle(request)
    }

    fn body_plan(&self, head: &Head) -> BodyPlan {
        self.0.body_plan(head)
    }

    fn handle_first(
        &self,
        request: Request,
        cx: &mut Context<'_>,
    ) -> Result<Flow<Request>, Working<'_>> {
        self.0.handle_first(request, cx)
    }
}

/// The object-safe twin: how an `App` stores a handler. One box for each call, or none where the handler is a
/// function: see [`place`].
pub(crate) trait AnyHandler: Send + Sync {
    fn first(&self, request: Request, cx: &mut Context<'_>) -> Result<Flow<Request>, Working<'_>>;
    fn plan(&self, head: &Head) -> BodyPlan;
}

/// Calls a handler.
pub(crate) async fn call(handler: &dyn AnyHandler, request: Request) -> Flow<Request> {
    let mut request = Some(request);
    let mut working = None;
    poll_fn(|cx| {
        if let Some(request) = request.take() {
            match handler.first(request, cx) {
                Ok(flow) => return Poll::Ready(flow),
                Err(at_work) => working = Some(at_work),
            }
            return Poll::Pending;
        }
        match &mut working {
            Some(working) => working.poll(cx),
            None => Poll::Pending,
        }
    })
    .await
}

impl<H: Handler> AnyHandler for H {
    fn first(&self, request: Request, cx: &mut Context<'_>) -> Result<Flow<Request>, Working<'_>> {
        self.handle_first(request, cx)
    }

    fn plan(&self, head: &Head) -> BodyPlan {
        self.body_plan(head)
    }
}
