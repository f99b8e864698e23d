//! The value of `Date`, made once a second.

use std::cell::RefCell;
use std::fmt::Write;
use std::time::{Duration, Instant, SystemTime};

/// How long a date looks like: RFC 9110, 5.6.7, IMF-fixdate.
pub(crate) const LENGTH: usize = 29;

thread_local! {
    static CACHE: RefCell<Cache> = const { RefCell::new(Cache { until: None, text: [0; LENGTH] }) };
}

struct Cache {
    /// From then on it is another second.
    until: Option<Instant>,
    text: [u8; LENGTH],
}

/// The date as it is at `now`. The wall clock is asked when a second has passed by the steady one.
pub(crate) fn at(now: Instant) -> [u8; LENGTH] {
    let cached = CACHE.try_with(|cache| {
        let mut cache = cache.borrow_mut();
        if cache.until.is_none_or(|until| now >= until) {
            let wall = SystemTime::now();
            cache.text = text(wall);
            cache.until = now.checked_add(rest_of_second(wall));
        }
        cache.text
    });
    cached.unwrap_or_else(|_| text(SystemTime::now()))
}

fn rest_of_second(wall: SystemTime) -> Duration {
    let since = wall
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Duration::from_nanos((1_000_000_000 - since.subsec_nanos()).into())
}

fn text(wall: SystemTime) -> [u8; LENGTH] {
    let mut text = String::with_capacity(LENGTH);
    // Writing into a string cannot fail.
    let _ = write!(text, "{}", httpdate::HttpDate::from(wall));
    let mut bytes = [b' '; LENGTH];
    bytes.copy_from_slice(&text.as_bytes()[..LENGTH]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::{Duration, Instant, SystemTime, at, rest_of_second, text};

    #[test]
    fn it_changes_with_the_second() {
        let start = Instant::now();
        let first = at(start);
        assert_eq!(at(start), first);
        let parsed = httpdate::parse_http_date(std::str::from_utf8(&first).unwrap()).unwrap();
        assert!(SystemTime::now().duration_since(parsed).unwrap() < Duration::from_secs(60));
        assert_eq!(
            &text(SystemTime::UNIX_EPOCH),
            b"Thu, 01 Jan 1970 00:00:00 GMT"
        );
        let half = SystemTime::UNIX_EPOCH + Duration::from_millis(1500);
        assert_eq!(rest_of_second(half), Duration::from_millis(500));
    }
}
