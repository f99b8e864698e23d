//! The report for a browser: one file that asks the network for nothing.

use std::fmt::{self, Display, Write};

use http_server_conformance::remote::{Finding, Judged};
use http_server_conformance::{Case, Exchange, Piece, Step};

use super::bytes::{dump, visible};
use super::progress::verdict;
use super::report::{
    Checked, Mark, Report, about, left_out, level_name, mark, reason, sections_of,
};

const HEAD: &str = include_str!("page.html");

pub(crate) fn write(report: &Report) -> String {
    let mut page = HEAD.to_owned();
    body(&mut page, report).expect("a string takes everything");
    page + "</main>\n</body>\n</html>\n"
}

fn body(f: &mut String, report: &Report) -> fmt::Result {
    let names: Vec<_> = report
        .servers
        .iter()
        .map(|server| server.name.as_str())
        .collect();
    let title = names.join(", ");
    writeln!(
        f,
        "<title>{0} - bayonet check</title>\n</head>\n<body>\n<main>",
        Escaped(&title)
    )?;
    writeln!(f, "<h1>{}</h1>", Escaped(&title))?;
    if report.servers.len() > 1 {
        matrix(f, report)?;
    }
    for (number, server) in report.servers.iter().enumerate() {
        self::server(f, server, number)?;
    }
    writeln!(
        f,
        "<h2>Not asked</h2>\n<p>Of a server that is somebody else's these are not asked:</p>\n<ul>"
    )?;
    for (reason, times) in left_out() {
        writeln!(f, "<li>{times} cases: {}</li>", Escaped(reason))?;
    }
    writeln!(f, "</ul>")
}

/// What became of each case that does not hold everywhere, side by side.
fn matrix(f: &mut String, report: &Report) -> fmt::Result {
    writeln!(
        f,
        "<h2>Side by side</h2>\n<div class=\"wide\"><table>\n<tr><th>case</th>"
    )?;
    for (number, server) in report.servers.iter().enumerate() {
        write!(
            f,
            "<th><a href=\"#s{number}\">{}</a></th>",
            Escaped(&server.name)
        )?;
    }
    writeln!(f, "</tr>")?;
    let mut cases = report.cases();
    cases.sort_by_key(|case| case.level);
    for case in cases {
        let marks: Vec<_> = report
            .servers
            .iter()
            .map(|server| server.judged(case).map_or(Mark::NotPlayed, mark))
            .collect();
        if marks.iter().all(|mark| *mark == Mark::Holds) {
            continue;
        }
        write!(f, "<tr><td><code>{}</code></td>", name_of(case))?;
        for mark in marks {
            write!(f, "<td>{}</td>", badge(mark))?;
        }
        writeln!(f, "</tr>")?;
    }
    writeln!(f, "</table></div>")
}

fn server(f: &mut String, server: &Checked, number: usize) -> fmt::Result {
    writeln!(
        f,
        "<section id=\"s{number}\">\n<h2>{}</h2>",
        Escaped(&server.name)
    )?;
    writeln!(
        f,
        "<p class=\"verdict\">{}</p>",
        Escaped(&verdict(&server.name, &server.count()))
    )?;
    write!(f, "<p class=\"soft\">{}", Escaped(&server.address))?;
    if let Some(name) = &server.calls_itself {
        write!(f, ", which calls itself {}", Escaped(name))?;
    }
    writeln!(f, "; {}</p>", Escaped(&server.echo))?;
    summary(f, server)?;
    for (wanted, title) in [
        (Mark::Must, "Does not hold, and must"),
        (Mark::Should, "Does not hold, and should"),
        (Mark::Differs, "Differs from Bayonet's choice"),
        (Mark::NotPlayed, "Was not played"),
        (Mark::NotApplicable, "Does not apply"),
        (Mark::Holds, "Holds"),
    ] {
        cases(f, server, wanted, title)?;
    }
    writeln!(f, "</section>")
}

/// What a case is called, which may be broken between two of its words. There are letters and underscores in it.
fn name_of(case: &Case) -> String {
    case.name.replace('_', "_<wbr>")
}

fn summary(f: &mut String, server: &Checked) -> fmt::Result {
    writeln!(
        f,
        "<div class=\"wide\"><table>\n<tr><th>Holds, of those played</th><th>must</th><th>should</th><th>house</th></tr>"
    )?;
    let sections = server.sections();
    for (section, row) in &sections {
        write!(
            f,
            "<tr><td><a href=\"{}\">{}</a> {}</td>",
            Escaped(&section.url()),
            Escaped(&section.cited()),
            Escaped(section.title())
        )?;
        cells(f, row.levels)?;
    }
    write!(f, "<tr class=\"all\"><td>all cases</td>")?;
    cells(f, server.total().levels)?;
    writeln!(f, "</table></div>")
}

fn cells(f: &mut String, levels: [(usize, usize); 3]) -> fmt::Result {
    for (holds, all) in levels {
        match (holds, all) {
            (_, 0) => write!(f, "<td></td>")?,
            (holds, all) if holds == all => write!(f, "<td>{holds}/{all}</td>")?,
            (holds, all) => write!(f, "<td class=\"less\">{holds}/{all}</td>")?,
        }
    }
    writeln!(f, "</tr>")
}

fn cases(f: &mut String, server: &Checked, wanted: Mark, title: &str) -> fmt::Result {
    let cases: Vec<_> = server.with(wanted).collect();
    if cases.is_empty() {
        return Ok(());
    }
    writeln!(f, "<h3>{}: {}</h3>", Escaped(title), cases.len())?;
    cases
        .into_iter()
        .try_for_each(|judged| self::judged(f, judged))
}

fn judged(f: &mut String, judged: &Judged) -> fmt::Result {
    let case = judged.case;
    writeln!(
        f,
        "<details class=\"case\"><summary>{} <code>{}</code></summary>",
        badge(mark(judged)),
        name_of(case)
    )?;
    writeln!(
        f,
        "<p>{} <span class=\"soft\">{}: {}</span></p>",
        Escaped(about(case)),
        level_name(case.level),
        links(case)
    )?;
    if let Some(reason) = reason(judged) {
        writeln!(f, "<p>{}</p>", Escaped(reason))?;
    }
    for finding in judged.findings() {
        self::finding(f, finding)?;
    }
    if judged.unfinished {
        writeln!(f, "<p>There was no time for all of it.</p>")?;
    }
    writeln!(f, "</details>")
}

/// The clauses of a case, to be read where they stand.
fn links(case: &Case) -> String {
    let links: Vec<_> = sections_of(case)
        .iter()
        .map(|section| {
            let (url, cited) = (section.url(), section.cited());
            format!("<a href=\"{}\">{}</a>", Escaped(&url), Escaped(&cited))
        })
        .collect();
    links.join(", ")
}

fn finding(f: &mut String, finding: &Finding) -> fmt::Result {
    writeln!(
        f,
        "<details class=\"finding\"><summary>{}",
        Escaped(&finding.message)
    )?;
    if let Some(variant) = &finding.variant {
        writeln!(f, "<br><code>{}</code>", Escaped(variant))?;
    }
    writeln!(f, "</summary>")?;
    exchange(f, &finding.exchange)?;
    writeln!(f, "</details>")
}

fn exchange(f: &mut String, exchange: &Exchange) -> fmt::Result {
    for step in exchange.steps() {
        match step {
            Step::Sent(piece) => bytes(f, "sent", piece)?,
            Step::Received(piece) => bytes(f, "came back", piece)?,
            Step::ClientEnded => writeln!(f, "<p class=\"step\">the client ended its side</p>")?,
            Step::ServerEnded => writeln!(f, "<p class=\"step\">the server ended its side</p>")?,
            Step::Reset => writeln!(f, "<p class=\"step\">the connection was reset</p>")?,
            other => writeln!(f, "<p class=\"step\">{}</p>", Escaped(&other.to_string()))?,
        }
    }
    Ok(())
}

fn bytes(f: &mut String, what: &str, piece: &Piece) -> fmt::Result {
    write!(f, "<p class=\"step\">{what}, {} bytes", piece.length)?;
    if piece.missing() > 0 {
        write!(f, ", of which these are the first {}", piece.bytes.len())?;
    }
    writeln!(f, "</p>\n<pre>{}</pre>", Escaped(&visible(&piece.bytes)))?;
    writeln!(
        f,
        "<details><summary>in hexadecimal</summary><pre>{}</pre></details>",
        Escaped(&dump(&piece.bytes))
    )
}

fn badge(mark: Mark) -> String {
    let class = match mark {
        Mark::Must => "must",
        Mark::Should => "should",
        Mark::Differs => "differs",
        Mark::Holds => "holds",
        Mark::NotPlayed => "not-played",
        Mark::NotApplicable => "none",
    };
    format!("<b class=\"badge {class}\">{}</b>", mark.name())
}

/// A text as it may stand between tags and in an attribute.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' => f.write_char('\n')?,
                control if control.is_control() => write!(f, "\\u{{{:x}}}", u32::from(control))?,
                _ => f.write_char(character)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Escaped;

    #[test]
    fn nothing_ends_an_element_or_an_attribute() {
        for (text, escaped) in [
            ("</pre><script>", "&lt;/pre&gt;&lt;script&gt;"),
            ("\"'&", "&quot;&#39;&amp;"),
            ("\0\u{1b}\u{9b}", "\\u{0}\\u{1b}\\u{9b}"),
            ("\u{e9}\n", "\u{e9}\n"),
        ] {
            assert_eq!(Escaped(text).to_string(), escaped);
        }
    }
}
