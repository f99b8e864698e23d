//! The reader, held to its table: each case whole, byte by byte, and cut at every point.

use http_server_engine::h1::{Event, Framing, Limits, Reader, Refusal};

/// What comes out of these pieces: one line for each head, content and end, and the refusal if there
/// is one. Pieces of content are joined: how they are cut is not part of the meaning.
fn trace(pieces: &[&[u8]], limits: &Limits) -> String {
    let mut reader = Reader::new();
    let mut kept: Vec<u8> = Vec::new();
    let mut out = String::new();
    let mut content = Vec::new();
    for piece in pieces {
        kept.extend_from_slice(piece);
        loop {
            let (used, event) = match reader.read(&kept, limits) {
                Ok(read) => read,
                Err(refusal) => return format!("{out}{refusal:?}"),
            };
            assert!(used <= kept.len(), "never past what is there");
            match event {
                Event::NeedsMore => {
                    if reader.is_done() {
                        reader.next();
                        continue;
                    }
                    assert_eq!(used, 0, "nothing is used up in vain");
                    break;
                }
                Event::Passed => assert!(used > 0, "passing over goes on"),
                Event::Head(raw, message) => {
                    let lines = raw.lines().iter().map(|line| {
                        let text = raw.text();
                        format!(
                            "{}={}",
                            line.name.of(text).escape_ascii(),
                            line.value.of(text).escape_ascii()
                        )
                    });
                    let fields = lines.collect::<Vec<_>>().join(",");
                    let first = raw
                        .text()
                        .split(|byte| *byte == b'\r')
                        .next()
                        .unwrap_or_default();
                    let kept = if message.keep_alive { "" } else { " close" };
                    let expects = if message.expects_continue {
                        " expects"
                    } else {
                        ""
                    };
                    out += &format!(
                        "[{}|{fields}|{:?}{kept}{expects}]",
                        first.escape_ascii(),
                        message.framing
                    );
                    if message.framing == Framing::Empty {
                        out += "\n";
                    }
                }
                Event::Data(data) => {
                    assert!(!data.is_empty());
                    content.extend_from_slice(data);
                }
                Event::End(trailers) => {
                    out += &format!("{}", content.escape_ascii());
                    for (name, value) in trailers.iter().flatten() {
                        out += &format!(" {name}={}", value.as_bytes().escape_ascii());
                    }
                    out += "\n";
                    content.clear();
                }
            }
            kept.drain(..used);
        }
    }
    format!("{out}{}", content.escape_ascii())
}

/// Holds a case to its trace, however its bytes are cut.
fn holds(bytes: &[u8], limits: &Limits, expected: &str) {
    let name = bytes[..bytes.len().min(200)].escape_ascii();
    assert_eq!(trace(&[bytes], limits), expected, "whole: {name}");
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(trace(&single, limits), expected, "byte by byte: {name}");
    for at in 1..bytes.len() {
        let (front, back) = bytes.split_at(at);
        assert_eq!(
            trace(&[front, back], limits),
            expected,
            "cut at {at}: {name}"
        );
    }
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n";

#[test]
fn good_messages() {
    let cases = [
        (
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "[GET / HTTP/1.1|Host=a|Empty]\n",
        ),
        ("GET / HTTP/1.0\r\n\r\n", "[GET / HTTP/1.0||Empty close]\n"),
        (
            "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            "[GET / HTTP/1.0|Connection=keep-alive|Empty]\n",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: a, CLOSE\r\n\r\n",
            "[GET / HTTP/1.1|Host=a,Connection=a, CLOSE|Empty close]\n",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
            "[GET / HTTP/1.1|Host=a,Connection=keep-alive,Connection=close|Empty close]\n",
        ),
        (
            "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "[GET / HTTP/1.1|Host=a|Empty]\n",
        ),
        (
            "GET / HTTP/1.1\r\nHost:a\r\nx:\ty \r\n\r\n",
            "[GET / HTTP/1.1|Host=a,x=y|Empty]\n",
        ),
        // pipelined
        (
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\n",
            "[GET /1 HTTP/1.1|Host=a|Empty]\n[GET /2 HTTP/1.1|Host=b|Empty]\n",
        ),
        // content of known length
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "[POST / HTTP/1.1|Host=a,Content-Length=3|Length(3)]abc\n[GET / HTTP/1.1|Host=a|Empty]\n",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n\r\n",
            "[GET / HTTP/1.1|Host=a,Content-Length=2|Length(2)]\\r\\n\n",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab",
            "[POST / HTTP/1.1|Host=a,Content-Length=3|Length(3)]ab",
        ),
        // chunks
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n00A;x=\"y;\\\"z\"\r\n0123456789\r\n0\r\n\r\n",
            "[POST / HTTP/1.1|Host=a,Transfer-Encoding=chunked|Chunked]abc0123456789\n",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\nAge: 1\r\nC:\r\n\r\n",
            "[POST / HTTP/1.1|Host=a,Transfer-Encoding=chunked|Chunked] a=b c=\n",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n\r\n\r\n\r\n0\r\n\r\n",
            "[POST / HTTP/1.1|Host=a,Transfer-Encoding=chunked|Chunked]\\r\\n\\r\\n\n",
        ),
        // expectations
        (
            "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\na",
            "[POST / HTTP/1.1|Host=a,Expect=100-Continue,Content-Length=1|Length(1) expects]a\n",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
            "[GET / HTTP/1.1|Host=a,Expect=100-continue|Empty]\n",
        ),
        (
            "POST / HTTP/1.0\r\nExpect: other\r\nContent-Length: 1\r\n\r\na",
            "[POST / HTTP/1.0|Expect=other,Content-Length=1|Length(1) close]a\n",
        ),
    ];
    for (bytes, expected) in cases {
        holds(bytes.as_bytes(), &Limits::default(), expected);
    }
}

#[test]
fn refusals() {
    use Refusal as R;
    let cases: &[(String, Refusal)] = &[
        ("\x16\x03\x01\x02".into(), R::NotHttp),
        (" GET / HTTP/1.1\r\n".into(), R::NotHttp),
        (
            "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n".into(),
            R::EmptyLines,
        ),
        ("\n".into(), R::BareLf),
        ("GET / HTTP/1.1\nHost: a\r\n\r\n".into(), R::BareLf),
        (format!("{GET}\n"), R::BareLf),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n".into(), R::BareLf),
        ("GET / HTTP/1.1\rHost: a\r\n\r\n".into(), R::Version),
        ("GET /\r\n\r\n".into(), R::RequestLine),
        ("GET / HTTP/1.1 \r\n\r\n".into(), R::Version),
        ("PRI * HTTP/2.0\r\n\r\n".into(), R::VersionUnsupported),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n".into(), R::AsteriskForm),
        (
            "GET a:1 HTTP/1.1\r\nHost: a\r\n\r\n".into(),
            R::AuthorityForm,
        ),
        ("GET / HTTP/1.1\r\n\r\n".into(), R::HostMissing),
        ("GET http://a/ HTTP/1.1\r\n\r\n".into(), R::HostMissing),
        (format!("{GET}Host: a\r\n\r\n"), R::HostTwice),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n".into(), R::Host),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n".into(), R::Host),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n".into(), R::Host),
        ("GET / HTTP/1.0\r\nHost: u@a\r\n\r\n".into(), R::Host),
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n".into(), R::Folded),
        (format!("{GET}x: y\r\n z\r\n\r\n"), R::Folded),
        (format!("{GET}x : y\r\n\r\n"), R::SpaceBeforeColon),
        (format!("{GET}: y\r\n\r\n"), R::FieldName),
        (format!("{GET}x\r\n\r\n"), R::FieldName),
        (format!("{GET}x: a\rb\r\n\r\n"), R::FieldValue),
        (format!("{GET}x: a\0b\r\n\r\n"), R::FieldValue),
        (format!("{GET}x: a\r\r\n\r\n"), R::FieldValue),
        (
            format!("{GET}Content-Length: 1\r\nContent-Length: 1\r\n\r\n"),
            R::Length,
        ),
        (
            format!("{GET}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
            R::LengthAndChunked,
        ),
        (
            format!("{GET}Transfer-Encoding: chunked\r\nContent-length: 1\r\n\r\n"),
            R::LengthAndChunked,
        ),
        (
            format!("{GET}Transfer-Encoding: a, chunked\r\n\r\n"),
            R::CodingUnknown,
        ),
        (
            format!("{GET}Transfer-Encoding: chunked, a\r\n\r\n"),
            R::ChunkedNotLast,
        ),
        (format!("{GET}Expect: something\r\n\r\n"), R::Expectation),
        (
            format!("{GET}Expect: 100-continue, something\r\n\r\n"),
            R::Expectation,
        ),
        (
            format!("{GET}{}\r\n", "a: b\r\n".repeat(100)),
            R::TooManyFields,
        ),
        (
            format!("{GET}a: {}\r\n\r\n", "b".repeat(16 * 1024)),
            R::HeadTooLarge,
        ),
        (
            format!("GET /{} HTTP/1.1\r\n", "b".repeat(8 * 1024)),
            R::RequestLineTooLong,
        ),
    ];
    for (bytes, expected) in cases {
        let limits = Limits::default();
        // The long ones at a few points only: every point of 16 KiB takes minutes and shows nothing new.
        if bytes.len() > 1000 {
            let bytes = bytes.as_bytes();
            for at in [1, 15, 16, 17, 8190, 8192, 8206, 8207, 8208, 16_383]
                .into_iter()
                .filter(|at| *at < bytes.len())
            {
                let (front, back) = bytes.split_at(at);
                assert_eq!(
                    trace(&[front, back], &limits),
                    format!("{expected:?}"),
                    "cut at {at}"
                );
            }
            assert_eq!(
                trace(&bytes.chunks(1).collect::<Vec<_>>(), &limits),
                format!("{expected:?}")
            );
        } else {
            holds(bytes.as_bytes(), &limits, &format!("{expected:?}"));
        }
    }
}

#[test]
fn refusals_in_chunks() {
    use Refusal as R;
    let cases: &[(&str, Refusal)] = &[
        ("g\r\n", R::ChunkSize),
        ("\r\n", R::ChunkSize),
        ("1 \r\n", R::ChunkSize),
        (" 1\r\n", R::ChunkSize),
        ("-1\r\n", R::ChunkSize),
        ("0x1\r\n", R::ChunkSize),
        ("10000000000000000\r\n", R::ChunkSize),
        ("1\n", R::BareLf),
        ("1\r\nab", R::ChunkEnd),
        ("1\r\na\n", R::ChunkEnd),
        ("1\r\na\rb", R::ChunkEnd),
        ("1\r\na0\r\n", R::ChunkEnd),
        ("1;\r\n", R::ChunkExtension),
        ("0\r\nContent-Length: 1\r\n\r\n", R::TrailerField),
        ("0\r\nTransfer-Encoding: chunked\r\n\r\n", R::TrailerField),
        ("0\r\nHost: b\r\n\r\n", R::TrailerField),
        ("0\r\na : b\r\n\r\n", R::SpaceBeforeColon),
        ("0\r\n a: b\r\n\r\n", R::Folded),
        ("0\r\na: b\n\r\n", R::BareLf),
    ];
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let read = "[POST / HTTP/1.1|Host=a,Transfer-Encoding=chunked|Chunked]";
    for (chunks, expected) in cases {
        holds(
            format!("{head}{chunks}").as_bytes(),
            &Limits::default(),
            &format!("{read}{expected:?}"),
        );
    }
}

/// One under, at, and one over each limit.
#[test]
fn limits_hold_to_the_byte() {
    let mut limits = Limits::default();
    limits.request_line = 20;
    limits.head = 60;
    limits.fields = 2;
    limits.method = 4;
    limits.chunk_line = 6;
    limits.chunk_extensions = 8;
    limits.trailers = 12;
    limits.trailer_fields = 1;
    let line = |n: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(n - 14));
    holds(
        line(20).as_bytes(),
        &limits,
        "[GET /xxxxxx HTTP/1.1|Host=a|Empty]\n",
    );
    holds(line(21).as_bytes(), &limits, "RequestLineTooLong");
    // Too long and ended badly: in one piece it is refused for what is told first when it comes in many.
    let bare = |n: usize| line(n).replacen("\r\n", "\n", 1);
    holds(bare(21).as_bytes(), &limits, "BareLf");
    holds(bare(22).as_bytes(), &limits, "RequestLineTooLong");
    let head = |n: usize| format!("{GET}a: {}\r\n\r\n", "b".repeat(n - 32));
    holds(
        head(59).as_bytes(),
        &limits,
        &format!("[GET / HTTP/1.1|Host=a,a={}|Empty]\n", "b".repeat(27)),
    );
    holds(
        head(60).as_bytes(),
        &limits,
        &format!("[GET / HTTP/1.1|Host=a,a={}|Empty]\n", "b".repeat(28)),
    );
    holds(head(61).as_bytes(), &limits, "HeadTooLarge");
    holds(
        format!("{GET}a: b\r\n\r\n").as_bytes(),
        &limits,
        "[GET / HTTP/1.1|Host=a,a=b|Empty]\n",
    );
    holds(
        format!("{GET}a: b\r\nc: d\r\n\r\n").as_bytes(),
        &limits,
        "TooManyFields",
    );
    holds(
        b"PUTS / HTTP/1.1\r\nHost: a\r\n\r\n",
        &limits,
        "[PUTS / HTTP/1.1|Host=a|Empty]\n",
    );
    holds(
        b"TOOBIG / HTTP/1.1\r\nHost: a\r\n\r\n",
        &limits,
        "MethodTooLong",
    );

    let mut chunked = limits;
    chunked.head = 200;
    let post = |chunks: &str| {
        format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}")
    };
    let read = "[POST / HTTP/1.1|Host=a,Transfer-Encoding=chunked|Chunked]";
    let end = "0\r\n\r\n";
    holds(
        post(&format!("000001\r\na\r\n{end}")).as_bytes(),
        &chunked,
        &format!("{read}a\n"),
    );
    holds(
        post("0000001\r\na").as_bytes(),
        &chunked,
        &format!("{read}ChunkLineTooLong"),
    );
    holds(
        post(&format!("1;abc\r\na\r\n1;abc\r\na\r\n{end}")).as_bytes(),
        &chunked,
        &format!("{read}aa\n"),
    );
    holds(
        post("1;abc\r\na\r\n1;abcd\r\na").as_bytes(),
        &chunked,
        &format!("{read}ExtensionsTooLarge"),
    );
    holds(
        post("0\r\na: 2345678\r\n\r\n").as_bytes(),
        &chunked,
        &format!("{read} a=2345678\n"),
    );
    holds(
        post("0\r\na: 23456789012\r\n\r\n").as_bytes(),
        &chunked,
        &format!("{read}TrailersTooLarge"),
    );
    holds(
        post("0\r\na: 2\r\nb: 2\r\n\r\n").as_bytes(),
        &chunked,
        &format!("{read}TooManyTrailers"),
    );
}
