//! Answers, read as strictly as the RFC allows: what a server sends is judged here.

use std::fmt;

use crate::case::Level;
use crate::failure::{Failure, Verdict};
use crate::judge::{Foreign, Judge, NO_ECHO};
use crate::{want, want_eq};

/// An answer, as it came.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The minor version that it was sent in.
    pub minor: u8,
    /// The status.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// The field lines in their order, names as they were sent.
    pub fields: Vec<(String, String)>,
    /// The content, decoded.
    pub content: Vec<u8>,
    /// The sizes of the chunks, if it came in chunks.
    pub chunks: Option<Vec<usize>>,
    /// The trailers, if it came in chunks.
    pub trailers: Vec<(String, String)>,
    /// Whether the end of the content was the end of the connection.
    pub until_close: bool,
    judge: Judge,
}

/// How the content of an answer is to be read.
pub(crate) enum Progress {
    /// More bytes are needed, or the end of the connection.
    NeedsMore,
    /// It is complete, and took so many bytes.
    Complete(Box<Answer>, usize),
}

impl Answer {
    /// The value of the only line of this field.
    pub fn field(&self, name: &str) -> Option<&str> {
        let same = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        self.fields
            .iter()
            .find(same)
            .map(|(_, value)| value.as_str())
    }

    /// The values of all lines of this field.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let same = move |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        self.fields
            .iter()
            .filter(same)
            .map(|(_, value)| value.as_str())
    }

    /// The content as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.content).into_owned()
    }

    /// Whether the answer says that the connection is closed after it.
    pub fn closes(&self) -> bool {
        let says = |option: &str| {
            self.all("connection")
                .any(|value| has_option(value, option))
        };
        says("close") || self.minor == 0 && !says("keep-alive")
    }

    /// Asks for this status.
    pub fn status(self, status: u16) -> Result<Self, Failure> {
        if self.status == status {
            return Ok(self);
        }
        Err(Failure::new(format!(
            "the status is {}, and should be {status}",
            self.status
        )))
    }

    /// Asks for one of these statuses.
    pub fn one_of(self, statuses: &[u16]) -> Result<Self, Failure> {
        if statuses.contains(&self.status) {
            return Ok(self);
        }
        let status = self.status;
        Err(Failure::new(match statuses {
            [one] => format!("the status is {status}, and should be {one}"),
            several => format!("the status is {status}, and should be one of {several:?}"),
        }))
    }

    /// Asks for this content.
    pub fn content(self, content: impl AsRef<[u8]>) -> Result<Self, Failure> {
        let mut expected = content.as_ref();
        if let Some(foreign) = self.judge.foreign() {
            if expected == b"ok" {
                expected = &foreign.ok_content;
            } else if foreign.is_blind() && self.content == foreign.ok_content {
                return Err(Failure::not_applicable(NO_ECHO));
            }
        }
        if self.content == expected {
            return Ok(self);
        }
        Err(Failure::new(format!(
            "the content is {}, and should be {}",
            short(&self.content),
            short(expected)
        )))
    }

    /// Asks for this content, where the server is known to send content back.
    pub fn echoes(self, content: impl AsRef<[u8]>) -> Result<Self, Failure> {
        if self.judge.foreign().is_some_and(Foreign::is_blind) {
            return Ok(self);
        }
        self.content(content)
    }

    /// Asks for this content if that is the status.
    pub fn content_if(self, status: u16, content: &str) -> Result<Self, Failure> {
        if self.status == status {
            return self.echoes(content);
        }
        Ok(self)
    }

    /// Asks for this value of a field.
    pub fn has(self, name: &str, value: &str) -> Result<Self, Failure> {
        let found = self.all(name).map(str::to_owned).collect::<Vec<_>>();
        if found == [value] {
            return Ok(self);
        }
        Err(Failure::new(format!(
            "the field {name} is {found:?}, and should be {value:?}"
        )))
    }

    /// Asks for a field not to be there.
    pub fn has_no(self, name: &str) -> Result<Self, Failure> {
        match self.field(name) {
            None => Ok(self),
            Some(value) => Err(Failure::new(format!(
                "there is a field {name}: {value}, and should be none"
            ))),
        }
    }

    /// Asks an answer to HEAD for what the answer to the same GET says.
    pub(crate) fn says_what_a_get_says(&self, get: &Answer) -> Verdict {
        if self.judge.foreign().is_none() {
            let told = |answer: &Answer| {
                let mut fields = answer.fields.clone();
                fields.retain(|(name, _)| !name.eq_ignore_ascii_case("date"));
                fields
            };
            want_eq!(told(self), told(get));
            return Ok(());
        }
        // RFC 9110, 8.6: the same length, or none.
        if let Some(length) = self.field("content-length") {
            let other = get.field("content-length").unwrap_or(length);
            want!(
                length == other,
                "Content-Length is {length}, and to GET it is {other}"
            );
        }
        // RFC 9110, 9.3.2: the same fields, but for those that come of making the content.
        let made = ["date", "content-length", "transfer-encoding", "vary"];
        let missing = get.fields.iter().map(|(name, _)| name.to_lowercase());
        let missing: Vec<_> = missing
            .filter(|name| !made.contains(&name.as_str()) && self.field(name).is_none())
            .collect();
        if !missing.is_empty() {
            let failure = Failure::new(format!("to GET there are also {missing:?}"));
            return Err(failure.at_most(Level::Should));
        }
        Ok(())
    }

    /// Asks for it to say that the connection is closed after it.
    pub fn says_close(self) -> Result<Self, Failure> {
        if self.closes() {
            Ok(self)
        } else {
            Err(Failure::new("the answer does not say `Connection: close`"))
        }
    }

    /// Asks for it not to say that the connection is closed after it.
    pub fn keeps(self) -> Result<Self, Failure> {
        if self.closes() {
            Err(Failure::new("the answer says `Connection: close`"))
        } else {
            Ok(self)
        }
    }

    /// Nothing more is asked of it.
    pub fn ok(self) -> Verdict {
        drop(self);
        Ok(())
    }

    /// Reads an answer from the front of these bytes. `without_content` if it answers HEAD.
    pub(crate) fn read(
        bytes: &[u8],
        without_content: bool,
        ended: bool,
        judge: &Judge,
    ) -> Result<Progress, Failure> {
        if judge.foreign().is_some() && !begins_an_answer(bytes) {
            // RFC 1945, 3.1: so did answers of HTTP/0.9.
            return Err(format!("what came has no status line: {}", short(bytes)).into());
        }
        let Some((lines, head_len)) = head(bytes)? else {
            return Ok(Progress::NeedsMore);
        };
        let mut lines = lines.into_iter();
        let (minor, status, reason) = status_line(lines.next().unwrap_or_default())?;
        let fields = lines.map(field).collect::<Result<Vec<_>, _>>()?;
        let mut answer = Answer {
            minor,
            status,
            reason,
            fields,
            content: Vec::new(),
            chunks: None,
            trailers: Vec::new(),
            until_close: false,
            judge: judge.clone(),
        };
        let used = answer.read_content(&bytes[head_len..], without_content, ended)?;
        Ok(match used {
            Some(used) => Progress::Complete(Box::new(answer), head_len + used),
            None => Progress::NeedsMore,
        })
    }

    /// RFC 9112, 6.3, from the side of the client.
    fn read_content(
        &mut self,
        rest: &[u8],
        without: bool,
        ended: bool,
    ) -> Result<Option<usize>, Failure> {
        let codings: Vec<_> = self.all("transfer-encoding").map(str::to_owned).collect();
        let lengths: Vec<_> = self.all("content-length").map(str::to_owned).collect();
        if !codings.is_empty() && !lengths.is_empty() {
            return Err("the answer has both Content-Length and Transfer-Encoding".into());
        }
        let never = self.status < 200 || self.status == 204;
        if never && !(codings.is_empty() && lengths.is_empty()) {
            return Err(format!(
                "a {} has framing fields: {codings:?} {lengths:?}",
                self.status
            )
            .into());
        }
        if without || never || self.status == 304 {
            return Ok(Some(0));
        }
        match (codings.as_slice(), lengths.as_slice()) {
            ([], []) => {
                self.until_close = true;
                self.content = rest.to_vec();
                Ok(ended.then_some(rest.len()))
            }
            ([coding], []) if coding == "chunked" => self.read_chunks(rest),
            // RFC 9112, 7: names of codings have no case.
            ([coding], [])
                if self.judge.foreign().is_some() && coding.eq_ignore_ascii_case("chunked") =>
            {
                self.read_chunks(rest)
            }
            ([], [length]) => {
                let wrong = || format!("Content-Length: {length}");
                if !length.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(wrong().into());
                }
                let length: usize = length.parse().map_err(|_| wrong())?;
                if rest.len() < length {
                    return Ok(None);
                }
                self.content = rest[..length].to_vec();
                Ok(Some(length))
            }
            _ => Err(format!("the framing is {codings:?} {lengths:?}").into()),
        }
    }

    fn read_chunks(&mut self, rest: &[u8]) -> Result<Option<usize>, Failure> {
        let mut at = 0;
        let mut sizes = Vec::new();
        loop {
            let Some(line) = line(&rest[at..])? else {
                return Ok(None);
            };
            let mut digits = line;
            if self.judge.foreign().is_some() {
                // RFC 9112, 7.1.1: extensions are nothing to fail at.
                let end = line.iter().position(|byte| *byte == b';');
                digits = line[..end.unwrap_or(line.len())].trim_ascii_end();
            }
            let digits = Some(digits).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
            let size = digits
                .and_then(|digits| std::str::from_utf8(digits).ok())
                .and_then(|text| usize::from_str_radix(text, 16).ok());
            let size = size.ok_or_else(|| format!("a chunk size is {}", short(line)))?;
            at += line.len() + 2;
            if size == 0 {
                break;
            }
            let Some(data) = rest.get(at..at + size + 2) else {
                return Ok(None);
            };
            if !data.ends_with(b"\r\n") {
                return Err("a chunk does not end where its size says".into());
            }
            self.content.extend_from_slice(&data[..size]);
            sizes.push(size);
            at += size + 2;
        }
        loop {
            let Some(line) = line(&rest[at..])? else {
                return Ok(None);
            };
            at += line.len() + 2;
            if line.is_empty() {
                break;
            }
            self.trailers.push(field(line)?);
        }
        self.chunks = Some(sizes);
        Ok(Some(at))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}, {}",
            self.status,
            self.reason,
            short(&self.content)
        )
    }
}

/// Whether these bytes may be the first of an answer.
fn begins_an_answer(bytes: &[u8]) -> bool {
    let begin = b"HTTP/";
    let length = bytes.len().min(begin.len());
    bytes[..length] == begin[..length]
}

/// Whether a list field has this option.
fn has_option(value: &str, option: &str) -> bool {
    value
        .split(',')
        .any(|element| element.trim().eq_ignore_ascii_case(option))
}

/// The lines of a head without their ends, and its length with the empty line.
fn head(bytes: &[u8]) -> Result<Option<(Vec<&[u8]>, usize)>, Failure> {
    let mut lines = Vec::new();
    let mut at = 0;
    loop {
        let Some(line) = line(&bytes[at..])? else {
            return Ok(None);
        };
        at += line.len() + 2;
        if line.is_empty() {
            return Ok(Some((lines, at)));
        }
        lines.push(line);
    }
}

/// The first line, without its CRLF.
fn line(bytes: &[u8]) -> Result<Option<&[u8]>, Failure> {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
        return Ok(None);
    };
    let line = &bytes[..end];
    let Some((b'\r', line)) = line.split_last().map(|(last, line)| (*last, line)) else {
        return Err(format!("the server ends a line without CR: {}", short(line)).into());
    };
    if line.iter().any(|byte| matches!(byte, b'\r' | 0)) {
        return Err(format!("the server sends a bare CR or NUL: {}", short(line)).into());
    }
    Ok(Some(line))
}

/// RFC 9112, 4. Some servers answer HTTP/1.0 in HTTP/1.0: RFC 9110, 6.2 wants their own version, and has a case of
/// its own.
fn status_line(line: &[u8]) -> Result<(u8, u16, String), Failure> {
    let wrong = || Failure::new(format!("the status line is {}", short(line)));
    let text = String::from_utf8_lossy(line);
    let (minor, rest) = match text.strip_prefix("HTTP/1.1 ") {
        Some(rest) => (1, rest),
        None => (0, text.strip_prefix("HTTP/1.0 ").ok_or_else(wrong)?),
    };
    let (code, reason) = rest.split_once(' ').ok_or_else(wrong)?;
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let code = code.parse().map_err(|_| wrong())?;
    Ok((minor, code, reason.to_owned()))
}

/// RFC 9112, 5.
fn field(line: &[u8]) -> Result<(String, String), Failure> {
    let wrong = || Failure::new(format!("a field line is {}", short(line)));
    let colon = line
        .iter()
        .position(|byte| *byte == b':')
        .ok_or_else(wrong)?;
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    if name.is_empty() || !name.iter().all(token) {
        return Err(wrong());
    }
    let name = std::str::from_utf8(name).map_err(|_| wrong())?;
    Ok((name.to_owned(), String::from_utf8_lossy(value).into_owned()))
}

/// Bytes as text, cut where they are many.
pub(crate) fn short(bytes: &[u8]) -> String {
    short_of(bytes, bytes.len())
}

/// The same where these are the first of so many bytes.
pub(crate) fn short_of(bytes: &[u8], length: usize) -> String {
    const MOST: usize = 200;
    if length <= MOST {
        return format!("\"{}\"", bytes.escape_ascii());
    }
    let first = &bytes[..bytes.len().min(MOST)];
    format!("\"{}\" ... ({length} bytes)", first.escape_ascii())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use super::{Answer, Progress};
    use crate::judge::{Foreign, Judge, Takes};

    fn read(bytes: &str, head: bool, ended: bool) -> Result<Option<(u16, String, usize)>, String> {
        read_by(&Judge::House, bytes, head, ended)
    }

    fn read_by(
        judge: &Judge,
        bytes: &str,
        head: bool,
        ended: bool,
    ) -> Result<Option<(u16, String, usize)>, String> {
        match Answer::read(bytes.as_bytes(), head, ended, judge) {
            Ok(Progress::Complete(answer, used)) => Ok(Some((answer.status, answer.text(), used))),
            Ok(Progress::NeedsMore) => Ok(None),
            Err(failure) => Err(failure.to_string()),
        }
    }

    #[test]
    fn good_answers() {
        let length = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi and more";
        assert_eq!(read(length, false, false), Ok(Some((200, "hi".into(), 40))));
        assert_eq!(
            read(length, true, false),
            Ok(Some((200, String::new(), 38)))
        );
        let chunks =
            "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\na: b\r\n\r\n";
        assert_eq!(
            read(chunks, false, false),
            Ok(Some((200, "hi".into(), chunks.len())))
        );
        for cut in 1..chunks.len() {
            assert_eq!(read(&chunks[..cut], false, false), Ok(None), "{cut}");
        }
        let close = "HTTP/1.1 200 OK\r\n\r\nhi";
        assert_eq!(read(close, false, false), Ok(None));
        assert_eq!(read(close, false, true), Ok(Some((200, "hi".into(), 21))));
        assert_eq!(
            read("HTTP/1.1 204 No Content\r\n\r\nx", false, false),
            Ok(Some((204, String::new(), 27)))
        );
    }

    #[test]
    fn bad_answers() {
        let bad = [
            "HTTP/2.0 200 OK\r\n\r\n",
            "HTTP/1.1 200\r\n\r\n",
            "HTTP/1.1 20 OK\r\n\r\n",
            "HTTP/1.1 200 OK\n\r\n",
            "HTTP/1.1 200 OK\r\na : b\r\n\r\n",
            "HTTP/1.1 200 OK\r\na b\r\n\r\n",
            "HTTP/1.1 200 OK\r\na: b\rc\r\n\r\n",
            "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi!\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+2\r\nhi\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nhi",
        ];
        for answer in bad {
            assert!(read(answer, false, true).is_err(), "{answer:?}");
        }
    }

    #[test]
    fn other_servers_may_do_what_the_rfc_allows() {
        let judge = Judge::Rfc(Arc::new(Foreign {
            ok: "/ok".into(),
            ok_content: b"ok".to_vec(),
            takes: Takes::Ok,
            host: None,
            until: Instant::now(),
        }));
        let allowed = [
            "HTTP/1.0 200 OK\r\n\r\nhi",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2 ;a=b\r\nhi\r\n0;c\r\n\r\n",
        ];
        for answer in allowed {
            let found = read_by(&judge, answer, false, true);
            assert_eq!(
                found,
                Ok(Some((200, "hi".into(), answer.len()))),
                "{answer:?}"
            );
        }
        assert!(
            read(allowed[1], false, true).is_err(),
            "the house asks for more"
        );
        for answer in [
            "HTTP/0.9 200 OK\r\n\r\n",
            "HTTP/2.0 200 OK\r\n\r\n",
            "hello\r\n\r\n",
        ] {
            assert!(read_by(&judge, answer, false, true).is_err(), "{answer:?}");
        }
    }
}
