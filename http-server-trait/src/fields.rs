//! The fields of an answer: a short list that becomes a map when somebody asks for one.

use std::sync::OnceLock;

use http::header::{CONNECTION, CONTENT_LENGTH, DATE, SERVER, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Most answers have a handful of fields, written once and read once. A list is cheaper for that
/// than a map; `headers()` and `headers_mut()` make a map of it for whoever wants one.
#[derive(Default)]
pub(crate) struct Fields {
    /// The first line, where it is the same for many answers: it needs neither to be made nor to be dropped.
    first: Option<&'static Line>,
    lines: Vec<Line>,
    /// Built on first use. Once it may have been changed it is the truth, and there are no lines.
    map: OnceLock<HeaderMap>,
    map_counts: bool,
    /// Whether one of `lines` is a field that the server decides about.
    servers: bool,
}

/// A name and its value.
pub(crate) type Line = (HeaderName, HeaderValue);

impl Fields {
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.first = None;
        if !self.lines.is_empty() {
            self.lines.clear();
        }
        if self.map.get().is_some() {
            self.map.take();
        }
        self.map_counts = false;
        self.servers = false;
    }

    /// Begins with this line, which is none that the server decides about. There are no others yet.
    #[inline]
    pub(crate) fn begin(&mut self, line: &'static Line) {
        self.first = Some(line);
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
            match self.first {
                Some((known, _)) if *known == name => {
                    if self.lines.is_empty() {
                        self.first = None;
                        return self.append(name, value);
                    }
                }
                _ => return self.append(name, value),
            }
        }
        self.headers_mut().insert(name, value);
    }

    pub(crate) fn get(&self, name: &str) -> Option<&HeaderValue> {
        if self.map_counts {
            return self.map.get()?.get(name);
        }
        let same = |line: &&Line| line.0.as_str().eq_ignore_ascii_case(name);
        let mut lines = self.first.into_iter().chain(&self.lines);
        lines.find(same).map(|(_, value)| value)
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.map.get_or_init(|| {
            let count = usize::from(self.first.is_some()) + self.lines.len();
            let mut map = HeaderMap::with_capacity(count);
            for (name, value) in self.first.into_iter().chain(&self.lines) {
                map.append(name.clone(), value.clone());
            }
            map
        })
    }

    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers();
        self.map_counts = true;
        self.first = None;
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
        // Asked for first: who knows that none counts has no map to look for.
        match self.map_counts.then(|| self.map.get()).flatten() {
            Some(map) => Lines::Map(map.iter()),
            None => Lines::List(self.first, self.lines.iter()),
        }
    }
}

/// The lines of an answer's fields.
pub(crate) enum Lines<'a> {
    List(Option<&'static Line>, std::slice::Iter<'a, Line>),
    Map(http::header::Iter<'a, HeaderValue>),
}

impl<'a> Iterator for Lines<'a> {
    type Item = (&'a HeaderName, &'a HeaderValue);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Lines::List(first, others) => match first.take() {
                Some((name, value)) => Some((name, value)),
                None => others.next().map(|(name, value)| (name, value)),
            },
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

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::{CONTENT_TYPE, VARY};

    use super::{Fields, Line};

    static TEXT: Line = (CONTENT_TYPE, HeaderValue::from_static("text/plain"));

    fn begun() -> Fields {
        let mut fields = Fields::default();
        fields.begin(&TEXT);
        fields
    }

    fn lines(fields: &Fields) -> Vec<(&str, &[u8])> {
        let lines = fields.iter();
        lines
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect()
    }

    /// Whoever looks at the first line, as a list or as a map, sees a line like any other.
    #[test]
    fn first_line_is_a_line() {
        let mut fields = begun();
        assert_eq!(lines(&fields), [("content-type", &b"text/plain"[..])]);
        assert_eq!(fields.get("Content-Type"), Some(&TEXT.1));
        assert_eq!(fields.headers()[CONTENT_TYPE], "text/plain");
        fields.append(VARY, HeaderValue::from_static("accept"));
        fields.append(CONTENT_TYPE, HeaderValue::from_static("text/csv"));
        let all = [
            ("content-type", &b"text/plain"[..]),
            ("vary", b"accept"),
            ("content-type", b"text/csv"),
        ];
        assert_eq!(lines(&fields), all);
        assert_eq!(fields.headers().get_all(CONTENT_TYPE).iter().count(), 2);
        assert_eq!(fields.take_map().len(), 3);
        assert_eq!(lines(&fields), []);
    }

    #[test]
    fn first_line_is_replaced() {
        let csv = HeaderValue::from_static("text/csv");
        let mut alone = begun();
        alone.set(CONTENT_TYPE, csv.clone());
        assert_eq!(lines(&alone), [("content-type", &b"text/csv"[..])]);
        let mut first = begun();
        first.set(VARY, HeaderValue::from_static("accept"));
        first.set(CONTENT_TYPE, csv);
        let both = [("content-type", &b"text/csv"[..]), ("vary", b"accept")];
        assert_eq!(lines(&first), both);
        first.clear();
        assert_eq!(lines(&first), []);
        assert_eq!(first.get("content-type"), None);
    }
}
