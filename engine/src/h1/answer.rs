//! Answers: how one is framed, and its bytes.
//!
//! Whatever an application puts into an answer, what goes over the wire is one well-formed message: the
//! framing is decided here, in one place, and what contradicts it is left out and told.

use std::fmt;

use http::header::{CONNECTION, CONTENT_LENGTH, DATE, SERVER, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use http_server_trait::Response;

use super::chunked::{Trailer, trailer};
use super::head::Message;
use crate::date;

/// How the content of an answer is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// It has none on the wire, whatever the answer carries.
    Nothing,
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked,
    /// Up to the close, for clients of HTTP/1.0.
    UntilClose,
}

/// How an answer will be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How its content is framed.
    pub framing: Framing,
    /// What `Content-Length` says, if it is there. It is there without content for HEAD and 304.
    pub length: Option<u64>,
    /// Whether the connection is closed after it.
    pub close: bool,
    /// Why the connection is closed, as far as the answer decides it: the application asked for it.
    pub app_closes: bool,
    /// Whether trailers may be sent after it.
    pub trailers: bool,
    /// What of the answer is not sent as it was given.
    pub objection: Option<Objection>,
}

/// What of an answer cannot be sent as it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Objection {
    /// A `Content-Length` that is none.
    Length,
    /// A `Content-Length` that is not the length of the content.
    WrongLength {
        /// What the field says.
        said: u64,
        /// What the content has.
        is: u64,
    },
    /// A `Transfer-Encoding`: that is the server's.
    TransferEncoding,
    /// Content with a status that has none.
    Content(StatusCode),
    /// A `Content-Length` with a status that has no content.
    LengthOf(StatusCode),
    /// The content has less than was promised.
    TooShort {
        /// How many bytes are missing.
        missing: u64,
    },
    /// The content has more than was promised. The rest was not sent.
    TooLong,
    /// A 101 for a client that did not ask for that protocol. A 426 was sent.
    Upgrade,
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Objection::Length => f.write_str("its Content-Length is no number"),
            Objection::WrongLength { said, is } => {
                write!(
                    f,
                    "its Content-Length says {said}, and its content has {is} bytes"
                )
            }
            Objection::TransferEncoding => {
                f.write_str("its Transfer-Encoding is the server's to set")
            }
            Objection::Content(status) => {
                write!(f, "it has content, and {} never has", status.as_u16())
            }
            Objection::LengthOf(status) => {
                write!(
                    f,
                    "it has a Content-Length, and {} never has content",
                    status.as_u16()
                )
            }
            Objection::TooShort { missing } => {
                write!(
                    f,
                    "its content ended {missing} bytes before its Content-Length"
                )
            }
            Objection::TooLong => f.write_str("its content goes on beyond its Content-Length"),
            Objection::Upgrade => {
                f.write_str("it switches to a protocol that its client did not ask for")
            }
        }
    }
}

impl std::error::Error for Objection {}

/// What the fields of an answer say about its framing.
#[derive(Default)]
struct Said {
    length: Option<Result<u64, ()>>,
    transfer_encoding: bool,
    close: bool,
}

impl Said {
    fn by(response: &Response) -> Self {
        let mut said = Said::default();
        if !response.may_have_server_fields() {
            return said;
        }
        for (name, value) in response.field_lines() {
            if name == CONTENT_LENGTH {
                let number = length(value.as_bytes());
                let again = said.length.is_some_and(|earlier| earlier.ok() != number);
                said.length = Some(number.filter(|_| !again).ok_or(()));
            } else if name == TRANSFER_ENCODING {
                said.transfer_encoding = true;
            } else if name == CONNECTION {
                said.close |= super::fields::list(value.as_bytes())
                    .any(|option| option.eq_ignore_ascii_case(b"close"));
            }
        }
        said
    }
}

/// Digits and nothing else: what `parse` lets through, as `+7`, a client would not.
fn length(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

impl Plan {
    /// Decides how this answer to this message is sent. `close` says that the server closes anyway.
    #[inline]
    pub fn new(message: &Message, response: &Response, close: bool) -> Self {
        let said = Said::by(response);
        let mut plan = Plan {
            framing: Framing::Nothing,
            length: None,
            close: close || said.close || !message.keep_alive,
            app_closes: said.close,
            trailers: false,
            objection: said
                .transfer_encoding
                .then_some(Objection::TransferEncoding),
        };
        plan.frame(message, response, said.length);
        plan
    }

    fn frame(&mut self, message: &Message, response: &Response, said: Option<Result<u64, ()>>) {
        let status = response.status();
        let has = response.body().length();
        if said == Some(Err(())) {
            self.objection = Some(Objection::Length);
        }
        let said = said.and_then(Result::ok);
        match status.as_u16() {
            // RFC 9110, 8.6 and RFC 9112, 6.1: no framing fields at all.
            204 => return self.without_content(status, response, said),
            200..=299 if message.is_connect => {
                self.close = true;
                return self.without_content(status, response, None);
            }
            // RFC 9110, 15.3.6: no content, and the client is told so.
            205 => {
                self.length = Some(0);
                return self.without_content(status, response, said.filter(|said| *said != 0));
            }
            // RFC 9110, 8.6: what a 200 would have.
            304 => {
                self.length = said;
                return self.without_content(status, response, None);
            }
            _ => {}
        }
        match (has, said) {
            (Some(0), Some(said)) if message.is_head => self.length = Some(said),
            // Nothing is known of what GET would send.
            (Some(0), None) if message.is_head => {}
            (Some(is), said) => {
                if let Some(said) = said.filter(|said| *said != is) {
                    self.objection = Some(Objection::WrongLength { said, is });
                }
                self.length = Some(is);
                if is > 0 {
                    self.framing = Framing::Length(is);
                }
            }
            (None, Some(said)) => {
                self.length = Some(said);
                self.framing = Framing::Length(said);
            }
            (None, None) if message.version < Version::HTTP_11 => {
                self.close = true;
                self.framing = Framing::UntilClose;
            }
            (None, None) => {
                self.framing = Framing::Chunked;
                self.trailers = message.reads_trailers;
            }
        }
        self.prefer_trailers(message, response);
    }

    /// Content of known length that has trailers is sent in chunks, if the client reads trailers.
    fn prefer_trailers(&mut self, message: &Message, response: &Response) {
        if message.reads_trailers && response.body().trailers().is_some() && !message.is_head {
            self.framing = Framing::Chunked;
            self.length = None;
            self.trailers = true;
        }
    }

    /// What was given all the same is told: content, or a length that may not be there.
    fn without_content(&mut self, status: StatusCode, response: &Response, length: Option<u64>) {
        if response.body().length() != Some(0) {
            self.objection = Some(Objection::Content(status));
        } else if length.is_some() {
            self.objection = Some(Objection::LengthOf(status));
        }
    }

    /// Whether the content goes over the wire: not in an answer to HEAD.
    pub fn sends_content(&self, message: &Message) -> bool {
        !message.is_head && self.framing != Framing::Nothing
    }
}

/// What a server adds to every answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Common<'a> {
    /// The line of `Date`, where the application sets none.
    pub date: Option<&'a [u8; date::LENGTH]>,
    /// The line of `Server`, where the application sets none: see [`server_line`].
    pub server: Option<&'a [u8]>,
}

impl Common<'_> {
    /// What is added to an answer that may have some of it itself.
    fn beside(self, response: &Response) -> Self {
        let mut common = self;
        for (name, _) in response.field_lines() {
            match *name {
                DATE => common.date = None,
                SERVER => common.server = None,
                _ => {}
            }
        }
        common
    }
}

/// The line that [`Common::server`] is for a value.
pub fn server_line(value: &HeaderValue) -> Vec<u8> {
    let mut out = Vec::new();
    line(&mut out, "server", value.as_bytes());
    out
}

/// Writes the head of an answer.
pub fn head(
    out: &mut Vec<u8>,
    message: &Message,
    response: &Response,
    plan: &Plan,
    common: Common<'_>,
) {
    status_line(out, response.status());
    let looks = response.may_have_server_fields();
    let common = if looks {
        common.beside(response)
    } else {
        common
    };
    // RFC 9110, 5.3: it is good practice to send control data first.
    if let Some(date) = common.date {
        out.extend_from_slice(date);
    }
    if let Some(server) = common.server {
        out.extend_from_slice(server);
    }
    let mut upgrade = false;
    for (name, value) in response.field_lines() {
        if looks {
            match *name {
                // The server's own.
                CONTENT_LENGTH | TRANSFER_ENCODING | CONNECTION => continue,
                UPGRADE => upgrade = true,
                TRAILER if plan.framing != Framing::Chunked => continue,
                _ => {}
            }
        }
        line(out, name.as_str(), value.as_bytes());
    }
    if let Some(length) = plan.length {
        out.extend_from_slice(b"content-length: ");
        number(out, length);
        out.extend_from_slice(b"\r\n");
    }
    if plan.framing == Framing::Chunked {
        out.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    connection(out, message, plan, upgrade);
    out.extend_from_slice(b"\r\n");
}

/// RFC 9112, 9.3 and 9.6: who closes says so, and HTTP/1.0 is told that it may stay.
#[inline]
fn connection(out: &mut Vec<u8>, message: &Message, plan: &Plan, upgrade: bool) {
    // RFC 9110, 7.8: who sends Upgrade lists it as a connection option.
    let value: &[u8] = match (plan.close, upgrade) {
        (true, false) => b"close",
        (true, true) => b"close, upgrade",
        (false, true) => b"upgrade",
        (false, false) if message.version < Version::HTTP_11 => b"keep-alive",
        (false, false) => return,
    };
    line(out, "connection", value);
}

/// Writes the head of an interim answer. Whether the connection stays is for the final one to say.
pub fn interim<'a>(
    out: &mut Vec<u8>,
    status: StatusCode,
    fields: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>,
) {
    bare_head(out, status, fields.filter(|(name, _)| **name != CONNECTION));
}

/// Writes the head of an answer that hands the connection over: its fields as they are, without framing.
pub fn bare_head<'a>(
    out: &mut Vec<u8>,
    status: StatusCode,
    fields: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>,
) {
    status_line(out, status);
    for (name, value) in fields {
        if !matches!(*name, CONTENT_LENGTH | TRANSFER_ENCODING) {
            line(out, name.as_str(), value.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// The interim answer that lets a client send its content.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// RFC 9112, 4: the space after the code is there also without a reason.
#[inline]
pub(super) fn status_line(out: &mut Vec<u8>, status: StatusCode) {
    if status == StatusCode::OK {
        return out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
}

pub(super) fn line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[inline]
fn number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Writes what stands before a chunk: its size. A chunk of no bytes would end the content.
#[inline]
pub fn chunk_start(out: &mut Vec<u8>, size: usize) {
    debug_assert!(size > 0, "that would be the last chunk");
    let digit = |place: usize| DIGITS[size >> (4 * place) & 0xf];
    // What most chunks have is of known length, and copied without a call.
    match size {
        0..=0xf => out.extend_from_slice(&[digit(0), b'\r', b'\n']),
        0x10..=0xff => out.extend_from_slice(&[digit(1), digit(0), b'\r', b'\n']),
        0x100..=0xfff => out.extend_from_slice(&[digit(2), digit(1), digit(0), b'\r', b'\n']),
        0x1000..=0xffff => {
            let line = [digit(3), digit(2), digit(1), digit(0), b'\r', b'\n'];
            out.extend_from_slice(&line);
        }
        _ => long_chunk_start(out, size),
    }
}

#[cold]
fn long_chunk_start(out: &mut Vec<u8>, size: usize) {
    let mut line = *b"................\r\n";
    let (mut left, mut at) = (size, line.len() - CHUNK_END.len());
    while left > 0 {
        at -= 1;
        line[at] = DIGITS[left & 0xf];
        left >>= 4;
    }
    out.extend_from_slice(&line[at..]);
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// What stands after a chunk.
pub const CHUNK_END: &[u8] = b"\r\n";

/// One of these trailers that is not sent, because it may not be one.
pub fn wrong_trailer(trailers: &HeaderMap) -> Option<&HeaderName> {
    trailers.keys().find(|name| trailer(name) != Trailer::Kept)
}

/// Writes the last chunk, with the trailers that may be sent.
pub fn last_chunk(out: &mut Vec<u8>, trailers: Option<&HeaderMap>) {
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers.into_iter().flatten() {
        // RFC 9110, 6.5.1: those that frame, route or authenticate have no place here.
        if trailer(name) == Trailer::Kept {
            line(out, name.as_str(), value.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::{chunk_start, number};

    #[test]
    fn numbers() {
        for n in [0, 1, 9, 10, 99, 100, 12_345, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            number(&mut out, n);
            assert_eq!(out, n.to_string().into_bytes());
        }
        for n in (1..70_000).chain([0xdead_beef, usize::MAX]) {
            let mut out = Vec::new();
            chunk_start(&mut out, n);
            assert_eq!(out, format!("{n:x}\r\n").into_bytes());
        }
    }
}
