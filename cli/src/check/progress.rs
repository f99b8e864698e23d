//! What is told while a check runs: a bar on a terminal, a line for each case elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use http_server_conformance::remote::Judged;

use super::bytes::harmless;
use super::report::{Count, Mark, in_short, mark, reason};

/// Tells how far a check is, on the standard error.
#[derive(Debug)]
pub(crate) struct Progress {
    all: usize,
    is_terminal: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    done: usize,
    must: usize,
    should: usize,
}

/// How wide the bar is.
const WIDTH: usize = 24;
/// How wide the whole line is at most.
const LINE: usize = 78;

impl Progress {
    /// Of so many cases.
    pub(crate) fn of(all: usize) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Progress {
            all,
            is_terminal,
            state: Mutex::default(),
        }
    }

    /// A case is over.
    pub(crate) fn tell(&self, judged: &Judged) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done += 1;
        match mark(judged) {
            Mark::Must => state.must += 1,
            Mark::Should => state.should += 1,
            _ => {}
        }
        let line = if self.is_terminal {
            format!("\r\x1b[2K{}", state.bar(self.all, judged.case.name))
        } else {
            line(judged) + "\n"
        };
        // With the lock: lines are whole. That nobody reads them stops no check.
        let mut err = std::io::stderr().lock();
        let _ = err.write_all(line.as_bytes()).and_then(|()| err.flush());
    }

    /// The check is over: the bar goes.
    pub(crate) fn end(&self) {
        if self.is_terminal {
            eprint!("\r\x1b[2K");
        }
    }
}

impl State {
    fn bar(&self, all: usize, name: &str) -> String {
        let filled = (self.done * WIDTH).checked_div(all).unwrap_or(WIDTH);
        let line = format!(
            "[{}{}] {}/{all}, {} must, {} should: {name}",
            "#".repeat(filled),
            ".".repeat(WIDTH.saturating_sub(filled)),
            self.done,
            self.must,
            self.should,
        );
        line.chars().take(LINE).collect()
    }
}

/// What became of a case, in a line.
fn line(judged: &Judged) -> String {
    let mark = mark(judged);
    let mut line = format!("{:<14} {}", mark.name(), judged.case.name);
    if let Some(reason) = reason(judged) {
        line += &format!(": {reason}");
    }
    let findings = in_short(judged.findings());
    if !findings.is_empty() {
        line += &format!(": {findings}");
    }
    harmless(&line)
}

/// The last words about a server, in a line.
pub(crate) fn verdict(name: &str, count: &Count) -> String {
    let mut words = Vec::new();
    let musts = match count.must {
        0 => "every must holds".to_owned(),
        1 => "1 must does not hold".to_owned(),
        many => format!("{many} musts do not hold"),
    };
    words.push(musts);
    match count.should {
        0 => {}
        1 => words.push("1 should does not".to_owned()),
        many => words.push(format!("{many} shoulds do not")),
    }
    if count.differs > 0 {
        words.push(format!("it differs in {}", count.differs));
    }
    words.push(format!("{} of {} cases hold", count.holds, count.played()));
    if count.not_applicable > 0 {
        words.push(format!("{} do not apply", count.not_applicable));
    }
    if count.not_played > 0 {
        words.push(format!("{} were not played", count.not_played));
    }
    harmless(&format!("{name}: {}", words.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::{State, verdict};
    use crate::check::report::Count;

    #[test]
    fn the_bar_fills_and_fits() {
        let state = |done| State {
            done,
            must: 1,
            should: 2,
        };
        assert_eq!(
            state(0).bar(4, "name"),
            "[........................] 0/4, 1 must, 2 should: name"
        );
        assert_eq!(
            state(2).bar(4, "name"),
            "[############............] 2/4, 1 must, 2 should: name"
        );
        assert_eq!(
            state(4).bar(4, "name"),
            "[########################] 4/4, 1 must, 2 should: name"
        );
        assert_eq!(state(4).bar(4, &"n".repeat(200)).len(), 78);
    }

    #[test]
    fn verdicts_count() {
        let mut count = Count {
            holds: 5,
            ..Count::default()
        };
        assert_eq!(
            verdict("a", &count),
            "a: every must holds, 5 of 5 cases hold"
        );
        count.must = 1;
        count.should = 2;
        count.differs = 3;
        count.not_played = 4;
        count.not_applicable = 5;
        assert_eq!(
            verdict("a", &count),
            "a: 1 must does not hold, 2 shoulds do not, it differs in 3, 5 of 11 cases hold, \
            5 do not apply, 4 were not played"
        );
    }
}
