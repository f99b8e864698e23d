//! Changes of source text: where they are, that they are unambiguous, and what they become.

/// A change of one file.
#[derive(Clone, Debug)]
pub struct Edit {
    /// Where in the table it is written.
    pub place: String,
    /// The file, from the root of the repository.
    pub file: &'static str,
    /// What stands there. White space is like any other white space.
    pub original: &'static str,
    /// What the rule becomes. If it says `BENT`, it replaces the original, and `BENT` is whether the mutant is
    /// played; else it is an expression or a statement like the original, and what is played is chosen.
    pub bent: &'static str,
    /// The mutant's number.
    pub number: usize,
}

/// What becomes the call that asks whether a mutant is played; no Rust, so that nothing else looks like it.
const SWITCH: &str = "@switch@";

/// What is wrong with edits whatever the files say.
pub fn problems(edits: &[Edit]) -> Vec<String> {
    let empty = edits.iter().filter(|edit| edit.original.trim().is_empty());
    empty
        .map(|edit| format!("{}: the original is empty", edit.place))
        .collect()
}

/// Applies all edits of a file.
///
/// # Errors
/// One line for each edit whose original is not there exactly once, or overlaps with another's.
pub fn apply(text: &str, edits: &[Edit]) -> Result<String, Vec<String>> {
    let mut problems = Vec::new();
    // By where they are; edits of the very same text are one place with several choices.
    let mut places: Vec<(usize, usize, Vec<&Edit>)> = Vec::new();
    for edit in edits {
        let found = find(text, edit.original);
        let &[(start, end)] = &found[..] else {
            problems.push(format!(
                "{}: `{}` is {} times in {}, and must be there once. Whoever changed the rule: look at what the \
                 mutant does, and make its original the text that says the rule now.",
                edit.place,
                edit.original,
                found.len(),
                edit.file
            ));
            continue;
        };
        match places
            .iter_mut()
            .find(|(from, to, _)| start < *to && *from < end)
        {
            None => places.push((start, end, vec![edit])),
            Some((from, to, same))
                if (*from, *to) == (start, end)
                    && same.iter().all(|edit| edit.chooses())
                    && edit.chooses() =>
            {
                same.push(edit);
            }
            Some((_, _, other)) => problems.push(format!(
                "{}: `{}` overlaps with what {} changes",
                edit.place, edit.original, other[0].place
            )),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    places.sort_by_key(|(start, _, _)| *start);
    let mut out = String::new();
    let mut at = 0;
    for (start, end, edits) in places {
        out.push_str(&text[at..start]);
        out.push_str(&becomes(&text[start..end], &edits));
        at = end;
    }
    out.push_str(&text[at..]);
    Ok(out)
}

impl Edit {
    fn chooses(&self) -> bool {
        !self.bent.contains("BENT")
    }
}

fn becomes(original: &str, edits: &[&Edit]) -> String {
    if let [edit] = edits {
        if !edit.chooses() {
            return edit
                .bent
                .replace("BENT", &format!("{SWITCH}({})", edit.number));
        }
    }
    let mut choice = String::new();
    for edit in edits {
        choice.push_str(&format!(
            "if {SWITCH}({}) {{ {} }} else ",
            edit.number, edit.bent
        ));
    }
    choice.push_str(&format!("{{ {original} }}"));
    if original.ends_with(';') {
        choice
    } else {
        format!("({choice})")
    }
}

/// Where a text is, whatever the white space in it.
fn find(text: &str, what: &str) -> Vec<(usize, usize)> {
    let words: Vec<_> = what.split_whitespace().collect();
    let Some(first) = words.first() else {
        return Vec::new();
    };
    let begins = text.match_indices(first).map(|(at, _)| at);
    begins
        .filter_map(|start| {
            let mut end = start + first.len();
            for word in &words[1..] {
                let rest = &text[end..];
                let after = rest.trim_start();
                if after.len() == rest.len() || !after.starts_with(word) {
                    return None;
                }
                end += rest.len() - after.len() + word.len();
            }
            Some((start, end))
        })
        .collect()
}

/// Replaces a path where it begins, and not where it is the end of a longer name.
pub fn replace_path(text: &str, from: &str, to: &str) -> String {
    let mut out = String::new();
    let mut at = 0;
    for (start, _) in text.match_indices(from) {
        let before = text[..start].chars().next_back();
        let begins = before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':');
        out.push_str(&text[at..start]);
        out.push_str(if begins { to } else { from });
        at = start + from.len();
    }
    out.push_str(&text[at..]);
    out
}

/// With calls for the switches: last, so that their paths stay as they are.
pub fn switched(text: &str) -> String {
    text.replace(SWITCH, "crate::switch::is")
}
