//! What holds for any message: written and read it is the same; however it is cut it is the same, and so are the
//! bytes of its answer; and nothing behind its end is read with it.
//!
//! Messages are made by choice from a seed, the same everywhere. `BAYONET_SEEDS` makes more of them.

#![allow(clippy::unwrap_used, reason = "a test that fails where it stands")]

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use http_server_engine::h1::answer::{CHUNK_END, chunk_start, last_chunk};
use http_server_engine::h1::{Event, Limits, Reader};
use http_server_engine::testkit::{Sim, SimServer};
use http_server_trait::{Body, BodyError, Drain, HttpServer, Request, Response};

/// How many conversations are made.
fn seeds() -> u64 {
    let more = std::env::var("BAYONET_SEEDS").ok();
    300 * more
        .and_then(|more| more.parse().ok())
        .unwrap_or(1_u64)
        .max(1)
}

/// xorshift64: the same choices everywhere.
struct Choices(u64);

impl Choices {
    fn new(seed: u64) -> Self {
        Choices(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    /// Any bytes, those that mean something in HTTP among them.
    fn content(&mut self) -> Vec<u8> {
        const BYTES: &[u8] = b"\r\n\r\n0 ;:aZ\0\xff";
        let length = [0, 1, 2, 7, 40, 300][self.below(6)];
        (0..length)
            .map(|_| BYTES[self.below(BYTES.len())])
            .collect()
    }

    /// Cuts these into pieces, none of which is empty.
    fn cut<'a>(&mut self, mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let most = bytes.len().min([1, 2, 5, 60][self.below(4)]);
            let (piece, rest) = bytes.split_at(1 + self.below(most));
            pieces.push(piece);
            bytes = rest;
        }
        pieces
    }
}

/// A request as its sender means it, and as it is read again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Meant {
    line: String,
    fields: Vec<(String, String)>,
    content: Vec<u8>,
    trailers: Vec<(String, String)>,
}

impl Meant {
    fn any(choices: &mut Choices) -> Self {
        let method = choices.one(&["GET", "POST", "PUT", "DELETE", "M-SEARCH", "x"]);
        let target = choices.one(&["/", "/a?b", "/%2f/..//", "http://b:1/c?d", "/?"]);
        let line = format!("{method} {target}");
        let mut fields = vec![("Host".to_owned(), "a".to_owned())];
        for _ in 0..choices.below(5) {
            let name = choices.one(&["X-A", "x-b", "Accept", "!#$%&'*+-.^_`|~"]);
            let value = choices.one(&["", "b", "a, b", "\"q\\\"\"", "a:\tb", "\u{e9}"]);
            fields.push((name.to_owned(), value.to_owned()));
        }
        Meant {
            line,
            fields,
            content: choices.content(),
            trailers: Vec::new(),
        }
    }

    /// In bytes, framed in one of the ways in which it can be.
    fn written(&mut self, choices: &mut Choices) -> Vec<u8> {
        let mut content = Vec::new();
        match choices.below(3) {
            0 if self.content.is_empty() => {}
            0 | 1 => {
                let zeros = "0".repeat(choices.below(3));
                let length = format!("{zeros}{}", self.content.len());
                self.fields.push(("Content-Length".to_owned(), length));
                content.clone_from(&self.content);
            }
            _ => {
                let coding = choices.one(&["chunked", "Chunked", ", chunked,"]);
                let field = ("Transfer-Encoding".to_owned(), coding.trim().to_owned());
                self.fields.push(field);
                let whole = self.content.clone();
                for piece in choices.cut(&whole) {
                    let extension = choices.one(&["", ";a", " ; b = \"c;\\\"d\"", ";e=f"]);
                    let size = format!("{:0>1$X}{extension}\r\n", piece.len(), choices.below(4));
                    content.extend_from_slice(size.as_bytes());
                    content.extend_from_slice(piece);
                    content.extend_from_slice(b"\r\n");
                }
                content.extend_from_slice(b"0\r\n");
                for _ in 0..choices.below(3) {
                    let value = choices.one(&["7", "", "a b"]);
                    content.extend_from_slice(format!("x-sum: {value}\r\n").as_bytes());
                    self.trailers.push(("x-sum".to_owned(), value.to_owned()));
                }
                content.extend_from_slice(b"\r\n");
            }
        }
        let mut bytes = format!("{} HTTP/1.1\r\n", self.line).into_bytes();
        for (name, value) in &self.fields {
            let (before, after) = (
                choices.one(&["", " ", " \t"]),
                choices.one(&["", " ", "\t"]),
            );
            bytes.extend_from_slice(format!("{name}:{before}{value}{after}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&content);
        bytes
    }
}

/// What is read of these pieces, message by message, and where each has ended.
fn read(pieces: &[&[u8]]) -> Vec<(Meant, usize)> {
    let (mut reader, limits) = (Reader::new(), Limits::default());
    let (mut kept, mut at) = (Vec::new(), 0);
    let (mut all, mut now) = (Vec::new(), Meant::default());
    for piece in pieces {
        kept.extend_from_slice(piece);
        loop {
            let (used, event) = reader.read(&kept, &limits).unwrap();
            match event {
                Event::NeedsMore if reader.is_done() => {
                    all.push((std::mem::take(&mut now), at));
                    reader.next();
                    continue;
                }
                Event::NeedsMore => break,
                Event::Passed => {}
                Event::Head(raw, _) => {
                    let text = raw.text();
                    let line = std::str::from_utf8(text).unwrap().lines().next().unwrap();
                    line.strip_suffix(" HTTP/1.1")
                        .unwrap()
                        .clone_into(&mut now.line);
                    let fields = raw.lines().iter().map(|line| {
                        let of = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                        (of(line.name.of(text)), of(line.value.of(text)))
                    });
                    now.fields = fields.collect();
                }
                Event::Data(data) => now.content.extend_from_slice(data),
                Event::End(trailers) => now.trailers = listed(trailers.as_ref()),
            }
            at += used;
            kept.drain(..used);
        }
    }
    all
}

fn listed(trailers: Option<&HeaderMap>) -> Vec<(String, String)> {
    let trailers = trailers.into_iter().flatten();
    let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
    trailers
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect()
}

/// As hooks see it: the authority of the target is the host, and comes in its place.
fn with_host(mut meant: Meant) -> Meant {
    if meant.line.contains("http://b:1") {
        "b:1".clone_into(&mut meant.fields[0].1);
    }
    meant
}

/// Conversations: what was meant, and all of it in bytes, with where each message ends.
fn conversation(choices: &mut Choices) -> (Vec<Meant>, Vec<u8>, Vec<usize>) {
    let (mut all, mut bytes, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..=choices.below(4) {
        let mut meant = Meant::any(choices);
        bytes.extend(meant.written(choices));
        ends.push(bytes.len());
        all.push(with_host(meant));
    }
    (all, bytes, ends)
}

#[test]
fn what_was_written_is_what_is_read() {
    for seed in 0..seeds() {
        let mut choices = Choices::new(seed);
        let (meant, bytes, ends) = conversation(&mut choices);
        for _ in 0..3 {
            let pieces = choices.cut(&bytes);
            let (again, at): (Vec<_>, Vec<_>) = read(&pieces).into_iter().unzip();
            assert_eq!(again, meant, "seed {seed}: {}", bytes.escape_ascii());
            // No message is read beyond its end, nor left before it.
            assert_eq!(at, ends, "seed {seed}: {}", bytes.escape_ascii());
        }
    }
}

/// Whatever stands behind a message, it is read up to its end and no further.
#[test]
fn nothing_behind_a_message_is_read_with_it() {
    for seed in 0..seeds() {
        let mut choices = Choices::new(seed);
        let mut meant = Meant::any(&mut choices);
        let message = meant.written(&mut choices);
        let behind = choices.content();
        let bytes = [&message[..], &behind].concat();
        let (mut reader, limits) = (Reader::new(), Limits::default());
        let mut at = 0;
        while !reader.is_done() {
            let (used, event) = reader.read(&bytes[at..], &limits).unwrap();
            let more = matches!(event, Event::NeedsMore);
            at += used;
            assert!(at <= message.len(), "seed {seed}: {}", bytes.escape_ascii());
            assert!(!more || reader.is_done(), "seed {seed}: it waits for more");
        }
        assert_eq!(at, message.len(), "seed {seed}: {}", bytes.escape_ascii());
    }
}

/// Content in chunks is written by the one and read by the other.
#[test]
fn chunks_that_are_written_are_read() {
    for seed in 0..seeds() {
        let mut choices = Choices::new(seed);
        let content = choices.content();
        let mut bytes =
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for piece in choices.cut(&content) {
            chunk_start(&mut bytes, piece.len());
            bytes.extend_from_slice(piece);
            bytes.extend_from_slice(CHUNK_END);
        }
        let mut trailers = HeaderMap::new();
        for value in ["7", "", "a b"].into_iter().take(choices.below(4)) {
            let name = HeaderName::from_static("x-sum");
            trailers.append(name, HeaderValue::from_static(value));
        }
        last_chunk(&mut bytes, Some(&trailers));
        let all = read(&choices.cut(&bytes));
        assert_eq!(all.len(), 1, "seed {seed}");
        assert_eq!(all[0].0.content, content, "seed {seed}");
        assert_eq!(all[0].0.trailers, listed(Some(&trailers)), "seed {seed}");
        assert_eq!(all[0].1, bytes.len(), "seed {seed}");
    }
}

/// What a server answers to these pieces. Every answer depends on all of its request.
fn answered(pieces: &[&[u8]]) -> Vec<u8> {
    let sim = Sim::new(0);
    let mut server = SimServer::new(&sim);
    // The virtual clock does not stand at the same time where more pieces are waited for.
    server.app_mut().config_mut().date = false;
    server.handler(|mut request: Request| async move {
        let content = request.bytes().await?;
        let told = format!("{} {} ", request.method(), request.target());
        let trailers = request.trailers().map_or(0, HeaderMap::len);
        let content = [told.into_bytes(), content.to_vec(), vec![b'0'; trailers]].concat();
        Ok::<_, BodyError>(match content.len() % 3 {
            0 => Response::text(Body::iter([content])),
            _ => Response::text(content),
        })
    });
    let handle = sim.block_on(server.listen("127.0.0.1:80")).unwrap();
    let mut client = sim.connect(&handle.addresses()[0]).unwrap();
    let mut answers = Vec::new();
    for piece in pieces {
        let mut left = *piece;
        while !left.is_empty() {
            let sent = client.send(left);
            left = &left[sent..];
            sim.run();
            answers.extend(client.receive());
        }
    }
    client.end();
    sim.advance(Duration::from_secs(60));
    answers.extend(client.receive());
    assert!(client.is_ended());
    assert!(sim.block_on(handle.shutdown(Drain::default())).is_clean());
    answers
}

#[test]
fn however_requests_are_cut_the_answer_has_the_same_bytes() {
    for seed in 0..seeds() / 3 {
        let mut choices = Choices::new(seed);
        let (meant, mut bytes, _) = conversation(&mut choices);
        // Half of them end in something that is refused, or does not end.
        match choices.below(4) {
            0 => bytes.extend_from_slice(b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\nGET /"),
            1 => bytes.truncate(bytes.len() - 1),
            _ => {}
        }
        let whole = answered(&[&bytes]);
        let answers = whole.windows(9).filter(|nine| nine == b"HTTP/1.1 ").count();
        assert!(answers + 1 >= meant.len(), "seed {seed}");
        let singly: Vec<_> = bytes.chunks(1).collect();
        for pieces in [singly, choices.cut(&bytes), choices.cut(&bytes)] {
            let again = answered(&pieces);
            assert!(
                again == whole,
                "seed {seed}: {}\nwhole: {}\ncut: {}",
                bytes.escape_ascii(),
                whole.escape_ascii(),
                again.escape_ascii()
            );
        }
    }
}
