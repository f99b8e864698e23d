//! What is asked of the servers.

use std::borrow::Cow;

use http_server_trait::Config;

use crate::app;
use crate::growth::Grows;

/// One kind of work: a request that is sent again and again, and the answer that it gets.
#[derive(Clone, Debug)]
pub struct Work {
    /// Its name: the last part of `runtimes/plaintext`.
    pub name: Cow<'static, str>,
    /// What it is, for the table.
    pub about: Cow<'static, str>,
    /// How many connections there are at a time.
    pub connections: usize,
    /// How many requests are sent at once on each.
    pub pipelined: usize,
    /// Whether a connection has more than one request.
    pub kept: bool,
    request: Vec<u8>,
    answer: Answer,
}

const BINARY: &str = "application/octet-stream";
const TEXT: &str = "text/plain; charset=utf-8";

/// On how many connections content of any size is sent: few, as each has all of it under way.
const TRANSFERS: usize = 2;

/// What a browser sends besides `Host` when a page is asked for.
const BROWSER: &[u8] = b"Connection: keep-alive\r\n\
sec-ch-ua: \"Chromium\";v=\"126\", \"Not.A/Brand\";v=\"24\"\r\n\
sec-ch-ua-mobile: ?0\r\n\
sec-ch-ua-platform: \"Linux\"\r\n\
Upgrade-Insecure-Requests: 1\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
Sec-Fetch-Site: none\r\n\
Sec-Fetch-Mode: navigate\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\n\
Accept-Language: en-GB,en;q=0.9\r\n\r\n";

#[derive(Clone, Debug)]
struct Answer {
    content_type: &'static str,
    content: Cow<'static, [u8]>,
    /// In chunks of so many bytes; by its length otherwise.
    chunks: Option<usize>,
}

impl Work {
    /// All of it, in the order of the table.
    pub fn all() -> Vec<Work> {
        let binary = |content, chunks| Answer {
            content_type: BINARY,
            content,
            chunks,
        };
        let hello = Answer {
            content_type: TEXT,
            content: app::HELLO.as_bytes().into(),
            chunks: None,
        };
        let json = Answer {
            content_type: "application/json",
            content: app::json().into(),
            chunks: None,
        };
        let sent: Vec<u8> = (b'a'..=b'z').cycle().take(4096).collect();
        let stream = binary(
            app::CHUNK.repeat(app::CHUNKS).into(),
            Some(app::CHUNK.len()),
        );
        let post = [&b"Content-Length: 4096\r\n\r\n"[..], &sent].concat();
        let large = [&b"Content-Length: 1048576\r\n\r\n"[..], app::BIG].concat();
        vec![
            Work::plaintext(b"\r\n"),
            Work {
                name: "pipelined".into(),
                about: "the same, 16 requests at once on each of 64 connections".into(),
                connections: 64,
                pipelined: 16,
                kept: true,
                request: request("GET /plaintext", b"\r\n"),
                answer: hello.clone(),
            },
            Work {
                name: "browser".into(),
                about: "GET with a browser's 12 fields, 13 bytes back, 64 connections".into(),
                connections: 64,
                pipelined: 1,
                kept: true,
                request: request("GET /plaintext", BROWSER),
                answer: hello.clone(),
            },
            Work {
                name: "json".into(),
                about: "GET, 27 bytes serialised for each request, 64 connections".into(),
                connections: 64,
                pipelined: 1,
                kept: true,
                request: request("GET /json", b"\r\n"),
                answer: json,
            },
            Work {
                name: "echo".into(),
                about: "POST, 4 KiB there and back, 64 connections".into(),
                connections: 64,
                pipelined: 1,
                kept: true,
                request: request("POST /echo", &post),
                answer: binary(sent.into(), None),
            },
            Work {
                name: "echo-large".into(),
                about: "POST, 1 MiB there and back, 8 connections".into(),
                connections: 8,
                pipelined: 1,
                kept: true,
                request: request("POST /echo", &large),
                answer: binary(app::BIG.into(), None),
            },
            Work {
                name: "download".into(),
                about: "GET, 1 MiB back, 8 connections".into(),
                connections: 8,
                pipelined: 1,
                kept: true,
                request: request("GET /big", b"\r\n"),
                answer: binary(app::BIG.into(), None),
            },
            Work {
                name: "stream".into(),
                about: "GET, 64 chunks of 1 KiB back, 32 connections".into(),
                connections: 32,
                pipelined: 1,
                kept: true,
                request: request("GET /stream", b"\r\n"),
                answer: stream,
            },
            Work {
                name: "many".into(),
                about: "GET, 13 bytes back, 1,024 connections".into(),
                connections: 1024,
                pipelined: 1,
                kept: true,
                request: request("GET /plaintext", b"\r\n"),
                answer: hello.clone(),
            },
            Work {
                name: "connect".into(),
                about: "GET, 13 bytes back, a connection for each request, 16 at a time".into(),
                connections: 16,
                pipelined: 1,
                kept: false,
                request: request("GET /plaintext", b"Connection: close\r\n\r\n"),
                answer: hello,
            },
        ]
    }

    /// The work of this name, also if it is a step of something that [grows](crate::growth).
    pub fn named(name: &str) -> Option<Work> {
        let all = Work::all().into_iter();
        all.chain(Grows::step(name)).find(|work| work.name == name)
    }

    /// Plaintext on so many connections.
    pub(crate) fn on_connections(connections: usize) -> Work {
        Work {
            name: format!("connections-{connections}").into(),
            connections,
            ..Work::plaintext(b"\r\n")
        }
    }

    /// Plaintext whose head has so many fields, `Host` among them.
    pub(crate) fn with_fields(fields: usize) -> Work {
        let mut more = String::new();
        for number in 1..fields {
            more.push_str(&format!("X-Field-{number}: value of {number}\r\n"));
        }
        Work {
            name: format!("fields-{fields}").into(),
            ..Work::plaintext(format!("{more}\r\n").as_bytes())
        }
    }

    /// So many bytes back.
    pub(crate) fn downloading(bytes: usize) -> Work {
        Work {
            name: format!("download-{bytes}").into(),
            connections: TRANSFERS,
            request: request(&format!("GET /bytes/{bytes}"), b"\r\n"),
            answer: Answer {
                content_type: BINARY,
                content: vec![b'x'; bytes].into(),
                chunks: None,
            },
            ..Work::plaintext(b"\r\n")
        }
    }

    /// So many bytes there, and how many they were back.
    pub(crate) fn uploading(bytes: usize) -> Work {
        let mut sent = format!("Content-Length: {bytes}\r\n\r\n").into_bytes();
        sent.resize(sent.len() + bytes, b'x');
        Work {
            name: format!("upload-{bytes}").into(),
            connections: TRANSFERS,
            request: request("POST /take", &sent),
            answer: Answer {
                content_type: TEXT,
                content: bytes.to_string().into_bytes().into(),
                chunks: None,
            },
            ..Work::plaintext(b"\r\n")
        }
    }

    fn plaintext(rest: &[u8]) -> Work {
        Work {
            name: "plaintext".into(),
            about: "GET, 13 bytes back, 64 connections".into(),
            connections: 64,
            pipelined: 1,
            kept: true,
            request: request("GET /plaintext", rest),
            answer: Answer {
                content_type: TEXT,
                content: app::HELLO.as_bytes().into(),
                chunks: None,
            },
        }
    }

    /// What a server needs another limit for. All else is as it is by default.
    pub fn configure(&self, config: &mut Config) {
        // A place more for who asks whether the answer is right.
        if self.connections > 1024 {
            config.connections = Some(self.connections + 1);
        }
        config.body = config.body.map(|most| most.max(self.request.len() as u64));
    }

    /// The bytes of one request.
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// The content of the answer.
    pub fn content(&self) -> &[u8] {
        &self.answer.content
    }

    /// The bytes of an answer as the backends give it, for a server that reads nothing. Only its date is
    /// another one.
    pub fn ready_made(&self) -> Vec<u8> {
        let Answer {
            content_type,
            content,
            chunks,
        } = &self.answer;
        let framing = match chunks {
            Some(_) => "transfer-encoding: chunked".to_owned(),
            None => format!("content-length: {}", content.len()),
        };
        let close = if self.kept {
            ""
        } else {
            "connection: close\r\n"
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\n\
             date: Sat, 21 Nov 2026 12:00:00 GMT\r\n{framing}\r\n{close}\r\n"
        );
        let mut bytes = head.into_bytes();
        match chunks {
            None => bytes.extend_from_slice(content),
            Some(size) => {
                for chunk in content.chunks(*size) {
                    bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    bytes.extend_from_slice(chunk);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n\r\n");
            }
        }
        bytes
    }
}

fn request(line: &str, rest: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{line} HTTP/1.1\r\nHost: localhost\r\n").into_bytes();
    bytes.extend_from_slice(rest);
    bytes
}

#[cfg(test)]
mod tests {
    use super::Work;
    use crate::answers::Answers;

    #[test]
    fn the_floor_gives_what_is_expected_of_everybody() {
        for work in Work::all() {
            let mut content = Vec::new();
            let ready_made = work.ready_made();
            let complete = Answers::new()
                .read(&ready_made, |piece| content.extend_from_slice(piece))
                .unwrap();
            assert_eq!(complete, 1, "{}", work.name);
            assert!(content == work.content(), "{}", work.name);
        }
    }
}
