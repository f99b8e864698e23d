//! What a case finds.

use std::fmt;

use crate::answer::short;
use crate::case::Level;
use crate::exchange::Exchange;

/// A case is passed, or this is why not.
pub type Verdict = Result<(), Failure>;

/// Why a case is not passed.
#[derive(Clone, Debug)]
pub struct Failure {
    kind: Kind,
    message: String,
    /// Which of the case's variants it was.
    about: String,
    /// What went over the wire until then.
    exchange: Exchange,
    /// What else was found, where one does not end the case.
    more: Vec<Failure>,
}

/// What a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The server does not do what is asked, at the level of the case.
    Finding,
    /// The server does not do what is asked, and no more is asked than this.
    AtMost(Level),
    /// Nothing was found: the case cannot be played against this server.
    NotApplicable,
    /// Nothing was found: there was no time left.
    OutOfTime,
}

impl Failure {
    /// With this message.
    pub fn new(message: impl fmt::Display) -> Self {
        Failure {
            kind: Kind::Finding,
            message: message.to_string(),
            about: String::new(),
            exchange: Exchange::default(),
            more: Vec::new(),
        }
    }

    /// The case cannot be played, for this reason.
    pub(crate) fn not_applicable(reason: impl fmt::Display) -> Self {
        Failure::new(reason).of_kind(Kind::NotApplicable)
    }

    /// The time for the case is over.
    pub(crate) fn out_of_time() -> Self {
        Failure::new("its time was over").of_kind(Kind::OutOfTime)
    }

    fn of_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// No more is asked than this, whatever the level of the case.
    pub(crate) fn at_most(self, level: Level) -> Self {
        match self.kind {
            Kind::Finding => self.of_kind(Kind::AtMost(level)),
            _ => self,
        }
    }

    /// Says it in other words, if something was found.
    pub(crate) fn or_says(mut self, message: &str) -> Self {
        if self.kind != Kind::OutOfTime {
            message.clone_into(&mut self.message);
        }
        self
    }

    /// Says which of the case's variants it was. The outermost is said first.
    pub(crate) fn about(mut self, variant: impl fmt::Display) -> Self {
        self.about = match self.about.as_str() {
            "" => variant.to_string(),
            inner => format!("{variant}: {inner}"),
        };
        self
    }

    /// With what went over the wire until then.
    pub(crate) fn with_exchange(mut self, exchange: &Exchange) -> Self {
        if self.exchange.is_empty() {
            exchange.clone_into(&mut self.exchange);
        }
        self
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Why the case is not passed, in a sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Which of the case's variants it was, where it has several.
    pub fn variant(&self) -> Option<&str> {
        Some(self.about.as_str()).filter(|about| !about.is_empty())
    }

    /// What went over the wire until then.
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// This one, and all others that came after it.
    pub(crate) fn all(mut self) -> Vec<Failure> {
        let more = std::mem::take(&mut self.more);
        let mut all = vec![self];
        all.extend(more.into_iter().flat_map(Failure::all));
        all
    }
}

/// What became of variants that are tried one after the other.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    passed: bool,
    failures: Vec<Failure>,
}

impl Collected {
    /// Takes what became of one, and says whether there is time for the next.
    pub(crate) fn take(&mut self, verdict: Verdict) -> bool {
        match verdict {
            Ok(()) => self.passed = true,
            Err(failure) => {
                let is_over = failure.kind == Kind::OutOfTime;
                self.failures.push(failure);
                return !is_over;
            }
        }
        true
    }

    /// All that was found. That one variant could not be played is no word against the others.
    pub(crate) fn verdict(mut self) -> Verdict {
        let found = |failure: &Failure| failure.kind != Kind::NotApplicable;
        if self.passed || self.failures.iter().any(found) {
            self.failures.retain(found);
        }
        let mut failures = self.failures.into_iter();
        let Some(mut first) = failures.next() else {
            return Ok(());
        };
        first.more.extend(failures);
        Err(first)
    }
}

/// One of several things that a case tries.
pub(crate) trait Variant {
    /// What a failure calls it.
    fn told(&self) -> String;
}

impl Variant for &str {
    fn told(&self) -> String {
        short(self.as_bytes())
    }
}

impl Variant for String {
    fn told(&self) -> String {
        short(self.as_bytes())
    }
}

impl Variant for &[u8] {
    fn told(&self) -> String {
        short(self)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(variant) = self.variant() {
            write!(f, "{variant}: ")?;
        }
        f.write_str(&self.message)?;
        if !self.exchange.is_empty() {
            write!(f, "\n\nwhat went over the wire:\n{}", self.exchange)?;
        }
        self.more
            .iter()
            .try_for_each(|failure| write!(f, "\n\n{failure}"))
    }
}

impl std::error::Error for Failure {}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::new(error)
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Failure::new(message)
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Self {
        Failure::new(message)
    }
}

/// Asks for something to be so.
#[macro_export]
macro_rules! want {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::Failure::new(format!($($message)+)));
        }
    };
}

/// Asks for two things to be equal.
#[macro_export]
macro_rules! want_eq {
    ($left:expr, $right:expr $(,)?) => {
        match (&$left, &$right) {
            (left, right) => {
                if *left != *right {
                    return Err($crate::Failure::new(format!(
                        "{} is {left:?}, and should be {right:?}",
                        stringify!($left),
                    )));
                }
            }
        }
    };
}
