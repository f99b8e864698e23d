//! What a person reads at the end.

use std::fmt::Write;

use crate::growth::Grows;
use crate::rounds::{Effort, Measured, noise};
use crate::work::Work;

/// The table of the group `runtimes`: each kind of work with its servers, and the floor first.
pub fn runtimes(all: &[(Work, Vec<Measured>)], effort: Effort, cores: usize) -> String {
    let mut text = format!(
        "runtimes: medians of {} rounds of {} ms, one worker each, on {cores} {}\n",
        effort.rounds,
        effort.slice.as_millis(),
        if cores == 1 { "core" } else { "cores" },
    );
    for (work, measured) in all {
        // Writing into a string cannot fail.
        let _ = write!(
            text,
            "\n{}: {}\n\n{}",
            work.name,
            work.about,
            rows(measured)
        );
        if let Some(noise) = noise(measured) {
            let _ = writeln!(
                text,
                "\nnoise: the same server twice differs by {:.1} %",
                noise * 100.0
            );
        }
    }
    text.push_str(LEGEND);
    text
}

/// A table of the group `growth`: a line for each size, a column for each server.
pub fn growth(grows: Grows, steps: &[(usize, Vec<Measured>)]) -> String {
    let mut text = format!("\n{}: {}, CPU µs/request\n\n", grows.name(), grows.about());
    let Some((_, first)) = steps.first() else {
        return text;
    };
    let names = first.iter().map(|one| one.server.name().to_owned());
    let mut lines = vec![[grows.name().to_owned()].into_iter().chain(names).collect()];
    for (size, all) in steps {
        let costs = all
            .iter()
            .map(|one| format!("{:.2}", one.processor() * 1e6));
        let line: Vec<_> = [thousands(*size as f64)].into_iter().chain(costs).collect();
        lines.push(line);
    }
    text.push_str(&aligned(&lines));
    text
}

const LEGEND: &str = "
of floor: this row's number over the floor's. busy: of one core. Where neither side is busy, the machine
did something else meanwhile: then only processor time and allocations say something.
";

fn rows(measured: &[Measured]) -> String {
    let head = [
        "server",
        "requests/s",
        "of floor",
        "CPU µs/request",
        "of floor",
        "allocations/request",
        "busy",
        "client busy",
    ];
    let mut lines = vec![head.map(str::to_owned)];
    let Some(floor) = measured.first() else {
        return String::new();
    };
    for one in measured {
        lines.push([
            one.server.name().to_owned(),
            thousands(one.rate()),
            format!("{:.2}", one.rate() / floor.rate()),
            format!("{:.2}", one.processor() * 1e6),
            format!("{:.2}", one.processor() / floor.processor()),
            format!("{:.2}", one.allocations()),
            format!("{:.0} %", one.busy() * 100.0),
            format!("{:.0} %", one.client_busy() * 100.0),
        ]);
    }
    aligned(&lines)
}

/// One case of the group `core`.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// Nanoseconds for each time.
    pub nanos: f64,
    /// Allocations for each time.
    pub allocations: f64,
    /// Bytes asked for by them.
    pub bytes: f64,
}

/// The table of the group `core`.
pub fn core(cases: &[Case]) -> String {
    let mut lines = vec![["case", "ns", "allocations", "bytes allocated"].map(str::to_owned)];
    for case in cases {
        lines.push([
            case.name.clone(),
            format!("{:.1}", case.nanos),
            format!("{:.2}", case.allocations),
            format!("{:.0}", case.bytes),
        ]);
    }
    format!("core: means, one request each\n\n{}", aligned(&lines))
}

/// A whole number with a comma before every three digits.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A table in Markdown that is one to the eye, too. The first line is its head; the first column is text,
/// the others are numbers.
fn aligned<L: AsRef<[String]>>(lines: &[L]) -> String {
    let mut widths = vec![0; lines.first().map_or(0, |head| head.as_ref().len())];
    for line in lines {
        for (width, cell) in widths.iter_mut().zip(line.as_ref()) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        for (column, (cell, &width)) in line.as_ref().iter().zip(&widths).enumerate() {
            let _ = match column {
                0 => write!(text, "| {cell:<width$} "),
                _ => write!(text, "| {cell:>width$} "),
            };
        }
        text.push_str("|\n");
        if at == 0 {
            for (column, width) in widths.iter().enumerate() {
                let end = if column == 0 { '-' } else { ':' };
                let _ = write!(text, "|{}{end}", "-".repeat(width + 1));
            }
            text.push_str("|\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Case, Effort, Measured, Work, core, runtimes, thousands};
    use crate::count::Used;
    use crate::rounds::Slice;
    use crate::servers::{Runtime, Server};

    fn measured(server: Server, millis: u64, allocations: u64) -> Measured {
        let slice = Slice {
            requests: 10_000,
            took: Duration::from_millis(millis),
            used: Used {
                processor: Duration::from_millis(millis / 2),
                allocations,
                bytes: 0,
                returned: 0,
            },
            client: Duration::from_millis(millis),
        };
        Measured {
            server,
            slices: vec![slice],
        }
    }

    #[test]
    fn it_is_read_as_it_is_written() {
        let work = Work::named("plaintext").unwrap();
        let all = [(
            work,
            vec![
                measured(Server::Floor, 100, 0),
                measured(Server::Own(Runtime::Tokio), 200, 25_000),
            ],
        )];
        let expected = "\
runtimes: medians of 10 rounds of 80 ms, one worker each, on 2 cores

plaintext: GET, 13 bytes back, 64 connections

| server | requests/s | of floor | CPU µs/request | of floor | allocations/request | busy | client busy |
|--------|-----------:|---------:|---------------:|---------:|--------------------:|-----:|------------:|
| floor  |    100,000 |     1.00 |           5.00 |     1.00 |                0.00 | 50 % |       100 % |
| tokio  |     50,000 |     0.50 |          10.00 |     2.00 |                2.50 | 50 % |       100 % |

of floor: ";
        let text = runtimes(&all, Effort::MEASURE, 2);
        assert_eq!(text.get(..expected.len()), Some(expected), "{text}");
    }

    #[test]
    fn cases() {
        let case = Case {
            name: "parse/plain".into(),
            nanos: 123.45,
            allocations: 0.0,
            bytes: 1.0,
        };
        let expected = "\
core: means, one request each

| case        |    ns | allocations | bytes allocated |
|-------------|------:|------------:|----------------:|
| parse/plain | 123.5 |        0.00 |               1 |
";
        assert_eq!(core(&[case]), expected);
    }

    #[test]
    fn big_numbers_have_commas() {
        for (number, text) in [
            (0.4, "0"),
            (999.0, "999"),
            (1000.0, "1,000"),
            (123_456.7, "123,457"),
            (1_234_567.0, "1,234,567"),
        ] {
            assert_eq!(thousands(number), text);
        }
    }
}
