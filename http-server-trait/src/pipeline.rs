//! The way of a request through an application's hooks: for authors of backends.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::header::ALLOW;
use http::{HeaderValue, Method, StatusCode};

use crate::after::Completed;
use crate::app::{App, Starting, Stopping};
use crate::body::Body;
use crate::catch::{Panic, poll_caught};
use crate::config::Config;
use crate::conn::Site;
use crate::error::{
    AdoptError, AdoptErrorKind, BodyError, BodyErrorKind, BoxError, GivenUp, ListenError,
    ListenErrorKind,
};
use crate::exec::{BoxFuture, Exec};
use crate::failure::{Cause, Failure, Hook};
use crate::flow::Flow;
use crate::handler::{AnyHandler, BodyPlan, Working};
use crate::head::Head;
use crate::latch::{Latch, Waiting};
use crate::listen::Address;
use crate::progress::Progress;
use crate::request::Request;
use crate::response::Response;
use crate::sink;
use crate::summary::Summary;
use crate::takeover::Takeover;

/// A started application: its hooks, called as the contract says.
///
/// It holds what must be the same on every backend: the order of the hooks, what their results mean,
/// that a panic is a failure and a failure reaches the error hook, that an answer is fit to be sent. A
/// backend that calls it like this keeps the contract:
///
/// 1. [`start`](Pipeline::start), once the sockets are bound;
/// 2. for each request: [`on_head`](Pipeline::on_head) when the head is there; the content as
///    [`plan`](Pipeline::plan) and [`body_limit`](Pipeline::body_limit) say;
///    [`handle`](Pipeline::handle); send the answer, and say how that ended, with
///    [`set_answered`](crate::Conn::set_answered) or [`set_ended`](crate::Conn::set_ended);
///    [`report`](Pipeline::report) what failed, and [`after`](Pipeline::after);
/// 3. [`stop`](Pipeline::stop), after the last connection.
#[derive(Debug)]
pub struct Pipeline {
    app: App,
    site: Arc<Site>,
    tenure: Arc<Tenure>,
}

/// How long an application is in use: as long as any server has it.
#[derive(Debug)]
struct Tenure {
    over: Latch<()>,
}

impl Drop for Tenure {
    fn drop(&mut self) {
        self.over.set(());
    }
}

impl Tenure {
    fn begin() -> Arc<Self> {
        Arc::new(Tenure { over: Latch::new() })
    }
}

/// The end of an application that another one has replaced: its stop hooks, and when they are to run. Of the
/// application it holds nothing but them, its error hooks and its shared values.
#[derive(Debug)]
pub struct Farewell {
    stops: Pipeline,
    over: Latch<()>,
}

impl Farewell {
    /// Ready when no server has the application any more: its last request has ended.
    pub fn due(&self) -> Waiting<()> {
        self.over.waiting()
    }

    /// Which application it is.
    pub fn generation(&self) -> u64 {
        self.stops.site.generation
    }

    /// Runs the stop hooks: see [`Pipeline::stop`].
    pub async fn stop(&self) -> bool {
        self.stops.stop().await
    }
}

/// What becomes of a request: an answer to send or a takeover, and what went wrong on the way.
#[derive(Debug)]
#[must_use = "somebody waits for this answer"]
pub struct Answer {
    /// The answer.
    pub reply: Reply,
    /// What the error hook is to be told, once the answer is out. Boxed, for it is rare.
    pub failure: Option<Box<Failure>>,
}

/// An answer to send, or a takeover.
#[derive(Debug)]
pub enum Reply {
    /// An answer that is fit to be sent.
    Response(Response),
    /// The connection goes to the application.
    Takeover(Takeover),
    /// Nothing: the client has left, and what was done for it was given up. The connection is closed.
    Nothing,
}

impl Pipeline {
    /// Starts an application: runs its start hooks, in order, in the runtime that will serve.
    ///
    /// # Errors
    /// [`ListenErrorKind::StartHook`] with the name of the hook that failed, panicked or took too
    /// long: nothing may be accepted then. [`ListenErrorKind::NoRuntime`] if the application needs
    /// another runtime.
    pub async fn start(
        app: App,
        backend: &'static str,
        exec: Exec,
        addresses: &[Address],
    ) -> Result<Pipeline, ListenError> {
        let site = Site {
            backend,
            exec,
            state: app.state.clone(),
            generation: 1,
            progress: Progress::new(),
        };
        Pipeline::begin(app, site, addresses).await
    }

    /// Starts another application for a running server: see
    /// [`ServerHandle::replace_app`](crate::ServerHandle::replace_app). The limits are the server's, `site` and
    /// `config` those of the application before; `generation` is the new one's number.
    ///
    /// # Errors
    /// As [`start`](Pipeline::start).
    pub async fn start_next(
        mut app: App,
        config: Config,
        site: &Site,
        addresses: &[Address],
        generation: u64,
    ) -> Result<Pipeline, ListenError> {
        app.config = config;
        let site = Site {
            backend: site.backend,
            exec: site.exec.clone(),
            state: app.state.clone(),
            generation,
            progress: site.progress.clone(),
        };
        Pipeline::begin(app, site, addresses).await
    }

    async fn begin(app: App, mut site: Site, addresses: &[Address]) -> Result<Self, ListenError> {
        let exec = site.exec.clone();
        if let Some(needed) = app.misses(&exec) {
            return Err(
                ListenError::new(ListenErrorKind::NoRuntime, needed).with_source(format!(
                    "the application needs it, and this is {}",
                    exec.runtime()
                )),
            );
        }
        let state = Arc::new(Mutex::new(app.state.clone()));
        let starting = Starting {
            exec: exec.clone(),
            addresses: addresses.into(),
            state: Arc::clone(&state),
            progress: site.progress.clone(),
        };
        for named in &app.on_start {
            let run = guard(|| (named.hook)(starting.clone()));
            let failed = |why: BoxError| {
                ListenError::new(ListenErrorKind::StartHook, named.name).with_source(why)
            };
            match within(&exec, &app.config, run).await {
                None => return Err(failed("it took too long".into())),
                Some(Err(panic)) => {
                    return Err(failed(
                        Failure::panic(Hook::Start, &panic)
                            .cause()
                            .to_string()
                            .into(),
                    ));
                }
                Some(Ok(outcome)) => outcome.map_err(failed)?,
            }
        }
        site.state = state.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (site, tenure) = (Arc::new(site), Tenure::begin());
        Ok(Pipeline { app, site, tenure })
    }

    /// What is left to do when this application is over: see [`Farewell`].
    pub fn farewell(&self) -> Farewell {
        let mut app = App::new();
        app.on_stop.clone_from(&self.app.on_stop);
        app.on_error.clone_from(&self.app.on_error);
        app.config = self.app.config.clone();
        let (site, tenure) = (self.site.clone(), Tenure::begin());
        Farewell {
            stops: Pipeline { app, site, tenure },
            over: self.tenure.over.clone(),
        }
    }

    /// Goes on with a started application in another server: the same hooks and shared values. No start hook
    /// runs. `own` is what that server was given itself; its limits count if it was
    /// [configured](App::config_mut), else those of the application. Its own [`Exec`] stays the one that the
    /// hooks have, and is to [follow](Exec::follow) `exec` once that server serves. `progress` is that server's: one
    /// for all its applications.
    ///
    /// # Errors
    /// [`AdoptErrorKind::NeedsRuntime`] if the application [needs](App::needs_runtime) another runtime.
    pub fn continued(
        &self,
        own: &App,
        backend: &'static str,
        exec: &Exec,
        progress: &Progress,
    ) -> Result<Pipeline, AdoptError> {
        let mut app = self.app.clone();
        if let Some(needed) = app.misses(exec) {
            return Err(AdoptError::new(AdoptErrorKind::NeedsRuntime)
                .with_source(format!("it needs {needed}, and this is {}", exec.runtime())));
        }
        if own.configured {
            app.config = own.config.clone();
        }
        Ok(Pipeline {
            app,
            site: Arc::new(Site {
                backend,
                exec: self.site.exec.clone(),
                state: self.site.state.clone(),
                generation: self.site.generation,
                // Another server, another life.
                progress: progress.clone(),
            }),
            tenure: Arc::clone(&self.tenure),
        })
    }

    /// What all connections share: see [`Conn::new`](crate::Conn::new).
    pub fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// The limits and time-outs.
    pub fn config(&self) -> &Config {
        &self.app.config
    }

    /// Whether there is middleware at all.
    pub fn has_middleware(&self) -> bool {
        !self.app.middleware.is_empty()
    }

    /// Whether there are `after` hooks at all.
    pub fn has_after(&self) -> bool {
        !self.app.after.is_empty()
    }

    /// Whether any hook may want to know more of a request that is over than its request line: see
    /// [`Summary::of_line`].
    pub fn wants_summaries(&self) -> bool {
        self.has_after() || !self.app.on_error.is_empty() || self.app.on_deadline.is_some()
    }

    /// Runs the middleware: gives the head back to go on with, or the answer.
    pub async fn on_head(&self, mut head: Head) -> Result<Head, Answer> {
        for middleware in &self.app.middleware {
            let decided = guard(|| middleware.call(head)).await;
            head = self.decided(Hook::Middleware, decided)?;
        }
        Ok(head)
    }

    /// Whether the content is to be collected before [`handle`](Pipeline::handle).
    ///
    /// # Errors
    /// The answer, where the handler panics over that.
    pub fn plan(&self, head: &Head) -> Result<BodyPlan, Answer> {
        let Some(handler) = self.app.handlers.first() else {
            return Ok(BodyPlan::Collect);
        };
        planned(handler.as_ref(), head)
    }

    /// How much content this request may have; `u64::MAX` is no limit.
    pub fn body_limit(&self, head: &Head) -> u64 {
        head.body_limit()
            .or(self.app.config.body)
            .unwrap_or(u64::MAX)
    }

    /// Runs the handlers until one answers. If none does that is a 404, or for `OPTIONS *` a 204.
    pub fn handle(&self, request: Request) -> Handling<'_> {
        Handling {
            pipeline: self,
            next: 0,
            state: Asking::Next(request),
        }
    }

    /// Answers for a request that took too long.
    pub async fn on_deadline(&self, request: Summary) -> Answer {
        let Some(hook) = &self.app.on_deadline else {
            return Answer::from(plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "the answer took too long",
            ));
        };
        match guard(|| hook(request)).await {
            Ok(response) => self.sealed(Hook::Deadline, response),
            Err(panic) => panicked(Hook::Deadline, &panic),
        }
    }

    /// Tells the `after` hooks of a request that has ended. What fails in them goes to the error hook;
    /// gives back how many failed.
    pub async fn after(&self, done: Completed) -> u64 {
        let done = Arc::new(done);
        let mut failed = 0;
        for after in &self.app.after {
            let failure = match guard(|| after.call(Arc::clone(&done))).await {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => Failure::new(Hook::After, Cause::Error(error)),
                Err(panic) => Failure::panic(Hook::After, &panic),
            };
            failed += 1;
            self.report(failure.within(&done.request)).await;
        }
        failed
    }

    /// Tells the error hooks, or without any the log.
    pub async fn report(&self, failure: Failure) {
        if self.app.on_error.is_empty() {
            return sink::write(&failure);
        }
        let failure = Arc::new(failure);
        for hook in &self.app.on_error {
            if let Err(panic) = guard(|| hook(Arc::clone(&failure))).await {
                // The error hook itself: there is nobody left to tell but the log.
                sink::write(&failure);
                sink::write(&Failure::panic(failure.hook(), &panic));
            }
        }
    }

    /// Runs the stop hooks, in order. Says whether all of them did their work in time; what fails goes
    /// to the error hook.
    pub async fn stop(&self) -> bool {
        let stopping = Stopping {
            exec: self.site.exec.clone(),
            state: self.site.state.clone(),
        };
        let mut clean = true;
        for named in &self.app.on_stop {
            let run = guard(|| (named.hook)(stopping.clone()));
            let failure = match within(&self.site.exec, &self.app.config, run).await {
                Some(Ok(Ok(()))) => continue,
                Some(Ok(Err(error))) => Failure::new(Hook::Stop, Cause::Error(error)),
                Some(Err(panic)) => Failure::panic(Hook::Stop, &panic),
                None => {
                    let late = format!("{} took too long", named.name);
                    Failure::new(Hook::Stop, Cause::Error(late.into()))
                }
            };
            clean = false;
            self.report(failure).await;
        }
        clean
    }

    /// What a hook's decision means: what to go on with, or the answer.
    fn decided<T>(&self, hook: Hook, decided: Result<Flow<T>, Panic>) -> Result<T, Answer> {
        match decided {
            Ok(Flow::Continue(back)) => Ok(back),
            Ok(Flow::Reply(response)) => Err(self.sealed(hook, response)),
            Ok(Flow::Takeover(takeover)) => Err(sealed_takeover(hook, takeover)),
            Ok(Flow::Fail(error)) => Err(failed(hook, error)),
            Err(panic) => Err(panicked(hook, &panic)),
        }
    }

    /// Makes an answer fit to be sent, or a failure of what can never be.
    #[inline]
    fn sealed(&self, hook: Hook, mut response: Response) -> Answer {
        let is_unfit = response.has_wrong_field() || response.status().is_informational();
        if !is_unfit {
            response.body_mut().attach(&self.site.exec);
            return Answer::from(response);
        }
        unfit(hook, response)
    }
}

/// The handlers at work: what [`Pipeline::handle`] gives.
///
/// A future that is written out, because every request goes through it: the first poll of a handler's future
/// is made where that future is, and under the same guard.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Handling<'a> {
    pipeline: &'a Pipeline,
    /// Which handler is asked next.
    next: usize,
    state: Asking<'a>,
}

enum Asking<'a> {
    /// The next handler is to be asked.
    Next(Request),
    /// One that streamed has passed on, and the next one wants the content whole.
    Collecting(BoxFuture<'a, Result<Request, BodyError>>),
    /// A handler works.
    Waiting(Working<'a>),
    Over,
}

impl Future for Handling<'_> {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        let this = &mut *self;
        let request = match std::mem::replace(&mut this.state, Asking::Over) {
            Asking::Next(request) => request,
            waiting => match this.go_on(waiting, cx) {
                Ok(request) => request,
                Err(polled) => return polled,
            },
        };
        this.ask(request, cx)
    }
}

impl<'a> Handling<'a> {
    /// Asks the next handlers, until one answers or waits.
    #[inline]
    fn ask(&mut self, mut request: Request, cx: &mut Context<'_>) -> Poll<Answer> {
        loop {
            let Some(handler) = self.pipeline.app.handlers.get(self.next) else {
                return Poll::Ready(unanswered(&request));
            };
            // Only after a handler that streams and passed on: the first one's plan was kept already.
            if request.is_to_come() {
                match planned(handler.as_ref(), &request) {
                    Ok(BodyPlan::Collect) => {
                        let collecting = Asking::Collecting(Box::pin(collect(request)));
                        match self.go_on(collecting, cx) {
                            Ok(collected) => request = collected,
                            Err(polled) => return polled,
                        }
                    }
                    Ok(_) => {}
                    Err(answer) => return Poll::Ready(answer),
                }
            }
            self.next += 1;
            let decided = match catch_unwind(AssertUnwindSafe(|| handler.first(request, cx))) {
                Ok(Ok(flow)) => Ok(flow),
                Ok(Err(working)) => {
                    self.state = Asking::Waiting(working);
                    return Poll::Pending;
                }
                Err(panic) => Err(panic),
            };
            // By itself: it is what most requests end with.
            if let Ok(Flow::Reply(response)) = decided {
                return Poll::Ready(self.pipeline.sealed(Hook::Handler, response));
            }
            match self.pipeline.decided(Hook::Handler, decided) {
                Ok(back) => request = back,
                Err(answer) => return Poll::Ready(answer),
            }
        }
    }

    /// Goes on where something is waited for: with the request, or with nothing more to do for now.
    #[inline(never)]
    fn go_on(&mut self, state: Asking<'a>, cx: &mut Context<'_>) -> Result<Request, Poll<Answer>> {
        match state {
            Asking::Next(request) => Ok(request),
            Asking::Waiting(mut working) => {
                let decided = match catch_unwind(AssertUnwindSafe(|| working.poll(cx))) {
                    Ok(Poll::Ready(flow)) => let_go(|| working.end(), Ok(flow)),
                    Ok(Poll::Pending) => {
                        self.state = Asking::Waiting(working);
                        return Err(Poll::Pending);
                    }
                    Err(panic) => let_go(|| drop(working), Err(panic)),
                };
                let decided = self.pipeline.decided(Hook::Handler, decided);
                decided.map_err(Poll::Ready)
            }
            Asking::Collecting(mut future) => match future.as_mut().poll(cx) {
                Poll::Ready(Ok(request)) => Ok(request),
                Poll::Ready(Err(error)) => Err(Poll::Ready(failed(Hook::Handler, error.into()))),
                Poll::Pending => {
                    self.state = Asking::Collecting(future);
                    Err(Poll::Pending)
                }
            },
            // Polled again after its end, which is against the contract of a future.
            Asking::Over => Err(Poll::Pending),
        }
    }
}

impl std::fmt::Debug for Handling<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handling")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

/// What a hook or the handler has planned for the content.
fn planned(handler: &dyn AnyHandler, head: &Head) -> Result<BodyPlan, Answer> {
    if let Some(plan) = head.body_plan() {
        return Ok(plan);
    }
    catch_unwind(AssertUnwindSafe(|| handler.plan(head)))
        .map_err(|panic| panicked(Hook::Handler, &panic))
}

/// Drops a future that is over. Should it panic in that, it has not come to its end.
fn let_go<T>(drops: impl FnOnce(), output: Result<T, Panic>) -> Result<T, Panic> {
    let dropped = catch_unwind(AssertUnwindSafe(drops));
    output.and_then(|output| dropped.map(|()| output))
}

fn unanswered(request: &Request) -> Answer {
    Answer::from(
        if request.method() == Method::OPTIONS && request.path() == "*" {
            options()
        } else {
            not_found()
        },
    )
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Answer {
            reply: Reply::Response(response),
            failure: None,
        }
    }
}

/// The same for the answer that goes before a takeover: a 101, or a final one.
fn sealed_takeover(hook: Hook, mut takeover: Takeover) -> Answer {
    if let Some(answer) = takeover.answer_mut() {
        if let Some(wrong) = answer.take_wrong_field() {
            return failed(hook, wrong.into());
        }
        let status = answer.status();
        if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
            let error = format!("{status} is no status to hand a connection over with");
            return failed(hook, error.into());
        }
    }
    Answer {
        reply: Reply::Takeover(takeover),
        failure: None,
    }
}

/// The failure of an answer that cannot be sent as it is.
#[cold]
fn unfit(hook: Hook, mut response: Response) -> Answer {
    if let Some(wrong) = response.take_wrong_field() {
        return failed(hook, wrong.into());
    }
    let status = response.status();
    failed(hook, format!("{status} is no final status").into())
}

#[cold]
fn panicked(hook: Hook, panic: &Panic) -> Answer {
    let reply = Reply::Response(error_page(StatusCode::INTERNAL_SERVER_ERROR));
    Answer {
        reply,
        failure: Some(Box::new(Failure::panic(hook, panic))),
    }
}

#[cold]
fn failed(hook: Hook, error: BoxError) -> Answer {
    if error.is::<GivenUp>() {
        return Answer {
            reply: Reply::Nothing,
            failure: None,
        };
    }
    let content = error.downcast_ref::<BodyError>();
    let status = content.map_or(StatusCode::INTERNAL_SERVER_ERROR, BodyError::status);
    let client_left = content.is_some_and(|error| error.kind() == BodyErrorKind::Disconnected);
    let reply = Reply::Response(error_page(status));
    if client_left {
        return Answer {
            reply,
            failure: None,
        };
    }
    // What the client did wrong is the protocol's, not the application's.
    let cause = if status.is_client_error() {
        Cause::Protocol(error)
    } else {
        Cause::Error(error)
    };
    Answer {
        reply,
        failure: Some(Box::new(Failure::new(hook, cause))),
    }
}

async fn collect(mut request: Request) -> Result<Request, BodyError> {
    let (bytes, trailers) = request.body_mut().collect_up_to(u64::MAX).await?;
    *request.body_mut() = Body::full(bytes).with_trailers(trailers.unwrap_or_default());
    Ok(request)
}

/// Runs a hook: the making of its future, each poll of it and its end are guarded.
async fn guard<'a, T>(call: impl FnOnce() -> BoxFuture<'a, T>) -> Result<T, Panic> {
    let mut future = catch_unwind(AssertUnwindSafe(call))?;
    let output = poll_fn(|cx| poll_caught(future.as_mut(), cx)).await;
    let_go(|| drop(future), output)
}

/// Runs a start or stop hook for as long as it may take.
async fn within<T>(exec: &Exec, config: &Config, run: impl Future<Output = T>) -> Option<T> {
    let mut run = pin!(run);
    let mut late = exec.sleep(config.hook_time);
    poll_fn(|cx| {
        if let Poll::Ready(done) = run.as_mut().poll(cx) {
            return Poll::Ready(Some(done));
        }
        late.as_mut().poll(cx).map(|()| None)
    })
    .await
}

pub(crate) fn not_found() -> Response {
    error_page(StatusCode::NOT_FOUND)
}

/// RFC 9110, 9.3.7: `OPTIONS *` asks about the server and needs no route.
fn options() -> Response {
    let methods = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    Response::new(StatusCode::NO_CONTENT).with_field(ALLOW, methods)
}

/// An answer that says its status and a reason in plain text.
pub fn plain(status: StatusCode, reason: &str) -> Response {
    let name = status.canonical_reason().unwrap_or("Unknown");
    let code = status.as_u16();
    Response::text(format!("{code} {name}: {reason}\n")).with_status(status)
}

/// An answer that says its status in plain text and nothing more.
pub fn error_page(status: StatusCode) -> Response {
    let name = status.canonical_reason().unwrap_or("Unknown");
    Response::text(format!("{} {name}\n", status.as_u16())).with_status(status)
}
