//! What went over a connection, step by step.

use std::fmt;

use crate::answer::short_of;

/// What went over a connection, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    steps: Vec<Step>,
}

/// One thing that happened on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// The client sent this.
    Sent(Piece),
    /// The server sent this.
    Received(Piece),
    /// The client ended its side.
    ClientEnded,
    /// The server ended its side.
    ServerEnded,
    /// The connection was reset.
    Reset,
    /// Something else that is worth knowing.
    Note(String),
}

/// Bytes, of which no more than the first are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The first of them.
    pub bytes: Vec<u8>,
    /// How many there were.
    pub length: usize,
}

/// How many bytes of a piece are kept.
const KEPT: usize = 16 * 1024;

impl Exchange {
    /// The steps, in their order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(crate) fn sent(&mut self, bytes: &[u8]) {
        self.steps.push(Step::Sent(Piece::of(bytes)));
    }

    pub(crate) fn received(&mut self, bytes: &[u8]) {
        self.steps.push(Step::Received(Piece::of(bytes)));
    }

    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.steps.push(Step::Note(text.into()));
    }

    pub(crate) fn push(&mut self, step: Step) {
        self.steps.push(step);
    }
}

impl FromIterator<Step> for Exchange {
    fn from_iter<I: IntoIterator<Item = Step>>(steps: I) -> Self {
        Exchange {
            steps: steps.into_iter().collect(),
        }
    }
}

impl Piece {
    /// Keeps the first of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Piece {
            bytes: bytes[..bytes.len().min(KEPT)].to_vec(),
            length: bytes.len(),
        }
    }

    /// How many bytes were not kept.
    pub fn missing(&self) -> usize {
        self.length - self.bytes.len()
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Sent(piece) => write!(f, "> {}", short_of(&piece.bytes, piece.length)),
            Step::Received(piece) => write!(f, "< {}", short_of(&piece.bytes, piece.length)),
            Step::ClientEnded => f.write_str("> (end)"),
            Step::ServerEnded => f.write_str("< (end)"),
            Step::Reset => f.write_str("< (reset)"),
            Step::Note(text) => write!(f, "! {text}"),
        }
    }
}
