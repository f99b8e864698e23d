//! Other servers beside ours, from what `bayonet check` wrote of them.
//!
//! Nothing is played here: those servers need not be there for the report to be up to date.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use http_server_conformance::cases;
use serde_json::Value;

/// What came out, as it was written. How, `conformance/SERVERS.md` says.
const RESULTS: &str = include_str!("../../servers/results.json");

/// The section of the report.
///
/// # Errors
/// What the results say is not what is played any more: a case that is not there, say.
pub(crate) fn section() -> Result<String, String> {
    let results: Value = serde_json::from_str(RESULTS).map_err(|error| error.to_string())?;
    let servers: Vec<Server> = list(&results, "servers").iter().map(Server::of).collect();
    for server in &servers {
        server.is_of_today()?;
    }
    let mut text = HEAD.to_owned();
    tables(&mut text, &servers).map_err(|error| error.to_string())?;
    Ok(text)
}

fn tables(f: &mut String, servers: &[Server]) -> fmt::Result {
    let sections: BTreeSet<&Section> = servers.iter().flat_map(|it| it.sections.keys()).collect();
    write!(f, "| section |")?;
    servers
        .iter()
        .try_for_each(|it| write!(f, " {} |", it.name))?;
    write!(f, "\n|---|")?;
    servers.iter().try_for_each(|_| write!(f, "---|"))?;
    writeln!(f)?;
    for section in sections {
        write!(f, "| RFC {}, {} |", section.rfc.0, section.number())?;
        for server in servers {
            let row = server.sections.get(section).copied().unwrap_or_default();
            write!(f, " {row} |")?;
        }
        writeln!(f)?;
    }
    write!(f, "| **all cases** |")?;
    servers
        .iter()
        .try_for_each(|it| write!(f, " {} |", it.all))?;
    writeln!(f)
}

/// What was found of a server.
struct Server {
    name: String,
    sections: BTreeMap<Section, Row>,
    /// Every case once, however many sections it cites.
    all: Row,
    cases: BTreeSet<String>,
}

impl Server {
    fn of(server: &Value) -> Self {
        let mut this = Server {
            name: text(server, "name"),
            sections: BTreeMap::new(),
            all: Row::default(),
            cases: BTreeSet::new(),
        };
        for case in list(server, "cases") {
            let result = text(case, "result");
            this.cases.insert(text(case, "name"));
            this.all.add(&result);
            let clauses = list(case, "clauses").iter();
            let sections: BTreeSet<_> = clauses.map(|it| Section::of(&text(it, "rfc"))).collect();
            for section in sections {
                this.sections.entry(section).or_default().add(&result);
            }
        }
        this
    }

    /// Whether it was asked all that is asked today, and nothing else.
    fn is_of_today(&self) -> Result<(), String> {
        let today = http_server_conformance::remote::cases().map(|case| case.name.to_owned());
        let today: BTreeSet<_> = today.collect();
        let differ: Vec<_> = today.symmetric_difference(&self.cases).collect();
        if differ.is_empty() {
            return Ok(());
        }
        let (name, all) = (&self.name, cases::all().count());
        Err(format!(
            "conformance/servers/results.json: {name} was asked other cases than those of today ({all} in all), \
            and they differ in {differ:?}. SERVERS.md says how to ask again"
        ))
    }
}

/// Cases by what became of them.
#[derive(Clone, Copy, Default)]
struct Row {
    holds: usize,
    must: usize,
    should: usize,
    differs: usize,
}

impl Row {
    fn add(&mut self, result: &str) {
        match result {
            "holds" => self.holds += 1,
            "must" => self.must += 1,
            "should" => self.should += 1,
            "differs" => self.differs += 1,
            // It does not apply, or was not played.
            _ => {}
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.holds + self.must + self.should + self.differs;
        if all == 0 {
            return f.write_str("-");
        }
        write!(f, "{}/{all}", self.holds)?;
        if self.must > 0 {
            write!(f, ", **{} must**", self.must)?;
        }
        if self.should > 0 {
            write!(f, ", {} should", self.should)?;
        }
        Ok(())
    }
}

/// A section of an RFC; that of how messages are written comes first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Section {
    /// 9112 before 9110: the larger number is the lower layer.
    rfc: std::cmp::Reverse<u32>,
    numbers: Vec<u32>,
}

impl Section {
    /// `9112, 6.3`
    fn of(source: &str) -> Self {
        let (rfc, section) = source.split_once(", ").unwrap_or((source, ""));
        let numbers = section.split('.').filter_map(|number| number.parse().ok());
        Section {
            rfc: std::cmp::Reverse(rfc.parse().unwrap_or_default()),
            numbers: numbers.collect(),
        }
    }

    fn number(&self) -> String {
        let numbers: Vec<_> = self.numbers.iter().map(u32::to_string).collect();
        numbers.join(".")
    }
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

const HEAD: &str = "
## Beside other servers

What `bayonet check` says of our backends and of servers that are not ours, section by section: how many of the cases
that cite it hold, and how many of the others are a *must* or a *should* of the RFC. The rest differ by a choice that
the RFC leaves. Each server has its defaults. How they were asked, which findings were checked by hand, and the text of
the clauses stand in [SERVERS.md](conformance/SERVERS.md); this table is written from
[results.json](conformance/servers/results.json), and the command that wrote that is there, too.

";
