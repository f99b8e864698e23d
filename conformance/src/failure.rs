//! What a case finds.

use std::fmt;

/// A case is passed, or this is why not.
pub type Verdict = Result<(), Failure>;

/// Why a case is not passed.
#[derive(Clone, Debug)]
pub struct Failure {
    message: String,
    /// What went over the wire until then.
    transcript: String,
}

impl Failure {
    /// With this message.
    pub fn new(message: impl fmt::Display) -> Self {
        Failure {
            message: message.to_string(),
            transcript: String::new(),
        }
    }

    /// With what went over the wire until then.
    pub fn with_transcript(mut self, transcript: &str) -> Self {
        if self.transcript.is_empty() {
            transcript.clone_into(&mut self.transcript);
        }
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.transcript.is_empty() {
            return Ok(());
        }
        write!(f, "\n\nwhat went over the wire:\n{}", self.transcript)
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
