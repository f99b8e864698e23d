//! What a backend can do.

use std::fmt;

/// What a backend can do beyond what every backend must.
///
/// A conformance case that needs what a backend cannot do is not run against it, and stands in the
/// compliance table with the reason given here: never silently. (Clause T-65.)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    backend: &'static str,
    missing: Vec<(Feature, &'static str)>,
}

/// Something that a backend can do, or cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Feature {
    /// Listening on Unix sockets.
    UnixSockets,
    /// Listening on sockets of the operating system: on what it resolves, shares and protects, and on those
    /// that somebody else has bound.
    SystemSockets,
    /// Listening on several places at once.
    SeveralListeners,
    /// Serving a stream that it did not accept.
    ServeStream,
    /// Accepting by hand.
    AcceptByHand,
    /// Connections that are taken over.
    Takeover,
    /// Content as it comes, in both directions.
    Streaming,
    /// Kept-alive connections and pipelining.
    KeepAlive,
    /// `Expect: 100-continue`: content that is let in when somebody wants it.
    Interim,
    /// Interim answers of the application, such as 103 Early Hints.
    EarlyHints,
    /// Trailers, in both directions.
    Trailers,
    /// The limits and time-outs of [`Config`](crate::Config).
    Limits,
    /// The refusal of every message that RFC 9112 wants refused.
    StrictParsing,
    /// Blocking work on threads of its own, while I/O goes on.
    BlockingThreads,
    /// Hooks that run on the runtime whose name the backend has.
    NativeRuntime,
    /// Giving a running server to another backend, and taking one.
    Handover,
    /// Another application in a running server.
    Generations,
    /// A table of the live connections.
    ConnectionTable,
}

impl Feature {
    /// Every feature.
    pub const ALL: &'static [Feature] = &[
        Feature::UnixSockets,
        Feature::SystemSockets,
        Feature::SeveralListeners,
        Feature::ServeStream,
        Feature::AcceptByHand,
        Feature::Takeover,
        Feature::Streaming,
        Feature::KeepAlive,
        Feature::Interim,
        Feature::EarlyHints,
        Feature::Trailers,
        Feature::Limits,
        Feature::StrictParsing,
        Feature::BlockingThreads,
        Feature::NativeRuntime,
        Feature::Handover,
        Feature::Generations,
        Feature::ConnectionTable,
    ];
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Feature::UnixSockets => "Unix sockets",
            Feature::SystemSockets => "sockets of the system",
            Feature::SeveralListeners => "several listeners",
            Feature::ServeStream => "streams handed in",
            Feature::AcceptByHand => "accepting by hand",
            Feature::Takeover => "takeover",
            Feature::Streaming => "streaming",
            Feature::KeepAlive => "keep-alive",
            Feature::Interim => "100 Continue",
            Feature::EarlyHints => "early hints",
            Feature::Trailers => "trailers",
            Feature::Limits => "limits",
            Feature::StrictParsing => "strict parsing",
            Feature::BlockingThreads => "blocking threads",
            Feature::NativeRuntime => "native runtime",
            Feature::Handover => "hand-over",
            Feature::Generations => "generations",
            Feature::ConnectionTable => "connection table",
        })
    }
}

impl Capabilities {
    /// A backend of this name that can do everything.
    pub fn all(backend: &'static str) -> Self {
        Capabilities {
            backend,
            missing: Vec::new(),
        }
    }

    /// But for this, for this reason.
    pub fn without(mut self, feature: Feature, reason: &'static str) -> Self {
        self.missing.push((feature, reason));
        self
    }

    /// The backend's name: `tokio`, `smol` ...
    pub fn backend(&self) -> &'static str {
        self.backend
    }

    /// Whether it can do this.
    pub fn has(&self, feature: Feature) -> bool {
        self.why_not(feature).is_none()
    }

    /// Why it cannot do this, if it cannot.
    pub fn why_not(&self, feature: Feature) -> Option<&'static str> {
        self.missing
            .iter()
            .find(|(missing, _)| *missing == feature)
            .map(|(_, reason)| *reason)
    }
}
