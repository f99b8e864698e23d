//! The fields of an answer: a short list that becomes a map when somebody asks for one.

use std::sync::OnceLock;

use http::header::{CONNECTION, CONTENT_LENGTH, DATE, SERVER, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Most answers have a handful of fields, written once and read once. A list is cheaper for that
/// than a map; `headers()` and `headers_mut()` make a map of it for whoever wants one.
#[derive(Default)]
pub(crate) struct Fields {
    lines: Vec<(HeaderName, HeaderValue)>,
    /// Built on first use. Once it may have been changed it is the truth and `lines` is empty.
    map: OnceLock<HeaderMap>,
    map_counts: bool,
    /// Whether one of `lines` is a field that the server decides about.
    servers: bool,
}

impl Fields {
    pub(crate) fn clear(&mut self) {
        self.lines.clear();
        self.map.take();
        self.map_counts = false;
        self.servers = false;
    }

    #[inline]
    pub(crate) fn append(&mut self, name: HeaderName, value: HeaderValue) {
        if self.map_counts {
            self.headers_mut().append(name, value);
        } else {
            if self.map.get().is_some() {
                self.map.take();
            }
            self.servers |= is_servers(&name);
            self.lines.push((name, value));
        }
    }

    #[inline]
    pub(crate) fn set(&mut self, name: HeaderName, value: HeaderValue) {
        if !self.map_counts && self.lines.iter().all(|(known, _)| *known != name) {
            return self.append(name, value);
        }
        self.headers_mut().insert(name, value);
    }

    pub(crate) fn get(&self, name: &str) -> Option<&HeaderValue> {
        if self.map_counts {
            return self.map.get()?.get(name);
        }
        let same = |line: &&(HeaderName, HeaderValue)| line.0.as_str().eq_ignore_ascii_case(name);
        self.lines.iter().find(same).map(|(_, value)| value)
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.map.get_or_init(|| {
            let mut map = HeaderMap::with_capacity(self.lines.len());
            for (name, value) in &self.lines {
                map.append(name.clone(), value.clone());
            }
            map
        })
    }

    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers();
        self.map_counts = true;
        self.lines.clear();
        self.map.get_mut().expect("built three lines above")
    }

    pub(crate) fn replace(&mut self, map: HeaderMap) {
        *self.headers_mut() = map;
    }

    pub(crate) fn take_map(&mut self) -> HeaderMap {
        std::mem::take(self.headers_mut())
    }

    /// Whether any may be one that the server decides about. `false` is certain.
    #[inline]
    pub(crate) fn may_be_servers(&self) -> bool {
        self.servers || self.map_counts
    }

    /// The lines, in the order in which they are sent.
    #[inline]
    pub(crate) fn iter(&self) -> Lines<'_> {
        match self.map.get() {
            Some(map) if self.map_counts => Lines::Map(map.iter()),
            _ => Lines::List(self.lines.iter()),
        }
    }
}

/// The lines of an answer's fields.
pub(crate) enum Lines<'a> {
    List(std::slice::Iter<'a, (HeaderName, HeaderValue)>),
    Map(http::header::Iter<'a, HeaderValue>),
}

impl<'a> Iterator for Lines<'a> {
    type Item = (&'a HeaderName, &'a HeaderValue);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Lines::List(lines) => lines.next().map(|(name, value)| (name, value)),
            Lines::Map(lines) => lines.next(),
        }
    }
}

/// The fields that a server frames its answers with, or adds to them.
#[inline]
fn is_servers(name: &HeaderName) -> bool {
    // By length first: it is cheaper than seven comparisons.
    matches!(name.as_str().len(), 4 | 6 | 7 | 10 | 14 | 17)
        && matches!(
            *name,
            CONTENT_LENGTH | TRANSFER_ENCODING | CONNECTION | DATE | SERVER | UPGRADE | TRAILER
        )
}
