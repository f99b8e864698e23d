//! A client of a case: sends bytes as they are written down, and reads answers strictly.

use std::net::SocketAddr;
use std::time::Duration;

use crate::answer::{Answer, Progress, short};
use crate::case::Level;
use crate::exchange::{Exchange, Step};
use crate::failure::{Failure, Verdict};
use crate::judge::{Foreign, Judge};
use crate::wire::{Received, Wire};

/// A connection to the server. Every step says what it wants; the first that does not come ends the case,
/// and the failure tells what went over the wire until then.
pub struct Client {
    wire: Box<dyn Wire>,
    received: Vec<u8>,
    exchange: Exchange,
    judge: Judge,
    /// How many bytes were sent as a whole.
    sent: u64,
    /// How many answers have come.
    answers: usize,
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
/// What is wrong where a close does not come.
const NOT_CLOSED: &str = "the server does not close the connection";
/// For how long nothing may come where nothing must.
const SILENCE: Duration = Duration::from_secs(2);

impl Client {
    pub(crate) fn new(wire: Box<dyn Wire>, judge: Judge) -> Self {
        Client {
            wire,
            received: Vec::new(),
            exchange: Exchange::default(),
            judge,
            sent: 0,
            answers: 0,
            ended: None,
            head: false,
            patience: PATIENCE,
        }
    }

    pub(crate) fn keep_little(&mut self) -> Result<(), Failure> {
        self.wire
            .keep_little()
            .map_err(|error| Failure::new(format!("setting a socket option failed: {error}")))
    }

    /// Where it is connected from, if there are such addresses: the peer, as the server sees it.
    pub fn address(&self) -> Option<SocketAddr> {
        self.wire.address()
    }

    /// Sends these bytes. A server that has refused what came before need not take them.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<&mut Self, Failure> {
        let bytes = match self.judge.foreign() {
            Some(foreign) => foreign.addressed(bytes.as_ref())?,
            None => bytes.as_ref().into(),
        };
        Ok(self.send_as_it_is(bytes))
    }

    /// Sends these bytes, and puts nothing in for words that stand for something.
    pub(crate) fn send_as_it_is(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let bytes = bytes.as_ref();
        self.exchange.sent(bytes);
        match self.wire.send(bytes) {
            Ok(sent) if sent < bytes.len() => {
                let length = bytes.len();
                self.exchange
                    .note(format!("the server took {sent} of {length} bytes"));
            }
            Ok(sent) => self.sent += sent as u64,
            Err(error) => self.exchange.note(format!("sending failed: {error}")),
        }
        self
    }

    /// How many bytes were sent.
    pub fn sent_bytes(&self) -> u64 {
        self.sent
    }

    /// Sends as many of these bytes as the server takes, and says how many.
    pub fn send_some(&mut self, bytes: &[u8]) -> usize {
        let sent = self.wire.send(bytes).unwrap_or(0);
        self.exchange.sent(&bytes[..sent]);
        if sent < bytes.len() {
            let length = bytes.len();
            self.exchange
                .note(format!("the server took {sent} of {length} bytes"));
        }
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

    /// The next final answer. Interim answers are not expected, but a server that is somebody else's may send
    /// them.
    pub fn answer(&mut self) -> Result<Answer, Failure> {
        let mut answer = self.next_answer()?;
        while answer.status < 200 && self.judge.foreign().is_some() {
            answer = self.next_answer()?;
        }
        self.finally(answer)
    }

    /// The next answer, which is a final one.
    pub fn final_answer(&mut self) -> Result<Answer, Failure> {
        let answer = self.next_answer()?;
        self.finally(answer)
    }

    fn finally(&mut self, answer: Answer) -> Result<Answer, Failure> {
        if answer.status < 200 {
            let status = answer.status;
            return Err(self.failure(format!("a {status} came that nobody waited for")));
        }
        self.head = false;
        self.answers += 1;
        Ok(answer)
    }

    /// The next answer, interim or final.
    pub fn next_answer(&mut self) -> Result<Answer, Failure> {
        loop {
            let ended = self.ended == Some(End::Finished);
            let read = Answer::read(&self.received, self.head, ended, &self.judge);
            match read.map_err(|failure| failure.with_exchange(&self.exchange))? {
                Progress::Complete(answer, used) => {
                    self.received.drain(..used);
                    return Ok(*answer);
                }
                Progress::NeedsMore => match self.ended {
                    None => self.receive(self.patience)?,
                    Some(end) => return Err(self.no_answer(end)),
                },
            }
        }
    }

    /// The connection has ended where an answer should have come.
    #[cold]
    fn no_answer(&self, end: End) -> Failure {
        let failure = self.failure(format!(
            "the connection ended ({end:?}) before the answer did"
        ));
        if self.judge.foreign().is_some() && self.received.is_empty() && self.answers > 0 {
            // RFC 9112, 9.5: a server may close at any time, and should sustain persistent connections.
            return failure.at_most(Level::Should);
        }
        failure
    }

    /// A `100 Continue`.
    pub fn continues(&mut self) -> Result<&mut Self, Failure> {
        let answer = self.next_answer()?;
        if answer.status >= 200 && self.judge.foreign().is_some() {
            return Err(Failure::not_applicable(
                "the server answers before it has seen the content, as it may",
            ));
        }
        if answer.status != 100 {
            return Err(self.failure(format!("a {} came instead of a 100", answer.status)));
        }
        Ok(self)
    }

    /// A final answer of this status, and the connection is of further use: the next request is answered.
    pub fn answered(&mut self, status: u16) -> Result<Answer, Failure> {
        let answer = self.answer()?;
        let answer = self.told(answer.status(status))?;
        let kept = self.told(answer.keeps());
        match self.judge {
            Judge::House => kept,
            // RFC 9112, 9.3: implementations should support persistent connections.
            Judge::Rfc(_) => kept.map_err(|failure| failure.at_most(Level::Should)),
        }
    }

    /// A final answer, and the connection is of further use or closed. The status is asked for only where the
    /// application is known: another one may know the method, or not.
    pub fn answered_somehow(&mut self, status: u16) -> Result<Answer, Failure> {
        match self.judge {
            Judge::House => self.answered(status),
            Judge::Rfc(_) => self.answer(),
        }
    }

    /// The message was understood: it is answered with this status, and nothing of it is taken for another one.
    pub fn understood(&mut self, status: u16) -> Result<Answer, Failure> {
        let answer = match self.judge {
            Judge::House => self.answered(status)?,
            Judge::Rfc(_) => {
                let answer = self.answer()?;
                self.told(answer.status(status))?
            }
        };
        self.clean(&answer)?;
        Ok(answer)
    }

    /// After this answer the connection is either of further use, or it is closed as the answer says.
    pub fn clean(&mut self, answer: &Answer) -> Verdict {
        if self.is_last(answer)? {
            return Ok(());
        }
        match self.alive() {
            // RFC 9112, 9.5: a server may close at any time. That it should say so is another case.
            Err(_) if self.judge.foreign().is_some() && self.has_only_ended() => Ok(()),
            verdict => verdict,
        }
    }

    /// The connection has ended, and nothing has come of another answer.
    fn has_only_ended(&self) -> bool {
        self.ended.is_some() && self.received.is_empty()
    }

    /// An answer of this status, which is the last on its connection.
    pub fn last(&mut self, status: u16) -> Result<Answer, Failure> {
        let answer = self.answer()?;
        let mut answer = self.told(answer.status(status))?;
        if self.judge.foreign().is_some() {
            self.asked_again()?;
            return Ok(answer);
        }
        answer = self.told(answer.says_close())?;
        self.closed()?;
        Ok(answer)
    }

    /// After this answer the connection is closed, and it says so. Another server may keep it.
    pub fn end_is_announced(&mut self, answer: &Answer) -> Verdict {
        if self.judge.foreign().is_none() || answer.closes() {
            self.told(answer.clone().says_close())?;
            return self.closed();
        }
        match self.alive() {
            Err(_) if self.ended.is_some() => Err(self
                .failure("the connection was closed, and the last answer did not say so".into())),
            _ => Ok(()),
        }
    }

    /// An answer of this status that says `Connection: close`, and then the close. Of a server that is somebody
    /// else's only the status is asked, which the RFC names.
    pub fn refused(&mut self, status: u16) -> Verdict {
        self.refused_with_one_of(&[status])
    }

    /// The same with one of these statuses.
    pub fn refused_with_one_of(&mut self, statuses: &[u16]) -> Verdict {
        let answer = match (self.answer(), &self.judge) {
            (Ok(answer), _) => answer,
            (Err(failure), Judge::House) => return Err(failure),
            (Err(failure), Judge::Rfc(_)) => return Err(self.refused_in_silence(failure)),
        };
        let answer = self.told(answer.one_of(statuses))?;
        if self.judge.foreign().is_some() {
            return Ok(());
        }
        self.told(answer.says_close())?;
        self.closed()
    }

    /// RFC 9112, 9.5: a server may close at any time. Where it should have answered that is impolite, no more.
    #[cold]
    fn refused_in_silence(&self, failure: Failure) -> Failure {
        if self.has_only_ended() {
            failure.at_most(Level::Should)
        } else {
            failure
        }
    }

    /// Refused with this status, and nothing that comes on the connection is answered any more. The RFC allows
    /// these other statuses as well.
    pub fn refused_for_good(&mut self, status: u16, others: &[u16]) -> Verdict {
        if self.judge.foreign().is_none() {
            return self.refused(status);
        }
        let statuses = [&[status], others].concat();
        self.refused_with_one_of(&statuses)?;
        self.closed()
    }

    /// The message is not taken for a valid one. By the project's choice it is refused with this status. The
    /// RFC leaves open with which.
    pub fn not_taken(&mut self, status: u16) -> Verdict {
        if self.judge.foreign().is_none() {
            return self.refused(status);
        }
        let answer = match self.answer() {
            Err(_) if self.has_only_ended() => return Ok(()),
            answer => answer?,
        };
        // RFC 9112, 3.2: a redirect to a valid target is as good as an error. That nothing was found means that
        // it was looked for.
        match answer.status {
            301 | 400..=403 | 405.. => Ok(()),
            status => Err(self.failure(format!(
                "the status is {status}, and should be one that refuses the message"
            ))),
        }
    }

    /// Nothing more is answered: the connection is closed, at once or after an error. RFC 9112, 8: a server may send
    /// one for a message that did not end.
    pub fn refused_or_left(&mut self) -> Verdict {
        let all = self.everything()?;
        self.at_most_one_answer(&all)?;
        let ended = self.ended == Some(End::Finished);
        let read = Answer::read(&all, self.head, ended, &self.judge);
        match read.map_err(|failure| failure.with_exchange(&self.exchange))? {
            Progress::NeedsMore if all.is_empty() => Ok(()),
            Progress::Complete(answer, _) if answer.status >= 400 => Ok(()),
            Progress::Complete(answer, _) => Err(self.failure(format!(
                "a message that did not end was answered with {}",
                answer.status
            ))),
            Progress::NeedsMore => Err(self.failure(format!("there came {}", short(&all)))),
        }
    }

    /// The message is too long, and refused with this status. Another server may wish for more, and serve it.
    pub fn refused_or_served(&mut self, status: u16) -> Verdict {
        match self.judge {
            Judge::House => self.refused(status),
            Judge::Rfc(_) => self.refused_with_one_of(&[status, 200]),
        }
    }

    /// What is asked for is not there, and this is said by one of these statuses. What another server says is
    /// its own business.
    pub fn refused_as_unknown(&mut self, statuses: &[u16]) -> Verdict {
        if self.judge.foreign().is_none() {
            return self.refused_with_one_of(statuses);
        }
        match self.answer() {
            Err(failure) if self.ended.is_none() => Err(failure),
            _ => Ok(()),
        }
    }

    /// The message is valid, and answered with `status`. Another server may have other reasons not to do what
    /// it asks, but must not refuse it with `refused`, as if it were invalid.
    pub fn not_refused(&mut self, status: u16, refused: u16) -> Verdict {
        if self.judge.foreign().is_none() {
            return self.understood(status).map(drop);
        }
        let answer = self.answer()?;
        if answer.status == refused {
            return Err(self.failure(format!("the status is {refused}, and the message is valid")));
        }
        self.clean(&answer)
    }

    /// The content is not taken for a valid one: there is an error with this status, by the project's choice,
    /// and nothing that follows is answered. A server that answers before it has read the content may have done
    /// so.
    pub fn content_not_taken(&mut self, status: u16) -> Verdict {
        let Some(foreign) = self.judge.foreign() else {
            return self.refused(status);
        };
        let reads_it = !foreign.is_blind();
        let answer = match self.answer() {
            Err(_) if self.ended.is_some() => return Ok(()),
            answer => answer?,
        };
        if answer.status < 400 && reads_it {
            let status = answer.status;
            return Err(self.failure(format!("the status is {status}, and should be an error")));
        }
        self.asked_again()
    }

    /// A number that is too large for a machine is refused with one of these statuses. Another server may wait for
    /// more, but must not take it for a small one: then the content would be this, and the rest a request.
    pub fn not_overflown(&mut self, statuses: &[u16], small: &str) -> Verdict {
        if self.judge.foreign().is_none() {
            return self.refused_with_one_of(statuses);
        }
        self.half_close()?;
        // It may wait for ever: then nothing comes, and that is fine.
        while self.ended.is_none() && self.receive(self.patience).is_ok() {}
        let all = std::mem::take(&mut self.received);
        self.at_most_one_answer(&all)?;
        let ended = self.ended == Some(End::Finished);
        match Answer::read(&all, self.head, ended, &self.judge) {
            Ok(Progress::Complete(answer, _)) if answer.content == small.as_bytes() => {
                Err(self.failure(format!("the content was taken for {small:?}")))
            }
            _ => Ok(()),
        }
    }

    /// Another server closes the connection. A request shows sooner that it does not than waiting would.
    fn asked_again(&mut self) -> Verdict {
        self.get("/ok")?;
        self.closed()
    }

    /// Whether this answer is the last one: then the connection is closed.
    pub fn is_last(&mut self, answer: &Answer) -> Result<bool, Failure> {
        let is_last = answer.closes() || answer.until_close;
        if is_last {
            self.closed()?;
        }
        Ok(is_last)
    }

    /// Whatever the server makes of what it got, it answers it once at most, and then closes.
    pub fn answered_once_at_most(&mut self) -> Result<Vec<u8>, Failure> {
        let all = self.everything()?;
        self.at_most_one_answer(&all)?;
        Ok(all)
    }

    fn at_most_one_answer(&self, bytes: &[u8]) -> Verdict {
        let mut rest = bytes;
        let mut answers = 0;
        while let Ok(Progress::Complete(answer, used)) =
            Answer::read(rest, self.head, self.ended.is_some(), &self.judge)
        {
            rest = &rest[used..];
            answers += usize::from(answer.status >= 200);
        }
        // Another one may have begun.
        if answers > 1 || answers == 1 && rest.starts_with(b"HTTP/") {
            return Err(self.failure("there is more than one answer".into()));
        }
        Ok(())
    }

    /// The server closes in order, and sends nothing more before it.
    pub fn closed(&mut self) -> Verdict {
        // Nobody knows how long others go on.
        while self.judge.foreign().is_some() && self.ended.is_none() && self.received.is_empty() {
            self.receive(self.patience)
                .map_err(|failure| failure.or_says(NOT_CLOSED))?;
        }
        if self.judge.foreign().is_some() && !self.received.is_empty() {
            let came = short(&self.received);
            return Err(self.failure(format!("before the close came {came}")));
        }
        match self.rest()? {
            (bytes, End::Finished) if bytes.is_empty() => Ok(()),
            // RFC 9112, 9.6: how to avoid that is described, and not asked for.
            (bytes, End::Reset) if bytes.is_empty() && self.judge.foreign().is_some() => Ok(()),
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
        match Answer::read(&bytes, self.head, end == End::Finished, &self.judge) {
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
            self.receive(self.patience)
                .map_err(|failure| failure.or_says(NOT_CLOSED))?;
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

    /// Nothing comes for a while from a server of which that is known. Another one may send its answer as it comes
    /// to it.
    pub fn silent_at_home(&mut self) -> Result<&mut Self, Failure> {
        if self.judge.foreign().is_none() {
            return self.silent();
        }
        if self.received.is_empty() && self.ended.is_none() {
            let received = self.wire.receive(SILENCE);
            self.took(received);
        }
        Ok(self)
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
        self.exchange.push(Step::ClientEnded);
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
            if self.judge.foreign().is_some_and(Foreign::is_over) {
                return Err(Failure::out_of_time());
            }
            return Err(self.failure("nothing came for too long".into()));
        }
        self.took(received);
        Ok(())
    }

    fn took(&mut self, received: Received) {
        match received {
            Received::Bytes(bytes) => {
                self.exchange.received(&bytes);
                self.received.extend_from_slice(&bytes);
            }
            Received::End => {
                self.exchange.push(Step::ServerEnded);
                self.ended = Some(End::Finished);
            }
            Received::Reset => {
                self.exchange.push(Step::Reset);
                self.ended = Some(End::Reset);
            }
            Received::Nothing => {}
        }
    }

    fn failure(&self, message: String) -> Failure {
        Failure::new(message).with_exchange(&self.exchange)
    }

    /// Adds what went over the wire to a failure.
    fn told<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        result.map_err(|failure| failure.with_exchange(&self.exchange))
    }

    /// What went over the wire so far.
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
