//! What the error hook is told.

use std::error::Error;
use std::fmt;

use crate::catch::{Panic, panic_text};
use crate::conn::Conn;
use crate::error::BoxError;
use crate::summary::Summary;

/// Something that went wrong: what, where, and in which request.
///
/// Every `Fail`, panic, failed content and protocol error becomes one, and goes to the error hook;
/// without an error hook to [`log`], and to stderr if no logger is installed. A client that merely
/// left is not a failure. (Clauses T-40 to T-43.)
#[derive(Debug)]
pub struct Failure {
    hook: Hook,
    cause: Cause,
    conn: Option<Conn>,
    request: Option<Summary>,
}

/// Where something went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hook {
    /// A start hook.
    Start,
    /// A `middleware`.
    Middleware,
    /// A `handler`.
    Handler,
    /// An `after`.
    After,
    /// A stop hook.
    Stop,
    /// A takeover, once it had the connection.
    Takeover,
    /// The hook that answers for a request whose deadline has struck.
    Deadline,
    /// The content of an answer, while it was sent.
    Body,
    /// The server: a message that broke the protocol, or an answer that could not be sent as it was.
    Server,
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Hook::Start => "start hook",
            Hook::Middleware => "middleware",
            Hook::Handler => "handler",
            Hook::After => "after",
            Hook::Stop => "stop hook",
            Hook::Takeover => "takeover",
            Hook::Deadline => "deadline hook",
            Hook::Body => "content of the answer",
            Hook::Server => "server",
        })
    }
}

/// What went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// A hook gave an error back, or content failed with it.
    Error(BoxError),
    /// A hook panicked, with this text.
    Panic(String),
    /// The client broke the protocol, and this is what it was told.
    Protocol(BoxError),
    /// The answer could not be sent as the application gave it: what was wrong with it.
    Answer(BoxError),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Error(error) => write!(f, "{error}"),
            Cause::Panic(text) => write!(f, "panicked: {text}"),
            Cause::Protocol(error) => write!(f, "protocol error: {error}"),
            Cause::Answer(error) => write!(f, "the answer was not sent as given: {error}"),
        }
    }
}

impl Failure {
    /// A failure of this hook. For authors of backends.
    pub fn new(hook: Hook, cause: Cause) -> Self {
        Failure {
            hook,
            cause,
            conn: None,
            request: None,
        }
    }

    pub(crate) fn panic(hook: Hook, panic: &Panic) -> Self {
        Failure::new(hook, Cause::Panic(panic_text(panic.as_ref())))
    }

    /// With the connection that it happened on. For authors of backends.
    pub fn on(mut self, conn: &Conn) -> Self {
        self.conn = Some(conn.clone());
        self
    }

    /// With the request that it happened in. For authors of backends.
    pub fn within(mut self, request: &Summary) -> Self {
        self.conn = request.conn().cloned();
        self.request = Some(request.clone());
        self
    }

    /// Where it happened.
    pub fn hook(&self) -> Hook {
        self.hook
    }

    /// What happened.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// The connection it happened on, if it was one.
    pub fn conn(&self) -> Option<&Conn> {
        self.conn.as_ref()
    }

    /// The request it happened in, if its head had been understood.
    pub fn request(&self) -> Option<&Summary> {
        self.request.as_ref()
    }

    /// Whether it is the client's doing, not the application's.
    pub fn is_protocol(&self) -> bool {
        matches!(self.cause, Cause::Protocol(_))
    }
}

impl fmt::Display for Failure {
    /// One line with everything: hook, ids, request line, cause.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.hook)?;
        match (self.request.as_ref().and_then(Summary::id), &self.conn) {
            (Some(id), _) => write!(f, ", request {id}")?,
            (None, Some(conn)) => write!(f, ", connection {}", conn.id())?,
            (None, None) => {}
        }
        if let Some(request) = &self.request {
            write!(f, ", \"{request}\"")?;
        }
        write!(f, ": {}", self.cause)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::Error(error) | Cause::Protocol(error) | Cause::Answer(error) => {
                Some(error.as_ref())
            }
            Cause::Panic(_) => None,
        }
    }
}
