//! The line of `Date`, made once a second.

use std::cell::RefCell;
use std::fmt::Write;
use std::time::{Duration, Instant, SystemTime};

/// How long the line is: the name, a date (RFC 9110, 5.6.7, IMF-fixdate), and the end of the line.
pub(crate) const LENGTH: usize = 37;

/// The status line of most answers.
const OK: &[u8; 17] = b"HTTP/1.1 200 OK\r\n";

/// What most answers begin with: the status line of a 200, and the line of `Date`.
#[derive(Clone, Copy)]
pub(crate) struct Opening([u8; OK.len() + LENGTH]);

impl Opening {
    const fn empty() -> Self {
        Opening([0; OK.len() + LENGTH])
    }

    fn of(wall: SystemTime) -> Self {
        let mut opening = Opening::empty();
        let (status, date) = opening.0.split_at_mut(OK.len());
        status.copy_from_slice(OK);
        date.copy_from_slice(&line(wall));
        opening
    }

    /// Both lines.
    pub(crate) fn ok(&self) -> &[u8; OK.len() + LENGTH] {
        &self.0
    }

    /// The line of `Date` alone.
    pub(crate) fn date(&self) -> &[u8; LENGTH] {
        self.0.last_chunk().unwrap_or(&[b' '; LENGTH])
    }
}

thread_local! {
    static CACHE: RefCell<Cache> = const { RefCell::new(Cache { until: None, opening: Opening::empty() }) };
}

struct Cache {
    /// From then on it is another second.
    until: Option<Instant>,
    opening: Opening,
}

impl Cache {
    #[cold]
    fn renew(&mut self, now: Instant) {
        let wall = SystemTime::now();
        self.opening = Opening::of(wall);
        self.until = now.checked_add(rest_of_second(wall));
    }
}

/// What is written with the lines as they are at `now`. The wall clock is asked when a second has passed by the
/// steady one.
#[inline]
pub(crate) fn at<A>(now: Instant, write: impl FnOnce(&Opening) -> A) -> A {
    // It has no destructor, so it is there as long as its thread.
    CACHE.with(|cache| {
        let mut cache = cache.borrow_mut();
        if cache.until.is_none_or(|until| now >= until) {
            cache.renew(now);
        }
        write(&cache.opening)
    })
}

fn rest_of_second(wall: SystemTime) -> Duration {
    let since = wall
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Duration::from_nanos((1_000_000_000 - since.subsec_nanos()).into())
}

fn line(wall: SystemTime) -> [u8; LENGTH] {
    let mut text = String::with_capacity(LENGTH);
    // Writing into a string cannot fail.
    let _ = write!(text, "date: {}\r\n", httpdate::HttpDate::from(wall));
    let mut bytes = [b' '; LENGTH];
    bytes.copy_from_slice(&text.as_bytes()[..LENGTH]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::{Duration, Instant, SystemTime, at, line, rest_of_second};

    #[test]
    fn it_changes_with_the_second() {
        let start = Instant::now();
        let first = at(start, |opening| *opening);
        at(start, |same| assert_eq!(same.ok(), first.ok()));
        assert!(first.ok().starts_with(b"HTTP/1.1 200 OK\r\ndate: "));
        let date = std::str::from_utf8(&first.date()[6..35]).unwrap();
        let parsed = httpdate::parse_http_date(date).unwrap();
        assert!(SystemTime::now().duration_since(parsed).unwrap() < Duration::from_secs(60));
        assert_eq!(
            &line(SystemTime::UNIX_EPOCH),
            b"date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
        );
        let half = SystemTime::UNIX_EPOCH + Duration::from_millis(1500);
        assert_eq!(rest_of_second(half), Duration::from_millis(500));
    }
}
