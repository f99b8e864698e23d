//! The line of `Date`, made once a second.

use std::cell::RefCell;
use std::fmt::Write;
use std::time::{Duration, Instant, SystemTime};

/// How long the line is: the name, a date (RFC 9110, 5.6.7, IMF-fixdate), and the end of the line.
pub(crate) const LENGTH: usize = 37;

thread_local! {
    static CACHE: RefCell<Cache> = const { RefCell::new(Cache { until: None, line: [0; LENGTH] }) };
}

struct Cache {
    /// From then on it is another second.
    until: Option<Instant>,
    line: [u8; LENGTH],
}

/// The line as it is at `now`. The wall clock is asked when a second has passed by the steady one.
#[inline]
pub(crate) fn at(now: Instant) -> [u8; LENGTH] {
    let cached = CACHE.try_with(|cache| {
        let mut cache = cache.borrow_mut();
        if cache.until.is_none_or(|until| now >= until) {
            let wall = SystemTime::now();
            cache.line = line(wall);
            cache.until = now.checked_add(rest_of_second(wall));
        }
        cache.line
    });
    cached.unwrap_or_else(|_| line(SystemTime::now()))
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
        let first = at(start);
        assert_eq!(at(start), first);
        let parsed =
            httpdate::parse_http_date(std::str::from_utf8(&first[6..35]).unwrap()).unwrap();
        assert!(SystemTime::now().duration_since(parsed).unwrap() < Duration::from_secs(60));
        assert_eq!(
            &line(SystemTime::UNIX_EPOCH),
            b"date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
        );
        let half = SystemTime::UNIX_EPOCH + Duration::from_millis(1500);
        assert_eq!(rest_of_second(half), Duration::from_millis(500));
    }
}
