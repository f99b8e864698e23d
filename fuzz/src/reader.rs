//! The reader: however bytes are cut, they mean the same, and nothing is read past its end.

use http::HeaderValue;
use http_server_engine::h1::{Event, Limits, Reader};

/// Limits that short inputs reach.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.request_line = 64;
    limits.head = 256;
    limits.fields = 6;
    limits.chunk_line = 24;
    limits.chunk_extensions = 48;
    limits.trailers = 64;
    limits.trailer_fields = 3;
    limits
}

/// What comes of these pieces, in words.
fn trace<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: &Limits) -> String {
    let mut reader = Reader::new();
    let mut kept: Vec<u8> = Vec::new();
    let mut content = Vec::new();
    let mut out = String::new();
    for piece in pieces {
        kept.extend_from_slice(piece);
        loop {
            let (used, event) = match reader.read(&kept, limits) {
                Ok(read) => read,
                Err(refusal) => {
                    return format!("{out}{}{refusal:?}", content.escape_ascii());
                }
            };
            assert!(used <= kept.len(), "read past what is there");
            match event {
                Event::NeedsMore if reader.is_done() => reader.next(),
                Event::NeedsMore => {
                    assert_eq!(used, 0, "used up in vain");
                    break;
                }
                Event::Passed => assert!(used > 0, "it would go on for ever"),
                Event::Head(raw, message) => {
                    assert_eq!(raw.text(), &kept[..used], "a head is all of what it used");
                    out += &format!("[{:?} {:?} {message:?}]", raw.line(), raw.lines());
                }
                Event::Data(data) => {
                    assert_eq!(data.len(), used);
                    content.extend_from_slice(data);
                }
                Event::End(trailers) => {
                    out += &format!("{}|{trailers:?}\n", content.escape_ascii());
                    content.clear();
                }
            }
            kept.drain(..used);
        }
    }
    // How far the last message has come must not depend on the cuts either.
    format!("{out}{} +{}", content.escape_ascii(), reader.is_at_head())
}

fn same_however_cut(bytes: &[u8], limits: &Limits) {
    let whole = trace([bytes], limits);
    let one_by_one = trace(bytes.chunks(1), limits);
    assert_eq!(whole, one_by_one, "{}", bytes.escape_ascii());
    // Where to cut is part of the input.
    let at = bytes.iter().fold(7_usize, |at, byte| {
        at.wrapping_mul(31).wrapping_add(usize::from(*byte))
    });
    let (front, back) = bytes.split_at(at % (bytes.len() + 1));
    assert_eq!(
        whole,
        trace([front, back], limits),
        "{}",
        bytes.escape_ascii()
    );
}

/// Heads, one after the other, with the default limits and with tight ones.
pub fn head(bytes: &[u8]) {
    same_however_cut(bytes, &Limits::default());
    same_however_cut(bytes, &limits());
}

/// Content in chunks, with trailers.
pub fn chunked(bytes: &[u8]) {
    let head: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let message = [head, bytes].concat();
    same_however_cut(&message, &Limits::default());
    same_however_cut(&message, &limits());
}

/// The value of a field: accepted if, and only if, it is one that HTTP knows.
pub fn fields(bytes: &[u8]) {
    let message = [b"GET / HTTP/1.1\r\nHost: a\r\nX: ", bytes, b"\r\n\r\n"].concat();
    let mut limits = Limits::default();
    limits.head = usize::MAX / 2;
    let read = Reader::new().read(&message, &limits).map(|(used, event)| {
        let Event::Head(raw, _) = event else {
            return (used, None);
        };
        let last = raw
            .lines()
            .last()
            .map(|line| line.value.of(raw.text()).to_vec());
        (used, last)
    });
    let valid = HeaderValue::from_bytes(bytes).is_ok();
    match read {
        Ok((used, Some(value))) if used == message.len() && valid => {
            let trimmed = bytes.trim_ascii_start();
            let trimmed = trimmed.strip_suffix(b"\t").unwrap_or(trimmed);
            assert!(
                bytes.is_empty() || trimmed.starts_with(&value),
                "{}",
                bytes.escape_ascii()
            );
            assert!(HeaderValue::from_bytes(&value).is_ok());
        }
        // Bytes with a line end in them are several lines, or the end of the head.
        Ok(_) => assert!(bytes.contains(&b'\n'), "{}", bytes.escape_ascii()),
        Err(_) => assert!(!valid || bytes.contains(&b'\n'), "{}", bytes.escape_ascii()),
    }
}
