//! The report for programs.

use http_server_conformance::remote::{Finding, Judged, clauses, why_not};
use http_server_conformance::{Step, cases};
use serde::Serialize;

use super::bytes::hex;
use super::report::{Checked, Report, about, group, level_name, mark, reason};

#[derive(Serialize)]
struct Document<'a> {
    tool: &'static str,
    version: &'static str,
    every_must_holds: bool,
    servers: Vec<Server<'a>>,
    /// Cases that are not played against anybody else's server.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<Vec<LeftOut>>,
}

#[derive(Serialize)]
struct Server<'a> {
    name: &'a str,
    address: &'a str,
    calls_itself: Option<&'a str>,
    echo: &'a str,
    every_must_holds: bool,
    summary: Summary,
    cases: Vec<CaseOf<'a>>,
}

#[derive(Serialize)]
struct Summary {
    holds: usize,
    must: usize,
    should: usize,
    differs: usize,
    not_applicable: usize,
    not_played: usize,
}

#[derive(Serialize)]
struct CaseOf<'a> {
    name: &'static str,
    group: &'static str,
    level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<&'static str>,
    clauses: Vec<Clause>,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    unfinished: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    milliseconds: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<Vec<FindingOf<'a>>>,
}

#[derive(Serialize)]
struct Clause {
    id: &'static str,
    rfc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'static str>,
}

#[derive(Serialize)]
struct FindingOf<'a> {
    level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<&'a str>,
    message: &'a str,
    exchange: Vec<StepOf>,
}

/// A step of an exchange. Bytes stand there as text in which everything is escaped that is not ASCII, and in
/// hexadecimal; `length` says how many there were.
#[derive(Serialize)]
struct StepOf {
    step: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<usize>,
}

#[derive(Serialize)]
struct LeftOut {
    name: &'static str,
    reason: &'static str,
}

/// All that was found, or with `brief` no more than the result of each case.
pub(crate) fn write(report: &Report, brief: bool) -> String {
    let document = Document {
        tool: "bayonet check",
        version: env!("CARGO_PKG_VERSION"),
        every_must_holds: report.every_must_holds(),
        servers: report.servers.iter().map(|it| server(it, brief)).collect(),
        left_out: (!brief).then(left_out),
    };
    let text = if brief {
        serde_json::to_string(&document)
    } else {
        serde_json::to_string_pretty(&document)
    };
    text.expect("there are no maps in it whose keys are no text") + "\n"
}

fn left_out() -> Vec<LeftOut> {
    let left_out = cases::all().filter_map(|case| {
        let (name, reason) = (case.name, why_not(case)?);
        Some(LeftOut { name, reason })
    });
    left_out.collect()
}

fn server(checked: &Checked, brief: bool) -> Server<'_> {
    let count = checked.count();
    Server {
        name: &checked.name,
        address: &checked.address,
        calls_itself: checked.calls_itself.as_deref(),
        echo: &checked.echo,
        every_must_holds: checked.every_must_holds(),
        summary: Summary {
            holds: count.holds,
            must: count.must,
            should: count.should,
            differs: count.differs,
            not_applicable: count.not_applicable,
            not_played: count.not_played,
        },
        cases: checked.judged.iter().map(|it| case(it, brief)).collect(),
    }
}

fn case(judged: &Judged, brief: bool) -> CaseOf<'_> {
    let case = judged.case;
    CaseOf {
        name: case.name,
        group: group(case),
        level: level_name(case.level),
        about: (!brief).then(|| about(case)),
        clauses: clauses(case)
            .map(|clause| Clause {
                id: clause.id,
                rfc: clause.source,
                title: (!brief).then_some(clause.title),
            })
            .collect(),
        result: mark(judged).name(),
        reason: reason(judged),
        unfinished: judged.unfinished,
        milliseconds: (!brief).then_some(judged.took.as_millis()),
        findings: (!brief).then(|| judged.findings().iter().map(finding).collect()),
    }
}

fn finding(finding: &Finding) -> FindingOf<'_> {
    FindingOf {
        level: level_name(finding.level),
        variant: finding.variant.as_deref(),
        message: &finding.message,
        exchange: finding.exchange.steps().iter().map(step).collect(),
    }
}

fn step(step: &Step) -> StepOf {
    let (step, piece, note) = match step {
        Step::Sent(piece) => ("sent", Some(piece), None),
        Step::Received(piece) => ("received", Some(piece), None),
        Step::ClientEnded => ("client ended", None, None),
        Step::ServerEnded => ("server ended", None, None),
        Step::Reset => ("reset", None, None),
        Step::Note(note) => ("note", None, Some(note.clone())),
        other => ("note", None, Some(other.to_string())),
    };
    StepOf {
        step,
        text: piece
            .map(|piece| piece.bytes.escape_ascii().to_string())
            .or(note),
        hex: piece.map(|piece| hex(&piece.bytes)),
        length: piece.map(|piece| piece.length),
    }
}
