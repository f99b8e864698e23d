//! Handlers made of handlers.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::body::Body;
use crate::error::GivenUp;
use crate::flow::{Flow, IntoFlow};
use crate::handler::{AnyHandler, BodyPlan, Handler, IntoHandler, Working, call, placed};
use crate::head::Head;
use crate::request::Request;

/// Wraps a handler, so that its answer can be changed: common fields, cookies, compression.
///
/// The wrapper gets the request and the rest of the way, [`Next`]; it calls `next.run(request)` when
/// it likes, or answers without. To wrap several handlers, put them into a [`Chain`]. (Clause T-24.)
///
/// ```
/// use http_server_trait::{App, Next, Request, Response, around};
///
/// async fn hello(_: Request) -> &'static str { "hello" }
///
/// let mut app = App::new();
/// app.handler(around(hello, |request: Request, next: Next| async move {
///     next.run(request).await.map_reply(|answer| answer.with_field("x-frame-options", "DENY"))
/// }));
/// ```
pub fn around<M, H, F, Fut, R>(handler: H, wrapper: F) -> impl Handler
where
    H: IntoHandler<M>,
    F: Fn(Request, Next) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = R> + Send + 'static,
    R: IntoFlow<Request> + 'static,
{
    Around {
        inner: Arc::new(handler.into_handler()),
        wrapper,
    }
}

struct Around<F> {
    inner: Arc<dyn AnyHandler>,
    wrapper: F,
}

impl<F, Fut, R> Handler for Around<F>
where
    F: Fn(Request, Next) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = R> + Send + 'static,
    R: IntoFlow<Request> + 'static,
{
    fn handle(&self, request: Request) -> impl Future<Output = Flow<Request>> + Send {
        let answering = (self.wrapper)(request, Next(Arc::clone(&self.inner)));
        async move { answering.await.into_flow() }
    }

    fn body_plan(&self, head: &Head) -> BodyPlan {
        self.inner.plan(head)
    }

    fn handle_first(
        &self,
        request: Request,
        cx: &mut Context<'_>,
    ) -> Result<Flow<Request>, Working<'_>> {
        let next = Next(Arc::clone(&self.inner));
        placed(|| (self.wrapper)(request, next), cx)
    }
}

/// The rest of the way of a request: the handler that was wrapped with [`around`].
#[derive(Clone)]
pub struct Next(Arc<dyn AnyHandler>);

impl Next {
    /// Calls the wrapped handler.
    pub async fn run(&self, request: Request) -> Flow<Request> {
        call(&*self.0, request).await
    }
}

impl std::fmt::Debug for Next {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Next")
    }
}

/// Several handlers as one: the first that answers ends it, and if none does the request goes on.
///
/// ```
/// use http_server_trait::{App, Chain, Flow, Next, Request, Response, around, http::StatusCode};
///
/// async fn home(request: Request) -> Flow<Request> {
///     if request.path() == "/" { Flow::Reply(Response::text("home")) } else { Flow::Continue(request) }
/// }
/// async fn missing(_: Request) -> StatusCode { StatusCode::NOT_FOUND }
///
/// let site = Chain::new().then(home).then(missing);
/// let mut app = App::new();
/// app.handler(around(site, |request: Request, next: Next| async move {
///     next.run(request).await.map_reply(|answer| answer.with_field("x-from", "site"))
/// }));
/// ```
#[derive(Clone, Default)]
pub struct Chain(Vec<Arc<dyn AnyHandler>>);

impl Chain {
    /// No handler yet.
    pub fn new() -> Self {
        Chain::default()
    }

    /// With this handler after the others.
    pub fn then<M>(mut self, handler: impl IntoHandler<M>) -> Self {
        self.0.push(Arc::new(handler.into_handler()));
        self
    }
}

impl Handler for Chain {
    async fn handle(&self, mut request: Request) -> Flow<Request> {
        for handler in &self.0 {
            match call(&**handler, request).await {
                Flow::Continue(back) => request = back,
                decided => return decided,
            }
        }
        Flow::Continue(request)
    }

    /// One handler that streams makes the chain stream; the others can still collect what they need
    /// with [`Request::bytes`].
    fn body_plan(&self, head: &Head) -> BodyPlan {
        let streams = self
            .0
            .iter()
            .any(|handler| handler.plan(head) == BodyPlan::Stream);
        if streams {
            BodyPlan::Stream
        } else {
            BodyPlan::Collect
        }
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Chain").field(&self.0.len()).finish()
    }
}

/// A handler that is called when the head is there and takes the content as it comes.
///
/// ```
/// use http_server_trait::{App, BodyError, Request, streamed};
///
/// async fn count(mut request: Request) -> Result<String, BodyError> {
///     let mut bytes = 0;
///     while let Some(piece) = request.body_mut().next().await {
///         bytes += piece?.len();
///     }
///     Ok(format!("{bytes} bytes"))
/// }
///
/// let mut app = App::new();
/// app.handler(streamed(count));
/// ```
pub fn streamed<M>(handler: impl IntoHandler<M>) -> impl Handler {
    Streamed(handler.into_handler())
}

struct Streamed<H>(H);

impl<H: Handler> Handler for Streamed<H> {
    fn handle(&self, request: Request) -> impl Future<Output = Flow<Request>> + Send {
        self.0.handle(request)
    }

    fn body_plan(&self, _: &Head) -> BodyPlan {
        BodyPlan::Stream
    }

    fn handle_first(
        &self,
        request: Request,
        cx: &mut Context<'_>,
    ) -> Result<Flow<Request>, Working<'_>> {
        self.0.handle_first(request, cx)
    }
}

/// A handler that blocks: it is called on the runtime's threads for blocking work and never stalls
/// the I/O of anybody. (Clause T-21.)
///
/// ```
/// use http_server_trait::{App, Request, blocking};
///
/// let mut app = App::new();
/// app.handler(blocking(|request: Request| {
///     // a query, a file, a long computation
///     format!("thought about {}", request.path())
/// }));
/// ```
pub fn blocking<F, R>(function: F) -> impl Handler
where
    F: Fn(Request) -> R + Send + Sync + 'static,
    R: IntoFlow<Request> + 'static,
{
    Blocking(Arc::new(function))
}

struct Blocking<F>(Arc<F>);

impl<F, R> Handler for Blocking<F>
where
    F: Fn(Request) -> R + Send + Sync + 'static,
    R: IntoFlow<Request> + 'static,
{
    async fn handle(&self, request: Request) -> Flow<Request> {
        let function = Arc::clone(&self.0);
        let exec = request.exec().clone();
        // A panic is carried over and goes on here, so that it is reported as this handler's.
        let work = move || {
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                function(request).into_flow()
            }))
        };
        match exec.spawn_blocking(work).await {
            Ok(Ok(flow)) => flow,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => Flow::Fail(error.into()),
        }
    }
}

/// A handler that is given up when the client goes away: its future is dropped where it waits.
///
/// A client that half-closes after its request looks like one that goes away; it then gets no answer.
/// That is why this is to be asked for. (Clause T-54.)
///
/// ```
/// use http_server_trait::{App, Request, cancel_on_disconnect};
///
/// async fn expensive(_: Request) -> &'static str { "answer" }
///
/// let mut app = App::new();
/// app.handler(cancel_on_disconnect(expensive));
/// ```
pub fn cancel_on_disconnect<M>(handler: impl IntoHandler<M>) -> impl Handler {
    CancelOnDisconnect(handler.into_handler())
}

struct CancelOnDisconnect<H>(H);

impl<H: Handler> Handler for CancelOnDisconnect<H> {
    async fn handle(&self, request: Request) -> Flow<Request> {
        let mut gone = request.conn().disconnected();
        let mut handling = pin!(self.0.handle(request));
        let answered = poll_fn(|cx| match handling.as_mut().poll(cx) {
            Poll::Ready(flow) => Poll::Ready(Some(flow)),
            Poll::Pending => Pin::new(&mut gone).poll(cx).map(|_| None),
        });
        match answered.await {
            Some(flow) => flow,
            None => Flow::Fail(Box::new(GivenUp)),
        }
    }

    fn body_plan(&self, head: &Head) -> BodyPlan {
        self.0.body_plan(head)
    }
}

/// Handlers written on the types of the [`http`] crate.
pub mod adapt {
    use super::{Body, Future, Handler, IntoFlow, Request};

    /// A handler that takes an [`http::Request`].
    ///
    /// ```
    /// use http_server_trait::{App, Body, adapt, http};
    ///
    /// async fn old(request: http::Request<Body>) -> http::Response<String> {
    ///     http::Response::new(format!("you asked for {}", request.uri()))
    /// }
    ///
    /// let mut app = App::new();
    /// app.handler(adapt::http(old));
    /// ```
    pub fn http<F, Fut, R>(function: F) -> impl Handler
    where
        F: Fn(http::Request<Body>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: IntoFlow<Request> + 'static,
    {
        use crate::handler::FnHook;
        FnHook::<_, (_, R)>::new(move |request: Request| function(request.into_http()))
    }
}
