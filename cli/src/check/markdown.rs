//! The report for documentation.

use std::fmt::{self, Write};

use http_server_conformance::remote::Judged;
use http_server_conformance::{Case, Level};

use super::report::{Checked, LEVELS, Mark, Report, about, cited, in_short, mark, sections_of};

/// Tables: the numbers, and a row for each case that does not hold everywhere.
pub(crate) fn write(report: &Report) -> String {
    let mut text = String::new();
    tables(&mut text, report).expect("a string takes everything");
    text
}

fn tables(f: &mut String, report: &Report) -> fmt::Result {
    writeln!(f, "| server | must | should | house | do not apply |")?;
    writeln!(f, "|---|---|---|---|---|")?;
    for server in &report.servers {
        let levels = server
            .total()
            .levels
            .map(|(holds, all)| format!("{holds} of {all}"));
        let count = server.count();
        let not_played = match count.not_played {
            0 => String::new(),
            many => format!(", and {many} were not played"),
        };
        writeln!(
            f,
            "| {} | {} | {}{not_played} |",
            cell(&server.name),
            levels.join(" | "),
            count.not_applicable
        )?;
    }
    for (level, title) in LEVELS.iter().zip(["Must", "Should", "House"]) {
        matrix(f, report, *level, title)?;
    }
    Ok(())
}

fn matrix(f: &mut String, report: &Report, level: Level, title: &str) -> fmt::Result {
    let cases = report
        .cases()
        .into_iter()
        .filter(|case| case.level == level);
    let cases: Vec<_> = cases
        .filter(|case| !holds_everywhere(report, case))
        .collect();
    writeln!(f, "\n### {title}\n")?;
    if cases.is_empty() {
        return writeln!(f, "Every case holds everywhere.");
    }
    write!(f, "| case | clause |")?;
    report
        .servers
        .iter()
        .try_for_each(|server| write!(f, " {} |", cell(&server.name)))?;
    write!(f, "\n|---|---|")?;
    report.servers.iter().try_for_each(|_| write!(f, "---|"))?;
    writeln!(f)?;
    for case in &cases {
        let clauses: Vec<_> = sections_of(case)
            .iter()
            .map(|section| format!("[{}]({})", section.cited(), section.url()))
            .collect();
        write!(f, "| `{}` | {} |", case.name, clauses.join("<br>"))?;
        for server in &report.servers {
            write!(f, " {} |", server.judged(case).map_or("-", in_a_word))?;
        }
        writeln!(f)?;
    }
    // What differs by choice needs no explanation of each.
    if level == Level::House {
        return Ok(());
    }
    writeln!(f)?;
    cases
        .iter()
        .try_for_each(|case| explanation(f, report, case))
}

fn holds_everywhere(report: &Report, case: &Case) -> bool {
    let mut judged = report.servers.iter().map(|server| server.judged(case));
    judged.all(|judged| judged.is_some_and(|judged| mark(judged) == Mark::Holds))
}

fn in_a_word(judged: &Judged) -> &'static str {
    match mark(judged) {
        Mark::Must => "**must**",
        Mark::Should => "should",
        Mark::Differs => "differs",
        Mark::Holds => "holds",
        Mark::NotApplicable => "-",
        Mark::NotPlayed => "not played",
    }
}

/// What was found of a case, server by server.
fn explanation(f: &mut String, report: &Report, case: &Case) -> fmt::Result {
    let found = |server: &Checked| {
        let findings = server.judged(case)?.findings().to_vec();
        Some(in_short(&findings)).filter(|text| !text.is_empty())
    };
    let told: Vec<_> = report
        .servers
        .iter()
        .filter_map(|server| Some((&server.name, found(server)?)))
        .collect();
    if told.is_empty() {
        return Ok(());
    }
    writeln!(f, "* `{}` ({}): {}", case.name, cited(case), about(case))?;
    for (name, text) in told {
        writeln!(f, "  * {name}: {}", code(&text))?;
    }
    Ok(())
}

/// A text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('|', "\\|")
        .replace('<', "&lt;")
        .replace('\n', " ")
}

/// A text as it is: between more backticks than it has anywhere.
fn code(text: &str) -> String {
    let longest = text.split(|character| character != '`').map(str::len).max();
    let ticks = "`".repeat(longest.unwrap_or(0) + 1);
    let text = text.replace('\n', " ");
    if text.starts_with('`') || text.ends_with('`') {
        return format!("{ticks} {text} {ticks}");
    }
    format!("{ticks}{text}{ticks}")
}

#[cfg(test)]
mod tests {
    use super::{cell, code};

    #[test]
    fn no_text_breaks_out_of_its_place() {
        assert_eq!(cell("a|b\\c\n<d>"), "a\\|b\\\\c &lt;d>");
        assert_eq!(code("a|b"), "`a|b`");
        assert_eq!(code("a `b`` c"), "```a `b`` c```");
        assert_eq!(code("`"), "`` ` ``");
    }
}
