//! What an application registers.

use std::any::type_name;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use crate::after::{AnyAfter, IntoAfter};
use crate::config::Config;
use crate::error::BoxError;
use crate::exec::{BoxFuture, Exec};
use crate::failure::Failure;
use crate::flow::IntoOutcome;
use crate::handler::{AnyHandler, IntoHandler};
use crate::listen::Address;
use crate::middleware::{AnyMiddleware, IntoMiddleware};
use crate::progress::Progress;
use crate::response::{IntoResponse, Response};
use crate::state::State;
use crate::summary::Summary;

/// An application: its hooks, its shared state, its limits. Plain data, the same for every backend.
///
/// A server has one, [`HttpServer::app_mut`](crate::HttpServer::app_mut); what is registered with a
/// server goes there. A library that adds routes takes `&mut App` and so fits every server. Cloning is
/// cheap: the hooks are shared. (Clauses T-01 to T-03.)
///
/// ```
/// use http_server_trait::{App, Request, Starting};
///
/// struct Greeting(&'static str);
///
/// fn install(app: &mut App) {
///     app.on_start(|starting: Starting| async move { starting.insert(Greeting("hello")) });
///     app.handler(|request: Request| async move {
///         request.state::<Greeting>().map(|greeting| greeting.0)
///     });
/// }
/// # install(&mut App::new());
/// ```
#[derive(Clone, Default)]
pub struct App {
    pub(crate) middleware: Vec<Arc<dyn AnyMiddleware>>,
    pub(crate) handlers: Vec<Arc<dyn AnyHandler>>,
    pub(crate) after: Vec<Arc<dyn AnyAfter>>,
    pub(crate) on_error: Vec<Arc<ErrorHook>>,
    pub(crate) on_start: Vec<Named<StartHook>>,
    pub(crate) on_stop: Vec<Named<StopHook>>,
    pub(crate) on_deadline: Option<Arc<DeadlineHook>>,
    pub(crate) state: State,
    pub(crate) config: Config,
    /// Whether anybody has asked for the configuration to change it.
    pub(crate) configured: bool,
    pub(crate) needs_runtime: Option<&'static str>,
}

pub(crate) type ErrorHook = dyn Fn(Arc<Failure>) -> BoxFuture<'static, ()> + Send + Sync;
pub(crate) type StartHook = dyn Fn(Starting) -> Deciding + Send + Sync;
pub(crate) type StopHook = dyn Fn(Stopping) -> Deciding + Send + Sync;
pub(crate) type DeadlineHook = dyn Fn(Summary) -> BoxFuture<'static, Response> + Send + Sync;
type Deciding = BoxFuture<'static, Result<(), BoxError>>;

/// A hook that is named when it fails.
pub(crate) struct Named<H: ?Sized> {
    pub(crate) name: &'static str,
    pub(crate) hook: Arc<H>,
}

impl<H: ?Sized> Clone for Named<H> {
    fn clone(&self) -> Self {
        Named {
            name: self.name,
            hook: Arc::clone(&self.hook),
        }
    }
}

impl App {
    /// Nothing registered, default limits.
    pub fn new() -> Self {
        App::default()
    }

    /// Adds a handler after those that are there: see [`Handler`](crate::Handler).
    pub fn handler<M>(&mut self, handler: impl IntoHandler<M>) -> &mut Self {
        self.handlers.push(Arc::new(handler.into_handler()));
        self
    }

    /// Adds middleware after those that are there: see [`Middleware`](crate::Middleware).
    pub fn middleware<M>(&mut self, middleware: impl IntoMiddleware<M>) -> &mut Self {
        self.middleware.push(Arc::new(middleware.into_middleware()));
        self
    }

    /// Adds an `after` hook after those that are there: see [`After`](crate::After).
    pub fn after<M>(&mut self, after: impl IntoAfter<M>) -> &mut Self {
        self.after.push(Arc::new(after.into_after()));
        self
    }

    /// Adds an error hook. It is told of every failure, whoever caused it; if it takes long, the
    /// connection's [`completed`](crate::Conn::completed) waits for it. (Clauses T-40 to T-43.)
    ///
    /// ```
    /// use http_server_trait::{App, Failure};
    /// use std::sync::Arc;
    ///
    /// App::new().on_error(|failure: Arc<Failure>| async move { eprintln!("{failure}") });
    /// ```
    pub fn on_error<F, Fut>(&mut self, hook: F) -> &mut Self
    where
        F: Fn(Arc<Failure>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.on_error
            .push(Arc::new(move |failure| Box::pin(hook(failure))));
        self
    }

    /// Adds a start hook. It runs in the serving runtime before the first connection is accepted, and
    /// can leave shared values; if it fails, nothing is ever accepted. (Clause T-04.)
    pub fn on_start<F, Fut, R>(&mut self, hook: F) -> &mut Self
    where
        F: Fn(Starting) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: IntoOutcome,
    {
        let boxed = move |starting| -> Deciding {
            let running = hook(starting);
            Box::pin(async move { running.await.into_outcome() })
        };
        self.on_start.push(Named {
            name: type_name::<F>(),
            hook: Arc::new(boxed),
        });
        self
    }

    /// Adds a stop hook. It runs in the serving runtime after the last connection has ended. (Clause
    /// T-05.)
    pub fn on_stop<F, Fut, R>(&mut self, hook: F) -> &mut Self
    where
        F: Fn(Stopping) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: IntoOutcome,
    {
        let boxed = move |stopping| -> Deciding {
            let running = hook(stopping);
            Box::pin(async move { running.await.into_outcome() })
        };
        self.on_stop.push(Named {
            name: type_name::<F>(),
            hook: Arc::new(boxed),
        });
        self
    }

    /// Sets what answers for a request that took longer than
    /// [`Config::request_time`](crate::Config::request_time). Without it that is a 503. (Clause T-44.)
    pub fn on_deadline<F, Fut, R>(&mut self, hook: F) -> &mut Self
    where
        F: Fn(Summary) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: IntoResponse,
    {
        self.on_deadline = Some(Arc::new(move |summary| {
            let answering = hook(summary);
            Box::pin(async move { answering.await.into_response() })
        }));
        self
    }

    /// Adds a shared value, in place of an earlier one of the same type. (Clause T-51.)
    pub fn state<T: Send + Sync + 'static>(&mut self, value: T) -> &mut Self {
        self.state.insert(value);
        self
    }

    /// The limits and time-outs.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The limits and time-outs, to change them before the start.
    pub fn config_mut(&mut self) -> &mut Config {
        self.configured = true;
        &mut self.config
    }

    /// Takes the limits of a server that it follows, unless it was [configured](App::config_mut) itself. For
    /// authors of backends.
    pub fn follow(&mut self, config: &Config) {
        if !self.configured {
            self.config = config.clone();
        }
    }

    /// The runtime that the application needs, if this is another one.
    pub(crate) fn misses(&self, exec: &Exec) -> Option<&'static str> {
        self.needs_runtime
            .filter(|needed| *needed != exec.runtime())
    }

    /// Says that the hooks use this runtime's own timers, sockets or tasks. A server on another
    /// runtime then refuses to start, and a hand-over to one is refused.
    pub fn needs_runtime(&mut self, name: &'static str) -> &mut Self {
        self.needs_runtime = Some(name);
        self
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("middleware", &self.middleware.len())
            .field("handlers", &self.handlers.len())
            .field("after", &self.after.len())
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// A server that is about to accept its first connection: what a start hook gets.
#[derive(Clone, Debug)]
pub struct Starting {
    pub(crate) exec: Exec,
    pub(crate) addresses: Arc<[Address]>,
    pub(crate) state: Arc<Mutex<State>>,
    pub(crate) progress: Progress,
}

impl Starting {
    /// Tasks, timers and blocking work on the runtime that will serve.
    pub fn exec(&self) -> &Exec {
        &self.exec
    }

    /// Where the server will accept. The sockets are bound already.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Where the server is in its life: [starting](crate::Readiness::Starting), for a task that waits until it is
    /// ready.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Adds a shared value, in place of an earlier one of the same type.
    pub fn insert<T: Send + Sync + 'static>(&self, value: T) {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(value);
    }

    /// The shared value of this type, if an earlier hook or the application left one.
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .share()
    }
}

/// A server whose last connection has ended: what a stop hook gets.
#[derive(Clone, Debug)]
pub struct Stopping {
    pub(crate) exec: Exec,
    pub(crate) state: State,
}

impl Stopping {
    /// Tasks, timers and blocking work on the runtime that served.
    pub fn exec(&self) -> &Exec {
        &self.exec
    }

    /// The shared value of this type.
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.state.get()
    }
}
