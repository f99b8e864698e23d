//! The head of a request: what has arrived when the content may not have.

use std::cell::Cell;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};

use crate::conn::{Conn, Interim, RequestId};
use crate::error::InterimError;
use crate::exec::Exec;
use crate::frozen::Frozen;
use crate::handler::BodyPlan;
use crate::latch::Waiting;
use crate::pool::{Pool, Recycle};
use crate::reason::Outcome;
use crate::summary::Summary;

/// The head of a request.
///
/// It speaks the vocabulary of the [`http`] crate: [`method`](Head::method), [`uri`](Head::uri),
/// [`headers`](Head::headers) and so on have its names and types. Beside them stand cheap ways to
/// ask for one thing, such as [`field`](Head::field) and [`path`](Head::path): they read the bytes
/// as they arrived and build no map. A `Head` is one pointer, and its memory is used again when it
/// is dropped.
///
/// ```
/// use http_server_trait::{Head, http::Request};
///
/// let head = Head::from(Request::get("/search?q=lens").header("accept", "text/html").body(()).unwrap());
/// assert_eq!(head.path(), "/search");
/// assert_eq!(head.query(), Some("q=lens"));
/// assert_eq!(head.field("Accept"), Some("text/html"));
/// assert_eq!(head.headers()["accept"], "text/html");
/// ```
pub struct Head {
    /// Always there, but for the moment of the drop.
    parts: Option<Box<Parts>>,
}

pub(crate) struct Parts {
    pub(crate) frozen: Frozen,
    /// Where the frozen head has gone once somebody outlives the request with it.
    pub(crate) shared: Option<Arc<Frozen>>,
    pub(crate) uri: OnceLock<Uri>,
    /// Built on first use. Once it may have been changed it is the truth, see `fields_changed`.
    pub(crate) fields: OnceLock<HeaderMap>,
    pub(crate) fields_changed: bool,
    pub(crate) extensions: Extensions,
    pub(crate) conn: Option<Conn>,
    pub(crate) number: u64,
    pub(crate) received: Option<Instant>,
    /// `u64::MAX` is no limit.
    pub(crate) body_limit: Option<u64>,
    pub(crate) body_plan: Option<BodyPlan>,
}

/// Which request of its connection a head is: goes with [`Conn`] through the [`http`] crate's types.
#[derive(Clone, Copy)]
struct Mark {
    /// Whether the target had no path, which a `Uri` cannot say.
    is_bare: bool,
    number: u64,
    received: Option<Instant>,
}

thread_local! {
    static POOL: Pool<Parts> = const { Pool::new() };
    /// The connection that is driven on this thread just now, by its address; 0 if none has said so. The last of its
    /// heads that was dropped here keeps its `Conn` for the next one: cloning it takes a locked instruction, and
    /// dropping it another.
    static DRIVEN: Cell<usize> = const { Cell::new(0) };
}

/// Says that no connection is driven on this thread any more for now: nothing of one is kept here. For a driver whose
/// heads are [finished one after the other](crate::backend::RawHead::finish_next).
#[inline]
pub fn rest_heads() {
    if DRIVEN.replace(0) != 0 {
        let _ = POOL.try_with(Pool::settle);
    }
}

/// Frees what this thread keeps for its next heads.
pub(crate) fn forget_spare() {
    let _ = POOL.try_with(Pool::forget);
}

impl Recycle for Parts {
    fn fresh() -> Self {
        Parts {
            frozen: Frozen::default(),
            shared: None,
            uri: OnceLock::new(),
            fields: OnceLock::new(),
            fields_changed: false,
            extensions: Extensions::new(),
            conn: None,
            number: 0,
            received: None,
            body_limit: None,
            body_plan: None,
        }
    }

    #[inline]
    fn clear(&mut self) {
        // One struct, every field: what a request knew never reaches the next one.
        let Parts {
            frozen,
            shared,
            uri,
            fields,
            fields_changed,
            extensions,
            conn,
            number,
            received,
            body_limit,
            body_plan,
        } = self;
        frozen.clear();
        if shared.is_some() {
            *shared = None;
        }
        if uri.get().is_some() {
            uri.take();
        }
        if fields.get().is_some() {
            fields.take();
        }
        *fields_changed = false;
        extensions.clear();
        if !conn.as_ref().is_some_and(is_driven_here) {
            *conn = None;
        }
        *number = 0;
        *received = None;
        *body_limit = None;
        *body_plan = None;
    }

    fn set_aside(&mut self) {
        self.conn = None;
    }
}

#[inline]
fn is_driven_here(conn: &Conn) -> bool {
    conn.address() == DRIVEN.get()
}

impl Parts {
    /// Sets the connection, which is driven here until [`rest_heads`].
    #[inline]
    pub(crate) fn set_driven(&mut self, conn: &Conn) {
        DRIVEN.set(conn.address());
        if !self.conn.as_ref().is_some_and(is_driven_here) {
            self.conn = Some(conn.clone());
        }
    }
}

impl Head {
    #[inline]
    pub(crate) fn take_parts() -> Box<Parts> {
        POOL.with(Pool::take)
    }

    pub(crate) fn of(parts: Box<Parts>) -> Self {
        Head { parts: Some(parts) }
    }

    pub(crate) fn parts(&self) -> &Parts {
        self.parts
            .as_ref()
            .expect("a head has its parts until it is dropped")
    }

    fn frozen(&self) -> &Frozen {
        let parts = self.parts();
        parts.shared.as_deref().unwrap_or(&parts.frozen)
    }

    pub(crate) fn parts_mut(&mut self) -> &mut Parts {
        self.parts
            .as_mut()
            .expect("a head has its parts until it is dropped")
    }

    /// The method, case-sensitive as RFC 9110 section 9.1 says.
    #[inline]
    pub fn method(&self) -> &Method {
        &self.frozen().method
    }

    /// The request target as it stands in the request line.
    #[inline]
    pub fn target(&self) -> &str {
        self.frozen().target()
    }

    /// The path of the target, still percent-encoded. `*` in asterisk-form; empty in authority-form.
    #[inline]
    pub fn path(&self) -> &str {
        self.frozen().path()
    }

    /// The query of the target, without its `?`, still percent-encoded.
    pub fn query(&self) -> Option<&str> {
        self.frozen().query()
    }

    /// Who the request is meant for, `host[:port]`: the authority of the target if it has one, else
    /// the `Host` field (RFC 9112 section 3.2.2). Absent only where HTTP/1.0 left it out.
    pub fn host(&self) -> Option<&str> {
        self.frozen().authority().or_else(|| self.field("host"))
    }

    /// The target as a [`Uri`], built on first use.
    pub fn uri(&self) -> &Uri {
        self.parts().uri.get_or_init(|| self.frozen().uri())
    }

    /// The version of the message: 0.9 and 2.0 never get this far over HTTP/1.
    pub fn version(&self) -> Version {
        self.frozen().version
    }

    /// The first field line of this name as text; `None` if there is none or it is not UTF-8.
    ///
    /// Names are compared without regard to case (RFC 9110 section 5.1). No map is built.
    pub fn field(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.field_bytes(name)?).ok()
    }

    /// The first field line of this name as bytes, which may be any but control bytes.
    pub fn field_bytes(&self, name: &str) -> Option<&[u8]> {
        let parts = self.parts();
        if parts.fields_changed {
            return self.headers().get(name).map(HeaderValue::as_bytes);
        }
        self.frozen().field(name)
    }

    /// All field lines of this name, in the order they came (RFC 9110 section 5.3).
    pub fn field_lines<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let parts = self.parts();
        let changed = parts
            .fields_changed
            .then(|| self.headers().get_all(name).into_iter());
        let frozen = (!parts.fields_changed).then(|| self.frozen().field_lines(name));
        let changed = changed.into_iter().flatten().map(HeaderValue::as_bytes);
        changed.chain(frozen.into_iter().flatten())
    }

    /// All lines of a list field, joined by `, `; the lines of `Cookie` by `; ` (RFC 6265 section 5.4).
    pub fn field_joined(&self, name: &str) -> Option<String> {
        let separator = if name.eq_ignore_ascii_case("cookie") {
            "; "
        } else {
            ", "
        };
        let mut joined: Option<String> = None;
        for line in self.field_lines(name) {
            let line = String::from_utf8_lossy(line);
            match &mut joined {
                None => joined = Some(line.into_owned()),
                Some(text) => {
                    text.push_str(separator);
                    text.push_str(&line);
                }
            }
        }
        joined
    }

    /// The fields as a map, built on first use.
    pub fn headers(&self) -> &HeaderMap {
        self.parts().fields.get_or_init(|| self.frozen().map())
    }

    /// The fields, to change them before the next hook sees them. From now on the map is what
    /// [`field`](Head::field) reads; how the message is framed was decided before and stays.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers();
        let parts = self.parts_mut();
        parts.fields_changed = true;
        parts.fields.get_mut().expect("built two lines above")
    }

    /// Values that a hook leaves for the hooks after it.
    pub fn extensions(&self) -> &Extensions {
        &self.parts().extensions
    }

    /// Values for the hooks after this one. (Clause T-13.)
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.parts_mut().extensions
    }

    /// The connection that the request came on.
    ///
    /// # Panics
    /// Never for a request that a server received. A head that was made by hand, as in a test of a
    /// handler, has no connection: see [`Head::has_conn`].
    pub fn conn(&self) -> &Conn {
        self.parts()
            .conn
            .as_ref()
            .expect("a received head has its connection")
    }

    /// Whether a server received it: then it has a connection.
    pub fn has_conn(&self) -> bool {
        self.parts().conn.is_some()
    }

    /// The id of the request.
    ///
    /// # Panics
    /// As [`Head::conn`].
    pub fn id(&self) -> RequestId {
        RequestId::new(self.conn().id(), self.parts().number)
    }

    /// A future of the end of the request: exactly one of a complete answer, a takeover, and an
    /// [abort](Outcome::Aborted) with the reason that the books have. (Clause T-59.)
    ///
    /// It is ready when all of the answer has been given to the operating system, or as soon as it is certain that
    /// it cannot be; before the `after` hooks are called. It consumes no content and may be waited for anywhere,
    /// also when the request is gone: by a task that produces the answer, for example. A handler that waits for
    /// it before it answers waits for an abort: a client that has only ended its side, see
    /// [`Conn::disconnected`], may wait for the answer in its turn.
    ///
    /// ```
    /// use http_server_trait::{Body, BodyError, Request, Response};
    ///
    /// async fn events(request: Request) -> Response {
    ///     let (mut sender, body) = Body::channel();
    ///     let outcome = request.outcome();
    ///     drop(request.exec().spawn(async move {
    ///         sender.send("event\n").await?;
    ///         sender.finish();
    ///         match outcome.await.aborted() {
    ///             None => println!("all of it was sent"),
    ///             Some(reason) => println!("not all of it was sent: {reason}"),
    ///         }
    ///         Ok::<_, BodyError>(())
    ///     }));
    ///     Response::text(body)
    /// }
    /// ```
    ///
    /// # Panics
    /// As [`Head::conn`].
    pub fn outcome(&self) -> Waiting<Outcome> {
        self.conn().end_of(self.parts().number)
    }

    /// When its first bytes were there, by the server's clock. Absent for a head made by hand.
    pub fn received(&self) -> Option<Instant> {
        self.parts().received
    }

    /// Tasks, timers and blocking work on the runtime that serves.
    ///
    /// # Panics
    /// As [`Head::conn`].
    pub fn exec(&self) -> &Exec {
        self.conn().exec()
    }

    /// The application's shared value of this type.
    ///
    /// # Panics
    /// As [`Head::conn`].
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.conn().shared().get()
    }

    /// Sets how much content this request may have, in place of
    /// [`Config::body`](crate::Config::body). `None` is no limit. More gets 413. (Clause T-14.)
    pub fn set_body_limit(&mut self, limit: Option<u64>) {
        self.parts_mut().body_limit = Some(limit.unwrap_or(u64::MAX));
    }

    /// The limit that a hook has set for this request, if one has; `u64::MAX` is no limit. For authors
    /// of backends.
    pub fn body_limit(&self) -> Option<u64> {
        self.parts().body_limit
    }

    /// Asks for the content to be collected or streamed, whatever the handler asks for. (Clause T-14.)
    pub fn set_body_plan(&mut self, plan: BodyPlan) {
        self.parts_mut().body_plan = Some(plan);
    }

    /// The plan that a hook has set for this request, if one has. For authors of backends.
    pub fn body_plan(&self) -> Option<BodyPlan> {
        self.parts().body_plan
    }

    /// Sends an interim answer such as 103 Early Hints before the final one. (Clause T-25.)
    ///
    /// It is on its way when the hook next waits for something, or when its answer starts.
    ///
    /// # Errors
    /// [`InterimError::Status`] for anything but a 1xx, or for 100 and 101, which are the server's;
    /// [`InterimError::Version`] for an HTTP/1.0 client, which knows no interim answers (RFC 9110
    /// section 15.2).
    pub fn send_interim(&self, status: StatusCode, fields: HeaderMap) -> Result<(), InterimError> {
        if !status.is_informational() || status.as_u16() < 102 {
            return Err(InterimError::Status(status));
        }
        if self.version() < Version::HTTP_11 {
            return Err(InterimError::Version);
        }
        let request = self.parts().number;
        self.conn().push_interim(Interim {
            request,
            status,
            fields,
        });
        Ok(())
    }

    /// A record of the request that outlives it. For authors of backends.
    pub fn summary(&mut self) -> Summary {
        let parts = self.parts_mut();
        let shared = match &parts.shared {
            Some(shared) => Arc::clone(shared),
            // Shared from now on, and not copied.
            None => Arc::clone(
                parts
                    .shared
                    .insert(Arc::new(std::mem::take(&mut parts.frozen))),
            ),
        };
        Summary::new(shared, parts.conn.clone(), parts.number, parts.received)
    }

    /// The head as the [`http`] crate's type. Its connection is among the extensions, as [`Conn`].
    pub fn into_http(mut self) -> http::request::Parts {
        self.headers();
        self.uri();
        let is_bare = self.frozen().is_bare();
        let (mut http, ()) = http::Request::new(()).into_parts();
        http.method = self.method().clone();
        http.version = self.version();
        let parts = self.parts_mut();
        http.uri = parts.uri.take().unwrap_or_default();
        http.headers = parts.fields.take().unwrap_or_default();
        http.extensions = std::mem::take(&mut parts.extensions);
        if let Some(conn) = parts.conn.clone() {
            http.extensions.insert(conn);
            http.extensions.insert(Mark {
                is_bare,
                number: parts.number,
                received: parts.received,
            });
        }
        http
    }

    /// A head from the [`http`] crate's type, as a server that parses with other means has it.
    /// For authors of backends.
    pub fn from_http(http: http::request::Parts, conn: &Conn, number: u64, at: Instant) -> Self {
        let mut head = Head::by_hand(http);
        let parts = head.parts_mut();
        parts.conn = Some(conn.clone());
        parts.number = number;
        parts.received = Some(at);
        head
    }

    fn by_hand(http: http::request::Parts) -> Self {
        let mut parts = Head::take_parts();
        let is_bare = http
            .extensions
            .get()
            .is_some_and(|mark: &Mark| mark.is_bare);
        parts.frozen = Frozen::from_http(&http, is_bare);
        parts.uri = OnceLock::from(http.uri);
        parts.fields = OnceLock::from(http.headers);
        parts.fields_changed = true;
        parts.extensions = http.extensions;
        // A request that a server received, and that was an `http::Request` for a while, is still that one.
        parts.conn = parts.extensions.remove::<Conn>();
        if let Some(mark) = parts.extensions.remove::<Mark>() {
            parts.number = mark.number;
            parts.received = mark.received;
        }
        Head::of(parts)
    }
}

impl Drop for Head {
    #[inline]
    fn drop(&mut self) {
        if let Some(parts) = self.parts.take() {
            recycle(parts);
        }
    }
}

#[inline(never)]
fn recycle(parts: Box<Parts>) {
    // A thread that is ending has no pool any more; then the memory is simply freed.
    let _ = POOL.try_with(|pool| pool.put(parts));
}

impl<B> From<http::Request<B>> for Head {
    fn from(request: http::Request<B>) -> Self {
        Head::by_hand(request.into_parts().0)
    }
}

impl From<Head> for http::request::Parts {
    fn from(head: Head) -> Self {
        head.into_http()
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("method", self.method())
            .field("target", &self.target())
            .field("version", &self.version())
            .field("fields", self.headers())
            .finish_non_exhaustive()
    }
}
