//! The report for continuous integration: JUnit's XML, which every one of them reads.

use std::fmt::{self, Display, Write};

use http_server_conformance::remote::Judged;

use super::report::{Checked, Mark, Report, about, cited, group, in_short, mark, reason};

/// A must that does not hold is a failure, one that was not played an error. What only should hold, and what
/// differs, passes and says so in its output.
pub(crate) fn write(report: &Report) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"bayonet check\">\n",
    );
    let written = report
        .servers
        .iter()
        .try_for_each(|server| suite(&mut text, server));
    written.expect("a string takes everything");
    text + "</testsuites>\n"
}

fn suite(f: &mut String, server: &Checked) -> fmt::Result {
    let (mut failures, mut errors, mut skipped) = (0, 0, 0);
    for judged in &server.judged {
        match outcome(judged) {
            Outcome::Failure => failures += 1,
            Outcome::Error => errors += 1,
            Outcome::Skipped => skipped += 1,
            Outcome::Passed => {}
        }
    }
    writeln!(
        f,
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\">",
        Escaped(&server.name),
        server.judged.len(),
    )?;
    server
        .judged
        .iter()
        .try_for_each(|judged| case(f, server, judged))?;
    writeln!(f, "  </testsuite>")
}

enum Outcome {
    Passed,
    Failure,
    Error,
    Skipped,
}

fn outcome(judged: &Judged) -> Outcome {
    let is_must = judged.case.level == http_server_conformance::Level::Must;
    match mark(judged) {
        Mark::Must => Outcome::Failure,
        Mark::NotPlayed if is_must => Outcome::Error,
        _ if judged.unfinished && is_must => Outcome::Error,
        Mark::NotPlayed | Mark::NotApplicable => Outcome::Skipped,
        Mark::Should | Mark::Differs | Mark::Holds => Outcome::Passed,
    }
}

fn case(f: &mut String, server: &Checked, judged: &Judged) -> fmt::Result {
    let (name, group) = (judged.case.name, group(judged.case));
    write!(
        f,
        "    <testcase classname=\"{}.{group}\" name=\"{name}\" time=\"{:.3}\"",
        Escaped(&server.name),
        judged.took.as_secs_f64(),
    )?;
    let why = reason(judged).unwrap_or("there was no time for all of it");
    let short = in_short(judged.findings());
    match outcome(judged) {
        Outcome::Passed if judged.findings().is_empty() => return writeln!(f, "/>"),
        Outcome::Passed => {
            let mark = mark(judged).name();
            writeln!(
                f,
                ">\n      <system-out>{mark}: {}</system-out>",
                Escaped(&told(judged))
            )?;
        }
        Outcome::Failure => {
            let (short, told) = (Escaped(&short), told(judged));
            writeln!(
                f,
                ">\n      <failure message=\"{short}\" type=\"must\">{}</failure>",
                Escaped(&told)
            )?;
        }
        Outcome::Error => writeln!(
            f,
            ">\n      <error message=\"{}\" type=\"not played\"/>",
            Escaped(why)
        )?,
        Outcome::Skipped => writeln!(f, ">\n      <skipped message=\"{}\"/>", Escaped(why))?,
    }
    writeln!(f, "    </testcase>")
}

/// All that was found, and what went over the wire.
fn told(judged: &Judged) -> String {
    let mut text = format!("{}\n{}\n", cited(judged.case), about(judged.case));
    for finding in judged.findings() {
        if let Some(variant) = &finding.variant {
            text += &format!("\n{variant}:");
        }
        text += &format!("\n{}\n{}", finding.message, finding.exchange);
    }
    text
}

/// A text as it may stand between tags and in an attribute. What XML 1.0 cannot carry, not even escaped, is
/// shown by its number.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&apos;")?,
                // In an attribute they would be spaces.
                '\n' | '\t' | '\r' => write!(f, "&#{};", u32::from(character))?,
                '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                    write!(f, "\\u{{{:x}}}", u32::from(character))?;
                }
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
            ("a<b>&\"'", "a&lt;b&gt;&amp;&quot;&apos;"),
            ("]]>", "]]&gt;"),
            ("\0\u{1b}\u{b}\u{ffff}", "\\u{0}\\u{1b}\\u{b}\\u{ffff}"),
            ("a\nb\tc\r", "a&#10;b&#9;c&#13;"),
            ("\u{e9}\u{1f980}", "\u{e9}\u{1f980}"),
        ] {
            assert_eq!(Escaped(text).to_string(), escaped);
        }
    }
}
