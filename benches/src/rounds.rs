//! Every server in turn, several times.
//!
//! A machine is not the same machine from one minute to the next: its clock changes, its neighbours come and
//! go. So no server is measured at one time and the next one at another. They are all started, each works for
//! a moment, and then it all begins again, with another one first.

use std::io;
use std::time::{Duration, Instant};

use crate::child::Child;
use crate::client::{Client, ask_once};
use crate::cores;
use crate::count::{Used, thread_time};
use crate::servers::Server;
use crate::work::Work;

/// How often, and how long.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How many rounds.
    pub rounds: usize,
    /// How long each server works in a round.
    pub slice: Duration,
}

impl Effort {
    /// As many rounds as Criterion wants samples, and few enough that all of it takes a minute or two.
    pub const MEASURE: Effort = Effort {
        rounds: 10,
        slice: Duration::from_millis(80),
    };
    /// For each of many steps.
    pub const FOLLOW: Effort = Effort {
        rounds: 7,
        slice: Duration::from_millis(60),
    };
    /// To see that it works.
    pub const TRY: Effort = Effort {
        rounds: 1,
        slice: Duration::ZERO,
    };
}

/// What one server did in one round.
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// How many requests it answered.
    pub requests: u64,
    /// How long that took.
    pub took: Duration,
    /// What the server's process used meanwhile.
    pub used: Used,
    /// How long the client ran meanwhile.
    pub client: Duration,
}

/// What one server did in all rounds of one kind of work. What it gives are medians over them.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The server.
    pub server: Server,
    /// Its rounds.
    pub slices: Vec<Slice>,
}

/// Measures these servers at this work, in their order.
///
/// # Errors
/// If one of them cannot be started, or does not do the work; the error names it.
pub fn measure(work: &Work, servers: &[Server], effort: Effort) -> io::Result<Vec<Measured>> {
    let mut children = Vec::new();
    for &server in servers {
        let child = Child::start(server, work).map_err(|error| named(server, work, &error))?;
        children.push((server, child));
    }
    let mut all: Vec<_> = servers
        .iter()
        .map(|&server| Measured {
            server,
            slices: Vec::new(),
        })
        .collect();
    let _off = cores::off_the_server();
    for (server, child) in &mut children {
        check(work, child).map_err(|error| named(*server, work, &error))?;
    }
    for round in 0..effort.rounds {
        for turn in 0..children.len() {
            let at = (round + turn) % children.len();
            let (server, child) = &mut children[at];
            let slice = slice(work, child, effort.slice);
            all[at]
                .slices
                .push(slice.map_err(|error| named(*server, work, &error))?);
        }
    }
    Ok(all)
}

fn named(server: Server, work: &Work, error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("{} on {}: {error}", work.name, server.name()),
    )
}

/// A server that answers something else is not measured.
fn check(work: &Work, child: &Child) -> io::Result<()> {
    if ask_once(work, child.address())? == work.content() {
        Ok(())
    } else {
        Err(io::Error::other("its answer has other content"))
    }
}

fn slice(work: &Work, child: &mut Child, lasts: Duration) -> io::Result<Slice> {
    let mut client = Client::new(work, child.address())?;
    // Connections, buffers and caches are made before the clock starts.
    client.run(lasts / 20)?;
    let before = child.used()?;
    let (start, ran) = (Instant::now(), thread_time());
    let requests = client.run(lasts)?;
    let (took, ran) = (start.elapsed(), thread_time().saturating_sub(ran));
    let used = child.used()?.since(before);
    Ok(Slice {
        requests,
        took,
        used,
        client: ran,
    })
}

impl Slice {
    fn per_request(&self, something: f64) -> f64 {
        something / self.requests as f64
    }

    fn share(&self, of: Duration) -> f64 {
        of.as_secs_f64() / self.took.as_secs_f64()
    }

    /// Seconds from one answer to the next.
    pub fn time(&self) -> f64 {
        self.per_request(self.took.as_secs_f64())
    }
}

impl Measured {
    /// Requests in a second.
    pub fn rate(&self) -> f64 {
        1.0 / self.median(Slice::time)
    }

    /// Seconds of a processor for each request.
    pub fn processor(&self) -> f64 {
        self.median(|slice| slice.per_request(slice.used.processor.as_secs_f64()))
    }

    /// Between which figures half of the rounds lie, by [`processor`](Measured::processor).
    pub fn processor_range(&self) -> (f64, f64) {
        self.quartiles(|slice| slice.per_request(slice.used.processor.as_secs_f64()))
    }

    /// Between which figures half of the rounds lie, by [`rate`](Measured::rate).
    pub fn rate_range(&self) -> (f64, f64) {
        self.quartiles(|slice| 1.0 / slice.time())
    }

    /// Allocations for each request.
    pub fn allocations(&self) -> f64 {
        self.median(|slice| slice.per_request(slice.used.allocations as f64))
    }

    /// How much of one core the server used: 1 is all of it.
    pub fn busy(&self) -> f64 {
        self.median(|slice| slice.share(slice.used.processor))
    }

    /// How much of one core the client used.
    pub fn client_busy(&self) -> f64 {
        self.median(|slice| slice.share(slice.client))
    }

    fn quartiles(&self, of: impl Fn(&Slice) -> f64) -> (f64, f64) {
        let mut all: Vec<_> = self.slices.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        let at = |quarter: usize| all.get(all.len() * quarter / 4).copied();
        let last = all.last().copied().unwrap_or(f64::NAN);
        (at(1).unwrap_or(last), at(3).unwrap_or(last))
    }

    fn median(&self, of: impl Fn(&Slice) -> f64) -> f64 {
        median(self.slices.iter().map(of).collect())
    }
}

/// By how much two copies of one server differ in processor time, as a share of it: the noise. `None` where there
/// are no two.
pub fn noise(all: &[Measured]) -> Option<f64> {
    all.iter().find_map(|again| {
        let Server::Again(runtime) = again.server else {
            return None;
        };
        let first = all
            .iter()
            .find(|first| first.server == Server::Own(runtime))?;
        Some((again.processor() / first.processor() - 1.0).abs())
    })
}

/// The one in the middle, or between the two in the middle. Of nothing it is no number.
fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    match (all.len(), all.len() / 2) {
        (0, _) => f64::NAN,
        (count, half) if count % 2 == 1 => all[half],
        (_, half) => f64::midpoint(all[half - 1], all[half]),
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these are exact")]
mod tests {
    use std::time::Duration;

    use super::{Measured, Slice, median, noise};
    use crate::count::Used;
    use crate::servers::{Runtime, Server};

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(vec![7.0]), 7.0);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn one_round_that_went_wrong_changes_nothing() {
        let slice = |millis, allocations| Slice {
            requests: 1000,
            took: Duration::from_millis(millis),
            used: Used {
                processor: Duration::from_millis(millis / 2),
                allocations,
                bytes: 0,
                returned: 0,
            },
            client: Duration::from_millis(millis),
        };
        let measured = Measured {
            server: Server::Floor,
            slices: vec![slice(10, 2000), slice(900, 9000), slice(10, 2000)],
        };
        assert_eq!(measured.rate().round(), 100_000.0);
        assert_eq!((measured.processor() * 1e9).round(), 5000.0);
        assert_eq!(measured.allocations(), 2.0);
        assert_eq!(measured.busy(), 0.5);
        assert_eq!(measured.client_busy(), 1.0);
        let (low, high) = measured.processor_range();
        assert_eq!((low * 1e9).round(), 5000.0);
        assert_eq!((high * 1e9).round(), 450_000.0);
    }

    #[test]
    fn two_copies_of_one_server_show_the_noise() {
        let measured = |server, millis| Measured {
            server,
            slices: vec![Slice {
                requests: 1000,
                took: Duration::from_millis(10),
                used: Used {
                    processor: Duration::from_millis(millis),
                    ..Used::default()
                },
                client: Duration::ZERO,
            }],
        };
        let first = measured(Server::Own(Runtime::Tokio), 100);
        let other = measured(Server::Own(Runtime::Smol), 50);
        assert_eq!(noise(&[first.clone(), other.clone()]), None);
        let again = measured(Server::Again(Runtime::Tokio), 97);
        let noise = noise(&[other, first, again]).unwrap();
        assert!((noise - 0.03).abs() < 1e-9, "{noise}");
    }
}
