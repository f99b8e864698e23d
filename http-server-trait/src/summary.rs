//! A record of a request that outlives it.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use http::{Method, Version};

use crate::conn::{Conn, RequestId};
use crate::frozen::Frozen;

/// What a request was, for hooks that run when the request itself is gone: `after`, the error hook
/// and the deadline hook. It shares the bytes of the head; nothing is copied.
#[derive(Clone)]
pub struct Summary {
    frozen: Arc<Frozen>,
    conn: Option<Conn>,
    number: u64,
    received: Option<Instant>,
}

impl Summary {
    pub(crate) fn new(
        frozen: Arc<Frozen>,
        conn: Option<Conn>,
        number: u64,
        received: Option<Instant>,
    ) -> Self {
        Summary {
            frozen,
            conn,
            number,
            received,
        }
    }

    /// What is known of a request whose head has not been kept: its request line. For authors of
    /// backends.
    pub fn of_line(
        method: Method,
        target: &str,
        version: Version,
        conn: &Conn,
        number: u64,
        received: Instant,
    ) -> Self {
        let frozen = Frozen::from_line(method, target, version);
        Summary::new(Arc::new(frozen), Some(conn.clone()), number, Some(received))
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.frozen.method
    }

    /// The request target as it stood in the request line.
    pub fn target(&self) -> &str {
        self.frozen.target()
    }

    /// The path of the target, still percent-encoded.
    pub fn path(&self) -> &str {
        self.frozen.path()
    }

    /// The version of the message.
    pub fn version(&self) -> Version {
        self.frozen.version
    }

    /// The first field line of this name as it arrived: changes that hooks made do not show.
    pub fn field(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.frozen.field(name)?).ok()
    }

    /// The connection, if a server received the request.
    pub fn conn(&self) -> Option<&Conn> {
        self.conn.as_ref()
    }

    /// The id of the request, if a server received it.
    pub fn id(&self) -> Option<RequestId> {
        Some(RequestId::new(self.conn.as_ref()?.id(), self.number))
    }

    /// When its first bytes were there, by the server's clock.
    pub fn received(&self) -> Option<Instant> {
        self.received
    }
}

impl fmt::Display for Summary {
    /// The request line: `GET /path HTTP/1.1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {:?}",
            self.method(),
            self.target(),
            self.version()
        )
    }
}

impl fmt::Debug for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Summary({self})")
    }
}
