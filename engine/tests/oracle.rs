//! What the reader accepts, held against other people's readers: `httparse` for the head, `http` for the
//! target. They are more lenient than this one, so only what is accepted here is asked about.

#![allow(clippy::unwrap_used, reason = "a test that fails where it stands")]

use http::Uri;
use http_server_engine::h1::{Event, Limits, Reader};
use http_server_trait::backend::RawHead;

const SEEDS: &[&str] = &[
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a/b%20c?d=e&f#g HTTP/1.1\r\nHost: a.example:8080\r\nAccept: */*\r\nX-Empty:\r\n\r\n",
    "POST http://a:80/b?c HTTP/1.1\r\nHost: d\r\nContent-Length: 3\r\nA: b, c\td \r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close, te\r\n\r\n",
    "CONNECT a.b:443 HTTP/1.1\r\nHost: a.b:443\r\n\r\n",
    "M-SEARCH /x HTTP/1.0\r\nA: \u{e9}\r\nTransfer-Encoding: chunked\r\n\r\n",
    "PUT /a|b[c]^{d}? HTTP/1.1\r\nhost:a\r\nExpect: 100-continue\r\nContent-Length: 00\r\n\r\n",
];

/// Bytes that mean something somewhere in a head.
const BYTES: &[u8] = b" \t\r\n\0:/?#%[]@,;=\"\\aZ09*.-\x7f\xc3\xff";

/// xorshift64: the same choices everywhere.
struct Choices(u64);

impl Choices {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn changed(&mut self, text: &str) -> Vec<u8> {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            let byte = BYTES[self.below(BYTES.len())];
            match self.below(4) {
                0 => bytes.insert(at, byte),
                1 => drop(bytes.remove(at)),
                2 => {
                    let other = self.below(bytes.len());
                    bytes.swap(at, other);
                }
                _ => bytes[at] = byte,
            }
        }
        bytes
    }
}

fn accepted(bytes: &[u8]) -> Option<(usize, RawHead)> {
    match Reader::new().read(bytes, &Limits::default()) {
        Ok((used, Event::Head(raw, _))) => Some((used, raw)),
        _ => None,
    }
}

#[test]
fn whatever_is_accepted_others_read_alike() {
    let mut choices = Choices(0x2545_f491_4f6c_dd1d);
    let mut heads = 0;
    for round in 0..60_000 {
        let bytes = choices.changed(SEEDS[round % SEEDS.len()]);
        let Some((used, raw)) = accepted(&bytes) else {
            continue;
        };
        let line_end = bytes[..used]
            .iter()
            .position(|byte| *byte == b'\r')
            .unwrap();
        if !bytes[..line_end].ends_with(b"HTTP/1.1") && !bytes[..line_end].ends_with(b"HTTP/1.0") {
            // RFC 9110, 2.5: a higher minor version is read as 1.1 here, and not at all by `httparse`.
            continue;
        }
        heads += 1;
        let text = raw.text();
        assert_eq!(text, &bytes[..used]);
        let (method, target, version) = raw.line();
        let shown = bytes.escape_ascii();

        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut other = httparse::Request::new(&mut fields);
        let end = other
            .parse(&bytes)
            .unwrap_or_else(|error| panic!("{shown}: {error}"));
        assert_eq!(end, httparse::Status::Complete(used), "{shown}");
        assert_eq!(other.method, Some(method.as_str()), "{shown}");
        assert_eq!(
            other.path.map(str::as_bytes),
            Some(target.whole.of(text)),
            "{shown}"
        );
        let minor = u8::from(version == http::Version::HTTP_11);
        assert_eq!(other.version, Some(minor), "{shown}");
        let ours = raw
            .lines()
            .iter()
            .map(|line| (line.name.of(text), line.value.of(text)));
        let theirs = other
            .headers
            .iter()
            .map(|field| (field.name.as_bytes(), field.value));
        // The authority of an absolute target replaces the Host field; the others are the same.
        let same = |(ours, theirs): (_, _)| ours == theirs;
        let differ = ours.zip(theirs).filter(|pair| !same(*pair)).count();
        assert!(
            differ <= usize::from(!target.authority.is_empty()),
            "{shown}"
        );
        assert_eq!(raw.lines().len(), other.headers.len(), "{shown}");

        let uri =
            Uri::try_from(target.whole.of(text)).unwrap_or_else(|error| panic!("{shown}: {error}"));
        let path = target.path.of(text);
        if !path.is_empty() {
            assert_eq!(uri.path().as_bytes(), path, "{shown}");
        }
        let query = target.query.of(text).strip_prefix(b"?");
        assert_eq!(uri.query().map(str::as_bytes), query, "{shown}");
        let authority = Some(target.authority.of(text)).filter(|authority| !authority.is_empty());
        assert_eq!(
            uri.authority().map(|a| a.as_str().as_bytes()),
            authority,
            "{shown}"
        );
    }
    assert!(heads > 2_000, "only {heads} heads were compared");
}
