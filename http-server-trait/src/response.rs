//! An answer.

use std::fmt;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::body::Body;
use crate::error::{BoxError, FieldError};
use crate::fields::{Fields, Line};
use crate::pool::{Pool, Recycle};

/// An answer: status, fields, content.
///
/// Its accessors have the names and types of the [`http`] crate; [`set_field`](Response::set_field)
/// and [`with_field`](Response::with_field) are the cheap way to write one field, as they build no
/// map. It is one pointer, and its memory is used again when it is dropped.
///
/// A server adds `Date`, the framing and the connection fields itself: what an application writes
/// into `Transfer-Encoding`, `Connection` (but `close`) or a wrong `Content-Length` never reaches
/// the wire. (Clauses T-26, T-27.)
///
/// ```
/// use http_server_trait::{Response, http::{StatusCode, header}};
///
/// let created = Response::new(StatusCode::CREATED)
///     .with_field(header::LOCATION, "/things/7")
///     .with_body("made");
/// assert_eq!(created.status(), 201);
/// assert_eq!(created.headers()["location"], "/things/7");
/// ```
pub struct Response {
    /// Always there, but for the moment of the drop.
    parts: Option<Box<Parts>>,
}

#[derive(Default)]
struct Parts {
    status: StatusCode,
    fields: Fields,
    body: Body,
    extensions: Extensions,
    /// The first field that could not be set, for whoever is told in the end.
    wrong: Option<FieldError>,
}

thread_local! {
    static POOL: Pool<Parts> = const { Pool::new() };
}

/// Frees what this thread keeps for its next answers.
pub(crate) fn forget_spare() {
    let _ = POOL.try_with(Pool::forget);
}

impl Recycle for Parts {
    fn fresh() -> Self {
        Parts::default()
    }

    #[inline]
    fn clear(&mut self) {
        let Parts {
            status,
            fields,
            body,
            extensions,
            wrong,
        } = self;
        *status = StatusCode::OK;
        fields.clear();
        body.clear();
        extensions.clear();
        if wrong.is_some() {
            *wrong = None;
        }
    }
}

const fn of_type(content_type: &'static str) -> Line {
    (CONTENT_TYPE, HeaderValue::from_static(content_type))
}

static TEXT: Line = of_type("text/plain; charset=utf-8");
static HTML: Line = of_type("text/html; charset=utf-8");
static JSON: Line = of_type("application/json");
static BINARY: Line = of_type("application/octet-stream");

impl Response {
    /// An answer of this status, without fields and content.
    #[inline]
    pub fn new(status: StatusCode) -> Self {
        let mut parts = POOL.with(Pool::take);
        parts.status = status;
        Response { parts: Some(parts) }
    }

    /// 200 with plain text in UTF-8.
    pub fn text(text: impl Into<Body>) -> Self {
        Response::typed(&TEXT, text.into())
    }

    /// 200 with a page of HTML in UTF-8.
    pub fn html(page: impl Into<Body>) -> Self {
        Response::typed(&HTML, page.into())
    }

    /// 200 with JSON that is serialised already.
    pub fn json(json: impl Into<Body>) -> Self {
        Response::typed(&JSON, json.into())
    }

    /// 303 to another place: what a browser should look at after a form was sent.
    pub fn see_other(location: &str) -> Self {
        Response::new(StatusCode::SEE_OTHER).with_field(http::header::LOCATION, location)
    }

    #[inline]
    fn typed(content_type: &'static Line, body: Body) -> Self {
        let mut response = Response::new(StatusCode::OK);
        let parts = response.parts_mut();
        parts.fields.begin(content_type);
        parts.body.set(body);
        response
    }

    fn parts(&self) -> &Parts {
        self.parts
            .as_ref()
            .expect("an answer has its parts until it is dropped")
    }

    fn parts_mut(&mut self) -> &mut Parts {
        self.parts
            .as_mut()
            .expect("an answer has its parts until it is dropped")
    }

    /// The status.
    #[inline]
    pub fn status(&self) -> StatusCode {
        self.parts().status
    }

    /// Sets the status.
    pub fn set_status(&mut self, status: StatusCode) {
        self.parts_mut().status = status;
    }

    /// With this status.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.set_status(status);
        self
    }

    /// The value of the first field line of this name.
    pub fn field(&self, name: &str) -> Option<&HeaderValue> {
        self.parts().fields.get(name)
    }

    /// Sets a field, in place of all its earlier lines.
    ///
    /// # Errors
    /// [`FieldError`] if the name is no token or the value has a character that none may have, CR, LF
    /// and NUL above all. Nothing is changed then.
    pub fn set_field<N, V>(&mut self, name: N, value: V) -> Result<(), FieldError>
    where
        N: TryInto<HeaderName> + fmt::Debug + Clone,
        V: TryInto<HeaderValue>,
    {
        let (name, value) = field(name, value)?;
        self.parts_mut().fields.set(name, value);
        Ok(())
    }

    /// Adds a line to a field, after its earlier lines: `Set-Cookie`, for example.
    ///
    /// # Errors
    /// As [`set_field`](Response::set_field).
    pub fn append_field<N, V>(&mut self, name: N, value: V) -> Result<(), FieldError>
    where
        N: TryInto<HeaderName> + fmt::Debug + Clone,
        V: TryInto<HeaderValue>,
    {
        let (name, value) = field(name, value)?;
        self.parts_mut().fields.append(name, value);
        Ok(())
    }

    /// With this field, in place of all its earlier lines.
    ///
    /// What cannot be set is not lost: such an answer fails, the error hook is told which field it
    /// was, and the client gets a clean 500. (Clause T-26.)
    #[inline]
    pub fn with_field<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName> + fmt::Debug + Clone,
        V: TryInto<HeaderValue>,
    {
        if let Err(error) = self.set_field(name, value) {
            self.parts_mut().wrong.get_or_insert(error);
        }
        self
    }

    /// The fields as a map, built on first use.
    pub fn headers(&self) -> &HeaderMap {
        self.parts().fields.headers()
    }

    /// The fields, to change them.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        self.parts_mut().fields.headers_mut()
    }

    /// The field lines one after the other; no map is built.
    #[inline]
    pub fn field_lines(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.parts().fields.iter()
    }

    /// Whether one of its fields may be one that a server decides about: `Content-Length`,
    /// `Transfer-Encoding`, `Connection`, `Date`, `Server`, `Upgrade` or `Trailer`. `false` is certain, and
    /// spares looking for them. For authors of backends.
    #[inline]
    pub fn may_have_server_fields(&self) -> bool {
        self.parts().fields.may_be_servers()
    }

    /// The content.
    #[inline]
    pub fn body(&self) -> &Body {
        &self.parts().body
    }

    /// The content, to change it.
    #[inline]
    pub fn body_mut(&mut self) -> &mut Body {
        &mut self.parts_mut().body
    }

    /// Sets the content. Its type is not guessed: see `Content-Type`.
    #[inline]
    pub fn set_body(&mut self, body: impl Into<Body>) {
        self.parts_mut().body.set(body.into());
    }

    /// With this content. Its type is not guessed: see `Content-Type`.
    pub fn with_body(mut self, body: impl Into<Body>) -> Self {
        self.set_body(body);
        self
    }

    /// Takes the content out.
    pub fn take_body(&mut self) -> Body {
        std::mem::take(&mut self.parts_mut().body)
    }

    /// Values for whoever sees the answer later, a wrapper made with [`around`](crate::around) for
    /// example. They are not sent.
    pub fn extensions(&self) -> &Extensions {
        &self.parts().extensions
    }

    /// As [`extensions`](Response::extensions), to change them.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.parts_mut().extensions
    }

    #[inline]
    pub(crate) fn has_wrong_field(&self) -> bool {
        self.parts().wrong.is_some()
    }

    /// The first field that [`with_field`](Response::with_field) could not set. For authors of
    /// backends that do without [`Pipeline`](crate::backend::Pipeline).
    pub fn take_wrong_field(&mut self) -> Option<FieldError> {
        self.parts_mut().wrong.take()
    }

    /// The answer as the [`http`] crate's type.
    pub fn into_http(mut self) -> http::Response<Body> {
        let parts = self.parts_mut();
        let mut http = http::Response::new(std::mem::take(&mut parts.body));
        *http.status_mut() = parts.status;
        *http.headers_mut() = parts.fields.take_map();
        *http.extensions_mut() = std::mem::take(&mut parts.extensions);
        http
    }
}

fn field<N, V>(name: N, value: V) -> Result<(HeaderName, HeaderValue), FieldError>
where
    N: TryInto<HeaderName> + fmt::Debug + Clone,
    V: TryInto<HeaderValue>,
{
    let text = name.clone();
    let name = name
        .try_into()
        .map_err(|_| FieldError::Name(format!("{text:?}")))?;
    let value = value
        .try_into()
        .map_err(|_| FieldError::Value(name.to_string()))?;
    Ok((name, value))
}

impl Drop for Response {
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

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status())
            .field("fields", self.headers())
            .field("body", self.body())
            .finish_non_exhaustive()
    }
}

impl<B> From<http::Response<B>> for Response
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    fn from(http: http::Response<B>) -> Self {
        let (head, body) = http.into_parts();
        let mut response = Response::new(head.status);
        let parts = response.parts_mut();
        parts.fields.replace(head.headers);
        parts.extensions = head.extensions;
        parts.body = unwrapped(body);
        response
    }
}

/// Takes a `Body` as it is, whatever the type says, so that an iterator keeps its pace.
fn unwrapped<B>(body: B) -> Body
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    let mut body = Some(body);
    let any: &mut dyn std::any::Any = &mut body;
    if let Some(ours) = any.downcast_mut::<Option<Body>>() {
        return ours.take().unwrap_or_default();
    }
    body.map_or_else(Body::empty, Body::stream)
}

/// What turns into an answer: the natural results of a handler.
///
/// Implement it for types of your own, JSON for example, and handlers can return them.
///
/// ```
/// use http_server_trait::{IntoResponse, Response};
///
/// struct Csv(String);
///
/// impl IntoResponse for Csv {
///     fn into_response(self) -> Response {
///         Response::text(self.0).with_field("content-type", "text/csv")
///     }
/// }
/// assert_eq!(Csv("a,b".into()).into_response().headers()["content-type"], "text/csv");
/// ```
pub trait IntoResponse {
    /// The answer.
    fn into_response(self) -> Response;
}

impl IntoResponse for Response {
    fn into_response(self) -> Response {
        self
    }
}

impl<B> IntoResponse for http::Response<B>
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    fn into_response(self) -> Response {
        self.into()
    }
}

impl IntoResponse for StatusCode {
    /// An answer of this status without content.
    fn into_response(self) -> Response {
        Response::new(self)
    }
}

impl IntoResponse for () {
    /// 204 No Content.
    fn into_response(self) -> Response {
        Response::new(StatusCode::NO_CONTENT)
    }
}

impl IntoResponse for &'static str {
    fn into_response(self) -> Response {
        Response::text(self)
    }
}

impl IntoResponse for String {
    fn into_response(self) -> Response {
        Response::text(self)
    }
}

impl IntoResponse for Bytes {
    fn into_response(self) -> Response {
        Response::typed(&BINARY, self.into())
    }
}

impl IntoResponse for Vec<u8> {
    fn into_response(self) -> Response {
        Response::typed(&BINARY, self.into())
    }
}

impl From<Body> for Response {
    /// 200 with this content, whose type is not guessed.
    ///
    /// ```
    /// use http_server_trait::{Body, Response};
    ///
    /// let answer: Response = Body::full("as it is").into();
    /// assert_eq!(answer.body().as_bytes(), Some(&b"as it is"[..]));
    /// ```
    fn from(content: Body) -> Self {
        Response::new(StatusCode::OK).with_body(content)
    }
}

impl IntoResponse for Body {
    /// 200 with this content, whose type is not guessed.
    fn into_response(self) -> Response {
        Response::new(StatusCode::OK).with_body(self)
    }
}

impl<T: IntoResponse> IntoResponse for (StatusCode, T) {
    fn into_response(self) -> Response {
        self.1.into_response().with_status(self.0)
    }
}
