//! What answers begin with: the line of `Date`, made once a second, and what most have beside it.

use std::cell::RefCell;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// How long the line is: the name, a date (RFC 9110, 5.6.7, IMF-fixdate), and the end of the line.
pub(crate) const LENGTH: usize = 37;

/// The status line of most answers.
const OK: &[u8; 17] = b"HTTP/1.1 200 OK\r\n";

/// Room for the line of `Server` beside the others. One that is longer is written by itself.
const ROOM: usize = 96;

/// The line of `Server` that a server has, or none.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    line: Option<Vec<u8>>,
    /// No other has it but copies of this one. It is not zero.
    number: u64,
}

impl Server {
    pub(crate) fn with(line: Option<Vec<u8>>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Server { line, number }
    }

    pub(crate) fn line(&self) -> Option<&[u8]> {
        self.line.as_deref()
    }

    /// Whether there is an [`Opening`] with it.
    pub(crate) fn has_opening(&self) -> bool {
        self.line().is_none_or(|line| line.len() <= ROOM - DATED)
    }
}

/// What most answers begin with, in one piece: the status line of a 200, and the lines of `Date` and `Server`.
pub(crate) struct Opening {
    text: [u8; ROOM],
    length: usize,
}

/// How long it is without a line of `Server`.
const DATED: usize = OK.len() + LENGTH;

impl Opening {
    const fn empty() -> Self {
        Opening {
            text: [b' '; ROOM],
            length: DATED,
        }
    }

    /// Appends it.
    #[inline]
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        // A length that is known needs no call, and what is too much is nothing to take away.
        out.extend_from_slice(&self.text);
        out.truncate(out.len() - (ROOM - self.length));
    }

    /// What follows the status line.
    pub(crate) fn lines(&self) -> &[u8] {
        &self.text[OK.len()..self.length]
    }

    /// The line of `Date` alone.
    pub(crate) fn date(&self) -> [u8; LENGTH] {
        let mut date = [b' '; LENGTH];
        date.copy_from_slice(&self.text[OK.len()..DATED]);
        date
    }

    fn set_date(&mut self, wall: SystemTime) {
        self.text[..OK.len()].copy_from_slice(OK);
        self.text[OK.len()..DATED].copy_from_slice(&line(wall));
    }

    fn set_server(&mut self, server: &Server) {
        let line = server.line().filter(|_| server.has_opening());
        let line = line.unwrap_or_default();
        self.length = DATED + line.len();
        self.text[DATED..self.length].copy_from_slice(line);
    }
}

thread_local! {
    static CACHE: RefCell<Cache> = const { RefCell::new(Cache::empty()) };
}

struct Cache {
    /// From then on it is another second.
    until: Option<Instant>,
    /// The number of the server whose line is there.
    server: u64,
    opening: Opening,
}

impl Cache {
    const fn empty() -> Self {
        Cache {
            until: None,
            server: 0,
            opening: Opening::empty(),
        }
    }

    #[cold]
    fn renew(&mut self, now: Instant, server: &Server) {
        if self.until.is_none_or(|until| now >= until) {
            let wall = SystemTime::now();
            self.opening.set_date(wall);
            self.until = now.checked_add(rest_of_second(wall));
        }
        if self.server != server.number {
            self.opening.set_server(server);
            self.server = server.number;
        }
    }
}

/// What is written with the opening as it is at `now`. The wall clock is asked when a second has passed by the
/// steady one.
#[inline]
pub(crate) fn at<A>(now: Instant, server: &Server, write: impl FnOnce(&Opening) -> A) -> A {
    // It has no destructor, so it is there as long as its thread.
    CACHE.with(|cache| {
        let mut cache = cache.borrow_mut();
        if cache.server != server.number || cache.until.is_none_or(|until| now >= until) {
            cache.renew(now, server);
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
    use super::{DATED, Duration, Instant, ROOM, Server, SystemTime, at, line, rest_of_second};

    fn opening(now: Instant, server: &Server) -> Vec<u8> {
        let mut out = b"before".to_vec();
        at(now, server, |opening| {
            opening.put(&mut out);
            assert_eq!(opening.lines(), &out[6 + 17..]);
            assert!(opening.lines().starts_with(&opening.date()));
        });
        out.split_off(6)
    }

    #[test]
    fn it_changes_with_the_second() {
        let start = Instant::now();
        let nobody = Server::with(None);
        let first = opening(start, &nobody);
        assert_eq!(opening(start, &nobody), first);
        assert!(first.starts_with(b"HTTP/1.1 200 OK\r\ndate: ") && first.ends_with(b" GMT\r\n"));
        let date = std::str::from_utf8(&first[17 + 6..17 + 35]).unwrap();
        let parsed = httpdate::parse_http_date(date).unwrap();
        assert!(SystemTime::now().duration_since(parsed).unwrap() < Duration::from_secs(60));
        assert_eq!(
            &line(SystemTime::UNIX_EPOCH),
            b"date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
        );
        let half = SystemTime::UNIX_EPOCH + Duration::from_millis(1500);
        assert_eq!(rest_of_second(half), Duration::from_millis(500));
    }

    #[test]
    fn servers_on_one_thread_keep_their_names() {
        let now = Instant::now();
        let nobody = Server::with(None);
        let one = Server::with(Some(b"server: one\r\n".to_vec()));
        let other = Server::with(Some(b"server: the other\r\n".to_vec()));
        let copy = one.clone();
        for server in [&one, &other, &nobody, &copy, &one, &nobody, &other] {
            let said = opening(now, server);
            assert_eq!(&said[DATED..], server.line().unwrap_or_default());
        }
    }

    #[test]
    fn a_name_that_is_too_long_has_no_opening() {
        let of = |length| Server::with(Some(vec![b'x'; length]));
        assert!(of(ROOM - DATED).has_opening() && !of(ROOM - DATED + 1).has_opening());
        assert_eq!(opening(Instant::now(), &of(ROOM - DATED)).len(), ROOM);
    }
}
