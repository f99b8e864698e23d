//! An answer that is there as a whole, and is like most: head and content written in one go.
//!
//! It decides nothing. Whatever is not like most it leaves to [`Plan`](super::answer::Plan) and
//! [`answer::head`](super::answer::head), and what it writes is what they would have made of it. A test holds
//! the two together.

use http::header::CONTENT_TYPE;
use http::{StatusCode, Version};
use http_server_trait::Response;

use super::answer::{line, status_line};
use super::head::Message;
use crate::buffers::SendQueue;
use crate::date::Opening;

/// Writes a whole answer after which the connection stays, if it is like most. Else nothing is written.
#[inline]
pub(crate) fn write(
    out: &mut Vec<u8>,
    message: &Message,
    response: &Response,
    opening: &Opening,
) -> bool {
    let Some(content) = content(message, response) else {
        return false;
    };
    // Before anything is written: then it is known that they are no map.
    let lines = response.field_lines();
    if response.status() == StatusCode::OK {
        opening.put(out);
    } else {
        other_status(out, response.status(), opening);
    }
    for (name, value) in lines {
        if *name == CONTENT_TYPE {
            out.extend_from_slice(b"content-type: ");
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(b"\r\n");
        } else {
            line(out, name.as_str(), value.as_bytes());
        }
    }
    end_head(out, content.len());
    out.extend_from_slice(content);
    true
}

/// The content of an answer of which there is nothing to decide: all of it is sent, and copied; its length is
/// told, and that is all that is told of its framing.
#[inline]
fn content<'a>(message: &Message, response: &'a Response) -> Option<&'a [u8]> {
    let goes_on = message.keep_alive && message.version == Version::HTTP_11;
    if !goes_on || message.is_head || message.is_connect || response.may_have_server_fields() {
        return None;
    }
    if matches!(response.status().as_u16(), 204 | 205 | 304) || response.body().trailers().is_some()
    {
        return None;
    }
    let content = response.body().as_bytes()?;
    SendQueue::is_small(content.len()).then_some(content)
}

#[cold]
fn other_status(out: &mut Vec<u8>, status: StatusCode, opening: &Opening) {
    status_line(out, status);
    out.extend_from_slice(opening.lines());
}

/// What a head ends with: the end of its last line, and an empty one.
const END: [u8; 4] = *b"\r\n\r\n";

/// Small content has a length of so many digits at most, and these make one number with what comes after them.
const DIGITS: usize = size_of::<u64>() - END.len();

/// Ends a head with the length of content that is small.
#[inline]
fn end_head(out: &mut Vec<u8>, length: usize) {
    let mut left = u32::try_from(length).unwrap_or(0);
    let mut spare = DIGITS;
    let mut tail = u64::from(u32::from_le_bytes(END));
    loop {
        tail = tail << 8 | u64::from(u32::from(b'0') + left % 10);
        left /= 10;
        spare -= 1;
        if left == 0 {
            break;
        }
    }
    let mut last = *b"content-length:         ";
    last[16..].copy_from_slice(&tail.to_le_bytes());
    out.extend_from_slice(&last);
    out.truncate(out.len() - spare);
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use http::header::{
        CONNECTION, CONTENT_LENGTH, DATE, SERVER, SET_COOKIE, TRANSFER_ENCODING, UPGRADE,
    };
    use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
    use http_server_trait::{Body, Response};

    use super::super::answer::{self, Common, Framing, Plan};
    use super::{Message, Opening, write};
    use crate::date::{self, Server};

    fn messages() -> Vec<Message> {
        let usual = Message {
            keep_alive: true,
            ..Message::unknown()
        };
        let mut messages = vec![usual, Message::unknown()];
        for change in [
            |message: &mut Message| message.version = Version::HTTP_10,
            |message: &mut Message| message.is_head = true,
            |message: &mut Message| message.is_connect = true,
            |message: &mut Message| message.reads_trailers = true,
            |message: &mut Message| message.upgrades = true,
        ] {
            let mut message = usual;
            change(&mut message);
            messages.push(message);
        }
        messages
    }

    fn bodies() -> Vec<fn() -> Body> {
        fn of(length: usize) -> Body {
            Body::full(vec![b'x'; length])
        }
        vec![
            Body::empty,
            || of(1),
            || of(9),
            || of(10),
            || of(99),
            || of(100),
            || of(999),
            || of(1000),
            || of(8191),
            || of(8192),
            || Body::iter(["one", "two"]),
            || {
                let field = (HeaderName::from_static("x"), HeaderValue::from_static("y"));
                of(3).with_trailers(HeaderMap::from_iter([field]))
            },
        ]
    }

    fn fields() -> Vec<Vec<(HeaderName, &'static str)>> {
        vec![
            vec![],
            vec![(SET_COOKIE, "a=b"), (SET_COOKIE, "c=d")],
            vec![(HeaderName::from_static("x-of-their-own"), "")],
            vec![(CONTENT_LENGTH, "3")],
            vec![(TRANSFER_ENCODING, "chunked")],
            vec![(CONNECTION, "close")],
            vec![(DATE, "then")],
            vec![(SERVER, "another")],
            vec![(UPGRADE, "h2c")],
        ]
    }

    fn responses() -> Vec<Response> {
        let mut responses = Vec::new();
        for status in [200, 201, 204, 205, 206, 299, 304, 404, 500, 599] {
            for body in bodies() {
                for fields in fields() {
                    let mut response = Response::new(StatusCode::from_u16(status).unwrap());
                    for (name, value) in fields {
                        response.append_field(name, value).unwrap();
                    }
                    response.set_body(body());
                    responses.push(response);
                }
            }
        }
        let mut map = Response::text("with a map");
        map.headers_mut();
        responses.push(map);
        responses
    }

    /// What the careful way makes of an answer, if it is one that stays as it is and is copied.
    fn carefully(message: &Message, response: &Response, common: Common<'_>) -> Option<Vec<u8>> {
        let plan = Plan::new(message, response, false);
        let content = response.body().as_bytes()?;
        let expected = Plan {
            framing: match content.len() {
                0 => Framing::Nothing,
                length => Framing::Length(length as u64),
            },
            length: Some(content.len() as u64),
            close: false,
            app_closes: false,
            trailers: false,
            objection: None,
        };
        if plan != expected || content.len() > 8191 {
            return None;
        }
        let mut out = Vec::new();
        answer::head(&mut out, message, response, &plan, common);
        if plan.sends_content(message) {
            out.extend_from_slice(content);
        }
        Some(out)
    }

    #[test]
    fn what_is_written_in_one_go_is_what_care_makes_of_it() {
        let now = Instant::now();
        let named = Server::with(Some(b"server: this\r\n".to_vec()));
        let servers = [Server::with(None), named];
        let (mut quick, mut careful) = (0, 0);
        for (message, server) in messages().iter().zip(servers.iter().cycle()) {
            let date = date::at(now, server, Opening::date);
            let common = Common {
                date: Some(&date),
                server: server.line(),
            };
            for response in responses() {
                let mut out = b"before".to_vec();
                let written = date::at(now, server, |opening| {
                    write(&mut out, message, &response, opening)
                });
                if written {
                    let expected = carefully(message, &response, common);
                    assert_eq!(Some(&out[6..]), expected.as_deref(), "{response:?}");
                    quick += 1;
                } else {
                    assert_eq!(out, b"before");
                    careful += 1;
                }
            }
        }
        // Both ways are met.
        assert!(quick > 500 && careful > 500, "{quick} and {careful}");
    }
}
