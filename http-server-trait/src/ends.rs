//! How the requests of a connection have ended, for who waits to be told.

use crate::latch::{Latch, Waiting};
use crate::reason::Outcome;

/// The ends of a connection's requests. They come one after the other, so two numbers say all of it; nothing is
/// written down of a request that nobody asks about.
#[derive(Default)]
pub(crate) struct Ends {
    /// The requests up to this one have their answers.
    answered: u64,
    /// From this one on they have ended otherwise: the connection was handed over, or can take no answer.
    last: Option<(u64, Outcome)>,
    /// Whether no request can end any more that has not.
    over: bool,
    waiting: Vec<(u64, Latch<Outcome>)>,
}

impl Ends {
    /// A future of the end of this request.
    pub(crate) fn of(&mut self, number: u64) -> Waiting<Outcome> {
        if let Some((_, latch)) = self.waiting.iter().find(|(it, _)| *it == number) {
            return latch.waiting();
        }
        let latch = Latch::new();
        match self.get(number) {
            Some(outcome) => drop(latch.set(outcome)),
            None => self.waiting.push((number, latch.clone())),
        }
        latch.waiting()
    }

    /// Whether anybody waits.
    pub(crate) fn is_awaited(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The requests up to this one have their answers.
    pub(crate) fn answered(&mut self, up_to: u64) {
        if self.last.is_none() {
            self.answered = self.answered.max(up_to);
            self.tell();
        }
    }

    /// From this one on they end like this. Only the first call counts; gives how this one has ended.
    pub(crate) fn ended(&mut self, from: u64, outcome: Outcome) -> Outcome {
        if !self.over {
            self.last.get_or_insert((from, outcome));
            self.tell();
        }
        self.get(from).unwrap_or(outcome)
    }

    /// The connection is closed. What has not ended otherwise was answered.
    pub(crate) fn close(&mut self) {
        self.over = true;
        self.tell();
    }

    fn get(&self, number: u64) -> Option<Outcome> {
        match self.last {
            Some((from, outcome)) if number >= from => Some(outcome),
            Some(_) => Some(Outcome::Sent),
            None => (self.over || number <= self.answered).then_some(Outcome::Sent),
        }
    }

    fn tell(&mut self) {
        for (number, latch) in std::mem::take(&mut self.waiting) {
            match self.get(number) {
                Some(outcome) => drop(latch.set(outcome)),
                None => self.waiting.push((number, latch)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::{Ends, Outcome, Waiting};
    use crate::reason::AbortReason;

    fn now(waiting: Waiting<Outcome>) -> Option<Outcome> {
        match pin!(waiting).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => Some(outcome),
            Poll::Pending => None,
        }
    }

    #[test]
    fn each_request_has_one_end_whenever_it_is_asked_for() {
        let killed = Outcome::Aborted(AbortReason::Killed);
        let mut ends = Ends::default();
        let early: Vec<_> = (1..=4).map(|number| ends.of(number)).collect();
        assert!(early.iter().all(|waiting| now(waiting.clone()).is_none()));
        ends.answered(2);
        assert_eq!(now(ends.of(2)), Some(Outcome::Sent));
        assert_eq!(now(ends.of(3)), None);
        assert!(ends.is_awaited());
        assert_eq!(ends.ended(4, killed), killed);
        // What comes after the end is none.
        assert_eq!(ends.ended(2, Outcome::TakenOver), Outcome::Sent);
        assert_eq!(ends.ended(5, Outcome::TakenOver), killed);
        ends.answered(9);
        ends.close();
        assert!(!ends.is_awaited());
        let told = early.into_iter().map(now);
        let all = [Outcome::Sent, Outcome::Sent, Outcome::Sent, killed].map(Some);
        assert!(told.eq(all));
        assert_eq!((now(ends.of(3)), now(ends.of(5))), (all[0], all[3]));
    }

    #[test]
    fn what_a_closed_connection_has_had_was_answered() {
        let mut ends = Ends::default();
        let waiting = ends.of(1);
        ends.close();
        assert_eq!(now(waiting), Some(Outcome::Sent));
        ends.ended(1, Outcome::TakenOver);
        assert_eq!(now(ends.of(1)), Some(Outcome::Sent));
    }
}
