//! How many requests each backend answers, and how long they take.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::backends::ALL;

/// Four for each doubling of a microsecond, up to more than a minute.
const STEPS: usize = 4 * 27;

/// What has been counted since the last reading. Counting costs one addition.
pub(crate) struct Meter([[AtomicU32; STEPS]; ALL.len()]);

/// What was counted between two readings.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    /// Requests, by backend.
    pub(crate) done: [u32; ALL.len()],
    /// The time that half of them were quicker than, in milliseconds.
    pub(crate) half: f64,
    /// The time that all but one in a hundred were quicker than.
    pub(crate) most: f64,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Meter(std::array::from_fn(|_| {
            std::array::from_fn(|_| AtomicU32::new(0))
        }))
    }

    pub(crate) fn count(&self, backend: &str, took: Duration) {
        let known = ALL.iter().position(|name| *name == backend);
        if let Some(known) = known {
            self.0[known][step(took)].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Reads it, and begins at nothing again.
    pub(crate) fn read(&self) -> Reading {
        let mut steps = [0; STEPS];
        let mut reading = Reading::default();
        for (done, counts) in reading.done.iter_mut().zip(&self.0) {
            for (sum, count) in steps.iter_mut().zip(counts) {
                let count = count.swap(0, Ordering::Relaxed);
                *sum += count;
                *done += count;
            }
        }
        reading.half = quantile(&steps, 0.5);
        reading.most = quantile(&steps, 0.99);
        reading
    }
}

/// The step that a time falls into.
fn step(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
    let octave = micros.ilog2();
    // The two bits after the first one.
    let quarter = (micros << 2 >> octave) & 3;
    let step = 4 * octave as usize + usize::try_from(quarter).unwrap_or(0);
    step.min(STEPS - 1)
}

/// The end of a step, in milliseconds.
fn end(step: usize) -> f64 {
    let quarters = [1.25, 1.5, 1.75, 2.0];
    let octave = i32::try_from(step / 4).unwrap_or(0);
    2_f64.powi(octave) * quarters[step % 4] / 1e3
}

fn quantile(steps: &[u32; STEPS], part: f64) -> f64 {
    let all: u32 = steps.iter().sum();
    if all == 0 {
        return 0.0;
    }
    let wanted = f64::from(all) * part;
    let mut below = 0;
    let reached = steps.iter().position(|count| {
        below += count;
        f64::from(below) >= wanted
    });
    end(reached.unwrap_or(STEPS - 1))
}

#[cfg(test)]
mod tests {
    use super::{Meter, STEPS, end, step};
    use std::time::Duration;

    #[test]
    fn a_time_lies_within_its_step() {
        for micros in [1, 2, 3, 4, 5, 7, 8, 100, 999, 1000, 1_000_000, 60_000_000] {
            let step = step(Duration::from_micros(micros));
            let milliseconds = Duration::from_micros(micros).as_secs_f64() * 1e3;
            assert!(milliseconds < end(step), "{micros} in {step}");
            assert!(
                milliseconds * 1.26 >= end(step) || micros < 4,
                "{micros} in {step}"
            );
        }
        assert_eq!(step(Duration::MAX), STEPS - 1);
        assert_eq!(step(Duration::ZERO), 0);
    }

    #[test]
    fn a_reading_starts_anew() {
        let meter = Meter::new();
        for _ in 0..99 {
            meter.count("tokio", Duration::from_micros(100));
        }
        meter.count("smol", Duration::from_millis(10));
        meter.count("nobody", Duration::from_secs(1));
        let reading = meter.read();
        assert_eq!(reading.done, [99, 0, 1]);
        assert!(reading.half < 0.2 && reading.most < 0.2, "{reading:?}");
        meter.count("smol", Duration::from_millis(10));
        let reading = meter.read();
        assert_eq!(reading.done, [0, 0, 1]);
        assert!(reading.half > 10.0 && reading.half < 13.0, "{reading:?}");
        assert_eq!(meter.read(), super::Reading::default());
    }
}
