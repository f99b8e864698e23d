//! How long the content of a request is: RFC 9112, section 6.3.

use http::Version;

use super::fields::list;
use super::refusal::Refusal;

/// How long the content is, and how it is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    Empty,
    /// So many bytes.
    Length(u64),
    /// Chunks, up to the last one.
    Chunked,
}

/// What a head says about its content, gathered line by line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks {
    length: Option<u64>,
    length_too_large: bool,
    codings: Codings,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Codings {
    /// There is no Transfer-Encoding.
    #[default]
    None,
    /// There is, without any coding so far.
    Empty,
    /// `chunked` alone.
    Chunked,
    /// Something unknown, and then `chunked`.
    UnknownThenChunked,
    /// Something unknown last.
    Unknown,
    /// Something after `chunked`, which nothing can mend.
    Broken,
}

impl Marks {
    /// A `Content-Length` line.
    ///
    /// RFC 9110, 8.6 lets a list of equal numbers be read as one. It is refused: whoever sends it has
    /// already merged two messages' fields, and a proxy in front may have picked the other reading.
    pub(super) fn content_length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if self.length.is_some() || value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return Err(Refusal::Length);
        }
        let digits = std::str::from_utf8(value).map_err(|_| Refusal::Length)?;
        // Only digits, so the one thing that can go wrong is that they are too many.
        let length = digits.parse().ok();
        self.length_too_large = length.is_none();
        self.length = Some(length.unwrap_or(u64::MAX));
        Ok(())
    }

    /// A `Transfer-Encoding` line. Several lines are one list (RFC 9110, 5.3).
    pub(super) fn transfer_encoding(&mut self, value: &[u8]) {
        if self.codings == Codings::None {
            self.codings = Codings::Empty;
        }
        for coding in list(value) {
            let chunked = coding.eq_ignore_ascii_case(b"chunked");
            self.codings = match (self.codings, chunked) {
                (Codings::None | Codings::Empty, true) => Codings::Chunked,
                (Codings::Unknown, true) => Codings::UnknownThenChunked,
                (Codings::None | Codings::Empty | Codings::Unknown, false) => Codings::Unknown,
                _ => Codings::Broken,
            };
        }
    }

    /// Decides, in the order of RFC 9112, 6.3. A message that could be read in two ways is refused,
    /// because a proxy in front may have read it the other way.
    ///
    /// # Errors
    /// Answered with 400 and a close, an unknown coding with 501.
    pub(super) fn framing(self, version: Version) -> Result<Framing, Refusal> {
        match (self.codings, self.length) {
            // Item 3; RFC 9112, 6.1 says that it ought to be handled as an error.
            (Codings::None, Some(_)) if self.length_too_large => Err(Refusal::LengthTooLarge),
            (Codings::None, None) => Ok(Framing::Empty),
            (Codings::None, Some(0)) => Ok(Framing::Empty),
            (Codings::None, Some(length)) => Ok(Framing::Length(length)),
            (_, Some(_)) => Err(Refusal::LengthAndChunked),
            // RFC 9112, 6.1: in HTTP/1.0 the framing is faulty.
            _ if version < Version::HTTP_11 => Err(Refusal::CodingInHttp10),
            (Codings::Chunked, None) => Ok(Framing::Chunked),
            // RFC 9112, 6.1: not understood.
            (Codings::UnknownThenChunked, None) => Err(Refusal::CodingUnknown),
            // Item 4: where `chunked` is not last the length cannot be known.
            (Codings::Empty | Codings::Unknown | Codings::Broken, None) => {
                Err(Refusal::ChunkedNotLast)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Framing, Marks, Refusal, Version};

    fn framing(fields: &[(&str, &str)], version: Version) -> Result<Framing, Refusal> {
        let mut marks = Marks::default();
        for (name, value) in fields {
            match *name {
                "cl" => marks.content_length(value.as_bytes())?,
                _ => marks.transfer_encoding(value.as_bytes()),
            }
        }
        marks.framing(version)
    }

    #[test]
    fn framings() {
        type Case<'a> = (&'a [(&'a str, &'a str)], Result<Framing, Refusal>);
        let cases: &[Case<'_>] = &[
            (&[], Ok(Framing::Empty)),
            (&[("cl", "0")], Ok(Framing::Empty)),
            (&[("cl", "5")], Ok(Framing::Length(5))),
            (&[("cl", "0005")], Ok(Framing::Length(5))),
            (
                &[("cl", "18446744073709551615")],
                Ok(Framing::Length(u64::MAX)),
            ),
            (
                &[("cl", "18446744073709551616")],
                Err(Refusal::LengthTooLarge),
            ),
            (&[("cl", "5"), ("cl", "5")], Err(Refusal::Length)),
            (&[("cl", "5"), ("cl", "6")], Err(Refusal::Length)),
            (&[("cl", "5, 5")], Err(Refusal::Length)),
            (&[("cl", "5,6")], Err(Refusal::Length)),
            (&[("cl", "")], Err(Refusal::Length)),
            (&[("cl", "+5")], Err(Refusal::Length)),
            (&[("cl", "-5")], Err(Refusal::Length)),
            (&[("cl", "0x5")], Err(Refusal::Length)),
            (&[("cl", "5 5")], Err(Refusal::Length)),
            (&[("cl", "5;a")], Err(Refusal::Length)),
            (&[("cl", "\u{665}")], Err(Refusal::Length)),
            (&[("te", "chunked")], Ok(Framing::Chunked)),
            (&[("te", "CHUNKED")], Ok(Framing::Chunked)),
            (&[("te", "\tchunked ")], Ok(Framing::Chunked)),
            (&[("te", ", chunked,")], Ok(Framing::Chunked)),
            (&[("te", "gzip, chunked")], Err(Refusal::CodingUnknown)),
            (
                &[("te", "gzip"), ("te", "chunked")],
                Err(Refusal::CodingUnknown),
            ),
            (&[("te", "gzip")], Err(Refusal::ChunkedNotLast)),
            (&[("te", "xchunked")], Err(Refusal::ChunkedNotLast)),
            (&[("te", "\"chunked\"")], Err(Refusal::ChunkedNotLast)),
            (&[("te", "chunked;a=b")], Err(Refusal::ChunkedNotLast)),
            (&[("te", "chunked, gzip")], Err(Refusal::ChunkedNotLast)),
            (&[("te", "chunked, chunked")], Err(Refusal::ChunkedNotLast)),
            (
                &[("te", "chunked"), ("te", "chunked")],
                Err(Refusal::ChunkedNotLast),
            ),
            (&[("te", "identity")], Err(Refusal::ChunkedNotLast)),
            (&[("te", "chunked, identity")], Err(Refusal::ChunkedNotLast)),
            (&[("te", "")], Err(Refusal::ChunkedNotLast)),
            (&[("te", ",")], Err(Refusal::ChunkedNotLast)),
            (
                &[("cl", "5"), ("te", "chunked")],
                Err(Refusal::LengthAndChunked),
            ),
            (
                &[("te", "chunked"), ("cl", "5")],
                Err(Refusal::LengthAndChunked),
            ),
            (
                &[("te", "chunked"), ("cl", "0")],
                Err(Refusal::LengthAndChunked),
            ),
            (&[("te", ""), ("cl", "5")], Err(Refusal::LengthAndChunked)),
        ];
        for (fields, expected) in cases {
            assert_eq!(&framing(fields, Version::HTTP_11), expected, "{fields:?}");
        }
        assert_eq!(
            framing(&[("te", "chunked")], Version::HTTP_10),
            Err(Refusal::CodingInHttp10)
        );
        assert_eq!(
            framing(&[("cl", "5")], Version::HTTP_10),
            Ok(Framing::Length(5))
        );
    }
}
