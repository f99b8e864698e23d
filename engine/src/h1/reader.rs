//! Reading a connection: bytes go in, events come out.
//!
//! ```text
//!            +------------------- next() -------------------+
//!            v                                              |
//!   Head --complete head--> Length / Chunked --last byte--> Done
//!     |                                                     ^
//!     +-------------- head of a message without content ----+
//! ```
//!
//! Everything about *this message* is in [`Message`] and in the state; [`Reader::next`] replaces
//! both as a whole, so nothing of one message reaches the next.

use http::HeaderMap;
use http_server_trait::backend::RawHead;

use super::chunked::{Chunked, Decoded};
use super::framing::Framing;
use super::head::{self, Finder, Found, Message};
use super::limits::Limits;
use super::quick;
use super::refusal::Refusal;

/// Reads requests from the bytes of a connection.
///
/// It holds no bytes: the caller keeps those that an event did not use up, adds what arrives, and asks
/// again. However the bytes are cut into pieces, the same events come out.
///
/// ```
/// use http_server_engine::h1::{Event, Limits, Reader};
///
/// let limits = Limits::default();
/// let mut reader = Reader::new();
/// let bytes = b"POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\n\r\nhi";
/// let (used, Event::Head(head, message)) = reader.read(bytes, &limits).unwrap() else { panic!() };
/// assert!(head.text().starts_with(b"POST /a"));
/// assert!(message.keep_alive);
/// let (used_too, Event::Data(data)) = reader.read(&bytes[used..], &limits).unwrap() else { panic!() };
/// assert_eq!(data, b"hi");
/// assert_eq!(used + used_too, bytes.len());
/// assert!(matches!(reader.read(b"", &limits), Ok((0, Event::End(None)))));
/// ```
#[derive(Debug)]
pub struct Reader {
    state: State,
}

#[derive(Debug)]
enum State {
    /// Waiting for a complete head.
    Head(Finder),
    /// In content of known length.
    Length { left: u64 },
    /// In content of chunks. Boxed: most messages have none.
    Chunked(Box<Chunked>),
    /// After the message. The end has been said.
    Done,
}

/// What the bytes give.
#[derive(Debug)]
pub enum Event<'a> {
    /// Nothing yet: more bytes are needed.
    NeedsMore,
    /// Bytes that carry nothing were passed over: framing, or an empty line before a request.
    Passed,
    /// A complete head.
    Head(RawHead, Message),
    /// A piece of content.
    Data(&'a [u8]),
    /// The message is complete; its trailers, if it had any. Said once.
    End(Option<HeaderMap>),
}

impl Reader {
    /// At the beginning of a connection.
    pub fn new() -> Self {
        Reader {
            state: State::Head(Finder::default()),
        }
    }

    /// Goes on to the next message. To be called when this one is complete.
    pub fn next(&mut self) {
        debug_assert!(
            matches!(self.state, State::Done),
            "the message is not complete"
        );
        self.enter(State::Head(Finder::default()));
    }

    /// Whether the current message is complete, and its end has been said.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Whether a head is being waited for.
    pub fn is_at_head(&self) -> bool {
        matches!(self.state, State::Head(_))
    }

    /// How much content is left, if it is of known length.
    pub fn left(&self) -> Option<u64> {
        match self.state {
            State::Length { left } => Some(left),
            State::Done => Some(0),
            State::Head(_) | State::Chunked(_) => None,
        }
    }

    /// Takes so many bytes of content as read, that the caller has put elsewhere itself. Only for content
    /// of known length, of which there must be so many [`left`](Reader::left).
    pub fn passed(&mut self, bytes: u64) {
        if let State::Length { left } = &mut self.state {
            *left = left.saturating_sub(bytes);
        }
    }

    /// What the bytes give, and how many of them are used up by it.
    ///
    /// While a head is waited for, the bytes must begin where they began at the last call, and may only
    /// have become more: a head is used up as a whole.
    ///
    /// # Errors
    /// [`Refusal`] if they break the protocol or a limit. Nothing can be read after that.
    pub fn read<'a>(
        &mut self,
        bytes: &'a [u8],
        limits: &Limits,
    ) -> Result<(usize, Event<'a>), Refusal> {
        if matches!(&self.state, State::Head(finder) if finder.is_fresh())
            && bytes.len() >= quick::SHORTEST
        {
            let mut raw = RawHead::new();
            if let Some((end, message)) = quick::read(bytes, &mut raw, limits) {
                self.enter(State::content(message.framing));
                return Ok((end, Event::Head(raw, message)));
            }
        }
        self.read_slowly(bytes, limits)
    }

    /// What is not a head that comes whole and is like most.
    #[inline(never)]
    fn read_slowly<'a>(
        &mut self,
        bytes: &'a [u8],
        limits: &Limits,
    ) -> Result<(usize, Event<'a>), Refusal> {
        match &mut self.state {
            State::Head(_) => self.read_head(bytes, limits),
            State::Length { left: 0 } => {
                self.state = State::Done;
                Ok((0, Event::End(None)))
            }
            State::Length { left } => {
                let there = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                *left -= there as u64;
                match there {
                    0 => Ok((0, Event::NeedsMore)),
                    there => Ok((there, Event::Data(&bytes[..there]))),
                }
            }
            State::Chunked(chunked) => match chunked.decode(bytes, limits)? {
                Decoded::Nothing => Ok((0, Event::NeedsMore)),
                Decoded::Framing(used) => Ok((used, Event::Passed)),
                Decoded::Data(used) => Ok((used, Event::Data(&bytes[..used]))),
                Decoded::End(used, trailers) => {
                    self.state = State::Done;
                    Ok((used, Event::End(trailers)))
                }
            },
            State::Done => Ok((0, Event::NeedsMore)),
        }
    }

    /// Goes on to another state. Nearly none of those that are left has anything to free.
    #[inline]
    fn enter(&mut self, state: State) {
        if let State::Chunked(_) = self.state {
            self.state = state;
        } else {
            std::mem::forget(std::mem::replace(&mut self.state, state));
        }
    }

    /// Reads a head with care: its end is found first, however many pieces it comes in.
    fn read_head<'a>(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<(usize, Event<'a>), Refusal> {
        let State::Head(finder) = &mut self.state else {
            return Ok((0, Event::NeedsMore));
        };
        match finder.find(bytes, limits)? {
            Found::Not => Ok((0, Event::NeedsMore)),
            Found::EmptyLine => {
                *finder = finder.after_empty_line()?;
                Ok((2, Event::Passed))
            }
            Found::Head { end, first } => {
                let mut raw = RawHead::copy(&bytes[..end]);
                let message = head::read(&mut raw, first, limits)?;
                self.enter(State::content(message.framing));
                Ok((end, Event::Head(raw, message)))
            }
        }
    }
}

impl State {
    #[inline]
    fn content(framing: Framing) -> Self {
        match framing {
            Framing::Empty => State::Done,
            Framing::Length(left) => State::Length { left },
            Framing::Chunked => State::Chunked(Box::new(Chunked::new())),
        }
    }
}

impl Default for Reader {
    fn default() -> Self {
        Reader::new()
    }
}
