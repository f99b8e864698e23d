//! What was found, ready to be written down.

use std::collections::BTreeMap;

use http_server_conformance::remote::{Finding, Judged, Judgement, Remote, clauses};
use http_server_conformance::requirements::Requirement;
use http_server_conformance::{Case, Level, cases};

/// What was found, of one server or of several.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) servers: Vec<Checked>,
}

/// What was found of a server.
#[derive(Debug)]
pub(crate) struct Checked {
    /// What the report calls it.
    pub(crate) name: String,
    /// Where it listens.
    pub(crate) address: String,
    /// What it calls itself.
    pub(crate) calls_itself: Option<String>,
    /// What it does with content, in a sentence.
    pub(crate) echo: String,
    pub(crate) judged: Vec<Judged>,
}

/// What became of a case, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mark {
    Must,
    Should,
    Differs,
    NotPlayed,
    NotApplicable,
    Holds,
}

/// Outcomes in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) holds: usize,
    pub(crate) must: usize,
    pub(crate) should: usize,
    pub(crate) differs: usize,
    pub(crate) not_applicable: usize,
    pub(crate) not_played: usize,
}

/// A row of the summary: how many cases of each level hold, of those that were played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    /// By level, the hardest first: those that hold, and all that were played.
    pub(crate) levels: [(usize, usize); 3],
}

/// The levels, the hardest first.
pub(crate) const LEVELS: [Level; 3] = [Level::Must, Level::Should, Level::House];

impl Report {
    /// Whether every must holds, of every server.
    pub(crate) fn every_must_holds(&self) -> bool {
        self.servers.iter().all(Checked::every_must_holds)
    }

    /// The cases that were played, in their order.
    pub(crate) fn cases(&self) -> Vec<&'static Case> {
        let judged = self.servers.first().map(|server| &server.judged);
        judged
            .into_iter()
            .flatten()
            .map(|judged| judged.case)
            .collect()
    }
}

impl Checked {
    pub(crate) fn of(name: &str, server: &Remote, judged: Vec<Judged>) -> Self {
        Checked {
            name: name.to_owned(),
            address: server.address().to_string(),
            calls_itself: server.name().map(str::to_owned),
            echo: server.echo(),
            judged,
        }
    }

    /// Whether every must holds: none was found not to, and each was played to its end.
    pub(crate) fn every_must_holds(&self) -> bool {
        let is_open = |judged: &Judged| judged.unfinished && judged.case.level == Level::Must;
        let fails = |judged: &Judged| judged.level() == Some(Level::Must);
        !self
            .judged
            .iter()
            .any(|judged| is_open(judged) || fails(judged))
    }

    pub(crate) fn count(&self) -> Count {
        let mut count = Count::default();
        for judged in &self.judged {
            count.add(mark(judged));
        }
        count
    }

    /// Those with this mark.
    pub(crate) fn with(&self, wanted: Mark) -> impl Iterator<Item = &Judged> {
        self.judged
            .iter()
            .filter(move |judged| mark(judged) == wanted)
    }

    /// What became of a case.
    pub(crate) fn judged(&self, case: &Case) -> Option<&Judged> {
        self.judged
            .iter()
            .find(|judged| judged.case.name == case.name)
    }

    /// By section of an RFC, in their order. A case that cites several sections counts in each.
    pub(crate) fn sections(&self) -> BTreeMap<Section, Row> {
        let mut sections = BTreeMap::<Section, Row>::new();
        for judged in &self.judged {
            for section in sections_of(judged.case) {
                sections.entry(section).or_default().add(judged);
            }
        }
        sections
    }

    /// All of it, by level.
    pub(crate) fn total(&self) -> Row {
        let mut total = Row::default();
        self.judged.iter().for_each(|judged| total.add(judged));
        total
    }
}

impl Row {
    fn add(&mut self, judged: &Judged) {
        let mark = mark(judged);
        if matches!(mark, Mark::NotApplicable | Mark::NotPlayed) {
            return;
        }
        let (holds, all) = &mut self.levels[judged.case.level as usize];
        *holds += usize::from(mark == Mark::Holds);
        *all += 1;
    }
}

impl Count {
    fn add(&mut self, mark: Mark) {
        match mark {
            Mark::Holds => self.holds += 1,
            Mark::Must => self.must += 1,
            Mark::Should => self.should += 1,
            Mark::Differs => self.differs += 1,
            Mark::NotApplicable => self.not_applicable += 1,
            Mark::NotPlayed => self.not_played += 1,
        }
    }

    /// How many were played.
    pub(crate) fn played(&self) -> usize {
        self.holds + self.must + self.should + self.differs
    }
}

impl Mark {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Mark::Holds => "holds",
            Mark::Must => "must",
            Mark::Should => "should",
            Mark::Differs => "differs",
            Mark::NotApplicable => "not applicable",
            Mark::NotPlayed => "not played",
        }
    }
}

/// What became of a case, in a word: of findings, the hardest.
pub(crate) fn mark(judged: &Judged) -> Mark {
    match (&judged.judgement, judged.level()) {
        (Judgement::Holds, _) => Mark::Holds,
        (Judgement::NotApplicable(_), _) => Mark::NotApplicable,
        (_, Some(Level::Must)) => Mark::Must,
        (_, Some(Level::Should)) => Mark::Should,
        (_, Some(Level::House)) => Mark::Differs,
        (_, None) => Mark::NotPlayed,
    }
}

/// Why there is nothing to say about a case.
pub(crate) fn reason(judged: &Judged) -> Option<&str> {
    match &judged.judgement {
        Judgement::NotApplicable(reason) | Judgement::NotPlayed(reason) => Some(reason),
        Judgement::Holds | Judgement::Findings(_) => None,
    }
}

/// Findings in one line: the first, and how many more there are.
pub(crate) fn in_short(findings: &[Finding]) -> String {
    let Some(first) = findings.iter().min_by_key(|finding| finding.level) else {
        return String::new();
    };
    let variant = first.variant.as_ref().map(|variant| format!("{variant}: "));
    let more = match findings.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    format!("{}{}{more}", variant.unwrap_or_default(), first.message)
}

pub(crate) fn level_name(level: Level) -> &'static str {
    match level {
        Level::Must => "must",
        Level::Should => "should",
        Level::House => "house",
    }
}

/// What a case is about, as one text.
pub(crate) fn about(case: &Case) -> &'static str {
    case.about.trim_start()
}

/// A file's cases: `messages`.
pub(crate) fn group(case: &Case) -> &'static str {
    case.group.rsplit("::").next().unwrap_or(case.group)
}

/// The clauses that a case holds, as they are cited: `RFC 9112, 6.3; RFC 9110, 8.6`.
pub(crate) fn cited(case: &Case) -> String {
    let sections: Vec<_> = sections_of(case).iter().map(Section::cited).collect();
    sections.join("; ")
}

/// Why cases are not played against anybody else's server, and how many there are of each.
pub(crate) fn left_out() -> BTreeMap<&'static str, usize> {
    let mut reasons = BTreeMap::new();
    for reason in cases::all().filter_map(http_server_conformance::remote::why_not) {
        *reasons.entry(reason).or_default() += 1;
    }
    reasons
}

/// A section of an RFC. The newest RFC comes last, as the one that they build upon comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Section {
    rfc: u32,
    numbers: Vec<u32>,
}

impl Section {
    /// That of a requirement, `9112, 6.3`.
    fn of(requirement: &Requirement) -> Self {
        let (rfc, section) = requirement
            .source
            .split_once(", ")
            .unwrap_or((requirement.source, ""));
        let numbers = section.split('.').filter_map(|number| number.parse().ok());
        Section {
            rfc: rfc.parse().unwrap_or_default(),
            numbers: numbers.collect(),
        }
    }

    fn number(&self) -> String {
        let numbers: Vec<_> = self.numbers.iter().map(u32::to_string).collect();
        numbers.join(".")
    }

    pub(crate) fn cited(&self) -> String {
        format!("RFC {}, {}", self.rfc, self.number())
    }

    /// What it is called.
    pub(crate) fn title(&self) -> &'static str {
        let number = self.number();
        let found = TITLES
            .iter()
            .find(|(rfc, section, _)| (*rfc, *section) == (self.rfc, number.as_str()));
        found.map_or("", |(_, _, title)| title)
    }

    /// Where it can be read.
    pub(crate) fn url(&self) -> String {
        format!(
            "https://www.rfc-editor.org/rfc/rfc{}#section-{}",
            self.rfc,
            self.number()
        )
    }
}

/// The sections of the clauses of a case, each once, in the order in which it cites them.
pub(crate) fn sections_of(case: &Case) -> Vec<Section> {
    let mut sections = Vec::new();
    for section in clauses(case).map(Section::of) {
        if !sections.contains(&section) {
            sections.push(section);
        }
    }
    sections
}

const TITLES: &[(u32, &str, &str)] = &[
    (6585, "5", "431 Request Header Fields Too Large"),
    (9110, "2.5", "Protocol Version"),
    (9110, "5.1", "Field Names"),
    (9110, "5.3", "Field Order"),
    (9110, "5.5", "Field Values"),
    (9110, "5.6.1", "Lists"),
    (9110, "6.5.1", "Limitations on Use of Trailers"),
    (9110, "6.6.1", "Date"),
    (9110, "7.6.1", "Connection"),
    (9110, "7.8", "Upgrade"),
    (9110, "8.3", "Content-Type"),
    (9110, "8.6", "Content-Length"),
    (9110, "9.1", "Methods"),
    (9110, "9.3.1", "GET"),
    (9110, "9.3.2", "HEAD"),
    (9110, "9.3.6", "CONNECT"),
    (9110, "9.3.7", "OPTIONS"),
    (9110, "9.3.8", "TRACE"),
    (9110, "10.1.1", "Expect"),
    (9110, "10.2.4", "Server"),
    (9110, "15.2", "Informational 1xx"),
    (9110, "15.2.2", "101 Switching Protocols"),
    (9110, "15.3.6", "205 Reset Content"),
    (9110, "15.5.6", "405 Method Not Allowed"),
    (9112, "2.2", "Message Parsing"),
    (9112, "2.3", "HTTP Version"),
    (9112, "3", "Request Line"),
    (9112, "3.2", "Request Target"),
    (9112, "3.2.2", "absolute-form"),
    (9112, "3.2.3", "authority-form"),
    (9112, "3.2.4", "asterisk-form"),
    (9112, "4", "Status Line"),
    (9112, "5", "Field Syntax"),
    (9112, "5.1", "Field Line Parsing"),
    (9112, "5.2", "Obsolete Line Folding"),
    (9112, "6", "Message Body"),
    (9112, "6.1", "Transfer-Encoding"),
    (9112, "6.3", "Message Body Length"),
    (9112, "7.1", "Chunked Transfer Coding"),
    (9112, "7.1.1", "Chunk Extensions"),
    (9112, "7.1.2", "Chunked Trailer Section"),
    (9112, "8", "Incomplete Messages"),
    (9112, "9.3", "Persistence"),
    (9112, "9.3.2", "Pipelining"),
    (9112, "9.5", "Failures and Timeouts"),
    (9112, "9.6", "Tear-down"),
];

#[cfg(test)]
mod tests {
    use http_server_conformance::remote;

    use super::{cited, sections_of};

    #[test]
    fn every_section_has_a_title() {
        for case in remote::cases() {
            assert!(!cited(case).is_empty(), "{}", case.name);
            for section in sections_of(case) {
                assert!(
                    !section.title().is_empty(),
                    "{} of {}",
                    section.cited(),
                    case.name
                );
            }
        }
    }
}
