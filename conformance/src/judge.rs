//! By what a client judges: by all that the project asks of its own servers, or by the RFCs alone.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use crate::failure::Failure;

/// By what a client judges what a server does.
#[derive(Clone, Debug)]
pub(crate) enum Judge {
    /// By the RFCs and, where they leave a choice, by what the project has chosen.
    House,
    /// By the RFCs alone: the server is somebody else's.
    Rfc(Arc<Foreign>),
}

/// What has to be known of a server that is somebody else's.
///
/// In cases, `/ok` and `/echo` stand for the two routes, and `Host: a` for a host that the server answers for.
/// They are put in where the client sends. So where a case counts bytes, these words must not be among them.
#[derive(Debug)]
pub(crate) struct Foreign {
    /// What is asked for in place of `/ok`.
    pub(crate) ok: String,
    /// What its answer's content is.
    pub(crate) ok_content: Vec<u8>,
    /// What takes content.
    pub(crate) takes: Takes,
    /// Whom the server answers for, if not for everybody.
    pub(crate) host: Option<String>,
    /// When the case has to be over.
    pub(crate) until: Instant,
}

/// Which route takes content in place of `/echo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// One that sends it back.
    Echo(String),
    /// The one that answers 200, to content as well.
    Ok,
    /// None.
    Nothing,
}

/// Why a case that needs content sent back does not apply.
pub(crate) const NO_ECHO: &str = "it needs a route that sends content back";
/// Why a case that names no host does not apply.
pub(crate) const NO_HOST: &str = "it names no host, and the server is asked for one";
/// Why a case that sends content does not apply.
pub(crate) const NO_CONTENT: &str = "it needs a route that takes content";

impl Foreign {
    /// What a client really sends.
    pub(crate) fn addressed<'b>(&self, bytes: &'b [u8]) -> Result<Cow<'b, [u8]>, Failure> {
        let echo = match &self.takes {
            Takes::Echo(path) => path,
            Takes::Ok => &self.ok,
            Takes::Nothing if holds(bytes, b"/echo") => {
                return Err(Failure::not_applicable(NO_CONTENT));
            }
            Takes::Nothing => "",
        };
        let mut words = vec![("/ok", self.ok.as_str()), ("/echo", echo)];
        let absolute = self
            .host
            .as_ref()
            .map(|name| format!("://{name}{}", self.ok));
        if let Some(absolute) = &absolute {
            if holds(bytes, b" HTTP/1.0\r\n") && !holds_host(bytes) {
                return Err(Failure::not_applicable(NO_HOST));
            }
            words.push(("://a/ok", absolute));
        }
        words.retain(|(word, meant)| word != meant);
        Ok(put_in(bytes, &words, self.host.as_deref()))
    }

    /// Whether content cannot be asked back.
    pub(crate) fn is_blind(&self) -> bool {
        self.takes == Takes::Ok
    }

    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }
}

impl Judge {
    /// Whether the server is somebody else's.
    pub(crate) fn foreign(&self) -> Option<&Foreign> {
        match self {
            Judge::House => None,
            Judge::Rfc(foreign) => Some(foreign),
        }
    }
}

/// Puts other words in for these, and another name for the hosts of cases. What was put in is not looked at
/// again.
fn put_in<'b>(bytes: &'b [u8], words: &[(&str, &str)], host: Option<&str>) -> Cow<'b, [u8]> {
    if host.is_none() && !words.iter().any(|(word, _)| holds(bytes, word.as_bytes())) {
        return Cow::Borrowed(bytes);
    }
    let mut meant = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, others)) = rest.split_first() {
        let found = words
            .iter()
            .find(|(word, _)| rest.starts_with(word.as_bytes()));
        if let Some((word, other)) = found {
            meant.extend_from_slice(other.as_bytes());
            rest = &rest[word.len()..];
        } else if let (Some(name), Some((before, word))) = (host, host_at(rest)) {
            meant.extend_from_slice(&rest[..before]);
            meant.extend_from_slice(name.as_bytes());
            rest = &rest[before + word..];
        } else {
            meant.push(*first);
            rest = others;
        }
    }
    Cow::Owned(meant)
}

/// If a field line begins here that names the host of a case: what stands before that name, and how long it is.
fn host_at(bytes: &[u8]) -> Option<(usize, usize)> {
    let value = bytes.get(NAME.len()..)?;
    if !bytes[..NAME.len()].eq_ignore_ascii_case(NAME) {
        return None;
    }
    let line = value.split(|byte| *byte == b'\r').next()?;
    let word = line.trim_ascii();
    let before = NAME.len() + (line.len() - line.trim_ascii_start().len());
    HOSTS.contains(&word).then_some((before, word.len()))
}

fn holds_host(bytes: &[u8]) -> bool {
    bytes
        .windows(NAME.len())
        .any(|window| window.eq_ignore_ascii_case(NAME))
}

const NAME: &[u8] = b"host:";
/// What cases call the host.
const HOSTS: [&[u8]; 2] = [b"a", b"conformance"];

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{Foreign, Takes};

    fn foreign(takes: Takes, host: Option<&str>) -> Foreign {
        Foreign {
            ok: "/ok/health".into(),
            ok_content: b"fine".to_vec(),
            takes,
            host: host.map(str::to_owned),
            until: Instant::now(),
        }
    }

    fn sent(foreign: &Foreign, bytes: &str) -> String {
        let sent = foreign.addressed(bytes.as_bytes()).expect("it applies");
        String::from_utf8(sent.into_owned()).expect("it is text")
    }

    #[test]
    fn words_stand_for_routes_and_hosts() {
        let echo = foreign(Takes::Echo("/e".into()), None);
        for (bytes, meant) in [
            (
                "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET /ok/health HTTP/1.1\r\nHost: a\r\n\r\n",
            ),
            ("POST /echo?/ok", "POST /e?/ok/health"),
            ("GET http://a/ok?q", "GET http://a/ok/health?q"),
            ("GET / HTTP/1.1", "GET / HTTP/1.1"),
            ("/o", "/o"),
            ("", ""),
        ] {
            assert_eq!(sent(&echo, bytes), meant);
        }
        let named = foreign(Takes::Ok, Some("example.org"));
        for (bytes, meant) in [
            (
                "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET /ok/health HTTP/1.1\r\nHost: example.org\r\n\r\n",
            ),
            (
                "GET http://a/ok HTTP/1.1\r\nHost: ab\r\n",
                "GET http://example.org/ok/health HTTP/1.1\r\nHost: ab\r\n",
            ),
            ("Host: conformance\r\n", "Host: example.org\r\n"),
            ("hOST:\t a \r\nx: a\r\n", "hOST:\t example.org \r\nx: a\r\n"),
            ("Host: a b\r\n", "Host: a b\r\n"),
            (
                "GET /ok HTTP/1.0\r\nHost: a\r\n",
                "GET /ok/health HTTP/1.0\r\nHost: example.org\r\n",
            ),
            ("POST /echo", "POST /ok/health"),
        ] {
            assert_eq!(sent(&named, bytes), meant);
        }
    }

    #[test]
    fn where_a_host_has_to_be_named_nothing_is_asked_without() {
        let named = foreign(Takes::Ok, Some("example.org"));
        assert!(named.addressed(b"GET /ok HTTP/1.0\r\n\r\n").is_err());
        // That one is to be refused.
        assert_eq!(
            sent(&named, "GET / HTTP/1.1\r\n\r\n"),
            "GET / HTTP/1.1\r\n\r\n"
        );
    }

    #[test]
    fn without_a_route_for_content_none_is_sent() {
        let none = foreign(Takes::Nothing, None);
        assert!(none.addressed(b"POST /echo HTTP/1.1").is_err());
        assert_eq!(sent(&none, "GET /ok"), "GET /ok/health");
    }
}
