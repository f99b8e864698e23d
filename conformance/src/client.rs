//! A client of a case: sends bytes as they are written down, and reads answers strictly.

use std::fmt::Write;
use std::time::Duration;

use crate::answer::{Answer, Progress, short};
use crate::failure::{Failure, Verdict};
use crate::wire::{Received, Wire};

/// A connection to the server. Every step says what it wants; the first that does not come ends the case,
/// and the failure tells what went over the wire until then.
pub struct Client {
    wire: Box<dyn Wire>,
    received: Vec<u8>,
    transcript: String,
    /// How the server has ended, once it has.
    ended: Option<End>,
    /// Whether the next answer is one to HEAD.
    head: bool,
    patience: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Finished,
    Reset,
}

/// How long, in a case's time, an answer may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// For how long nothing may come where nothing must.
const SILENCE: Duration = Duration::from_secs(2);

impl Client {
    pub(crate) fn new(wire: Box<dyn Wire>) -> Self {
        Client {
            wire,
            received: Vec::new(),
            transcript: String::new(),
            ended: None,
            head: false,
            patience: PATIENCE,
        }
    }

    /// Sends these bytes. A server that has refused what came before need not take them.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<&mut Self, Failure> {
        let bytes = bytes.as_ref();
        let _ = writeln!(self.transcript, "> {}", short(bytes));
        match self.wire.send(bytes) {
            Ok(sent) if sent < bytes.len() => {
                let _ = writeln!(
                    self.transcript,
                    "! the server took {sent} of {} bytes",
                    bytes.len()
                );
            }
            Ok(_) => {}
            Err(error) => {
                let _ = writeln!(self.transcript, "! sending failed: {error}");
            }
        }
        Ok(self)
    }

    /// Sends as many of these bytes as the server takes, and says how many.
    pub fn send_some(&mut self, bytes: &[u8]) -> usize {
        let sent = self.wire.send(bytes).unwrap_or(0);
        let _ = writeln!(self.transcript, "> {sent} of {} bytes", bytes.len());
        sent
    }

    /// Sends a GET for this path, in HTTP/1.1.
    pub fn get(&mut self, path: &str) -> Result<&mut Self, Failure> {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: conformance\r\n\r\n"))
    }

    /// Sends a POST of this content to this path, in HTTP/1.1.
    pub fn post(&mut self, path: &str, content: impl AsRef<[u8]>) -> Result<&mut Self, Failure> {
        let content = content.as_ref();
        let length = content.len();
        let mut message = format!(
            "POST {path} HTTP/1.1\r\nHost: conformance\r\nContent-Length: {length}\r\n\r\n"
        )
        .into_bytes();
        message.extend_from_slice(content);
        self.send(message)
    }

    /// The next answer is one to HEAD: it has no content, whatever its fields say.
    pub fn to_head(&mut self) -> &mut Self {
        self.head = true;
        self
    }

    /// The next final answer. Interim answers are not expected.
    pub fn answer(&mut self) -> Result<Answer, Failure> {
        let answer = self.next_answer()?;
        if answer.status < 200 {
            return Err(self.failure(format!("a {} came that nobody waited for", answer.status)));
        }
        self.head = false;
        Ok(answer)
    }

    /// The next answer, interim or final.
    pub fn next_answer(&mut self) -> Result<Answer, Failure> {
        loop {
            let ended = self.ended == Some(End::Finished);
            let read = Answer::read(&self.received, self.head, ended);
            match read.map_err(|failure| failure.with_transcript(&self.transcript))? {
                Progress::Complete(answer, used) => {
                    self.received.drain(..used);
                    return Ok(*answer);
                }
                Progress::NeedsMore => match self.ended {
                    None => self.receive(self.patience)?,
                    Some(end) => {
                        return Err(self.failure(format!(
                            "the connection ended ({end:?}) before the answer did"
                        )));
                    }
                },
            }
        }
    }

    /// A `100 Continue`.
    pub fn continues(&mut self) -> Result<&mut Self, Failure> {
        let answer = self.next_answer()?;
        if answer.status != 100 {
            return Err(self.failure(format!("a {} came instead of a 100", answer.status)));
        }
        Ok(self)
    }

    /// A final answer of this status, and the connection is of further use: the next request is answered.
    pub fn answered(&mut self, status: u16) -> Result<Answer, Failure> {
        let answer = self.answer()?;
        self.told(answer.keeps().and_then(|answer| answer.status(status)))
    }

    /// An answer of this status that says `Connection: close`, and then the close.
    pub fn refused(&mut self, status: u16) -> Verdict {
        let answer = self.answer()?;
        self.told(answer.status(status).and_then(Answer::says_close))?;
        self.closed()
    }

    /// An answer of one of these statuses, and the close.
    pub fn refused_with_one_of(&mut self, statuses: &[u16]) -> Verdict {
        let answer = self.answer()?;
        self.told(answer.one_of(statuses).and_then(Answer::says_close))?;
        self.closed()
    }

    /// The server closes in order, and sends nothing more before it.
    pub fn closed(&mut self) -> Verdict {
        match self.rest()? {
            (bytes, End::Finished) if bytes.is_empty() => Ok(()),
            (bytes, End::Reset) if bytes.is_empty() => {
                Err(self.failure("the connection was reset".into()))
            }
            (bytes, _) => Err(self.failure(format!("before the close came {}", short(&bytes)))),
        }
    }

    /// The server closes, in order or not, and sends nothing more before it.
    pub fn gone(&mut self) -> Verdict {
        match self.rest()? {
            (bytes, _) if bytes.is_empty() => Ok(()),
            (bytes, _) => Err(self.failure(format!("before the close came {}", short(&bytes)))),
        }
    }

    /// The answer that has begun does not end: the connection is cut in its middle. Gives what came of it.
    pub fn cut(&mut self) -> Result<Vec<u8>, Failure> {
        let (bytes, end) = self.rest()?;
        match Answer::read(&bytes, self.head, end == End::Finished) {
            Ok(Progress::Complete(answer, _)) => Err(self.failure(format!(
                "an answer that should have been cut looks complete: {answer}"
            ))),
            _ => Ok(bytes),
        }
    }

    /// Everything until the server closes, in order or not.
    pub fn everything(&mut self) -> Result<Vec<u8>, Failure> {
        Ok(self.rest()?.0)
    }

    fn rest(&mut self) -> Result<(Vec<u8>, End), Failure> {
        let mut waited = 0;
        loop {
            if let Some(end) = self.ended {
                return Ok((std::mem::take(&mut self.received), end));
            }
            let before = self.received.len();
            self.receive(self.patience)?;
            waited += self.received.len() - before;
            if waited > 64 << 20 {
                return Err(self.failure("the server sends without end".into()));
            }
        }
    }

    /// Nothing comes for a while.
    pub fn silent(&mut self) -> Result<&mut Self, Failure> {
        self.silent_for(SILENCE)
    }

    /// Nothing comes for so long.
    pub fn silent_for(&mut self, time: Duration) -> Result<&mut Self, Failure> {
        if self.received.is_empty() && self.ended.is_none() {
            match self.wire.receive(time) {
                Received::Nothing => return Ok(self),
                received => self.took(received),
            }
        }
        let what = match self.ended {
            Some(end) if self.received.is_empty() => format!("the connection ended ({end:?})"),
            _ => format!("there came {}", short(&self.received)),
        };
        Err(self.failure(format!("nothing should have come, but {what}")))
    }

    /// The connection is alive: a request on it is answered.
    pub fn alive(&mut self) -> Verdict {
        self.get("/ok")?;
        let answer = self.answer()?;
        self.told(answer.status(200)).map(drop)
    }

    /// Waits until so many bytes have come that are not part of an answer read before, and gives all there are.
    pub fn bytes(&mut self, at_least: usize) -> Result<Vec<u8>, Failure> {
        while self.received.len() < at_least {
            if let Some(end) = self.ended {
                return Err(self.failure(format!(
                    "the connection ended ({end:?}) after {} bytes",
                    self.received.len()
                )));
            }
            self.receive(self.patience)?;
        }
        Ok(std::mem::take(&mut self.received))
    }

    /// Waits until this text has come, and gives everything up to its end.
    pub fn until(&mut self, text: &str) -> Result<String, Failure> {
        loop {
            let found = self
                .received
                .windows(text.len())
                .position(|window| window == text.as_bytes());
            if let Some(at) = found {
                let taken: Vec<u8> = self.received.drain(..at + text.len()).collect();
                return Ok(String::from_utf8_lossy(&taken).into_owned());
            }
            if let Some(end) = self.ended {
                return Err(self.failure(format!(
                    "the connection ended ({end:?}) before {text:?} came"
                )));
            }
            self.receive(self.patience)?;
        }
    }

    /// Ends this side; the server may still send.
    pub fn half_close(&mut self) -> Result<&mut Self, Failure> {
        let _ = writeln!(self.transcript, "> (end)");
        // A server that has reset the connection has ended it, too.
        let _ = self.wire.end();
        Ok(self)
    }

    /// Resets the connection.
    pub fn reset(mut self) {
        self.wire.reset();
    }

    fn receive(&mut self, wait: Duration) -> Verdict {
        let received = self.wire.receive(wait);
        if received == Received::Nothing {
            return Err(self.failure("nothing came for too long".into()));
        }
        self.took(received);
        Ok(())
    }

    fn took(&mut self, received: Received) {
        match received {
            Received::Bytes(bytes) => {
                let _ = writeln!(self.transcript, "< {}", short(&bytes));
                self.received.extend_from_slice(&bytes);
            }
            Received::End => {
                self.transcript.push_str("< (end)\n");
                self.ended = Some(End::Finished);
            }
            Received::Reset => {
                self.transcript.push_str("< (reset)\n");
                self.ended = Some(End::Reset);
            }
            Received::Nothing => {}
        }
    }

    fn failure(&self, message: String) -> Failure {
        Failure::new(message).with_transcript(&self.transcript)
    }

    /// Adds the transcript to a failure.
    fn told<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        result.map_err(|failure| failure.with_transcript(&self.transcript))
    }

    /// What went over the wire so far.
    pub fn transcript(&self) -> &str {
        &self.transcript
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
