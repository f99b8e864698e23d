//! Patterns of paths, and what they find.

use http_server_trait::Request;

/// A pattern: pieces between slashes, of which some are parameters.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Text(&'static str),
    Param(&'static str),
}

impl Pattern {
    pub(crate) fn new(text: &'static str) -> Self {
        let piece = |piece: &'static str| match piece.strip_prefix(':') {
            Some(name) => Piece::Param(name),
            None => Piece::Text(piece),
        };
        Pattern(text.split('/').map(piece).collect())
    }

    /// The parameters, if the path is one of these.
    pub(crate) fn find(&self, path: &str) -> Option<Params> {
        let mut given = path.split('/');
        let mut params = Params::default();
        for piece in &self.0 {
            let given = decode(given.next()?)?;
            match piece {
                Piece::Text(text) if given == *text => {}
                Piece::Param(name) if !given.is_empty() => params.0.push((name, given)),
                _ => return None,
            }
        }
        given.next().is_none().then_some(params)
    }
}

/// What a pattern found in a path. It is among the extensions of the request.
#[derive(Clone, Debug, Default)]
pub struct Params(Vec<(&'static str, String)>);

/// A parameter of the route that matched, decoded.
pub fn param<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let params = &request.extensions().get::<Params>()?.0;
    let found = params.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| value.as_str())
}

/// A piece of a path without its percent-encoding, if that is text. A slash that was encoded is then an
/// ordinary character: the path was split before.
fn decode(piece: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(piece.len());
    let mut rest = piece.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            let digits = std::str::from_utf8(digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn patterns_find_what_they_say() {
        for (pattern, path, found) in [
            ("/", "/", Some(vec![])),
            ("/", "//", None),
            ("/a", "/a", Some(vec![])),
            ("/a", "/a/", None),
            ("/a", "/A", None),
            ("/a", "/%61", Some(vec![])),
            ("/:x", "/", None),
            ("/:x", "/1", Some(vec!["1"])),
            ("/:x", "/1/2", None),
            ("/:x/b/:y", "/1/b/2", Some(vec!["1", "2"])),
            ("/:x", "/a%2Fb%20c", Some(vec!["a/b c"])),
            ("/:x", "/%C3%A4", Some(vec!["ä"])),
            ("/:x", "/%C3", None),
            ("/:x", "/%zz", None),
            ("/:x", "/%4", None),
            ("/a", "*", None),
            ("/a", "", None),
        ] {
            let params = Pattern::new(pattern).find(path);
            let values = params.map(|params| params.0.into_iter().map(|(_, value)| value));
            let values: Option<Vec<_>> = values.map(Iterator::collect);
            let found = found.map(|found| found.into_iter().map(str::to_owned).collect());
            assert_eq!(values, found, "{pattern} {path}");
        }
    }
}
