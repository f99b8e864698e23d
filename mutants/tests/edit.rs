//! Edits of the table: what becomes of the text, and what is said of those that do not fit it any more.

use bayonet_mutants::edit::{Edit, apply, replace_path, switched};

fn edit(place: &str, original: &'static str, bent: &'static str, number: usize) -> Edit {
    Edit {
        place: place.into(),
        file: "engine/src/h1/some.rs",
        original,
        bent,
        number,
    }
}

fn applied(text: &str, edits: &[Edit]) -> String {
    switched(&apply(text, edits).expect("they fit"))
}

#[test]
fn expressions_statements_and_texts_become_choices() {
    let text = "if a == b { go(); } else { stay(1); }";
    assert_eq!(
        applied(text, &[edit("t", "a == b", "false", 3)]),
        "if (if crate::switch::is(3) { false } else { a == b }) { go(); } else { stay(1); }"
    );
    assert_eq!(
        applied(text, &[edit("t", "go();", "", 0)]),
        "if a == b { if crate::switch::is(0) {  } else { go(); } } else { stay(1); }"
    );
    assert_eq!(
        applied(text, &[edit("t", "if a == b", "if a == b && !BENT", 1)]),
        "if a == b && !crate::switch::is(1) { go(); } else { stay(1); }"
    );
    let both = [
        edit("t", "a == b", "true", 1),
        edit("t", "a == b", "false", 2),
    ];
    assert_eq!(
        applied("a == b", &both),
        "(if crate::switch::is(1) { true } else if crate::switch::is(2) { false } else { a == b })"
    );
}

#[test]
fn white_space_does_not_matter() {
    let text = "match a {\n    B => {\n        c();\n    }\n}";
    let bent = applied(text, &[edit("t", "B => { c(); }", "B if !BENT => {}", 1)]);
    assert_eq!(bent, "match a {\n    B if !crate::switch::is(1) => {}\n}");
}

#[test]
fn originals_that_are_not_there_once_are_named_with_their_line_of_the_table() {
    let text = "a(); b(); b();";
    for (original, times) in [("c();", "0 times"), ("b();", "2 times")] {
        let problems = apply(text, &[edit("table/some.rs:7: name", original, "", 0)]);
        let problems = problems.expect_err("it does not fit");
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0].starts_with("table/some.rs:7: name: "),
            "{problems:?}"
        );
        assert!(problems[0].contains(times), "{problems:?}");
        assert!(
            problems[0].contains("engine/src/h1/some.rs"),
            "{problems:?}"
        );
    }
}

#[test]
fn edits_that_overlap_are_named_both() {
    let edits = [edit("one", "a + b", "a", 0), edit("two", "b + c", "c", 1)];
    let problems = apply("a + b + c", &edits).expect_err("they overlap");
    assert!(
        problems[0].contains("one") && problems[0].contains("two"),
        "{problems:?}"
    );
}

#[test]
fn paths_are_replaced_where_they_begin() {
    let text = "use crate::a; $crate::B; my_crate::c; x::crate::d";
    assert_eq!(
        replace_path(text, "crate::", "crate::e::"),
        "use crate::e::a; $crate::e::B; my_crate::c; x::crate::d"
    );
}
