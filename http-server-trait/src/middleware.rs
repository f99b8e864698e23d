//! Middleware: what sees a request when its head is there and its content perhaps not.

use std::future::Future;
use std::sync::Arc;

use crate::exec::BoxFuture;
use crate::flow::{Flow, IntoFlow};
use crate::handler::{FnHook, Shared, ViaArc, ViaFn, ViaTrait};
use crate::head::Head;

/// Looks at the head of a request before its content has arrived.
///
/// It may go on by giving the head back, changed or not; answer at once, with the unread content
/// dealt with by the server; take the connection over; or fail. It may leave values for later hooks
/// in [`Head::extensions_mut`], set a [body limit](Head::set_body_limit) and a
/// [body plan](Head::set_body_plan). Middleware runs in the order of registration. (Clauses T-10 to
/// T-15.)
///
/// ```
/// use http_server_trait::{App, Flow, Head, Response, http::StatusCode};
///
/// async fn only_with_a_key(head: Head) -> Flow<Head> {
///     match head.field("x-key") {
///         Some("open sesame") => Flow::Continue(head),
///         _ => Flow::Reply(Response::new(StatusCode::UNAUTHORIZED)),
///     }
/// }
///
/// let mut app = App::new();
/// app.middleware(only_with_a_key);
/// ```
pub trait Middleware: Send + Sync + 'static {
    /// Decides what becomes of the request.
    ///
    /// # Cancel safety
    /// As [`Handler::handle`](crate::Handler::handle).
    fn on_head(&self, head: Head) -> impl Future<Output = Flow<Head>> + Send;
}

/// What can be registered as middleware. `M` only tells the ways apart and is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no middleware",
    note = "middleware is an `async fn(Head) -> T`, a closure like `|head: Head| async move {{ .. }}`, or a type that implements `Middleware`",
    note = "its future must be `Send`, and `T` must turn into a `Flow<Head>`: give the head back to go on"
)]
pub trait IntoMiddleware<M> {
    /// The middleware that it becomes.
    type Middleware: Middleware;
    /// Becomes it.
    fn into_middleware(self) -> Self::Middleware;
}

impl<F, Fut, R> IntoMiddleware<(ViaFn, Fut, R)> for F
where
    F: Fn(Head) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = R> + Send + 'static,
    R: IntoFlow<Head> + 'static,
{
    type Middleware = FnHook<F, (Fut, R)>;

    fn into_middleware(self) -> Self::Middleware {
        FnHook::new(self)
    }
}

impl<F, Fut, R> Middleware for FnHook<F, (Fut, R)>
where
    F: Fn(Head) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = R> + Send + 'static,
    R: IntoFlow<Head> + 'static,
{
    fn on_head(&self, head: Head) -> impl Future<Output = Flow<Head>> + Send {
        let deciding = (self.function)(head);
        async move { deciding.await.into_flow() }
    }
}

impl<H: Middleware> IntoMiddleware<ViaTrait> for H {
    type Middleware = H;

    fn into_middleware(self) -> H {
        self
    }
}

impl<H: Middleware> IntoMiddleware<ViaArc> for Arc<H> {
    type Middleware = Shared<H>;

    fn into_middleware(self) -> Shared<H> {
        Shared(self)
    }
}

impl<H: Middleware> Middleware for Shared<H> {
    fn on_head(&self, head: Head) -> impl Future<Output = Flow<Head>> + Send {
        self.0.on_head(head)
    }
}

/// The object-safe twin: how an `App` stores middleware. One box for each call.
pub(crate) trait AnyMiddleware: Send + Sync {
    fn call(&self, head: Head) -> BoxFuture<'_, Flow<Head>>;
}

impl<H: Middleware> AnyMiddleware for H {
    fn call(&self, head: Head) -> BoxFuture<'_, Flow<Head>> {
        Box::pin(self.on_head(head))
    }
}
