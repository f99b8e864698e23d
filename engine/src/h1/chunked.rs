//! Content in chunks: RFC 9112, section 7.1.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::chars::{has_control, is_token};
use super::fields;
use super::limits::Limits;
use super::refusal::Refusal;

/// Decodes chunks, from bytes that arrive piece by piece.
///
/// ```text
///   Line --size > 0--> Data --all of it--> End --CRLF--> Line
///    |
///    +----size 0----> Trailers --empty line--> done
/// ```
#[derive(Debug)]
pub(super) struct Chunked {
    state: State,
    extensions: usize,
    trailers: Trailers,
}

#[derive(Debug)]
enum State {
    Line,
    Data { left: u64 },
    End,
    Trailers,
}

#[derive(Debug, Default)]
struct Trailers {
    fields: HeaderMap,
    lines: usize,
    bytes: usize,
}

/// What the bytes give: how many are used up, and what they are.
#[derive(Debug)]
pub(super) enum Decoded {
    /// More bytes are needed.
    Nothing,
    /// So many bytes are framing.
    Framing(usize),
    /// So many bytes are content.
    Data(usize),
    /// After so many bytes the content is complete; its trailers, if there are any.
    End(usize, Option<HeaderMap>),
}

impl Chunked {
    pub(super) fn new() -> Self {
        Chunked {
            state: State::Line,
            extensions: 0,
            trailers: Trailers::default(),
        }
    }

    pub(super) fn decode(&mut self, bytes: &[u8], limits: &Limits) -> Result<Decoded, Refusal> {
        match &mut self.state {
            State::Line => {
                let Some(line) = whole_line(bytes, limits.chunk_line, Refusal::ChunkLineTooLong)?
                else {
                    return Ok(Decoded::Nothing);
                };
                let (size, extensions) = chunk_line(line)?;
                self.extensions += extensions;
                if self.extensions > limits.chunk_extensions {
                    return Err(Refusal::ExtensionsTooLarge);
                }
                self.state = if size == 0 {
                    State::Trailers
                } else {
                    State::Data { left: size }
                };
                Ok(Decoded::Framing(line.len() + 2))
            }
            State::Data { left } => {
                let there = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                *left -= there as u64;
                if *left == 0 {
                    self.state = State::End;
                }
                Ok(if there == 0 {
                    Decoded::Nothing
                } else {
                    Decoded::Data(there)
                })
            }
            State::End => match bytes {
                [b'\r', b'\n', ..] => {
                    self.state = State::Line;
                    Ok(Decoded::Framing(2))
                }
                [] | [b'\r'] => Ok(Decoded::Nothing),
                _ => Err(Refusal::ChunkEnd),
            },
            State::Trailers => self.trailers.decode(bytes, limits),
        }
    }
}

impl Trailers {
    fn decode(&mut self, bytes: &[u8], limits: &Limits) -> Result<Decoded, Refusal> {
        let room = limits.trailers - self.bytes;
        let Some(line) = whole_line(bytes, room, Refusal::TrailersTooLarge)? else {
            return Ok(Decoded::Nothing);
        };
        let used = line.len() + 2;
        if line.is_empty() {
            let fields = std::mem::take(&mut self.fields);
            return Ok(Decoded::End(used, (!fields.is_empty()).then_some(fields)));
        }
        if used > room {
            return Err(Refusal::TrailersTooLarge);
        }
        self.bytes += used;
        self.lines += 1;
        if self.lines > limits.trailer_fields {
            return Err(Refusal::TooManyTrailers);
        }
        self.keep(line)?;
        Ok(Decoded::Framing(used))
    }

    fn keep(&mut self, line: &[u8]) -> Result<(), Refusal> {
        let field = fields::read(line, 0, line.len())?;
        let name = HeaderName::from_bytes(field.name.of(line)).map_err(|_| Refusal::FieldName)?;
        let value =
            HeaderValue::from_bytes(field.value.of(line)).map_err(|_| Refusal::FieldValue)?;
        match trailer(&name) {
            Trailer::Kept => drop(self.fields.append(name, value)),
            Trailer::Dropped => {}
            Trailer::Refused => return Err(Refusal::TrailerField),
        }
        Ok(())
    }
}

/// What becomes of a trailer: RFC 9110, 6.5.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trailer {
    Kept,
    /// It may not stand in trailers; without it nothing is lost.
    Dropped,
    /// It frames or routes: somebody wants the message to be read in two ways.
    Refused,
}

pub(super) fn trailer(name: &HeaderName) -> Trailer {
    use http::header as h;
    const REFUSED: [HeaderName; 3] = [h::CONTENT_LENGTH, h::TRANSFER_ENCODING, h::HOST];
    const DROPPED: [HeaderName; 27] = [
        h::AGE,
        h::AUTHORIZATION,
        h::CACHE_CONTROL,
        h::CONNECTION,
        h::CONTENT_ENCODING,
        h::CONTENT_RANGE,
        h::CONTENT_TYPE,
        h::COOKIE,
        h::DATE,
        h::EXPECT,
        h::EXPIRES,
        h::IF_MATCH,
        h::IF_MODIFIED_SINCE,
        h::IF_NONE_MATCH,
        h::IF_RANGE,
        h::IF_UNMODIFIED_SINCE,
        h::LOCATION,
        h::MAX_FORWARDS,
        h::PRAGMA,
        h::PROXY_AUTHENTICATE,
        h::PROXY_AUTHORIZATION,
        h::RANGE,
        h::RETRY_AFTER,
        h::SET_COOKIE,
        h::TE,
        h::TRAILER,
        h::UPGRADE,
    ];
    if REFUSED.contains(name) {
        Trailer::Refused
    } else if DROPPED.contains(name) || name == h::WWW_AUTHENTICATE || name == h::VARY {
        Trailer::Dropped
    } else {
        Trailer::Kept
    }
}

/// The line that the bytes begin with, without its CRLF; `None` while its end is not there.
fn whole_line(bytes: &[u8], longest: usize, too_long: Refusal) -> Result<Option<&[u8]>, Refusal> {
    let most = longest.saturating_add(2);
    let window = bytes.len().min(most);
    match memchr::memchr(b'\n', &bytes[..window]) {
        Some(lf) if lf > 0 && bytes[lf - 1] == b'\r' => Ok(Some(&bytes[..lf - 1])),
        Some(_) => Err(Refusal::BareLf),
        None if window == most => Err(too_long),
        None => Ok(None),
    }
}

/// The size that a chunk line says, and how many bytes of it are extensions.
fn chunk_line(line: &[u8]) -> Result<(u64, usize), Refusal> {
    let digits = line
        .iter()
        .position(|byte| !byte.is_ascii_hexdigit())
        .unwrap_or(line.len());
    let (digits, rest) = line.split_at(digits);
    let text = std::str::from_utf8(digits).map_err(|_| Refusal::ChunkSize)?;
    // Leading zeros are allowed (RFC 9112, 7.1), as many as the line may be long; overflow is not.
    let size = u64::from_str_radix(text, 16).map_err(|_| Refusal::ChunkSize)?;
    extensions(rest)?;
    Ok((size, rest.len()))
}

/// Checks `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`: RFC 9112, 7.1.1. What they
/// say is ignored, but where they end is not left to chance.
fn extensions(mut rest: &[u8]) -> Result<(), Refusal> {
    // What stands before the first `;` belongs to the size.
    let mut wrong = Refusal::ChunkSize;
    while !rest.is_empty() {
        let Some((b';', after)) = spaces(rest).split_first() else {
            return Err(wrong);
        };
        wrong = Refusal::ChunkExtension;
        let (name, after) = token(spaces(after));
        if name.is_empty() {
            return Err(wrong);
        }
        rest = match spaces(after).split_first() {
            Some((b'=', after)) => value(spaces(after))?,
            _ => after,
        };
    }
    Ok(())
}

/// Passes over a token or a quoted string (RFC 9110, 5.6.4).
fn value(rest: &[u8]) -> Result<&[u8], Refusal> {
    let Some((b'"', quoted)) = rest.split_first() else {
        let (value, after) = token(rest);
        return if value.is_empty() {
            Err(Refusal::ChunkExtension)
        } else {
            Ok(after)
        };
    };
    let mut at = 0;
    loop {
        match quoted.get(at) {
            Some(b'"') if !has_control(&quoted[..at]) => return Ok(&quoted[at + 1..]),
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
            None => return Err(Refusal::ChunkExtension),
        }
    }
}

fn token(rest: &[u8]) -> (&[u8], &[u8]) {
    rest.split_at(
        rest.iter()
            .position(|byte| !is_token(*byte))
            .unwrap_or(rest.len()),
    )
}

fn spaces(rest: &[u8]) -> &[u8] {
    let text = rest
        .iter()
        .position(|byte| !matches!(byte, b' ' | b'\t'))
        .unwrap_or(rest.len());
    &rest[text..]
}

#[cfg(test)]
mod tests {
    use super::{Refusal, chunk_line};

    #[test]
    fn chunk_lines() {
        let cases: &[(&str, Result<u64, Refusal>)] = &[
            ("0", Ok(0)),
            ("a", Ok(10)),
            ("A", Ok(10)),
            ("00000000000000000000a", Ok(10)),
            ("ffffffffffffffff", Ok(u64::MAX)),
            ("10000000000000000", Err(Refusal::ChunkSize)),
            ("", Err(Refusal::ChunkSize)),
            ("g", Err(Refusal::ChunkSize)),
            ("-1", Err(Refusal::ChunkSize)),
            ("+1", Err(Refusal::ChunkSize)),
            ("0x1", Err(Refusal::ChunkSize)),
            ("1_0", Err(Refusal::ChunkSize)),
            ("1 ", Err(Refusal::ChunkSize)),
            ("1\t", Err(Refusal::ChunkSize)),
            (" 1", Err(Refusal::ChunkSize)),
            ("1 2", Err(Refusal::ChunkSize)),
            ("1,2", Err(Refusal::ChunkSize)),
            ("1\r", Err(Refusal::ChunkSize)),
            ("1\0", Err(Refusal::ChunkSize)),
            ("1;a", Ok(1)),
            ("1;a=b", Ok(1)),
            ("1;a=b;c", Ok(1)),
            ("1 ; a = b", Ok(1)),
            ("1;a=\"b\"", Ok(1)),
            ("1;a=\"b;c\\\"d\"", Ok(1)),
            ("1;a=\"b\";c=d", Ok(1)),
            ("1;", Err(Refusal::ChunkExtension)),
            ("1;=b", Err(Refusal::ChunkExtension)),
            ("1;a=", Err(Refusal::ChunkExtension)),
            ("1;a=\"b", Err(Refusal::ChunkExtension)),
            ("1;a=\"b\\\"", Err(Refusal::ChunkExtension)),
            ("1;a=\"b\"c", Err(Refusal::ChunkExtension)),
            ("1;a b", Err(Refusal::ChunkExtension)),
            ("1;a\r=b", Err(Refusal::ChunkExtension)),
            ("1;a=\"\0\"", Err(Refusal::ChunkExtension)),
        ];
        for (line, expected) in cases {
            let read = chunk_line(line.as_bytes()).map(|(size, _)| size);
            assert_eq!(&read, expected, "{line:?}");
        }
    }
}
