//! Every limit and every time-out of a server.

use std::time::Duration;

use http::HeaderValue;

/// The limits and time-outs of a server, with defaults that are safe to face the internet with.
///
/// Each says what it bounds, its default, its unit, and what the client gets when it is exceeded.
/// The reason for each default is in the project's README.
///
/// ```
/// use http_server_trait::{App, Config};
/// use std::time::Duration;
///
/// let mut app = App::new();
/// app.config_mut().body = Some(1 << 20);
/// app.config_mut().idle_time = Duration::from_secs(5);
///
/// let mut hardened = Config::default();
/// hardened.requests_per_connection = Some(1000);
/// *app.config_mut() = hardened;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// How many threads of its own a server has. Default: as many as the machine runs at a time.
    /// A server that joins a runtime has none and ignores it.
    pub workers: Option<usize>,

    /// The longest request line. Default 8 KiB, its line end not counted. Longer: 414 and close.
    pub request_line: usize,
    /// The largest head, request line and line ends included. Default 16 KiB. Larger: 431 and close.
    pub head: usize,
    /// The most field lines of a head. Default 100. More: 431 and close.
    pub fields: usize,
    /// The longest method. Default 32 bytes. Longer: 501 and close.
    pub method: usize,
    /// The most content, decoded, in bytes. Default 10 MiB; `None` is no limit. More: 413, before the
    /// first byte of it if its length was declared. [`Head::set_body_limit`](crate::Head::set_body_limit)
    /// sets it for one request.
    pub body: Option<u64>,
    /// The longest line of a chunk: its size and extensions. Default 256 bytes. Longer: 400 and close.
    pub chunk_line: usize,
    /// The most bytes of chunk extensions in one message. Default 16 KiB. More: 400 and close.
    pub chunk_extensions: usize,
    /// The largest trailer section. Default 8 KiB. Larger: 431 and close.
    pub trailers: usize,
    /// The most trailer lines. Default 32. More: 431 and close.
    pub trailer_fields: usize,
    /// How much unread content is read and dropped after an early answer, so that the connection can
    /// be kept. Default 64 KiB. More: the answer says `Connection: close`, and lingering begins.
    pub unread_content: u64,
    /// The most requests on one connection. Default `None`, no limit. The last answer says
    /// `Connection: close`.
    pub requests_per_connection: Option<u64>,
    /// The most connections at a time. Default `None`: 10,000, or three quarters of the descriptors
    /// that the process may have if that is less. More: see [`at_capacity`](Config::at_capacity).
    pub connections: Option<usize>,
    /// The most connections from one address at a time; of IPv6, from one network of 64 bits. Default
    /// `None`: behind a proxy all of them come from one. More: 503 with `Retry-After: 1`, and close.
    pub connections_per_address: Option<usize>,
    /// The most connections that are accepted in a second, of which a second's worth may come at once.
    /// Default `None`. More wait in the kernel's queue.
    pub accept_rate: Option<u32>,
    /// The most requests that are under way at a time, on all connections together. Default `None`. More:
    /// 503 with `Retry-After: 1`, before any hook but `after` sees them. The connection is kept.
    pub in_flight: Option<usize>,
    /// The most memory, in bytes, that all connections together buffer in: heads, content that is being
    /// collected, answers that wait to be sent. Default `None`. Above three quarters of it, connections
    /// that hold more than their share are not read from for a while; beyond it, the one that holds most
    /// is cut. What the application holds on to is its own.
    pub memory: Option<usize>,
    /// The most memory that one connection buffers in. Default `None`; the other limits bound it.
    /// Exceeded: the connection is cut.
    pub connection_memory: Option<usize>,
    /// What happens to connections over the limit. Default: 503 with `Retry-After: 1`, and close.
    pub at_capacity: AtCapacity,
    /// How many pipelined answers are held back so that they leave together. Default 64. Answers are
    /// held back only while a complete next request waits.
    pub pipelined: usize,

    /// From the accept, or the first byte of a later request, to the end of the head. Default 10 s.
    /// Exceeded: 408 and close, or a close without an answer if nothing had come.
    pub head_time: Duration,
    /// Between two requests. Default 65 s, longer than load balancers keep theirs. Exceeded: close.
    pub idle_time: Duration,
    /// Without a byte of content. Default 30 s. Exceeded: 408 and close.
    pub body_stall: Duration,
    /// The slowest content may come. Default `None`. Slower: 408 and close.
    pub body_rate: Option<Rate>,
    /// From the head to the start of the answer. Default `None`. Exceeded: 503, or what the deadline
    /// hook answers, and close.
    pub request_time: Option<Duration>,
    /// Without the client taking a byte of the answer. Default 30 s. Exceeded: the connection is cut.
    pub write_stall: Duration,
    /// The slowest the client may take the answer. Default `None`. Slower: the connection is cut.
    pub write_rate: Option<Rate>,
    /// How long is read from a client that still sends when the last answer is out, so that it can
    /// read that answer. Default 2 s. Exceeded: close.
    pub linger_time: Duration,
    /// How much is read and dropped meanwhile. Default 256 KiB. More: close.
    pub linger_bytes: u64,
    /// How long start hooks, and stop hooks, may take together. Default 30 s. Exceeded: the start
    /// fails; the stop goes on without them and is reported as not clean.
    pub hook_time: Duration,

    /// With this many bytes of an answer waiting to be sent, no more content is asked for; but once, if small
    /// pieces have led there, as the end may be next. Default 64 KiB.
    pub write_high: usize,
    /// The kernel's queue of connections that wait to be accepted. Default 2048.
    pub backlog: u32,
    /// Whether small answers leave at once (TCP_NODELAY). Default on.
    pub nodelay: bool,
    /// Whether answers have a `Date` that the application did not set. Default on.
    pub date: bool,
    /// The `Server` of answers where the application sets none. Default `None`.
    pub server: Option<HeaderValue>,
    /// What happens to `CONNECT` and `TRACE`. Default: 501. (RFC 9110 sections 9.3.6 and 9.3.8.)
    pub tunnels: Tunnels,
}

/// What happens to connections over the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AtCapacity {
    /// They get 503 with `Retry-After: 1` and are closed.
    Refuse,
    /// They wait in the kernel's queue until there is room.
    Pause,
}

/// What happens to `CONNECT` and `TRACE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Tunnels {
    /// They get 501 and a close: this is an origin server.
    Refuse,
    /// The application sees them like any other method.
    ToApp,
}

/// A lowest rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Bytes in a second, on average.
    pub bytes_per_second: u64,
    /// For this long it does not count.
    pub grace: Duration,
}

impl Config {
    /// For a server that faces the internet without a proxy: as the default, and besides
    ///
    /// - at most 100 connections [from one address](Config::connections_per_address),
    /// - at most 1000 [requests on a connection](Config::requests_per_connection),
    /// - content and answers that move at 256 bytes a second [at least](Config::body_rate), after ten
    ///   seconds. Streams in both directions that may be silent for longer do not work then.
    pub fn hardened() -> Self {
        let slowest = Rate {
            bytes_per_second: 256,
            grace: Duration::from_secs(10),
        };
        Config {
            connections_per_address: Some(100),
            requests_per_connection: Some(1000),
            body_rate: Some(slowest),
            write_rate: Some(slowest),
            ..Config::default()
        }
    }

    /// For a server behind a proxy or a load balancer: as the default, and connections may be idle for
    /// 75 s, longer than any of them is known to keep one. Who closes first must be the proxy: a request
    /// that crosses a close on the wire is lost.
    pub fn behind_proxy() -> Self {
        Config {
            idle_time: Duration::from_secs(75),
            ..Config::default()
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            workers: None,
            // RFC 9110 section 4.1 asks for 8000 octets at least.
            request_line: 8 * 1024,
            // Big cookies pass, and 10,000 connections that all fill it take 160 MB.
            head: 16 * 1024,
            fields: 100,
            method: 32,
            body: Some(10 * 1024 * 1024),
            chunk_line: 256,
            chunk_extensions: 16 * 1024,
            trailers: 8 * 1024,
            trailer_fields: 32,
            unread_content: 64 * 1024,
            requests_per_connection: None,
            connections: None,
            connections_per_address: None,
            accept_rate: None,
            in_flight: None,
            memory: None,
            connection_memory: None,
            at_capacity: AtCapacity::Refuse,
            pipelined: 64,
            head_time: Duration::from_secs(10),
            // Load balancers keep idle connections for 60 s; who closes first must be them.
            idle_time: Duration::from_secs(65),
            body_stall: Duration::from_secs(30),
            body_rate: None,
            request_time: None,
            write_stall: Duration::from_secs(30),
            write_rate: None,
            linger_time: Duration::from_secs(2),
            linger_bytes: 256 * 1024,
            hook_time: Duration::from_secs(30),
            write_high: 64 * 1024,
            backlog: 2048,
            nodelay: true,
            date: true,
            server: None,
            tunnels: Tunnels::Refuse,
        }
    }
}
