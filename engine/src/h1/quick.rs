//! A head that is there as a whole, and is like most: read in one pass.
//!
//! It knows no errors. Whatever it does not know for a good head it leaves to the one that finds the end
//! first and then reads with care ([`head::read`](super::head::read)), which decides alone what is refused,
//! and for which reason. A test holds the two together.

use http::{Method, Version};
use http_server_trait::backend::{Line, RawHead, Span, Target};

use super::chars::{is_query, is_quick_path, is_token};
use super::head::{Message, Seen};
use super::limits::Limits;

/// The shortest head: `GET / HTTP/1.0` and two line ends.
pub(super) const SHORTEST: usize = 18;

/// The longest head: every place in it is a `u32`.
const LONGEST: usize = u32::MAX as usize;

/// Reads the head that the bytes begin with, if it is complete and like most. Gives its length.
pub(super) fn read(bytes: &[u8], raw: &mut RawHead, limits: &Limits) -> Option<(usize, Message)> {
    let bytes = &bytes[..bytes.len().min(limits.head).min(LONGEST)];
    let (method, start) = method(bytes)?;
    let (target, line_end, version) = target(bytes, start)?;
    if line_end > limits.request_line || start > limits.method {
        return None;
    }
    let (_, lines) = raw.parts();
    let mut seen = Seen::default();
    let mut at = line_end + 2;
    while let Some((line, next)) = field(bytes, at) {
        if lines.len() == limits.fields {
            return None;
        }
        seen.field(line.name.of(bytes), line.value, bytes).ok()?;
        lines.push(line);
        at = next;
    }
    let end = at + 2;
    if bytes.get(at..end)? != b"\r\n" {
        return None;
    }
    let message = seen.message(bytes, &method, version).ok()?;
    raw.fill(&bytes[..end]);
    raw.request_line(method, target, version);
    Some((end, message))
}

fn method(bytes: &[u8]) -> Option<(Method, usize)> {
    Some(match bytes {
        [b'G', b'E', b'T', b' ', ..] => (Method::GET, 4),
        [b'P', b'O', b'S', b'T', b' ', ..] => (Method::POST, 5),
        [b'P', b'U', b'T', b' ', ..] => (Method::PUT, 4),
        [b'H', b'E', b'A', b'D', b' ', ..] => (Method::HEAD, 5),
        [b'D', b'E', b'L', b'E', b'T', b'E', b' ', ..] => (Method::DELETE, 7),
        _ => return None,
    })
}

/// A target in origin-form and the version: where the line ends, too.
fn target(bytes: &[u8], start: usize) -> Option<(Target, usize, Version)> {
    if bytes.get(start) != Some(&b'/') {
        return None;
    }
    let path_end = past(bytes, start + 1, is_quick_path);
    let end = match bytes.get(path_end) {
        Some(b'?') => past(bytes, path_end + 1, is_query),
        _ => path_end,
    };
    let line_end = end + b" HTTP/1.1".len();
    let version = match bytes.get(end..)?.first_chunk()? {
        b" HTTP/1.1\r\n" => Version::HTTP_11,
        b" HTTP/1.0\r\n" => Version::HTTP_10,
        _ => return None,
    };
    let target = Target {
        whole: span(start, end),
        path: span(start, path_end),
        query: span(path_end, end),
        ..Target::default()
    };
    Some((target, line_end, version))
}

/// A field line, and where the next one begins.
fn field(bytes: &[u8], start: usize) -> Option<(Line, usize)> {
    let name_end = past(bytes, past_words(bytes, start), is_token);
    if name_end == start || bytes.get(name_end) != Some(&b':') {
        return None;
    }
    let value = past(bytes, name_end + 1, is_space);
    let line_end = control(bytes, value)?;
    if bytes.get(line_end..line_end + 2)? != b"\r\n" {
        return None;
    }
    let mut value_end = line_end;
    while value_end > value && is_space(bytes[value_end - 1]) {
        value_end -= 1;
    }
    let line = Line {
        name: span(start, name_end),
        value: span(value, value_end),
    };
    Some((line, line_end + 2))
}

/// Of a head that is not too long.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a head is not longer than `LONGEST`"
)]
fn span(start: usize, end: usize) -> Span {
    Span::within(start as u32, end as u32)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The first place from `start` on whose byte is none of these.
#[inline]
fn past(bytes: &[u8], start: usize, is: impl Fn(u8) -> bool) -> usize {
    let mut at = start;
    while bytes.get(at).is_some_and(|byte| is(*byte)) {
        at += 1;
    }
    at
}

const ONES: u64 = u64::MAX / 0xff;
const HIGH: u64 = ONES * 0x80;

/// A place from `start` on before which there are only letters and hyphens, as in most names of fields, eight
/// bytes at a time.
fn past_words(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(&eight) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let eight = u64::from_le_bytes(eight);
        // One case for letters; a hyphen has that bit already.
        let lower = eight | (ONES * 0x20);
        // The high bit of a byte from `a` on, and of one beyond `z`: no sum carries, as long as no byte has its
        // high bit set to begin with.
        let low = lower & !HIGH;
        let letter = (low + ONES * (0x80 - 0x61)) & !(low + ONES * (0x80 - 0x7b));
        let hyphen = eight ^ (ONES * 0x2d);
        // Exact for every byte: the sum does not carry.
        let hyphen = !((hyphen & !HIGH) + ONES * 0x7f);
        let other = !(letter | hyphen) & HIGH | (eight & HIGH);
        if other != 0 {
            return at + other.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at
}

/// The first control byte other than HTAB from `at` on, eight bytes at a time.
fn control(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        if let Some(&eight) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
            let eight = u64::from_le_bytes(eight);
            // The high bit of a byte below 0x20, and of one that is 0x7f. What is set above the lowest such
            // byte may be wrong, for a borrow; the lowest is right, and only that is looked at.
            let low = eight.wrapping_sub(ONES * 0x20) & !eight & HIGH;
            let delete = eight ^ (ONES * 0x7f);
            let delete = delete.wrapping_sub(ONES) & !delete & HIGH;
            let found = low | delete;
            if found == 0 {
                at += 8;
                continue;
            }
            at += found.trailing_zeros() as usize / 8;
        } else {
            let byte = *bytes.get(at)?;
            if byte >= 0x20 && byte != 0x7f {
                at += 1;
                continue;
            }
        }
        if bytes[at] != b'\t' {
            return Some(at);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use http_server_trait::backend::RawHead;

    use super::super::chars::is_token;
    use super::super::head::{Finder, Found};
    use super::super::{Limits, head};
    use super::{control, past_words, read};

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

    #[test]
    fn words_end_where_something_else_stands() {
        for length in 0..20 {
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    let mut name = b"Sec-Fetch-a-Zz-A-aBc".to_vec();
                    name.truncate(length);
                    name[at] = byte;
                    let end = past_words(&name, 0);
                    assert!(name[..end].iter().all(|byte| is_token(*byte)));
                    let is_word = byte.is_ascii_alphabetic() || byte == b'-';
                    let whole = length / 8 * 8;
                    let first = if is_word || at >= whole { whole } else { at };
                    assert_eq!(end, first, "{}", name.escape_ascii());
                }
            }
        }
    }

    #[test]
    fn control_bytes_are_found_wherever_they_stand() {
        for length in 1..40 {
            for at in 0..length {
                for byte in [0, 0x1f, b'\r', 0x7f] {
                    let mut value = vec![0xff; length];
                    assert_eq!(control(&value, 0), None);
                    value[at] = byte;
                    assert_eq!(control(&value, 0), Some(at));
                    value[at] = b'\t';
                    assert_eq!(control(&value, 0), None);
                }
            }
        }
    }
}
