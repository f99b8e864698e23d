//! How fast connections are accepted.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// At most so many in a second, of which a second's worth may come at once.
#[derive(Debug)]
pub(crate) struct Pace {
    each: Duration,
    /// When the ones so far are paid for.
    paid: Mutex<Option<Instant>>,
}

impl Pace {
    pub(crate) fn new(per_second: u32) -> Self {
        Pace {
            each: Duration::from_secs(1) / per_second.max(1),
            paid: Mutex::new(None),
        }
    }

    /// When the next one may be accepted, if that is not now.
    pub(crate) fn next(&self, now: Instant) -> Option<Instant> {
        let paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        // It must be paid for within a second from then.
        let next = ((*paid)? + self.each).checked_sub(Duration::from_secs(1))?;
        (next > now).then_some(next)
    }

    /// Counts one more.
    pub(crate) fn step(&self, now: Instant) {
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        *paid = Some(paid.map_or(now, |paid| paid.max(now)) + self.each);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Pace;

    #[test]
    fn a_seconds_worth_at_once_and_then_one_at_a_time() {
        let pace = Pace::new(10);
        let start = Instant::now() + Duration::from_secs(10);
        let waits = |now| {
            pace.step(now);
            pace.next(now).map(|next| next - now)
        };
        for _ in 0..9 {
            assert_eq!(waits(start), None);
        }
        assert_eq!(waits(start), Some(Duration::from_millis(100)));
        let later = start + Duration::from_millis(100);
        assert_eq!(waits(later), Some(Duration::from_millis(100)));
        let much_later = start + Duration::from_secs(60);
        assert_eq!(
            waits(much_later),
            None,
            "time that has passed is not saved up for ever"
        );
        for _ in 0..8 {
            assert_eq!(waits(much_later), None);
        }
        assert_eq!(waits(much_later), Some(Duration::from_millis(100)));
    }
}
