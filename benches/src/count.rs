//! Allocations and processor time of this process.

use std::alloc::System;
use std::io;
use std::str::FromStr;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

/// The system's allocator, with two counters that it adds to.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What this process has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// How long its threads have run, on a processor and in the kernel.
    pub processor: Duration,
    /// How often memory was asked for, or for more of it.
    pub allocations: u64,
    /// How many bytes were asked for.
    pub bytes: u64,
    /// How many of these have been given back.
    pub returned: u64,
}

impl Used {
    /// As of now.
    pub fn now() -> Self {
        let stats = ALLOCATOR.stats();
        Used {
            processor: clock(ClockId::ProcessCPUTime),
            allocations: (stats.allocations + stats.reallocations) as u64,
            bytes: stats.bytes_allocated as u64,
            returned: stats.bytes_deallocated as u64,
        }
    }

    /// What was used since then.
    pub fn since(self, before: Self) -> Self {
        Used {
            processor: self.processor.saturating_sub(before.processor),
            allocations: self.allocations.saturating_sub(before.allocations),
            bytes: self.bytes.saturating_sub(before.bytes),
            returned: self.returned.saturating_sub(before.returned),
        }
    }

    /// How many bytes it holds.
    pub fn held(self) -> u64 {
        self.bytes.saturating_sub(self.returned)
    }
}

/// How long this thread has run.
pub fn thread_time() -> Duration {
    clock(ClockId::ThreadCPUTime)
}

fn clock(id: ClockId) -> Duration {
    let time = clock_gettime(id);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// As one line, from one process to another.
impl std::fmt::Display for Used {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let nanos = self.processor.as_nanos();
        let Used {
            allocations,
            bytes,
            returned,
            ..
        } = self;
        write!(f, "{nanos} {allocations} {bytes} {returned}")
    }
}

impl FromStr for Used {
    type Err = io::Error;

    fn from_str(line: &str) -> io::Result<Self> {
        let mut numbers = line.split_whitespace().map(str::parse);
        let mut next = || numbers.next().and_then(Result::ok);
        match (next(), next(), next(), next()) {
            (Some(nanos), Some(allocations), Some(bytes), Some(returned)) => Ok(Used {
                processor: Duration::from_nanos(nanos),
                allocations,
                bytes,
                returned,
            }),
            _ => Err(io::Error::other(format!(
                "a server says {line:?} instead of numbers"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::time::Duration;

    use super::Used;

    #[test]
    fn allocations_are_counted() {
        let before = Used::now();
        for size in 1..=1000 {
            black_box(Vec::<u8>::with_capacity(size));
        }
        let used = Used::now().since(before);
        // Other tests run beside this one: at least.
        assert!(used.allocations >= 1000, "{used:?}");
        assert!(used.bytes >= 500_500, "{used:?}");
    }

    #[test]
    fn what_is_held_is_what_was_not_given_back() {
        let before = Used::now();
        let held = black_box(vec![0_u8; 10_000_000]);
        let with = Used::now().since(before);
        drop(held);
        let without = Used::now().since(before);
        // Other tests run beside this one, and hold less.
        assert!(with.held() > 9_000_000, "{with:?}");
        assert!(without.held() < 9_000_000, "{without:?}");
    }

    #[test]
    fn growing_counts() {
        let before = Used::now();
        for _ in 0..1000 {
            let mut grows = Vec::<u8>::with_capacity(1);
            grows.reserve_exact(black_box(4096));
            black_box(grows);
        }
        assert!(Used::now().since(before).allocations >= 2000);
    }

    #[test]
    fn processor_time_passes_while_something_runs() {
        let before = Used::now();
        let mut sum = 0_u64;
        while Used::now().since(before).processor < Duration::from_millis(2) {
            sum = black_box(sum.wrapping_add(1));
        }
        assert!(sum > 0);
    }

    #[test]
    fn it_goes_through_a_line() {
        let used = Used {
            processor: Duration::from_nanos(1_234_567_890),
            allocations: 7,
            bytes: 9,
            returned: 4,
        };
        assert_eq!(used.to_string().parse::<Used>().unwrap(), used);
        for wrong in ["", "1 2 3", "1 2 3 x", "-1 2 3 4"] {
            assert!(wrong.parse::<Used>().is_err(), "{wrong:?}");
        }
    }
}
