//! Lines, the request line, the target, and Host.

use super::Mutant;

const CHARS: &str = "engine/src/h1/chars.rs";
const HEAD: &str = "engine/src/h1/head.rs";
const LINE: &str = "engine/src/h1/request_line.rs";
const TARGET: &str = "engine/src/h1/target.rs";
const HOST: &str = "engine/src/h1/host.rs";
const REFUSAL: &str = "engine/src/h1/refusal.rs";
const FROZEN: &str = "http-server-trait/src/frozen.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::that("refuses_bytes_beyond_ascii_in_a_value", &["R-001", "R-053"])
        .bends(CHARS, "(byte == 0x7f)", "(byte >= 0x7f)")
        .killed_by(&["bytes_beyond_ascii_are_passed_on_as_they_are", "fields_are_found_in_every_way"]),
    Mutant::that("passes_over_no_empty_line", &["R-002"])
        .bends(HEAD, "return Ok(Found::EmptyLine)", "return Err(Refusal::EmptyLines)")
        .killed_by(&["one_empty_line_before_a_request_is_passed_over"]),
    Mutant::that("passes_over_any_number_of_empty_lines", &["R-002"])
        .bends(HEAD, "if self.after_empty_line {", "if self.after_empty_line && !BENT {")
        .killed_by(&["two_empty_lines_before_a_request_are_refused"]),
    Mutant::that("ends_a_line_of_a_head_at_a_bare_lf", &["R-003"])
        .bends(HEAD, "bytes[lf - 1] != b'\\r'", "false")
        .killed_by(&["bare_lf_ends_no_line_of_a_head"]),
    Mutant::that("takes_a_bare_cr_in_a_value", &["R-004"])
        .bends(CHARS, "(byte != b'\\t')", "(byte != b'\\t') & (byte != b'\\r')")
        .killed_by(&["bare_cr_is_refused_in_every_line_of_a_head", "bare_cr_in_chunk_lines_is_refused"]),
    Mutant::that("passes_over_lines_that_begin_with_white_space", &["R-005", "R-018"])
        .bends(
            HEAD,
            "let field = fields::read(text, start, end)?;",
            "if BENT && matches!(text[start], b' ' | b'\\t') { start = end + 2; continue; }
             let field = fields::read(text, start, end)?;",
        )
        .killed_by(&["white_space_before_the_first_field_is_refused", "folded_line_is_refused"]),
    Mutant::that("takes_the_version_in_small_letters", &["R-006"])
        .bends(
            LINE,
            "b\"HTTP/1.1\" => Ok(Version::HTTP_11),",
            "b\"http/1.1\" if BENT => Ok(Version::HTTP_11), b\"HTTP/1.1\" => Ok(Version::HTTP_11),",
        )
        .killed_by(&["malformed_version_is_refused"]),
    Mutant::that("takes_a_version_of_more_digits", &["R-006"])
        .bends(
            LINE,
            "b\"HTTP/1.0\" => Ok(Version::HTTP_10),",
            "[b'H', b'T', b'T', b'P', b'/', b'1', b'.', rest @ ..]
                 if BENT && rest.len() > 1 && rest.iter().all(u8::is_ascii_digit) => Ok(Version::HTTP_11),
             b\"HTTP/1.0\" => Ok(Version::HTTP_10),",
        )
        .killed_by(&["malformed_version_is_refused"]),
    Mutant::that("speaks_every_major_version", &["R-007"])
        .bends(LINE, "*major == b'1'", "true")
        .killed_by(&["another_major_version_gets_505", "preface_of_http_2_gets_505"]),
    Mutant::that("refuses_higher_minor_versions", &["R-007"])
        .bends(LINE, "*major == b'1'", "false")
        .killed_by(&["higher_minor_version_is_handled_as_11"]),
    Mutant::that("takes_a_tab_for_a_space_in_the_request_line", &["R-008"])
        .bends(LINE, "line[method_end] != b' '", "!matches!(line[method_end], b' ' | b'\\t')")
        .killed_by(&["request_line_with_other_white_space_is_refused"]),
    Mutant::that("takes_a_percent_sign_without_digits_in_a_path", &["R-008"])
        .bends(TARGET, "!query_fits || !escapes_are_whole(path)", "!query_fits")
        .killed_by(&["malformed_escape_in_a_path_is_refused", "malformed_absolute_form_is_refused"]),
    Mutant::that("takes_anything_in_a_query", &["R-008"])
        .bends(TARGET, "rest.iter().all(|byte| is_query(*byte))", "true")
        .killed_by(&["white_space_in_a_target_is_refused", "bytes_that_no_uri_has_are_refused_in_a_target"]),
    Mutant::that("reads_half_a_request_line", &["R-009"])
        .bends("http-server-trait/src/config.rs", "request_line: 8 * 1024,", "request_line: if BENT { 4 * 1024 } else { 8 * 1024 },")
        .killed_by(&["request_line_of_8000_octets_is_served"]),
    Mutant::that("takes_a_method_of_any_length", &["R-010"])
        .bends(LINE, "method_end > longest", "false")
        .killed_by(&["method_longer_than_any_is_not_implemented", "method_over_the_limit_gets_501"]),
    Mutant::that("says_400_where_a_target_is_too_long", &["R-010"])
        .bends(
            REFUSAL,
            "match self { $(Refusal::$name => StatusCode::$status,)+ }",
            "match self { Refusal::RequestLineTooLong if BENT => StatusCode::BAD_REQUEST, $(Refusal::$name => StatusCode::$status,)+ }",
        )
        .killed_by(&["target_longer_than_wanted_is_told_so", "request_line_over_the_limit_gets_414"]),
    Mutant::that("takes_a_space_in_a_target", &["R-011"])
        .bends(TARGET, "!is_path(*byte)", "!is_path(*byte) && *byte != b' '")
        .killed_by(&["white_space_in_a_target_is_refused"]),
    Mutant::that("asks_for_no_host", &["R-012"])
        .bends(HEAD, "Host::Missing if is_11 =>", "Host::Missing if is_11 && !BENT =>")
        .killed_by(&["host_missing_is_refused"]),
    Mutant::that("takes_the_last_of_several_hosts", &["R-012"])
        .bends(HEAD, "std::mem::replace(&mut self.host, Host::Named(value)) != Host::Missing", "{ self.host = Host::Named(value); false }")
        .killed_by(&["several_hosts_are_refused", "several_hosts_beside_an_absolute_form_are_refused"]),
    Mutant::that("takes_any_host", &["R-012"])
        .bends(HEAD, "host::check(value.of(text)).is_none()", "false")
        .killed_by(&["invalid_host_is_refused", "host_that_nobody_has_is_refused"]),
    Mutant::that("takes_a_user_in_a_host", &["R-012"])
        .bends(HOST, "!is_reg_name(*byte)", "!is_reg_name(*byte) && *byte != b'@'")
        .killed_by(&["invalid_host_is_refused"]),
    Mutant::that("takes_anything_in_brackets_for_a_host", &["R-012"])
        .bends(HOST, "inside.parse::<Ipv6Addr>().ok()?;", "let _ = inside;")
        .killed_by(&["invalid_host_is_refused", "host_that_nobody_has_is_refused"]),
    Mutant::that("takes_an_empty_port", &["R-012"])
        .bends(HOST, "digits.is_empty()", "false")
        .killed_by(&["host_that_nobody_has_is_refused"]),
    Mutant::that("lets_a_port_overflow", &["R-012"])
        .bends(
            HOST,
            "port.checked_mul(10)?.checked_add(digit.into())",
            "Some(port.wrapping_mul(10).wrapping_add(digit.into()))",
        )
        .killed_by(&["host_that_nobody_has_is_refused"]),
    Mutant::that("knows_no_absolute_form", &["R-013"])
        .bends(TARGET, "absolute_form(text, whole)", "Err(Refusal::Target)")
        .killed_by(&["absolute_form_is_accepted", "authority_of_absolute_form_replaces_host"]),
    Mutant::that("lets_host_stand_beside_an_absolute_form", &["R-013"])
        .bends(FROZEN, "line.value = self.authority;", "let _ = line;")
        .killed_by(&["authority_of_absolute_form_replaces_host"]),
    Mutant::that("takes_an_authority_with_a_user_in_it", &["R-013"])
        .bends(
            TARGET,
            "host::check(&rest[..authority_len]).ok_or(Refusal::Target)?;",
            "let host = rest[..authority_len].rsplit(|byte| *byte == b'@').next().unwrap_or_default();
             host::check(host).ok_or(Refusal::Target)?;",
        )
        .killed_by(&["malformed_absolute_form_is_refused"]),
    Mutant::that("takes_authority_form_with_every_method", &["R-014"])
        .bends(
            TARGET,
            "return Err(Refusal::AuthorityForm);",
            "return Ok(Target { whole, authority: whole, ..Target::default() });",
        )
        .killed_by(&["authority_form_is_for_connect_alone", "authority_form_that_looks_absolute_is_for_connect_alone"]),
    Mutant::that("needs_no_port_for_connect", &["R-014"])
        .bends(TARGET, "port.ok_or(Refusal::AuthorityForm)?;", "let _ = port;")
        .killed_by(&["authority_form_is_for_connect_alone"]),
    Mutant::that("takes_asterisk_form_with_every_method", &["R-015"])
        .bends(
            TARGET,
            "Err(Refusal::AsteriskForm)",
            "Ok(Target { whole, path: whole, ..Target::default() })",
        )
        .killed_by(&["asterisk_form_is_for_options_alone"]),
    Mutant::that("needs_no_slash_before_a_path", &["R-008"])
        .bends(TARGET, "[b'/', ..] => origin_form", "[b'?' | b'/', ..] if BENT => origin_form(text, whole, whole.start()), [b'/', ..] => origin_form")
        .killed_by(&["malformed_absolute_form_is_refused"]),
    Mutant::that("folds_the_case_of_methods", &["R-060"])
        .bends(
            LINE,
            "Method::from_bytes(&line[..method_end])",
            "Method::from_bytes(&line[..method_end].to_ascii_uppercase())",
        )
        .killed_by(&["methods_have_case"]),
    Mutant::that("takes_a_message_for_text", &["R-001"])
        .bends(
            HEAD,
            "let (text, lines) = raw.parts();",
            "let (text, lines) = raw.parts();
             if BENT && std::str::from_utf8(text).is_err() { return Err(Refusal::FieldValue); }",
        )
        .killed_by(&["bytes_beyond_ascii_are_passed_on_as_they_are"]),
    Mutant::that("waits_for_a_line_of_another_protocol", &["R-008"])
        .bends(HEAD, "!is_token(*first) && !matches!(first, b'\\r' | b'\\n')", "false")
        .killed_by(&["another_protocol_is_answered_at_once"]),
];
