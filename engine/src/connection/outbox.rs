//! The answers that wait to be sent.

use std::collections::VecDeque;

use super::record::Record;

/// An answer that is complete but not sent: where it ends in the stream of sent bytes, and its record if
/// anybody is to be told.
#[derive(Debug)]
pub(crate) struct Unsent {
    pub(crate) end: u64,
    pub(crate) record: Option<Box<Record>>,
}

/// Memory for so many answers stays with a connection: who pipelines does so again.
const KEPT: usize = 16;

/// Answers that wait to be sent, in order. Most often it is one, and needs no memory of its own.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Where the first one ends, if it is here. No answer ends at 0: it has a status line at least.
    first: u64,
    record: Option<Box<Record>>,
    /// Those after it. There once there were two.
    more: Option<Box<More>>,
}

#[derive(Debug, Default)]
struct More {
    /// Where each ends, twice; and 1 if it has a record.
    ends: Vec<u64>,
    /// So many of them have been taken out.
    taken: usize,
    records: VecDeque<Box<Record>>,
}

impl Outbox {
    /// An answer that ends there waits, and nobody is told of it.
    #[inline]
    pub(crate) fn push(&mut self, end: u64) {
        if self.is_empty() {
            self.first = end.max(1);
            return;
        }
        match &mut self.more {
            Some(more) if more.has_room() => more.ends.push(end << 1),
            more => push_slowly(more, end << 1),
        }
    }

    /// An answer that ends there waits, and somebody is told of it.
    pub(crate) fn push_told(&mut self, end: u64, record: Box<Record>) {
        if self.is_empty() {
            self.first = end.max(1);
            self.record = Some(record);
        } else {
            let more = self.more.get_or_insert_default();
            more.push(end << 1 | 1);
            more.records.push_back(record);
        }
    }

    /// Takes out all of them at once, if they are among the first `sent` bytes and nobody is told of any.
    /// Gives how many they were.
    pub(crate) fn pass(&mut self, sent: u64) -> u32 {
        if self.first == 0 || self.first > sent || self.record.is_some() {
            return 0;
        }
        let more = match &mut self.more {
            None => 0,
            Some(more) if more.len() == 0 => 0,
            Some(more) => match more.pass(sent) {
                0 => return 0,
                count => count,
            },
        };
        self.first = 0;
        more + 1
    }

    /// Takes the next one out, if all of it is among the first `sent` bytes.
    pub(crate) fn pop_sent(&mut self, sent: u64) -> Option<Unsent> {
        let next = match self.first {
            0 => self.more.as_ref()?.next()? >> 1,
            first => first,
        };
        if next > sent {
            return None;
        }
        self.pop()
    }

    /// Takes the next one out, sent or not.
    pub(crate) fn pop(&mut self) -> Option<Unsent> {
        match std::mem::take(&mut self.first) {
            0 => self.more.as_mut()?.pop(),
            end => Some(Unsent {
                end,
                record: self.record.take(),
            }),
        }
    }

    /// Gives the memory of many back, if none wait.
    pub(crate) fn rest(&mut self) {
        if self.more.as_deref().is_some_and(More::has_much) {
            self.more = None;
        }
    }

    /// How many bytes it takes beside itself.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        let of = |more: &More| (more.ends.capacity() + more.records.capacity()) * size_of::<u64>();
        self.more.as_deref().map_or(0, of)
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.more.as_ref().map_or(0, |more| more.len()) + usize::from(self.first > 0)
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.first == 0 && self.more.as_ref().is_none_or(|more| more.len() == 0)
    }
}

#[cold]
fn push_slowly(more: &mut Option<Box<More>>, end: u64) {
    more.get_or_insert_default().push(end);
}

impl More {
    #[inline]
    fn len(&self) -> usize {
        self.ends.len() - self.taken
    }

    #[inline]
    fn has_room(&self) -> bool {
        self.ends.len() < self.ends.capacity()
    }

    fn push(&mut self, end: u64) {
        // A queue that never runs empty would otherwise keep everything that was ever in it.
        if !self.has_room() && self.taken * 2 > self.ends.len() {
            self.ends.drain(..self.taken);
            self.taken = 0;
        }
        self.ends.push(end);
    }

    fn pass(&mut self, sent: u64) -> u32 {
        let is_sent = self.ends.last().is_some_and(|end| end >> 1 <= sent);
        if !is_sent || !self.records.is_empty() {
            return 0;
        }
        let count = self.len();
        self.forget();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    fn forget(&mut self) {
        self.ends.clear();
        self.taken = 0;
    }

    fn next(&self) -> Option<u64> {
        self.ends.get(self.taken).copied()
    }

    fn pop(&mut self) -> Option<Unsent> {
        let next = self.next()?;
        self.taken += 1;
        if self.len() == 0 {
            self.forget();
        }
        let has_record = next & 1 == 1;
        Some(Unsent {
            end: next >> 1,
            record: has_record.then(|| self.records.pop_front()).flatten(),
        })
    }

    fn has_much(&self) -> bool {
        self.len() == 0 && (self.ends.capacity() > KEPT || self.records.capacity() > KEPT)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::time::Instant;

    use http::Version;

    use super::{KEPT, Outbox, Record};

    /// What is taken out, as it is sent: where each ends, and whether it had a record.
    fn taken(outbox: &mut Outbox, sent: u64) -> (u32, Vec<(u64, Option<u64>)>) {
        let passed = outbox.pass(sent);
        let mut taken = Vec::new();
        while let Some(unsent) = outbox.pop_sent(sent) {
            taken.push((unsent.end, unsent.record.map(|record| record.out_from)));
        }
        (passed, taken)
    }

    #[test]
    fn answers_come_out_in_order_and_with_their_own_records() {
        let now = Instant::now();
        for every in [1, 2, 3, 5, 1000] {
            for step in [1, 9, 10, 25, 70, 1000] {
                let (mut outbox, mut expected) = (Outbox::default(), VecDeque::new());
                let (mut end, mut sent) = (0, 0);
                for turn in 0..400_u64 {
                    for _ in 0..turn % 5 {
                        let from = end;
                        end += 10 + turn % 3;
                        if turn % every == 0 {
                            outbox.push_told(end, Record::new(Version::HTTP_11, from, now));
                            expected.push_back((end, Some(from)));
                        } else {
                            outbox.push(end);
                            expected.push_back((end, None));
                        }
                    }
                    sent = end.min(sent + step);
                    let due = expected.iter().take_while(|(end, _)| *end <= sent).count();
                    let due: Vec<_> = expected.drain(..due).collect();
                    let (passed, taken) = taken(&mut outbox, sent);
                    if passed > 0 {
                        assert_eq!(passed as usize, due.len());
                        assert!(taken.is_empty() && due.iter().all(|(_, from)| from.is_none()));
                    } else {
                        assert_eq!(taken, due);
                    }
                    assert_eq!(outbox.len(), expected.len());
                }
            }
        }
    }

    #[test]
    fn one_that_never_runs_empty_keeps_little() {
        let mut outbox = Outbox::default();
        for end in 1..10_000 {
            outbox.push(end);
            while outbox.pop_sent(end.saturating_sub(5)).is_some() {}
            assert_eq!(outbox.len(), usize::try_from(end.min(5)).unwrap());
        }
        assert!(
            outbox.kept() <= KEPT * size_of::<u64>(),
            "{}",
            outbox.kept()
        );
    }

    #[test]
    fn memory_for_many_is_given_back() {
        let mut outbox = Outbox::default();
        (1..=100).for_each(|end| outbox.push(end));
        assert_eq!(outbox.pass(99), 0);
        outbox.rest();
        assert!(outbox.kept() > 0);
        assert_eq!((outbox.pass(100), outbox.len()), (100, 0));
        outbox.rest();
        assert_eq!(outbox.kept(), 0);
    }
}
