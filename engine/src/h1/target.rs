//! The request target: RFC 9112, section 3.2.

use http::Method;
use http_server_trait::backend::{Span, Target};

use super::chars::{is_path, is_query};
use super::host;
use super::refusal::Refusal;

/// Takes a target apart, by the four forms that it may have.
pub(super) fn read(text: &[u8], whole: Span, method: &Method) -> Result<Target, Refusal> {
    let target = whole.of(text);
    if method == Method::CONNECT {
        // RFC 9112, 3.2.3: host and port, both there.
        let (_, port) = host::check(target).ok_or(Refusal::AuthorityForm)?;
        port.ok_or(Refusal::AuthorityForm)?;
        return Ok(Target {
            whole,
            authority: whole,
            ..Target::default()
        });
    }
    match target {
        [b'/', ..] => origin_form(text, whole, whole.start()),
        b"*" if method == Method::OPTIONS => Ok(Target {
            whole,
            path: whole,
            ..Target::default()
        }),
        b"*" => Err(Refusal::AsteriskForm),
        _ => absolute_form(text, whole),
    }
}

/// `/path?query`, from `start` to the end of the target.
fn origin_form(text: &[u8], whole: Span, start: usize) -> Result<Target, Refusal> {
    let both = &text[start..whole.end()];
    let path_len = both
        .iter()
        .position(|byte| !is_path(*byte))
        .unwrap_or(both.len());
    let (path, query) = both.split_at(path_len);
    let query_fits = match query {
        [] => true,
        [b'?', rest @ ..] => rest.iter().all(|byte| is_query(*byte)),
        _ => false,
    };
    if !query_fits || !escapes_are_whole(path) {
        return Err(Refusal::Target);
    }
    let path = Span::new(start, start + path_len);
    let query = Span::new(start + path_len, whole.end());
    Ok(Target {
        whole,
        path,
        query,
        ..Target::default()
    })
}

/// `http://authority/path?query`: RFC 9112, 3.2.2 wants it accepted from any client.
fn absolute_form(text: &[u8], whole: Span) -> Result<Target, Refusal> {
    let target = whole.of(text);
    let (scheme_len, https) = match target {
        _ if starts_with(target, b"http://") => (7, false),
        _ if starts_with(target, b"https://") => (8, true),
        // `host:port` without CONNECT, or something that is no target at all.
        _ if host::check(target).is_some_and(|(_, port)| port.is_some()) => {
            return Err(Refusal::AuthorityForm);
        }
        _ => return Err(Refusal::Target),
    };
    let rest = &target[scheme_len..];
    let authority_len = rest
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?'))
        .unwrap_or(rest.len());
    host::check(&rest[..authority_len]).ok_or(Refusal::Target)?;
    let start = whole.start() + scheme_len;
    let authority = Span::new(start, start + authority_len);
    let parts = origin_form(text, whole, authority.end())?;
    Ok(Target {
        authority,
        https,
        ..parts
    })
}

fn starts_with(target: &[u8], prefix: &[u8]) -> bool {
    target
        .get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Whether every `%` of a path is followed by two hexadecimal digits: RFC 3986, 2.1.
fn escapes_are_whole(path: &[u8]) -> bool {
    memchr::memchr_iter(b'%', path).all(|at| {
        path.get(at + 1..at + 3)
            .is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
    })
}

#[cfg(test)]
mod tests {
    use super::{Method, Refusal, Span, read};

    #[test]
    fn targets() {
        let get = Method::GET;
        let ok = |authority, path, query| Ok((authority, path, query));
        let cases: &[(&Method, &str, Result<(&str, &str, &str), Refusal>)] = &[
            (&get, "/", ok("", "/", "")),
            (&get, "//a/../b", ok("", "//a/../b", "")),
            (&get, "/a?b=c?d", ok("", "/a", "?b=c?d")),
            (&get, "/a?", ok("", "/a", "?")),
            (&get, "/%20", ok("", "/%20", "")),
            (&get, "/a?%", ok("", "/a", "?%")),
            (&get, "/a|b[]", ok("", "/a|b[]", "")),
            (&get, "http://a/b?c", ok("a", "/b", "?c")),
            (&get, "HTTP://a", ok("a", "", "")),
            (&get, "https://a:1?c", ok("a:1", "", "?c")),
            (&get, "http://[::1]:80/", ok("[::1]:80", "/", "")),
            (&Method::OPTIONS, "*", ok("", "*", "")),
            (&Method::CONNECT, "a:443", ok("a:443", "", "")),
            (&get, "*", Err(Refusal::AsteriskForm)),
            (&Method::OPTIONS, "**", Err(Refusal::Target)),
            (&get, "a:443", Err(Refusal::AuthorityForm)),
            (&Method::CONNECT, "a", Err(Refusal::AuthorityForm)),
            (&Method::CONNECT, "/", Err(Refusal::AuthorityForm)),
            (&Method::CONNECT, "http://a:1/", Err(Refusal::AuthorityForm)),
            (&get, "/a b", Err(Refusal::Target)),
            (&get, "/a\tb", Err(Refusal::Target)),
            (&get, "/a\u{e9}", Err(Refusal::Target)),
            (&get, "/a#b", Err(Refusal::Target)),
            (&get, "/a\"b", Err(Refusal::Target)),
            (&get, "/a<b>", Err(Refusal::Target)),
            (&get, "/a\\b", Err(Refusal::Target)),
            (&get, "/%2", Err(Refusal::Target)),
            (&get, "/%zz", Err(Refusal::Target)),
            (&get, "/a?b#c", Err(Refusal::Target)),
            (&get, "ftp://a/", Err(Refusal::Target)),
            (&get, "http:///", Err(Refusal::Target)),
            (&get, "http://user@a/", Err(Refusal::Target)),
            (&get, "http://a:b/", Err(Refusal::Target)),
            (&get, "?a", Err(Refusal::Target)),
        ];
        for (method, target, expected) in cases {
            let text = target.as_bytes();
            let part = |span: Span| std::str::from_utf8(span.of(text)).unwrap_or("not UTF-8");
            let read = read(text, Span::new(0, text.len()), method);
            let read = read.map(|read| (part(read.authority), part(read.path), part(read.query)));
            assert_eq!(&read, expected, "{method} {target}");
        }
    }
}
