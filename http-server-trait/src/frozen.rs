//! The bytes of a head as they arrived, and an index into them.

use std::time::Instant;

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};

use crate::conn::Conn;
use crate::head::Head;

/// A piece of a head's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    len: u32,
}

impl Span {
    /// From `start` up to `end`. A head is far smaller than 4 GiB; what is not is cut to nothing.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the start is not beyond the end, and the end fits"
    )]
    pub fn new(start: usize, end: usize) -> Self {
        // One comparison where both fit, as they do in every head that a server lets in.
        match u32::try_from(end) {
            Ok(end) if start <= end as usize => Span {
                start: start as u32,
                len: end - start as u32,
            },
            _ => Span::default(),
        }
    }

    /// From `start` up to `end`, for who knows already that both fit, and that the start is not beyond the end.
    #[inline]
    pub fn within(start: u32, end: u32) -> Self {
        debug_assert!(start <= end, "a piece that ends before it starts");
        // Should it be otherwise, this is beyond the end of any text.
        let len = end.wrapping_sub(start);
        Span { start, len }
    }

    /// The piece of this text; empty if the text is shorter.
    #[inline]
    pub fn of(self, text: &[u8]) -> &[u8] {
        let start = self.start as usize;
        text.get(start..start + self.len as usize)
            .unwrap_or_default()
    }

    /// Where it starts.
    pub fn start(self) -> usize {
        self.start as usize
    }

    /// Where it ends.
    pub fn end(self) -> usize {
        self.start as usize + self.len as usize
    }

    /// Whether there is nothing in it.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// A field line: where its name and its value stand in the text of the head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The name, as it was sent.
    pub name: Span,
    /// The value, without the white space around it.
    pub value: Span,
}

/// A head that does not change any more. The request owns it, until a [`Summary`](crate::Summary) shares it.
#[derive(Debug, Default)]
pub(crate) struct Frozen {
    pub(crate) text: Vec<u8>,
    pub(crate) lines: Vec<Line>,
    pub(crate) method: Method,
    pub(crate) version: Version,
    pub(crate) target: Span,
    /// Authority of a target in absolute-form or authority-form; empty in the other forms.
    pub(crate) authority: Span,
    pub(crate) path: Span,
    /// The query with its `?`; empty if there is none, `?` alone if it is there and empty.
    pub(crate) query: Span,
    /// Whether an absolute-form target said `https`.
    pub(crate) https: bool,
}

/// A head larger than this gives its memory back instead of keeping it for the next one.
const KEPT_TEXT: usize = 4096;
const KEPT_LINES: usize = 64;

impl Frozen {
    #[inline]
    pub(crate) fn target(&self) -> &str {
        self.text_of(self.target)
    }

    #[inline]
    pub(crate) fn path(&self) -> &str {
        if self.authority.is_empty() {
            self.text_of(self.path)
        } else {
            self.path_beside_authority()
        }
    }

    #[cold]
    fn path_beside_authority(&self) -> &str {
        // RFC 9110, 4.2.3: an empty path of a URI with an authority is the root; an authority alone has none.
        // By their text: those of a head that was not parsed from bytes stand in two places.
        if self.path.is_empty() && self.target() != self.text_of(self.authority) {
            return "/";
        }
        self.text_of(self.path)
    }

    /// Whether it is an authority with a scheme and nothing else, `http://a`.
    pub(crate) fn is_bare(&self) -> bool {
        let has_more = !self.path.is_empty() || !self.query.is_empty();
        !has_more && self.path() == "/"
    }

    pub(crate) fn query(&self) -> Option<&str> {
        self.text_of(self.query).strip_prefix('?')
    }

    pub(crate) fn authority(&self) -> Option<&str> {
        (!self.authority.is_empty()).then(|| self.text_of(self.authority))
    }

    pub(crate) fn field(&self, name: &str) -> Option<&[u8]> {
        self.field_lines(name).next()
    }

    pub(crate) fn field_lines<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let lines = self.lines.iter();
        let same = lines.filter(move |line| {
            line.name
                .of(&self.text)
                .eq_ignore_ascii_case(name.as_bytes())
        });
        same.map(|line| line.value.of(&self.text))
    }

    /// The parts of a target are ASCII: whoever made the index has checked them.
    #[inline]
    fn text_of(&self, span: Span) -> &str {
        // A target stands at the beginning. From there to the end of an aligned block the standard library looks at
        // sixteen bytes at a time; at a short piece in the middle it looks at one after the other.
        let block = self.text.get(..span.end().next_multiple_of(16));
        let line = block.and_then(|block| std::str::from_utf8(block).ok());
        let quick = line.and_then(|line| line.get(span.start()..span.end()));
        quick.unwrap_or_else(|| std::str::from_utf8(span.of(&self.text)).unwrap_or_default())
    }

    /// A request line alone.
    pub(crate) fn from_line(method: Method, target: &str, version: Version) -> Self {
        let mut frozen = Frozen {
            method,
            version,
            ..Frozen::default()
        };
        frozen.target = frozen.write(target.as_bytes());
        let path = target.split('?').next().unwrap_or_default();
        frozen.path = Span::new(0, path.len());
        frozen
    }

    /// What a [`Summary`](crate::Summary) needs of a head that was not parsed from bytes.
    /// `is_bare` says that its target had no path, if it is known to be one.
    pub(crate) fn from_http(http: &http::request::Parts, is_bare: bool) -> Self {
        let mut frozen = Frozen {
            method: http.method.clone(),
            version: http.version,
            https: http.uri.scheme() == Some(&Scheme::HTTPS),
            ..Frozen::default()
        };
        frozen.target = frozen.write(text_of(&http.uri, is_bare).as_bytes());
        let start = frozen.text.len();
        // `Uri` says `/` for the empty path of an authority-form target.
        let path = if http.method == Method::CONNECT {
            ""
        } else {
            http.uri.path()
        };
        frozen.text.extend_from_slice(path.as_bytes());
        frozen.path = Span::new(start, frozen.text.len());
        if let Some(query) = http.uri.query() {
            frozen.query = frozen.write(format!("?{query}").as_bytes());
        }
        if let Some(authority) = http.uri.authority() {
            frozen.authority = frozen.write(authority.as_str().as_bytes());
        }
        for (name, value) in &http.headers {
            let name = frozen.write(name.as_str().as_bytes());
            let value = frozen.write(value.as_bytes());
            frozen.lines.push(Line { name, value });
        }
        frozen
    }

    /// Empties it for the next head, keeping its memory unless that is a lot.
    #[inline]
    pub(crate) fn clear(&mut self) {
        if self.text.capacity() > KEPT_TEXT || self.lines.capacity() > KEPT_LINES {
            *self = Frozen::default();
            return;
        }
        self.text.clear();
        self.lines.clear();
        self.authority = Span::default();
        self.query = Span::default();
        self.https = false;
    }

    /// The target as a `Uri`. What no `Uri` can express becomes `/`; whoever checked the target has
    /// left no such thing, and a property test in the engine holds it to that.
    pub(crate) fn uri(&self) -> Uri {
        let text = Bytes::copy_from_slice(self.target.of(&self.text));
        // Every part lies in the target, but for those of a head that was made by hand.
        let piece = |span: Span| {
            let start = span.start().checked_sub(self.target.start());
            match start.map(|start| start..start + span.len as usize) {
                Some(range) if range.end <= text.len() => text.slice(range),
                _ => Bytes::copy_from_slice(span.of(&self.text)),
            }
        };
        let mut parts = http::uri::Parts::default();
        if !self.authority.is_empty() {
            parts.authority = Authority::from_maybe_shared(piece(self.authority)).ok();
            let scheme = if self.https {
                Scheme::HTTPS
            } else {
                Scheme::HTTP
            };
            parts.scheme = (self.target != self.authority).then_some(scheme);
        }
        if !self.path.is_empty() || !self.query.is_empty() {
            let end = self.query.end().max(self.path.end());
            let both = Span::new(self.path.start(), end);
            parts.path_and_query = PathAndQuery::from_maybe_shared(piece(both)).ok();
        } else if parts.scheme.is_some() {
            parts.path_and_query = Some(PathAndQuery::from_static("/"));
        }
        Uri::from_parts(parts).unwrap_or_default()
    }

    /// The fields as a map. The values are slices of one copy of the text.
    pub(crate) fn map(&self) -> HeaderMap {
        let text = Bytes::copy_from_slice(&self.text);
        let mut map = HeaderMap::with_capacity(self.lines.len());
        for line in &self.lines {
            let value = text.slice(line.value.start()..line.value.end());
            let name = HeaderName::from_bytes(line.name.of(&self.text));
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_maybe_shared(value)) {
                map.append(name, value);
            }
        }
        if let (Some(authority), Some(host)) = (self.authority(), map.get_mut(http::header::HOST)) {
            // RFC 9112, 3.2.2: the authority of the target counts, the field does not.
            if let Ok(value) = HeaderValue::from_str(authority) {
                *host = value;
            }
        }
        map
    }

    /// RFC 9112, 3.2.2: the authority of the target replaces the field.
    #[cold]
    fn name_authority(&mut self) {
        let text = &self.text;
        let host = |line: &&mut Line| line.name.of(text).eq_ignore_ascii_case(b"host");
        if let Some(line) = self.lines.iter_mut().find(host) {
            line.value = self.authority;
        }
    }

    fn write(&mut self, piece: &[u8]) -> Span {
        let start = self.text.len();
        self.text.extend_from_slice(piece);
        Span::new(start, self.text.len())
    }
}

/// The target that a `Uri` was read from, as near as it tells. It writes `http://a/?b` for `http://a?b`; of `http://a`
/// it does not know that it had no path, so `is_bare` says it.
fn text_of(uri: &Uri, is_bare: bool) -> String {
    let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
        return uri.to_string();
    };
    match uri.path_and_query().map(PathAndQuery::as_str) {
        Some(path) if !is_bare || path != "/" => format!("{scheme}://{authority}{path}"),
        _ => format!("{scheme}://{authority}"),
    }
}

/// A head in the making: a copy of its text, and the index into it that a parser writes.
///
/// It is for backends that parse bytes. The memory comes from a pool and goes back when the
/// [`Head`](crate::Head) is dropped, so that a kept-alive request costs no allocation.
///
/// What the index points at must have been checked: the method a token, the target visible ASCII
/// that [`Uri`] can express, names tokens, values without CR, LF and NUL. A span that points
/// outside of the text reads as empty.
pub struct RawHead(Head);

impl Default for RawHead {
    fn default() -> Self {
        RawHead::new()
    }
}

impl std::fmt::Debug for RawHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawHead")
            .field("lines", &self.lines().len())
            .finish_non_exhaustive()
    }
}

impl RawHead {
    /// One without text and lines.
    pub fn new() -> Self {
        RawHead(Head::of(Head::take_parts()))
    }

    /// Copies the text of a head.
    pub fn copy(text: &[u8]) -> Self {
        let mut raw = RawHead::new();
        raw.fill(text);
        raw
    }

    /// Copies the text of a head, whose lines may have been written already.
    #[inline]
    pub fn fill(&mut self, text: &[u8]) {
        let frozen = &mut self.0.parts_mut().frozen;
        frozen.text.clear();
        frozen.text.extend_from_slice(text);
    }

    /// The text, and the field lines to write.
    #[inline]
    pub fn parts(&mut self) -> (&[u8], &mut Vec<Line>) {
        let frozen = &mut self.0.parts_mut().frozen;
        (&frozen.text, &mut frozen.lines)
    }

    /// The text.
    #[inline]
    pub fn text(&self) -> &[u8] {
        &self.0.parts().frozen.text
    }

    /// What the request line says, once it is set.
    #[inline]
    pub fn line(&self) -> (&Method, Target, Version) {
        let frozen = &self.0.parts().frozen;
        let target = Target {
            whole: frozen.target,
            authority: frozen.authority,
            path: frozen.path,
            query: frozen.query,
            https: frozen.https,
        };
        (&frozen.method, target, frozen.version)
    }

    /// The field lines written so far.
    pub fn lines(&self) -> &[Line] {
        &self.0.parts().frozen.lines
    }

    /// Sets what the request line says.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the values are made where they stay")]
    pub fn request_line(&mut self, method: Method, target: Target, version: Version) {
        let frozen = &mut self.0.parts_mut().frozen;
        frozen.version = version;
        frozen.target = target.whole;
        frozen.authority = target.authority;
        frozen.path = target.path;
        frozen.query = target.query;
        frozen.https = target.https;
        // Last, for it drops another: nothing else has to be kept meanwhile.
        frozen.method = method;
        if !target.authority.is_empty() {
            frozen.name_authority();
        }
    }

    /// As [`finish`](RawHead::finish), by a driver that says before it rests that it does: see
    /// [`rest_heads`](crate::backend::rest_heads). Until then the next head of the connection may have what the one
    /// before knew it by.
    #[inline]
    pub fn finish_next(mut self, conn: &Conn, number: u64, received: Instant) -> Head {
        let parts = self.0.parts_mut();
        parts.set_driven(conn);
        parts.number = number;
        parts.received = Some(received);
        self.0
    }

    /// The finished head: request number `number` of this connection, received at this time.
    #[inline]
    pub fn finish(mut self, conn: &Conn, number: u64, received: Instant) -> Head {
        let parts = self.0.parts_mut();
        parts.conn = Some(conn.clone());
        parts.number = number;
        parts.received = Some(received);
        self.0
    }
}

/// The parts of a request target, as spans of the head's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// All of it.
    pub whole: Span,
    /// The authority, in absolute-form and authority-form.
    pub authority: Span,
    /// The path. The query, if there is one, follows it directly.
    pub path: Span,
    /// The query with its `?`.
    pub query: Span,
    /// Whether an absolute-form target names the scheme `https`.
    pub https: bool,
}

#[cfg(test)]
mod tests {
    use http::Uri;

    use crate::head::Head;

    /// A path that was not sent is not made up, as far as a `Uri` knows.
    #[test]
    fn target_survives_a_uri() {
        for (text, path) in [
            ("http://a/", "/"),
            ("http://a?b", "/"),
            ("http://a?", "/"),
            ("http://a/?b", "/"),
            ("https://a:1/b?c", "/b"),
            ("/", "/"),
            ("/a?b", "/a"),
            ("/?", "/"),
            ("*", "*"),
        ] {
            let uri: Uri = text.parse().expect("it is one");
            let request = http::Request::get(uri).body(());
            let head = Head::from(request.expect("it is one"));
            assert_eq!((head.target(), head.path()), (text, path));
        }
    }
}
