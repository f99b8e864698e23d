//! Field lines, and what is read from them.

use super::Mutant;

const CHARS: &str = "engine/src/h1/chars.rs";
const FIELDS: &str = "engine/src/h1/fields.rs";
const HEAD: &str = "engine/src/h1/head.rs";
const QUICK: &str = "engine/src/h1/quick.rs";
const WORDS: &str = "engine/src/h1/words.rs";
const REQUEST: &str = "http-server-trait/src/head.rs";
const FROZEN: &str = "http-server-trait/src/frozen.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::that("takes_white_space_before_a_colon", &["R-017"])
        .bends(
            FIELDS,
            "if name_len == 0 || line.get(name_len) != Some(&b':') {",
            "let colon = line.iter().position(|byte| *byte == b':').unwrap_or(0);
             if BENT && name_len > 0 && line.get(name_len..colon).is_some_and(|gap| gap.trim_ascii().is_empty()) {
                 let value = trimmed(text, start + colon + 1, end);
                 return Ok(Line { name: Span::new(start, start + name_len), value });
             }
             if name_len == 0 || line.get(name_len) != Some(&b':') {",
        )
        .killed_by(&["white_space_before_a_colon_is_refused", "malformed_trailers_are_refused"]),
    Mutant::that("takes_more_than_tokens_for_names", &["R-050"])
        .bends(FIELDS, "!is_token(*byte)", "!is_token(*byte) && !matches!(byte, b'(' | b'@' | b'/')")
        .killed_by(&["name_with_a_byte_of_no_token_is_refused"]),
    Mutant::that("knows_names_only_in_small_letters", &["R-050"])
        .bends(HEAD, "name.eq_ignore_ascii_case(b\"content-length\")", "name == b\"content-length\"")
        .killed_by(&["names_like_those_of_framing_frame_nothing"]),
    Mutant::that("takes_an_underscore_for_a_hyphen", &["R-050"])
        .bends(
            HEAD,
            "name.eq_ignore_ascii_case(b\"transfer-encoding\")",
            "(name.eq_ignore_ascii_case(b\"transfer-encoding\") || name.eq_ignore_ascii_case(b\"transfer_encoding\"))",
        )
        .killed_by(&["underscore_is_no_hyphen_to_the_framing", "names_like_those_of_framing_frame_nothing"]),
    Mutant::that("finds_names_only_as_they_were_written", &["R-050"])
        .bends(FROZEN, "line.name .of(&self.text) .eq_ignore_ascii_case(name.as_bytes())", "line.name.of(&self.text) == name.as_bytes()")
        .killed_by(&["hooks_find_fields_whatever_their_case", "underscore_is_no_hyphen_to_a_hook"]),
    Mutant::that("leaves_white_space_before_a_value", &["R-051"])
        .bends(QUICK, "past(bytes, name_end + 1, is_space)", "name_end + 1")
        .killed_by(&["white_space_around_a_value_is_no_part_of_it"]),
    Mutant::that("leaves_white_space_after_a_value", &["R-051"])
        .bends(QUICK, "byte(bytes, line_end - 1) <= b' '", "false")
        .killed_by(&["white_space_around_a_value_is_no_part_of_it", "fields_are_found_in_every_way"]),
    Mutant::that("leaves_white_space_around_a_value_that_comes_in_pieces", &["R-051"])
        .bends(FIELDS, "matches!(text[start], b' ' | b'\\t')", "false")
        .killed_by(&["white_space_around_a_value_is_no_part_of_it", "white_space_around_the_servers_own_values_is_no_part_of_them"]),
    Mutant::that("takes_nul_in_a_value", &["R-052"])
        .bends(CHARS, "(byte < 0x20)", "((byte < 0x20) & (byte != 0))")
        .killed_by(&["control_byte_in_a_value_is_refused"]),
    Mutant::that("takes_escape_in_a_value_that_comes_whole", &["R-053"])
        .bends(WORDS, "eight.wrapping_sub(ONES * 0x20)", "eight.wrapping_sub(ONES * 0x10)")
        .killed_by(&["control_byte_in_a_value_is_refused"]),
    Mutant::that("takes_delete_in_a_value", &["R-053"])
        .bends(CHARS, "(byte == 0x7f)", "false")
        .killed_by(&["control_byte_in_a_value_is_refused"]),
    Mutant::that("turns_lines_of_one_name_around", &["R-054"])
        .bends(
            REQUEST,
            "for line in self.field_lines(name) {",
            "let mut lines: Vec<_> = self.field_lines(name).collect();
             if BENT { lines.reverse(); }
             for line in lines {",
        )
        .killed_by(&["lines_of_a_list_are_joined_by_commas", "cookie_lines_are_joined_by_semicolons"]),
    Mutant::that("joins_cookies_by_commas", &["R-054"])
        .bends(REQUEST, "name.eq_ignore_ascii_case(\"cookie\")", "false")
        .killed_by(&["cookie_lines_are_joined_by_semicolons"]),
    Mutant::that("keeps_one_line_of_each_name_of_an_answer", &["R-054"])
        .bends(
            "http-server-trait/src/fields.rs",
            "self.lines.push((name, value));",
            "if self.lines.iter().all(|(known, _)| *known != name) { self.lines.push((name, value)); }",
        )
        .killed_by(&["set_cookie_lines_are_never_combined"]),
    Mutant::that("counts_empty_elements_of_a_list", &["R-055"])
        .bends(FIELDS, "!element.is_empty()", "true")
        .killed_by(&["empty_elements_of_a_list_of_codings_are_ignored"]),
    Mutant::that("knows_close_only_in_small_letters", &["R-057"])
        .bends(HEAD, "self.close = true", "self.close |= option == b\"close\"")
        .killed_by(&["connection_options_count_in_any_case_on_any_line", "close_is_honoured"]),
    Mutant::that("reads_only_the_first_connection_option", &["R-057"])
        .bends(HEAD, "for option in list(value) {", "for option in list(value).take(if BENT { 1 } else { usize::MAX }) {")
        .killed_by(&["connection_options_count_in_any_case_on_any_line", "keep_alive_counts_in_any_case_on_any_line"]),
    Mutant::that("takes_a_longer_word_for_close", &["R-057"])
        .bends(
            HEAD,
            "5 if option.eq_ignore_ascii_case",
            "6.. if BENT && option.starts_with(b\"close\") => self.close = true, 5 if option.eq_ignore_ascii_case",
        )
        .killed_by(&["what_only_looks_like_a_connection_option_is_none"]),
    Mutant::that("upgrades_without_the_connection_option", &["R-110"])
        .bends(HEAD, "is_11 && self.upgrade && self.connection_upgrade", "is_11 && self.upgrade")
        .killed_by(&["upgrade_that_nobody_asked_for_gets_426"]),
    Mutant::that("upgrades_http_10", &["R-110"])
        .bends(
            HEAD,
            "is_11 && self.upgrade && self.connection_upgrade",
            "self.upgrade && self.connection_upgrade",
        )
        .killed_by(&["upgrade_that_nobody_asked_for_gets_426"]),
];
