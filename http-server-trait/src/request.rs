//! A request: its head and its content.

use std::fmt;
use std::ops::{Deref, DerefMut};

use bytes::Bytes;
use http::HeaderMap;

use crate::body::Body;
use crate::error::{BodyError, BoxError};
use crate::head::Head;

/// A request as a handler gets it: everything a [`Head`] knows, and the content.
///
/// The content is complete when the handler is called, unless the handler asked for
/// [`BodyPlan::Stream`](crate::BodyPlan::Stream). (Clauses T-20, T-22.)
///
/// ```
/// use http_server_trait::{Request, Response};
///
/// async fn upper(mut request: Request) -> Result<Response, http_server_trait::BodyError> {
///     let content = request.bytes().await?;
///     Ok(Response::text(content.to_ascii_uppercase()))
/// }
///
/// # http_server_trait::block_on(async {
/// let request = http_server_trait::http::Request::post("/").body(String::from("lens")).unwrap();
/// let answer = upper(request.into()).await.unwrap();
/// assert_eq!(answer.body().as_bytes(), Some(&b"LENS"[..]));
/// # });
/// ```
pub struct Request {
    head: Head,
    /// Most requests have none, and every hook moves them.
    body: Option<Box<Body>>,
}

static EMPTY: Body = Body::empty();

impl Request {
    /// A request of this head and content.
    #[inline]
    pub fn new(head: Head, body: Body) -> Self {
        if body.is_empty() {
            // Nothing is to be dropped, and a hook's way is not to ask for it.
            std::mem::forget(body);
            return Request { head, body: None };
        }
        let body = Some(Box::new(body));
        Request { head, body }
    }

    /// The head.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The content.
    pub fn body(&self) -> &Body {
        self.body.as_deref().unwrap_or(&EMPTY)
    }

    /// Whether it has content of which not all is there.
    #[inline]
    pub(crate) fn is_to_come(&self) -> bool {
        let body = self.body.as_ref();
        body.is_some_and(|body| body.as_bytes().is_none())
    }

    /// The content, to take it piece by piece.
    pub fn body_mut(&mut self) -> &mut Body {
        self.body.get_or_insert_default()
    }

    /// Takes the content out.
    pub fn take_body(&mut self) -> Body {
        self.body.take().map(|body| *body).unwrap_or_default()
    }

    /// All of the content. Where it was collected before the handler was called this does not wait.
    /// The second call gives nothing.
    ///
    /// # Errors
    /// As the content fails: too large, malformed, too slow, or the client left. Given back with `?`
    /// it is answered with the status that fits.
    pub async fn bytes(&mut self) -> Result<Bytes, BodyError> {
        let Some(body) = self.body.as_mut() else {
            return Ok(Bytes::new());
        };
        let (bytes, trailers) = body.collect_up_to(u64::MAX).await?;
        **body = Body::empty().with_trailers(trailers.unwrap_or_default());
        Ok(bytes)
    }

    /// The trailers, once the content has been collected. They are never mixed with the fields of the
    /// head, and those that frame, route or authenticate are left out (RFC 9110 section 6.5.1).
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.body().trailers()
    }

    /// The head and the content.
    pub fn into_parts(mut self) -> (Head, Body) {
        let body = self.take_body();
        (self.head, body)
    }

    /// The request as the [`http`] crate's type. Its connection is among the extensions, as
    /// [`Conn`](crate::Conn).
    pub fn into_http(self) -> http::Request<Body> {
        let (head, body) = self.into_parts();
        http::Request::from_parts(head.into_http(), body)
    }
}

impl Deref for Request {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}

impl DerefMut for Request {
    fn deref_mut(&mut self) -> &mut Head {
        &mut self.head
    }
}

impl<B> From<http::Request<B>> for Request
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    fn from(request: http::Request<B>) -> Self {
        let (head, body) = request.into_parts();
        Request::new(
            Head::from(http::Request::from_parts(head, ())),
            Body::stream(body),
        )
    }
}

impl From<Request> for http::Request<Body> {
    fn from(request: Request) -> Self {
        request.into_http()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("head", &self.head)
            .field("body", self.body())
            .finish()
    }
}
