//! Reading answers, as far as counting them takes.

use std::io;

/// Reads the answers of one connection, however their bytes are cut, and says how many are complete.
///
/// It takes 200 alone, and framing by length or in chunks alone: whatever else a server says is an error,
/// so that nothing but the work asked for is ever counted.
#[derive(Debug, Default)]
pub struct Answers {
    step: Step,
    /// A line whose end has not come yet.
    line: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    /// Between two answers, or in a status line.
    #[default]
    Status,
    Fields(Framing),
    Content(u64),
    ChunkLine,
    Chunk(u64),
    ChunkEnd,
    Trailers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Unknown,
    Length(u64),
    Chunked,
}

/// No line of a server that is measured is longer.
const LONGEST_LINE: usize = 4096;

impl Answers {
    /// At the beginning of a connection.
    pub fn new() -> Self {
        Answers::default()
    }

    /// Whether nothing of a further answer has come.
    pub fn is_between(&self) -> bool {
        self.step == Step::Status && self.line.is_empty()
    }

    /// Reads bytes, passes the content in them to `content`, and says how many answers end in them.
    ///
    /// # Errors
    /// If they are not what is expected. Nothing can be read after that.
    pub fn read(&mut self, bytes: &[u8], mut content: impl FnMut(&[u8])) -> io::Result<u64> {
        let mut rest = bytes;
        let mut complete = 0;
        while !rest.is_empty() {
            let ends = match self.step {
                Step::Content(left) | Step::Chunk(left) => {
                    let there = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    content(&rest[..there]);
                    rest = &rest[there..];
                    self.passed(left - there as u64)
                }
                _ => self.read_line(&mut rest)?,
            };
            complete += u64::from(ends);
        }
        Ok(complete)
    }

    /// After some content, of which so much is left. Says whether the answer ends here.
    fn passed(&mut self, left: u64) -> bool {
        let (step, ends) = match (self.step, left) {
            (Step::Chunk(_), 0) => (Step::ChunkEnd, false),
            (Step::Chunk(_), left) => (Step::Chunk(left), false),
            (_, 0) => (Step::Status, true),
            (_, left) => (Step::Content(left), false),
        };
        self.step = step;
        ends
    }

    /// Takes a line, or what there is of it. Says whether the answer ends with it.
    fn read_line(&mut self, rest: &mut &[u8]) -> io::Result<bool> {
        let Some(lf) = memchr::memchr(b'\n', rest) else {
            self.line.extend_from_slice(rest);
            *rest = &[];
            if self.line.len() > LONGEST_LINE {
                return Err(wrong("a line without an end", &self.line[..64]));
            }
            return Ok(false);
        };
        let (here, after) = rest.split_at(lf + 1);
        *rest = after;
        if self.line.is_empty() {
            return self.line(here);
        }
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(here);
        self.line(&line)
    }

    /// A whole line, with its end.
    fn line(&mut self, line: &[u8]) -> io::Result<bool> {
        let Some(line) = line.strip_suffix(b"\r\n") else {
            return Err(wrong("a line that ends in LF alone", line));
        };
        let (step, ends) = match self.step {
            Step::Status if line.starts_with(b"HTTP/1.1 200 ") => {
                (Step::Fields(Framing::Unknown), false)
            }
            Step::Status => return Err(wrong("not a 200", line)),
            Step::Fields(framing) if line.is_empty() => after_head(framing)?,
            Step::Fields(framing) => (Step::Fields(field(framing, line)?), false),
            Step::ChunkLine => match chunk_size(line)? {
                0 => (Step::Trailers, false),
                size => (Step::Chunk(size), false),
            },
            Step::ChunkEnd if line.is_empty() => (Step::ChunkLine, false),
            Step::ChunkEnd => return Err(wrong("a chunk that is too long", line)),
            Step::Trailers if line.is_empty() => (Step::Status, true),
            Step::Trailers => (Step::Trailers, false),
            Step::Content(_) | Step::Chunk(_) => (self.step, false),
        };
        self.step = step;
        Ok(ends)
    }
}

fn after_head(framing: Framing) -> io::Result<(Step, bool)> {
    match framing {
        Framing::Unknown => Err(wrong("an answer without framing", b"")),
        Framing::Length(0) => Ok((Step::Status, true)),
        Framing::Length(length) => Ok((Step::Content(length), false)),
        Framing::Chunked => Ok((Step::ChunkLine, false)),
    }
}

/// What a field says about the framing, after what earlier ones have said.
fn field(before: Framing, line: &[u8]) -> io::Result<Framing> {
    let (name, value) = match memchr::memchr(b':', line) {
        Some(colon) => (&line[..colon], line[colon + 1..].trim_ascii()),
        None => return Err(wrong("a field without a colon", line)),
    };
    let said = match name.len() {
        14 if name.eq_ignore_ascii_case(b"content-length") => {
            Framing::Length(number(value, 10).ok_or_else(|| wrong("a length that is none", line))?)
        }
        17 if name.eq_ignore_ascii_case(b"transfer-encoding") => match value {
            b"chunked" => Framing::Chunked,
            _ => return Err(wrong("an unknown coding", line)),
        },
        _ => return Ok(before),
    };
    match before {
        Framing::Unknown => Ok(said),
        _ => Err(wrong("framing that is said twice", line)),
    }
}

fn chunk_size(line: &[u8]) -> io::Result<u64> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    number(digits, 16).ok_or_else(|| wrong("a chunk size that is none", line))
}

fn number(digits: &[u8], radix: u32) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()
}

#[cold]
fn wrong(what: &str, line: &[u8]) -> io::Error {
    io::Error::other(format!("{what}: {:?}", String::from_utf8_lossy(line)))
}

#[cfg(test)]
mod tests {
    use super::Answers;

    const TWO: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc\
        HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1;x=y\r\nf\r\n0\r\nt: 1\r\n\r\n";

    #[test]
    fn answers_are_counted_however_they_are_cut() {
        for first in 0..=TWO.len() {
            for second in first..=TWO.len() {
                let mut answers = Answers::new();
                let mut content = Vec::new();
                let mut complete = 0;
                for part in [&TWO[..first], &TWO[first..second], &TWO[second..]] {
                    complete += answers
                        .read(part, |piece| content.extend_from_slice(piece))
                        .unwrap();
                }
                assert_eq!(complete, 2, "cut at {first} and {second}");
                assert_eq!(content, b"abcdef");
                assert!(answers.is_between());
            }
        }
    }

    #[test]
    fn an_answer_counts_when_it_is_complete() {
        let mut answers = Answers::new();
        for (at, byte) in TWO.iter().enumerate() {
            let complete = answers.read(&[*byte], |_| {}).unwrap();
            let ends = at + 1 == TWO.len() || TWO[..=at].ends_with(b"\r\n\r\nabc");
            assert_eq!(complete, u64::from(ends), "after byte {at}");
            assert_eq!(answers.is_between(), ends, "after byte {at}");
        }
    }

    #[test]
    fn what_is_not_the_work_is_an_error() {
        let cases: &[&[u8]] = &[
            b"HTTP/1.1 404 Not Found\r\n",
            b"HTTP/1.0 200 OK\r\n",
            b"HTTP/1.1 200 OK\n",
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n",
            b"HTTP/1.1 200 OK\r\nfield\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab\r\n",
            &[b'a'; 5000],
        ];
        for bytes in cases {
            let read = Answers::new().read(bytes, |_| {});
            assert!(read.is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }
}
