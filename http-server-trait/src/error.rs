//! The errors of the contract: opaque, with a kind to decide on and a source to read.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use http::StatusCode;

/// Any error of an application.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Content could not be had.
///
/// A handler that gives it back with `?` has it answered with the status of its
/// [`kind`](BodyError::kind). (Clause T-23.)
#[derive(Clone, Debug)]
pub struct BodyError {
    kind: BodyErrorKind,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What went wrong with content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BodyErrorKind {
    /// There is more of it than the limit allows. Status 413.
    TooLarge,
    /// Its trailers are larger, or more, than the limits allow. Status 431.
    TrailersTooLarge,
    /// Its framing broke the protocol. Status 400.
    Malformed,
    /// It stalled, or came too slowly. Status 408.
    TimedOut,
    /// The peer left before it was complete.
    Disconnected,
    /// Whoever was to produce it gave up, or was dropped without finishing.
    Abandoned,
    /// Reading it from its source failed.
    Source,
}

impl BodyError {
    /// An error of this kind.
    pub fn new(kind: BodyErrorKind) -> Self {
        BodyError { kind, source: None }
    }

    /// An error of content whose source failed.
    pub fn from_source(source: impl Into<BoxError>) -> Self {
        BodyError {
            kind: BodyErrorKind::Source,
            source: Some(Arc::from(source.into())),
        }
    }

    /// What went wrong.
    pub fn kind(&self) -> BodyErrorKind {
        self.kind
    }

    /// The status of an answer to a request whose content failed like this. The one place that maps
    /// one to the other.
    pub fn status(&self) -> StatusCode {
        match self.kind {
            BodyErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            BodyErrorKind::TrailersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            BodyErrorKind::Malformed | BodyErrorKind::Disconnected => StatusCode::BAD_REQUEST,
            BodyErrorKind::TimedOut => StatusCode::REQUEST_TIMEOUT,
            BodyErrorKind::Abandoned | BodyErrorKind::Source => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            BodyErrorKind::TooLarge => "the content is larger than the limit",
            BodyErrorKind::TrailersTooLarge => "the trailers are larger than the limits",
            BodyErrorKind::Malformed => "the content is not framed as its head says",
            BodyErrorKind::TimedOut => "the content did not arrive in time",
            BodyErrorKind::Disconnected => "the peer left before the content was complete",
            BodyErrorKind::Abandoned => {
                "the producer of the content was dropped without calling `finish`"
            }
            BodyErrorKind::Source => "the source of the content failed",
        })?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl Error for BodyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as _)
    }
}

impl From<io::Error> for BodyError {
    fn from(error: io::Error) -> Self {
        BodyError::from_source(error)
    }
}

/// A server could not start listening.
pub struct ListenError {
    kind: ListenErrorKind,
    what: String,
    source: Option<BoxError>,
}

/// Why a server could not start listening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ListenErrorKind {
    /// What to listen on could not be understood.
    Address,
    /// Somebody else is listening there already.
    InUse,
    /// The operating system refused: a privileged port, a path that may not be written.
    Denied,
    /// A start hook failed. Nothing was accepted.
    StartHook,
    /// There is no runtime here for a server that was to use the one around it, or none could be started: then the
    /// source is what the operating system said.
    NoRuntime,
    /// This backend cannot listen on such a thing.
    Unsupported,
    /// Anything else that the operating system said.
    Io,
}

impl ListenError {
    /// An error about `what`: an address, or the name of a hook.
    pub fn new(kind: ListenErrorKind, what: impl Into<String>) -> Self {
        ListenError {
            kind,
            what: what.into(),
            source: None,
        }
    }

    /// With what caused it.
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// An error of the operating system about an address.
    pub fn io(address: impl fmt::Display, error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::AddrInUse => ListenErrorKind::InUse,
            io::ErrorKind::PermissionDenied => ListenErrorKind::Denied,
            _ => ListenErrorKind::Io,
        };
        ListenError::new(kind, address.to_string()).with_source(error)
    }

    /// What went wrong.
    pub fn kind(&self) -> ListenErrorKind {
        self.kind
    }

    /// The address that could not be listened on, or the name of the hook that failed.
    pub fn what(&self) -> &str {
        &self.what
    }

    fn is_refused_by_the_system(&self) -> bool {
        let source = self.source.as_deref();
        matches!(source, Some(source) if source.is::<io::Error>())
    }
}

/// What `main` prints of an error that it gives back: so it says what went wrong.
impl fmt::Debug for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListenError({:?}: {self})", self.kind)
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = &self.what;
        match self.kind {
            ListenErrorKind::Address => write!(f, "`{what}` is no address to listen on")?,
            ListenErrorKind::InUse => write!(f, "{what} is in use already")?,
            ListenErrorKind::Denied => write!(f, "{what} may not be listened on")?,
            ListenErrorKind::StartHook => write!(f, "the start hook {what} failed")?,
            ListenErrorKind::NoRuntime if self.is_refused_by_the_system() => {
                write!(f, "a {what} runtime could not be started")?;
            }
            ListenErrorKind::NoRuntime => write!(f, "no {what} runtime is running here")?,
            ListenErrorKind::Unsupported => write!(f, "this backend cannot listen on {what}")?,
            ListenErrorKind::Io => write!(f, "listening on {what} failed")?,
        }
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl Error for ListenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as _)
    }
}

/// Declares a small opaque error: a struct with a kind and a text for each kind.
macro_rules! opaque_error {
    ($(#[$doc:meta])* $name:ident, $(#[$kdoc:meta])* $kind:ident {
        $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+
    }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name { kind: $kind, source: Option<BoxError> }

        $(#[$kdoc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $kind { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// An error of this kind.
            pub fn new(kind: $kind) -> Self {
                $name { kind, source: None }
            }

            /// With what caused it.
            pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
                self.source = Some(source.into());
                self
            }

            /// What went wrong.
            pub fn kind(&self) -> $kind {
                self.kind
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self.kind { $($kind::$variant => $text,)+ })?;
                match &self.source {
                    Some(source) => write!(f, ": {source}"),
                    None => Ok(()),
                }
            }
        }

        impl Error for $name {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                self.source.as_ref().map(|source| source.as_ref() as _)
            }
        }
    };
}

opaque_error! {
    /// A running server could not be taken over. The old one serves on.
    AdoptError,
    /// Why a running server could not be taken over.
    AdoptErrorKind {
        /// This backend cannot take over a running server.
        Unsupported = "this backend cannot take over a running server",
        /// The application needs the runtime that it is on.
        NeedsRuntime = "the application needs the runtime that it is on",
        /// The server is draining, has stopped, or is being handed over already.
        NotServing = "the server is not serving any more, or is being handed over already",
        /// The new server could not start.
        Start = "the new server could not start",
    }
}

opaque_error! {
    /// An application could not take the place of another one. The other one goes on.
    ReplaceError,
    /// Why an application could not take the place of another one.
    ReplaceErrorKind {
        /// This backend keeps the application that it was started with.
        Unsupported = "this backend keeps the application that it was started with",
        /// The server is draining, has stopped, or is being handed over: ask its successor.
        NotServing = "the server is not serving any more, or is being handed over",
        /// It needs another runtime than the one that serves.
        NeedsRuntime = "the application needs another runtime than the one that serves",
        /// One of its start hooks failed, which the source names.
        StartHook = "the application did not start",
        /// No application is being tried.
        NoCanary = "no application is being tried",
        /// A share is between 0 and 100 percent.
        Share = "a share is between 0 and 100 percent",
    }
}

impl From<ListenError> for ReplaceError {
    fn from(error: ListenError) -> Self {
        let kind = match error.kind() {
            ListenErrorKind::NoRuntime => ReplaceErrorKind::NeedsRuntime,
            _ => ReplaceErrorKind::StartHook,
        };
        ReplaceError::new(kind).with_source(error)
    }
}

opaque_error! {
    /// A connection could not be accepted. The server goes on; the next call may succeed.
    AcceptError,
    /// Why a connection could not be accepted.
    AcceptErrorKind {
        /// The process or the machine has no descriptors left.
        OutOfDescriptors = "no descriptors are left",
        /// The server has as many connections as it may; this one was answered with 503.
        AtCapacity = "the server has as many connections as it may",
        /// The server does not serve any more.
        NotServing = "the server does not serve any more",
        /// This server accepts by itself, or this backend cannot do otherwise.
        Unsupported = "this server's connections cannot be accepted by hand",
        /// Anything else that the operating system said.
        Io = "accepting failed",
    }
}

opaque_error! {
    /// A server that ran in the foreground could not start.
    ServerError,
    /// Why a server that ran in the foreground ended.
    ServerErrorKind {
        /// It could not start listening.
        Listen = "the server could not start",
    }
}

impl From<ListenError> for ServerError {
    fn from(error: ListenError) -> Self {
        ServerError::new(ServerErrorKind::Listen).with_source(error)
    }
}

/// A field of an answer cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldError {
    /// This is no field name: it has characters that are none of a token.
    Name(String),
    /// The value of this field has characters that no value may have: CR, LF, NUL or the like.
    Value(String),
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldError::Name(name) => write!(f, "{name:?} is no field name"),
            FieldError::Value(name) => {
                write!(
                    f,
                    "the value of the field {name} has a character that no value may have"
                )
            }
        }
    }
}

impl Error for FieldError {}

/// An interim answer cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InterimError {
    /// This status is not one that an application may send before the final one.
    Status(StatusCode),
    /// The client speaks a version that has no interim answers.
    Version,
}

impl fmt::Display for InterimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InterimError::Status(status) => {
                write!(
                    f,
                    "{status} is no interim status that an application may send"
                )
            }
            InterimError::Version => f.write_str("an HTTP/1.0 client knows no interim answers"),
        }
    }
}

impl Error for InterimError {}

/// What a handler was doing was given up, because its client left. No failure, and nobody to answer.
#[derive(Debug)]
pub(crate) struct GivenUp;

impl fmt::Display for GivenUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the client left, and its request was given up")
    }
}

impl std::error::Error for GivenUp {}
