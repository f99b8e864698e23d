//! The head of a request: where it ends, and what it says.

use http::{Method, Version};
use http_server_trait::backend::{RawHead, Span};

use super::chars::is_token;
use super::fields::{self, list};
use super::framing::{Framing, Marks};
use super::host;
use super::limits::Limits;
use super::refusal::Refusal;
use super::request_line;
use super::target;

/// What a message is, as far as reading and answering it is concerned. It lives as long as the
/// message, and is replaced as a whole by the next one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that are read one by one, not a state"
)]
#[non_exhaustive]
pub struct Message {
    /// The version, 1.0 or 1.1.
    pub version: Version,
    /// How long its content is.
    pub framing: Framing,
    /// Whether the client wants the connection kept (RFC 9112, 9.3).
    pub keep_alive: bool,
    /// Whether the client waits for a 100 before it sends its content (RFC 9110, 10.1.1).
    pub expects_continue: bool,
    /// Whether the method is HEAD: its answer has no content.
    pub is_head: bool,
    /// Whether the method is CONNECT: an answer of 2xx has no framing.
    pub is_connect: bool,
    /// Whether it asks for another protocol, in a way that counts (RFC 9110, 7.8).
    pub upgrades: bool,
    /// Whether the client reads trailers (RFC 9110, 10.1.4).
    pub reads_trailers: bool,
}

impl Message {
    /// One of HTTP/1.1 whose method and fields say nothing of it.
    pub(super) const OF_NOTHING: Self = Message {
        version: Version::HTTP_11,
        framing: Framing::Empty,
        keep_alive: true,
        expects_continue: false,
        is_head: false,
        is_connect: false,
        upgrades: false,
        reads_trailers: false,
    };

    /// One that was not understood: its answer is the last on its connection, and in the terms of HTTP/1.1.
    pub fn unknown() -> Self {
        Message {
            version: Version::HTTP_11,
            framing: Framing::Empty,
            keep_alive: false,
            expects_continue: false,
            is_head: false,
            is_connect: false,
            upgrades: false,
            reads_trailers: false,
        }
    }
}

/// Finds the end of a head in bytes that arrive piece by piece. Each byte is looked at once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Finder {
    /// How far it has looked.
    looked: u32,
    /// Where the current line begins.
    line: u32,
    /// Where the first line ends, its line end not counted. Zero while it is not found.
    first: u32,
    /// Whether an empty line has been passed over.
    after_empty_line: bool,
}

/// No head is larger, whatever its limit: a place in it is kept in 32 bits, for every connection has a finder.
const MOST: usize = u32::MAX as usize;

fn short(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Where a head ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Not here yet.
    Not,
    /// There is an empty line in front of the request line; it is to be passed over.
    EmptyLine,
    /// After so many bytes. The request line, its line end not counted, has `first`.
    Head { end: usize, first: usize },
}

impl Finder {
    /// RFC 9112, 2.2: at least one empty line before a request line is to be passed over. One it is.
    pub(super) fn after_empty_line(self) -> Result<Self, Refusal> {
        if self.after_empty_line {
            return Err(Refusal::EmptyLines);
        }
        Ok(Finder {
            after_empty_line: true,
            ..Finder::default()
        })
    }

    /// Whether it has not looked at anything yet.
    pub(super) fn is_fresh(self) -> bool {
        self.looked == 0
    }

    pub(super) fn find(&mut self, bytes: &[u8], limits: &Limits) -> Result<Found, Refusal> {
        if let Some(first) = bytes.first() {
            // Another protocol on this port is told at once, not when its time is up.
            if !is_token(*first) && !matches!(first, b'\r' | b'\n') {
                return Err(Refusal::NotHttp);
            }
        }
        let most = limits.head.min(MOST);
        let window = bytes.len().min(most);
        let mut looked = self.looked as usize;
        while let Some(more) = memchr::memchr(b'\n', &bytes[looked..window]) {
            let lf = looked + more;
            looked = lf + 1;
            self.looked = short(looked);
            // Said of a line that comes in pieces before its end is there, so of one that comes whole, too.
            if self.first == 0 && lf > limits.request_line.saturating_add(1) {
                return Err(Refusal::RequestLineTooLong);
            }
            if lf == 0 || bytes[lf - 1] != b'\r' {
                return Err(Refusal::BareLf);
            }
            let (start, end) = (self.line as usize, lf - 1);
            self.line = self.looked;
            match (start == end, self.first) {
                (true, 0) => return Ok(Found::EmptyLine),
                (true, first) => {
                    let (end, first) = (looked, first as usize);
                    return Ok(Found::Head { end, first });
                }
                (false, 0) => self.first = short(end),
                (false, _) => {}
            }
        }
        self.looked = short(window);
        // The CR of a line end may be there already.
        if self.first == 0 && window > limits.request_line.saturating_add(1) {
            return Err(Refusal::RequestLineTooLong);
        }
        if window == most {
            let too_large = if self.first == 0 {
                Refusal::RequestLineTooLong
            } else {
                Refusal::HeadTooLarge
            };
            return Err(too_large);
        }
        Ok(Found::Not)
    }
}

/// What is known of the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Host {
    /// There was none.
    #[default]
    Missing,
    /// It is still to be looked at.
    Named(Span),
    /// It is a good one.
    Good,
}

/// What the fields that matter for reading and answering say.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that are read one by one, not a state"
)]
pub(super) struct Seen {
    pub(super) host: Host,
    /// Whether there was anything else that may matter.
    anything: bool,
    marks: Marks,
    close: bool,
    keep_alive: bool,
    connection_upgrade: bool,
    connection_te: bool,
    upgrade: bool,
    expects_continue: bool,
    expects_other: bool,
    trailers: bool,
}

/// Reads a complete head, whose request line has `first` bytes, and writes what it finds into `raw`.
pub(super) fn read(raw: &mut RawHead, first: usize, limits: &Limits) -> Result<Message, Refusal> {
    let (text, lines) = raw.parts();
    let line = request_line::read(text, first, limits.method)?;
    let target = target::read(text, line.target, &line.method)?;
    let mut seen = Seen::default();
    let mut start = first + 2;
    // Every line ends in CRLF, and the last one is empty: the finder has seen to it.
    while let Some(length) = memchr::memchr(b'\n', &text[start..]) {
        let end = start + length - 1;
        if start == end {
            break;
        }
        if lines.len() == limits.fields {
            return Err(Refusal::TooManyFields);
        }
        let field = fields::read(text, start, end)?;
        seen.matter(field.name.of(text), field.value, text)?;
        lines.push(field);
        start = end + 2;
    }
    let message = seen.message(text, &line.method, line.version)?;
    raw.request_line(line.method, target, line.version);
    Ok(message)
}

/// How the names begin that matter, by how long they are: a name of four bytes or more matters if it begins so.
const BEGINNINGS: [[u8; 4]; 18] = {
    let mut by_length = [[0; 4]; 18];
    by_length[4] = *b"host";
    by_length[6] = *b"expe";
    by_length[7] = *b"upgr";
    by_length[10] = *b"conn";
    by_length[14] = *b"cont";
    by_length[17] = *b"tran";
    by_length
};

/// Whether a field may matter whose name has this length, and begins with these bytes if there are so many. Most do
/// not, and that is seen without a look at all of their names.
#[inline]
pub(super) fn may_matter(length: usize, four: [u8; 4]) -> bool {
    // In lower case, if they are letters.
    let lower = (u32::from_ne_bytes(four) | 0x2020_2020).to_ne_bytes();
    BEGINNINGS.get(length) == Some(&lower) || length == 2
}

impl Seen {
    /// Another field; to be left out where it can [not matter](may_matter).
    #[inline(never)]
    pub(super) fn matter(&mut self, name: &[u8], value: Span, text: &[u8]) -> Result<(), Refusal> {
        self.anything = true;
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => self.host(value)?,
            2 if name.eq_ignore_ascii_case(b"te") => self.te(value.of(text)),
            6 if name.eq_ignore_ascii_case(b"expect") => self.expect(value.of(text)),
            7 if name.eq_ignore_ascii_case(b"upgrade") => self.upgrade = true,
            10 if name.eq_ignore_ascii_case(b"connection") => self.connection(value.of(text)),
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                self.marks.content_length(value.of(text))?;
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                self.marks.transfer_encoding(value.of(text));
            }
            _ => {}
        }
        Ok(())
    }

    /// RFC 9112, 3.2: there is one.
    fn host(&mut self, value: Span) -> Result<(), Refusal> {
        if std::mem::replace(&mut self.host, Host::Named(value)) != Host::Missing {
            return Err(Refusal::HostTwice);
        }
        Ok(())
    }

    /// RFC 9110, 7.6.1: case-insensitive, and several lines are one list.
    fn connection(&mut self, value: &[u8]) {
        // What browsers say is not taken apart first.
        if value == b"keep-alive" {
            self.keep_alive = true;
            return;
        }
        for option in list(value) {
            match option.len() {
                5 if option.eq_ignore_ascii_case(b"close") => self.close = true,
                10 if option.eq_ignore_ascii_case(b"keep-alive") => self.keep_alive = true,
                7 if option.eq_ignore_ascii_case(b"upgrade") => self.connection_upgrade = true,
                2 if option.eq_ignore_ascii_case(b"te") => self.connection_te = true,
                _ => {}
            }
        }
    }

    fn te(&mut self, value: &[u8]) {
        self.trailers |= list(value).any(|coding| coding.eq_ignore_ascii_case(b"trailers"));
    }

    fn expect(&mut self, value: &[u8]) {
        for expectation in list(value) {
            if expectation.eq_ignore_ascii_case(b"100-continue") {
                self.expects_continue = true;
            } else {
                self.expects_other = true;
            }
        }
    }

    #[inline]
    pub(super) fn message(
        &self,
        text: &[u8],
        method: &Method,
        version: Version,
    ) -> Result<Message, Refusal> {
        if self.anything || self.host != Host::Good || version != Version::HTTP_11 {
            return self.message_of_all(text, method, version);
        }
        Ok(Message {
            is_head: method == Method::HEAD,
            is_connect: method == Method::CONNECT,
            ..Message::OF_NOTHING
        })
    }

    #[inline(never)]
    fn message_of_all(
        &self,
        text: &[u8],
        method: &Method,
        version: Version,
    ) -> Result<Message, Refusal> {
        let is_11 = version >= Version::HTTP_11;
        match self.host {
            Host::Named(value) if host::check(value.of(text)).is_none() => {
                return Err(Refusal::Host);
            }
            Host::Missing if is_11 => return Err(Refusal::HostMissing),
            Host::Named(_) | Host::Good | Host::Missing => {}
        }
        let framing = self.marks.framing(version)?;
        // RFC 9110, 10.1.1: from HTTP/1.0 it is ignored.
        if is_11 && self.expects_other {
            return Err(Refusal::Expectation);
        }
        Ok(Message {
            version,
            framing,
            keep_alive: !self.close && (is_11 || self.keep_alive),
            expects_continue: is_11 && self.expects_continue && framing != Framing::Empty,
            is_head: method == Method::HEAD,
            is_connect: method == Method::CONNECT,
            upgrades: is_11 && self.upgrade && self.connection_upgrade,
            reads_trailers: is_11 && self.trailers && self.connection_te,
        })
    }
}
