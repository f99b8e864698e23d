//! The report for people at a terminal.

use std::fmt::{self, Display, Write};

use http_server_conformance::Level;
use http_server_conformance::remote::{Finding, Judged};

use super::bytes::harmless;
use super::progress::verdict;
use super::report::{
    Checked, LEVELS, Mark, Report, Row, about, cited, in_short, left_out, level_name, mark, reason,
};

/// One server: what was found, and a summary. Several: side by side.
pub(crate) fn write(report: &Report) -> String {
    let mut text = String::new();
    let written = match report.servers.as_slice() {
        [server] => one(&mut text, server),
        _ => side_by_side(&mut text, report),
    };
    written.expect("a string takes everything");
    harmless(&text)
}

fn one(f: &mut String, server: &Checked) -> fmt::Result {
    writeln!(f, "{}", headline(server))?;
    writeln!(f, "{}\n", server.echo)?;
    findings(f, server, Mark::Must, "Does not hold, and must")?;
    findings(f, server, Mark::Should, "Does not hold, and should")?;
    in_lines(
        f,
        server,
        Mark::Differs,
        "Differs from what Bayonet has chosen where the RFCs leave a choice",
        |judged| in_short(judged.findings()),
    )?;
    let why = |judged: &Judged| reason(judged).unwrap_or_default().to_owned();
    in_lines(f, server, Mark::NotPlayed, "Was not played", why)?;
    in_lines(
        f,
        server,
        Mark::NotApplicable,
        "Does not apply to this server",
        why,
    )?;
    summary(f, server)?;
    writeln!(f, "\nNot asked of a server that is somebody else's:")?;
    for (reason, times) in left_out() {
        writeln!(f, "  {times:>3} cases: {reason}")?;
    }
    writeln!(f, "\n{}", verdict(&server.name, &server.count()))
}

fn headline(server: &Checked) -> String {
    let mut line = server.name.clone();
    if !line.contains(&server.address) {
        line += &format!(" at {}", server.address);
    }
    if let Some(name) = &server.calls_itself {
        line += &format!(", which calls itself {name}");
    }
    line
}

/// How many variants of a case are shown whole.
const SHOWN: usize = 3;

fn findings(f: &mut String, server: &Checked, wanted: Mark, title: &str) -> fmt::Result {
    let cases: Vec<_> = server.with(wanted).collect();
    if cases.is_empty() {
        return Ok(());
    }
    writeln!(f, "{title}:")?;
    for judged in cases {
        let case = judged.case;
        writeln!(f, "\n  {} ({})", case.name, cited(case))?;
        writeln!(f, "    {}", about(case))?;
        let findings = hardest_first(judged);
        for finding in findings.iter().take(SHOWN) {
            self::finding(f, finding)?;
        }
        if findings.len() > SHOWN {
            let more = findings.len() - SHOWN;
            writeln!(
                f,
                "    and {more} more like it; --format html or json has them all"
            )?;
        }
        if judged.unfinished {
            writeln!(f, "    There was no time for the rest of it.")?;
        }
    }
    writeln!(f)
}

fn hardest_first(judged: &Judged) -> Vec<&Finding> {
    let mut findings: Vec<_> = judged.findings().iter().collect();
    findings.sort_by_key(|finding| finding.level);
    findings
}

fn finding(f: &mut String, finding: &Finding) -> fmt::Result {
    writeln!(
        f,
        "    - {}: {}",
        level_name(finding.level),
        finding.message
    )?;
    for step in finding.exchange.steps() {
        writeln!(f, "      {step}")?;
    }
    Ok(())
}

fn in_lines(
    f: &mut String,
    server: &Checked,
    wanted: Mark,
    title: &str,
    line: impl Fn(&Judged) -> String,
) -> fmt::Result {
    let cases: Vec<_> = server.with(wanted).collect();
    if cases.is_empty() {
        return Ok(());
    }
    writeln!(f, "{title}:")?;
    for judged in cases {
        writeln!(
            f,
            "  {} ({}): {}",
            judged.case.name,
            cited(judged.case),
            line(judged)
        )?;
    }
    writeln!(f)
}

fn summary(f: &mut String, server: &Checked) -> fmt::Result {
    row(f, "Holds, of those played", LEVELS.map(level_name))?;
    for (section, numbers) in server.sections() {
        let title = format!("{} {}", section.cited(), section.title());
        row(f, &title, numbers_of(numbers))?;
    }
    row(f, "all cases", numbers_of(server.total()))
}

fn row(f: &mut String, title: &str, cells: [impl Display; 3]) -> fmt::Result {
    let mut line = format!("  {title:<46}");
    for cell in cells {
        write!(line, " {cell:>8}")?;
    }
    writeln!(f, "{}", line.trim_end())
}

fn numbers_of(row: Row) -> [String; 3] {
    row.levels.map(|(holds, all)| match all {
        0 => String::new(),
        _ => format!("{holds}/{all}"),
    })
}

/// How wide a column is.
const COLUMN: usize = 14;

fn side_by_side(f: &mut String, report: &Report) -> fmt::Result {
    for (number, server) in report.servers.iter().enumerate() {
        writeln!(f, "{}: {}", number + 1, headline(server))?;
        writeln!(f, "   {}", server.echo)?;
    }
    for (level, title) in
        LEVELS
            .iter()
            .zip(["must", "should", "house: where the RFCs leave a choice"])
    {
        matrix(f, report, *level, title)?;
    }
    writeln!(f)?;
    for server in &report.servers {
        writeln!(f, "{}", verdict(&server.name, &server.count()))?;
    }
    Ok(())
}

fn matrix(f: &mut String, report: &Report, level: Level, title: &str) -> fmt::Result {
    let cases: Vec<_> = report
        .cases()
        .into_iter()
        .filter(|case| case.level == level)
        .collect();
    let marks = |case| {
        let judged = report.servers.iter().map(move |server| server.judged(case));
        judged
            .map(|judged| judged.map_or(Mark::NotPlayed, mark))
            .collect::<Vec<_>>()
    };
    let (same, told): (Vec<_>, Vec<_>) = cases
        .into_iter()
        .map(|case| (case, marks(case)))
        .partition(|(_, marks)| marks.iter().all(|mark| *mark == Mark::Holds));
    if same.is_empty() && told.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title}")?;
    let mut names = " ".repeat(2);
    for server in &report.servers {
        let name: String = server.name.chars().take(COLUMN).collect();
        write!(names, "{name:<width$}", width = COLUMN + 1)?;
    }
    writeln!(f, "{}", names.trim_end())?;
    for (case, marks) in &told {
        let mut line = " ".repeat(2);
        for mark in marks {
            let cell = if *mark == Mark::NotApplicable {
                "-"
            } else {
                mark.name()
            };
            write!(line, "{cell:<width$}", width = COLUMN + 1)?;
        }
        writeln!(f, "{line}{} ({})", case.name, cited(case))?;
    }
    match (same.len(), told.len()) {
        (0, _) => Ok(()),
        (all, 0) => writeln!(f, "  all {all} cases hold on each of them"),
        (others, _) => writeln!(f, "  {others} other cases hold on each of them"),
    }
}
