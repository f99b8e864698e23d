//! Which cases are played, and a list of them.

use std::fmt::Write;

use http_server_conformance::Case;

use super::options::Options;
use super::report::{about, cited, group, left_out, level_name};
use crate::failure::Failure;

/// The cases that are asked for.
pub(crate) fn chosen(options: &Options) -> Result<Vec<&'static Case>, Failure> {
    let level = options.level.level();
    let at_level: Vec<_> = super::all().filter(|case| case.level <= level).collect();
    for pattern in &options.only {
        if !at_level.iter().any(|case| fits(case, pattern)) {
            return Err(Failure::new(format!(
                "`--only {pattern}` fits no case; `bayonet check --list` names them all"
            )));
        }
    }
    let is_wanted = |case: &&Case| {
        options.only.is_empty() || options.only.iter().any(|pattern| fits(case, pattern))
    };
    Ok(at_level.into_iter().filter(is_wanted).collect())
}

/// Whether a case has this in its name or its group, holds this requirement, or cites this section.
fn fits(case: &Case, pattern: &str) -> bool {
    let pattern = pattern.to_lowercase();
    let cites = cited(case).to_lowercase();
    case.name.contains(&pattern)
        || group(case) == pattern
        || case
            .requirements
            .iter()
            .any(|id| id.to_lowercase() == pattern)
        || cites
            .split("; ")
            .any(|cited| cited == pattern || cited == format!("rfc {pattern}"))
}

/// The list of these cases, by file.
pub(crate) fn write(cases: &[&'static Case]) -> String {
    let mut text = String::new();
    let mut last = "";
    for case in cases {
        let group = group(case);
        if group != last {
            let _ = writeln!(text, "{}{group}", if last.is_empty() { "" } else { "\n" });
            last = group;
        }
        let _ = writeln!(
            text,
            "  {} ({}; {})",
            case.name,
            level_name(case.level),
            cited(case)
        );
        let _ = writeln!(text, "      {}", about(case));
    }
    let _ = writeln!(
        text,
        "\n{} cases. Not asked of a server that is somebody else's:",
        cases.len()
    );
    for (reason, times) in left_out() {
        let _ = writeln!(text, "  {times:>3} cases: {reason}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::fits;
    use http_server_conformance::remote;

    #[test]
    fn patterns_are_names_groups_requirements_and_sections() {
        let case = remote::cases().find(|case| case.name == "host_missing_is_refused");
        let case = case.expect("it is one of them");
        for pattern in [
            "host_missing_is_refused",
            "host",
            "HOST_",
            "messages",
            "R-012",
            "r-012",
            "9112, 3.2",
            "RFC 9112, 3.2",
        ] {
            assert!(fits(case, pattern), "{pattern}");
        }
        for pattern in ["framing", "R-01", "R-013", "9112, 3", "9112, 3.2.2", "3.2"] {
            assert!(!fits(case, pattern), "{pattern}");
        }
    }
}
