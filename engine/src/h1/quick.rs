//! A head that is there as a whole, and is like most: read in one pass.
//!
//! It knows no errors. Whatever it does not know for a good head it leaves to the one that finds the end
//! first and then reads with care ([`head::read`](super::head::read)), which decides alone what is refused,
//! and for which reason. A test holds the two together.

use http::{Method, Version};
use http_server_trait::backend::{Line, RawHead, Span, Target};

use super::chars::{is_query, is_quick_path, is_token};
use super::head::{Host, Message, Seen, may_matter};
use super::limits::Limits;
use super::words::{controls, eight, equal, first, four, no_digits, others, two};

/// The shortest head: `GET / HTTP/1.0` and two line ends.
pub(super) const SHORTEST: usize = 18;

/// The longest head: every place in it, and a little beyond, is a `u32`.
const LONGEST: usize = u32::MAX as usize - 64;

/// Reads the head that the bytes begin with, if it is complete and like most. Gives its length.
#[inline]
pub(super) fn read(bytes: &[u8], raw: &mut RawHead, limits: &Limits) -> Option<(usize, Message)> {
    let bytes = bytes.get(..limits.head).unwrap_or(bytes);
    if bytes.len() > LONGEST {
        return None;
    }
    let start = request_line(bytes, raw, limits)?;
    let host_end = host(bytes, start);
    let is_alone = host_end > start && four(bytes, host_end) == Some(*b"\r\n\r\n");
    let (method, _, version) = raw.line();
    let mut message = Message {
        is_head: method == Method::HEAD,
        ..Message::OF_NOTHING
    };
    let end = if is_alone && version == Version::HTTP_11 && limits.fields > 0 {
        raw.parts().1.push(host_line(start, host_end));
        host_end + 4
    } else {
        fields(bytes, start, host_end, raw, limits.fields, &mut message)?
    };
    let end = end as usize;
    raw.fill(&bytes[..end]);
    Some((end, message))
}

/// Writes what the request line says, and gives where the next line begins.
#[inline]
fn request_line(bytes: &[u8], raw: &mut RawHead, limits: &Limits) -> Option<u32> {
    let four = four(bytes, 0)?;
    // Compared as wholes: patterns of bytes are compared one by one.
    if four == *b"GET " {
        return target(bytes, Method::GET, 4, raw, limits);
    }
    other_method(bytes, four, raw, limits)
}

#[inline(never)]
fn other_method(bytes: &[u8], four: [u8; 4], raw: &mut RawHead, limits: &Limits) -> Option<u32> {
    let (method, start) = match &bytes[4..] {
        [b' ', ..] if four == *b"POST" => (Method::POST, 5),
        [b' ', ..] if four == *b"HEAD" => (Method::HEAD, 5),
        [b'T', b'E', b' ', ..] if four == *b"DELE" => (Method::DELETE, 7),
        _ if four == *b"PUT " => (Method::PUT, 4),
        _ => return None,
    };
    target(bytes, method, start, raw, limits)
}

/// A target in origin-form, and the version.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "so most methods and places are constants, and nothing goes by memory"
)]
fn target(
    bytes: &[u8],
    method: Method,
    start: u32,
    raw: &mut RawHead,
    limits: &Limits,
) -> Option<u32> {
    if byte(bytes, start) != b'/' {
        return None;
    }
    let (path_end, end) = path_and_query(bytes, start + 1);
    if eight(bytes, end) != u64::from_le_bytes(*b" HTTP/1.") {
        return None;
    }
    let version = match four(bytes, end + 7)? {
        minor if minor == *b".1\r\n" => Version::HTTP_11,
        minor if minor == *b".0\r\n" => Version::HTTP_10,
        _ => return None,
    };
    let line_end = end + 9;
    if line_end as usize > limits.request_line || start as usize > limits.method {
        return None;
    }
    let target = Target {
        whole: Span::within(start, end),
        path: Span::within(start, path_end),
        query: Span::within(path_end, end),
        ..Target::default()
    };
    raw.request_line(method, target, version);
    Some(line_end + 2)
}

/// Where a path ends that needs no other look, and where the query after it does, if there is one.
///
/// A function of its own, for it needs most registers.
#[inline(never)]
fn path_and_query(bytes: &[u8], start: u32) -> (u32, u32) {
    let mut at = start;
    loop {
        // Most paths are letters, digits, and what stands between the hyphen and these: full stops and slashes.
        let marks = others::<b'-', b'9'>(eight(bytes, at));
        if marks == 0 {
            at += 8;
            continue;
        }
        at += first(marks);
        match byte(bytes, at) {
            b'?' => return (at, past(bytes, at + 1, is_query)),
            other if is_quick_path(other) => at += 1,
            _ => return (at, at),
        }
    }
}

/// Where the value ends of the field line that most heads begin with, `Host: name` or `Host: name:port`. It needs no
/// other look. If it is another line, or not like most, that is where it begins.
#[inline(never)]
fn host(bytes: &[u8], start: u32) -> u32 {
    // Letters in one case: no other byte becomes one by that bit.
    let name = eight(bytes, start) & 0xffff_ffff_ffff | 0x2020_2020;
    if name != HOST {
        return start;
    }
    let value = start + 6;
    let end = past_name(bytes, value);
    if end == value {
        return start;
    }
    if byte(bytes, end) != b':' {
        return end;
    }
    let port = eight(bytes, end + 1);
    match first(no_digits(port) | 1 << 63) {
        // With so few digits it is less than 65,536.
        digits @ 1..=4 => end + 1 + digits,
        5 if is_at_most(port, *b"65535") => end + 6,
        _ => start,
    }
}

/// Whether the five bytes that stand first are not larger than these, as text.
#[inline]
fn is_at_most(eight: u64, most: [u8; 5]) -> bool {
    let mut most_of_eight = [u8::MAX; 8];
    most_of_eight[..5].copy_from_slice(&most);
    // The first byte counts most.
    eight.swap_bytes() <= u64::from_be_bytes(most_of_eight)
}

const HOST: u64 = u64::from_le_bytes(*b"host: \0\0");

/// The line of a [`host`].
#[inline]
fn host_line(start: u32, end: u32) -> Line {
    Line {
        name: Span::within(start, start + 4),
        value: Span::within(start + 6, end),
    }
}

/// Reads at most so many field lines, of which the first may be a [`host`], and what they say of the message. Gives
/// where the head ends.
#[inline(never)]
fn fields(
    bytes: &[u8],
    start: u32,
    host_end: u32,
    raw: &mut RawHead,
    most: usize,
    message: &mut Message,
) -> Option<u32> {
    let (_, lines) = raw.parts();
    let mut seen = Seen::default();
    let mut at = start;
    if most > 0 && host_end > start && is_line_end(bytes, host_end) {
        seen.host = Host::Good;
        lines.push(host_line(start, host_end));
        at = host_end + 2;
    }
    let at = other_fields(bytes, at, lines, &mut seen, most)?;
    let (method, _, version) = raw.line();
    *message = seen.message(bytes, method, version).ok()?;
    Some(at + 2)
}

/// Gives where the empty line stands.
///
/// A function of its own, for it needs all registers.
#[inline(never)]
fn other_fields(
    bytes: &[u8],
    start: u32,
    lines: &mut Vec<Line>,
    seen: &mut Seen,
    most: usize,
) -> Option<u32> {
    // Said once, it need not be asked for every eight bytes.
    if bytes.len() < SHORTEST {
        return None;
    }
    let mut at = start;
    while !is_line_end(bytes, at) {
        let (line, next) = field(bytes, at)?;
        if may_matter(line.name.end() - at as usize, four(bytes, at)?) {
            seen.matter(line.name.of(bytes), line.value, bytes).ok()?;
        }
        if lines.len() >= most {
            return None;
        }
        lines.push(line);
        at = next;
    }
    Some(at)
}

/// A field line, and where the next one begins.
#[inline]
fn field(bytes: &[u8], start: u32) -> Option<(Line, u32)> {
    let name_end = name_end(bytes, start)?;
    let value = match u16::from_be_bytes(two(bytes, name_end + 1)?) {
        // What nearly all have: one space, and then something else.
        0x2021..=0x20ff => name_end + 2,
        _ => past(bytes, name_end + 1, is_space),
    };
    let line_end = line_end(bytes, value)?;
    // It is no other control byte.
    let value_end = if byte(bytes, line_end - 1) <= b' ' {
        trimmed(bytes, value, line_end)
    } else {
        line_end
    };
    let line = Line {
        name: Span::within(start, name_end),
        value: Span::within(value, value_end),
    };
    Some((line, line_end + 2))
}

/// Where a value ends that has white space after it.
#[cold]
fn trimmed(bytes: &[u8], start: u32, mut end: u32) -> u32 {
    while end > start && is_space(byte(bytes, end - 1)) {
        end -= 1;
    }
    end
}

/// Where the colon stands after a name that begins here and is a token.
#[inline]
fn name_end(bytes: &[u8], start: u32) -> Option<u32> {
    let mut at = start;
    loop {
        // Most names are letters and hyphens.
        let marks = others::<b'-', b'-'>(eight(bytes, at));
        if marks == 0 {
            at += 8;
            continue;
        }
        at += first(marks);
        let other = byte(bytes, at);
        if other == b':' {
            return (at > start).then_some(at);
        }
        if !is_token(other) {
            return None;
        }
        at += 1;
    }
}

/// Where the line ends that has a value from `at` on; nothing if there is a control byte in it.
#[inline]
fn line_end(bytes: &[u8], mut at: u32) -> Option<u32> {
    loop {
        let marks = controls(eight(bytes, at));
        if marks == 0 {
            at += 8;
            continue;
        }
        at += first(marks);
        if is_line_end(bytes, at) {
            return Some(at);
        }
        if !matches!(byte(bytes, at), b'\t' | b'~') {
            return None;
        }
        at += 1;
    }
}

#[inline]
fn is_line_end(bytes: &[u8], at: u32) -> bool {
    two(bytes, at) == Some(*b"\r\n")
}

/// The byte that stands there; zero beyond the end.
#[inline]
fn byte(bytes: &[u8], at: u32) -> u8 {
    bytes.get(at as usize).copied().unwrap_or_default()
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The first place from `at` on whose byte is none of these. Zero is never one.
#[inline]
fn past(bytes: &[u8], mut at: u32, is: impl Fn(u8) -> bool) -> u32 {
    while is(byte(bytes, at)) {
        at += 1;
    }
    at
}

/// Where a name of a host ends that is letters, digits, hyphens and full stops.
#[inline]
fn past_name(bytes: &[u8], mut at: u32) -> u32 {
    loop {
        let eight = eight(bytes, at);
        let marks = others::<b'-', b'9'>(eight) | equal::<b'/'>(eight);
        if marks != 0 {
            return at + first(marks);
        }
        at += 8;
    }
}

#[cfg(test)]
mod tests {
    use http_server_trait::backend::RawHead;

    use super::super::head::{Finder, Found};
    use super::super::{Limits, head};
    use super::read;

    const HEADS: &[&str] = &[
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "POST /a/b?c=d?e HTTP/1.1\r\nhost:a:80\r\nContent-Length: 12\r\nX:  a\tb \t\r\n\r\nmore",
        "HEAD /%20 HTTP/1.1\r\nHost: a\r\nConnection: close, TE\r\nTE: trailers\r\n\r\n",
        "PUT /? HTTP/1.1\r\nHost: [::1]:1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
        "DELETE /|[] HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\nA: \u{e9}\u{7f}\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a/b HTTP/1.1\r\nHost: c\r\n\r\n",
    ];

    /// What the careful reader makes of it, in the same words as below.
    fn carefully(bytes: &[u8], limits: &Limits) -> Option<String> {
        let Ok(Found::Head { end, first }) = Finder::default().find(bytes, limits) else {
            return None;
        };
        let mut raw = RawHead::copy(&bytes[..end]);
        let message = head::read(&mut raw, first, limits).ok()?;
        Some(told(end, &raw, &message))
    }

    fn told(end: usize, raw: &RawHead, message: &head::Message) -> String {
        format!("{end} {message:?} {:?} {:?}", raw.lines(), raw.line())
    }

    #[test]
    fn what_it_reads_the_careful_reader_reads_alike() {
        let mut read_quickly = 0;
        for limits in [Limits::default(), tight()] {
            for text in HEADS {
                // Every byte changed to some that matter, every byte left out, and cut everywhere.
                let bytes = text.as_bytes();
                for at in 0..bytes.len() {
                    for byte in *b" \t\r\n\0:/?%aA0,\x7f\xe9" {
                        let mut changed = bytes.to_vec();
                        changed[at] = byte;
                        read_quickly += u32::from(alike(&changed, &limits));
                    }
                    alike(&[&bytes[..at], &bytes[at + 1..]].concat(), &limits);
                    alike(&bytes[..at], &limits);
                }
            }
        }
        assert!(
            read_quickly > 400,
            "nearly nothing was compared: {read_quickly}"
        );
    }

    fn tight() -> Limits {
        Limits {
            request_line: 16,
            head: 60,
            fields: 2,
            method: 3,
            ..Limits::default()
        }
    }

    fn alike(bytes: &[u8], limits: &Limits) -> bool {
        let mut raw = RawHead::new();
        let Some((end, message)) = read(bytes, &mut raw, limits) else {
            return false;
        };
        assert_eq!(
            Some(told(end, &raw, &message)),
            carefully(bytes, limits),
            "{}",
            bytes.escape_ascii()
        );
        true
    }

    #[test]
    fn most_heads_are_read_quickly() {
        let limits = Limits::default();
        let quick = |text: &&&str| read(text.as_bytes(), &mut RawHead::new(), &limits).is_some();
        assert_eq!(HEADS.iter().filter(quick).count(), 4);
    }

    /// Every byte at every place of it, so that each stands in every place of eight, and near the end.
    const LONG: &str = "GET /plain/text-0.9_z?a=b&c HTTP/1.1\r\nHost: a-b.example.com:8080\r\n\
        X-Long-Name_of.9: text\tof ~\u{e9}~ several words \t\r\nA: \r\n\r\n";

    #[test]
    fn every_byte_at_every_place_is_read_alike() {
        let limits = Limits::default();
        let bytes = LONG.as_bytes();
        assert!(alike(bytes, &limits));
        for at in 0..bytes.len() {
            for byte in 0..=u8::MAX {
                let mut changed = bytes.to_vec();
                changed[at] = byte;
                alike(&changed, &limits);
                changed.extend_from_slice(b"GET / HTTP/1.1\r\n");
                alike(&changed, &limits);
            }
            // One more, so that what follows moves on by one.
            for byte in *b"aZ9-./_~: \t\0\x7f\xff" {
                alike(&[&bytes[..at], &[byte], &bytes[at..]].concat(), &limits);
            }
        }
    }

    /// What a host may be is known in two places: both let the same pass.
    #[test]
    fn hosts_are_read_alike() {
        let limits = Limits::default();
        let mut read_quickly = 0;
        for host in [
            "a",
            "",
            ":",
            ":1",
            "a:",
            "a:0",
            "a:9999",
            "a:10000",
            "a:65535",
            "a:65536",
            "a:99999",
            "a:1a",
            "a:1/",
            "a:1:1",
            "a/b",
            "a/",
            "/a",
            "1.2.3.4",
            "a,b",
            "a_b",
            "a@b",
            "a b",
            "a ",
            "[::1]",
            "[::1]:1",
            "example.com/",
            "exampl/com",
            "exampl.com:80 ",
            "host-name.example.com:1",
        ] {
            for name in [
                "Host: ",
                "host: ",
                "hOST: ",
                "Host:",
                "Host:  ",
                "Host:\t",
                "Hos\u{14}: ",
                "Hos: ",
            ] {
                for after in [
                    "\r\n\r\n",
                    "\r\nHost: a\r\n\r\n",
                    "\r\nA: b\r\n\r\n",
                    "\n\r\n",
                    "\r\r\n\r\n",
                ] {
                    let text = format!("GET / HTTP/1.1\r\n{name}{host}{after}");
                    read_quickly += u32::from(alike(text.as_bytes(), &limits));
                    let text = format!("GET / HTTP/1.1\r\nA: b\r\n{name}{host}{after}");
                    read_quickly += u32::from(alike(text.as_bytes(), &limits));
                }
            }
        }
        assert!(
            read_quickly > 200,
            "nearly nothing was compared: {read_quickly}"
        );
    }

    #[test]
    fn a_port_needs_no_other_look_if_it_is_one() {
        for port in 0..=100_000_u32 {
            let line = format!("Host: a:{port}\r\n");
            let end = super::host(line.as_bytes(), 0) as usize;
            let is_port = port <= u16::MAX.into();
            let expected = if is_port { line.len() - 2 } else { 0 };
            assert_eq!(end, expected, "{port}");
        }
    }

    /// A field counts, however its name is written.
    #[test]
    fn fields_that_matter_are_read_alike() {
        let limits = Limits::default();
        for line in [
            "Connection: close",
            "connection: keep-alive",
            "CONNECTION: Keep-Alive, TE",
            "Connection:keep-alive",
            "Content-Length: 5",
            "content-lengtH: 5",
            "Content-Length: x",
            "Content-Lengta: 5",
            "Transfer-Encoding: chunked",
            "transfer-encodinG: chunked",
            "Transfer-Encoding: x",
            "Expect: 100-continue",
            "expect: x",
            "Expecx: x",
            "Upgrade: x",
            "TE: trailers",
            "te:trailers",
            "te:\ttrailers",
            "t: trailers",
            "tea: trailers",
            "Contention: close",
            "Content-Range: 5",
            "Transfer-Encodin: chunked",
        ] {
            for other in [
                "A: b",
                "Connection: upgrade, te",
                "Content-Length: 0",
                "Connection: keep-alive",
            ] {
                for version in ["1.0", "1.1"] {
                    for lines in [
                        ["Host: a", line, other],
                        [line, "Host: a", other],
                        [other, line, "Host:a"],
                    ] {
                        let text =
                            format!("POST / HTTP/{version}\r\n{}\r\n\r\n", lines.join("\r\n"));
                        let read = alike(text.as_bytes(), &limits);
                        let well = carefully(text.as_bytes(), &limits).is_some();
                        assert_eq!(read, well, "{text}");
                    }
                }
            }
        }
    }

    /// At every limit, and with no field at all.
    #[test]
    fn limits_are_held_alike() {
        let fields = [
            "",
            "Host: a\r\n",
            "A: b\r\n",
            "Host: a:1\r\nA: b\r\n",
            "A: b\r\nHost: a\r\nB: c\r\n",
        ];
        let mut read_quickly = 0;
        for fields in fields {
            for line in [
                "GET / HTTP/1.1\r\n",
                "GET / HTTP/1.0\r\n",
                "POST /a?b HTTP/1.1\r\n",
            ] {
                for end in ["\r\n", "\r\n\r\n", "\r\nGET / HTTP/1.1\r\n"] {
                    let text = [line, fields, end].concat();
                    for most in 0..text.len() + 2 {
                        let wide = Limits::default();
                        for limits in [
                            Limits {
                                fields: most,
                                ..wide
                            },
                            Limits { head: most, ..wide },
                            Limits {
                                method: most,
                                ..wide
                            },
                            Limits {
                                request_line: most,
                                ..wide
                            },
                        ] {
                            read_quickly += u32::from(alike(text.as_bytes(), &limits));
                        }
                    }
                }
            }
        }
        assert!(
            read_quickly > 1000,
            "nearly nothing was compared: {read_quickly}"
        );
    }
}
