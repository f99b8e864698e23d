//! The one timer of a connection.

use std::task::{Context, Poll};
use std::time::Instant;

use http_server_trait::backend::Wire;

use crate::runtime::{Runtime, Timer};

/// A deadline by its phase. The phase becomes the reason in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The head must be complete.
    Head,
    /// The next request must begin.
    Idle,
    /// More content must come.
    Body,
    /// The content must have come at its rate.
    BodyRate,
    /// The answer must begin.
    Request,
    /// The client must take something of the answer.
    Write,
    /// The client must have taken the answer at its rate.
    WriteRate,
    /// The client must have read the last answer.
    Linger,
    /// No deadline: it is looked whether the client is there still.
    Look,
}

/// The earlier of two deadlines.
pub(crate) fn earlier(a: Option<Deadline>, b: Option<Deadline>) -> Option<Deadline> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.at < a.at { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// Until when something must have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deadline {
    pub(crate) phase: Phase,
    pub(crate) at: Instant,
}

/// A timer that is made when it is first needed, and set again only when a deadline lies before it or
/// when it was early. A kept-alive connection that gets its requests in one piece never touches it: its
/// deadline moves away from the timer, and the timer finds that out when it fires.
pub(crate) struct Alarm<R: Runtime> {
    timer: Option<R::Timer>,
    /// Until when nothing is to be done about the timer: what it says itself, but to be read without a look at it.
    until: Option<Instant>,
}

impl<R: Runtime> Alarm<R> {
    pub(crate) fn new() -> Self {
        Alarm {
            timer: None,
            until: None,
        }
    }

    /// Whether the timer is set, will strike, and not too late: then there is nothing to [poll](Alarm::poll).
    #[inline]
    pub(crate) fn sleeps(&self, deadline: Option<Deadline>, now: Instant) -> bool {
        match (deadline, self.until) {
            (Some(deadline), Some(at)) => now < at && at <= deadline.at,
            (deadline, _) => deadline.is_none(),
        }
    }

    /// Ready when the deadline has passed. To be called last before a future rests, when its waker is in the
    /// wire: that is whom the timer wakes, whichever task it is then. `now` is the time, or was a moment ago.
    pub(crate) fn poll(
        &mut self,
        wire: &Wire,
        runtime: &R,
        deadline: Option<Deadline>,
        now: Instant,
    ) -> Poll<Phase> {
        let Some(deadline) = deadline.filter(|_| !self.sleeps(deadline, now)) else {
            return Poll::Pending;
        };
        self.until = None;
        let timer = match &mut self.timer {
            Some(timer) => {
                if timer.at() > deadline.at {
                    timer.set(deadline.at);
                }
                timer
            }
            None => self.timer.insert(runtime.timer(deadline.at)),
        };
        let waker = wire.waker();
        let cx = &mut Context::from_waker(&waker);
        while timer.poll_ready(cx).is_ready() {
            if runtime.now() >= deadline.at {
                return Poll::Ready(deadline.phase);
            }
            timer.set(deadline.at);
        }
        self.until = Some(timer.at());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Poll};
    use std::time::{Duration, Instant};

    use http_server_trait::backend::{Site, Wire};
    use http_server_trait::{Conn, Exec, Facts, Progress, State};

    use super::{Alarm, Deadline, Phase};
    use crate::runtime::{Runtime, Timer};
    use crate::testkit::Sim;

    /// A clock that is set by hand, and counts how often its timer is.
    #[derive(Clone)]
    struct Clock(Arc<Mutex<(Instant, u32)>>);

    struct At(Clock, Instant);

    impl Timer for At {
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<()> {
            if self.0.now() >= self.1 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }
        fn set(&mut self, at: Instant) {
            self.0.0.lock().unwrap().1 += 1;
            self.1 = at;
        }
        fn at(&self) -> Instant {
            self.1
        }
    }

    impl Runtime for Clock {
        type Timer = At;
        fn spawn(&self, _: impl Future<Output = ()> + Send + 'static) {}
        fn timer(&self, at: Instant) -> At {
            self.0.lock().unwrap().1 += 1;
            At(self.clone(), at)
        }
        fn now(&self) -> Instant {
            self.0.lock().unwrap().0
        }
    }

    fn wire() -> Wire {
        let site = Site {
            backend: "none",
            exec: Exec::new(Arc::new(Sim::new(1))),
            state: State::default(),
            generation: 1,
            progress: Progress::new(),
        };
        Conn::new(Facts::default(), site).wire().clone()
    }

    #[test]
    fn it_is_set_only_when_it_must_be() {
        let start = Instant::now();
        let clock = Clock(Arc::new(Mutex::new((start, 0))));
        let mut alarm = Alarm::new();
        let wire = wire();
        let mut poll = |second: u64, phase, at: u64| {
            clock.0.lock().unwrap().0 = start + Duration::from_secs(second);
            let deadline = Deadline {
                phase,
                at: start + Duration::from_secs(at),
            };
            let polled = alarm.poll(
                &wire,
                &clock,
                Some(deadline),
                start + Duration::from_secs(second),
            );
            (polled, clock.0.lock().unwrap().1)
        };
        assert_eq!(poll(0, Phase::Idle, 65), (Poll::Pending, 1));
        for second in 1..60 {
            assert_eq!(
                poll(second, Phase::Idle, second + 65),
                (Poll::Pending, 1),
                "it only moves away"
            );
        }
        assert_eq!(
            poll(65, Phase::Idle, 130),
            (Poll::Pending, 2),
            "it was early"
        );
        assert_eq!(
            poll(66, Phase::Head, 76),
            (Poll::Pending, 3),
            "a nearer deadline"
        );
        assert_eq!(poll(77, Phase::Head, 76), (Poll::Ready(Phase::Head), 3));
        assert_eq!(poll(78, Phase::Linger, 80), (Poll::Pending, 4));
        // It strikes at once, long before it would have; then it sleeps no more.
        assert_eq!(poll(79, Phase::Idle, 79), (Poll::Ready(Phase::Idle), 5));
        assert_eq!(
            poll(79, Phase::Linger, 90),
            (Poll::Pending, 6),
            "it has struck"
        );
    }
}
