//! The fields of an answer: a short list that becomes a map when somebody asks for one.

use std::sync::OnceLock;

use http::{HeaderMap, HeaderName, HeaderValue};

/// Most answers have a handful of fields, written once and read once. A list is cheaper for that
/// than a map; `headers()` and `headers_mut()` make a map of it for whoever wants one.
#[derive(Default)]
pub(crate) struct Fields {
    lines: Vec<(HeaderName, HeaderValue)>,
    /// Built on first use. Once it may have been changed it is the truth and `lines` is empty.
    map: OnceLock<HeaderMap>,
    map_counts: bool,
}

impl Fields {
    pub(crate) fn clear(&mut self) {
        self.lines.clear();
        self.map.take();
        self.map_counts = false;
    }

    pub(crate) fn append(&mut self, name: HeaderName, value: HeaderValue) {
        if self.map_counts {
            self.headers_mut().append(name, value);
        } else {
            self.map.take();
            self.lines.push((name, value));
        }
    }

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

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        let map = if self.map_counts {
            self.map.get()
        } else {
            None
        };
        let lines = self.lines.iter().map(|(name, value)| (name, value));
        lines.chain(map.into_iter().flatten())
    }
}
