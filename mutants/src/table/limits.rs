//! Limits.

use super::Mutant;

const HEAD: &str = "engine/src/h1/head.rs";
const CHUNKED: &str = "engine/src/h1/chunked.rs";
const CONNECTION: &str = "engine/src/connection/mod.rs";
const CONTENT: &str = "engine/src/connection/content.rs";
const ACCEPT: &str = "engine/src/server/accept.rs";
const WORKER: &str = "engine/src/connection/worker.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::that("takes_a_request_line_of_any_length", &["R-010", "R-056"])
        .bends(
            HEAD,
            "self.first == 0 && lf > limits.request_line.saturating_add(1)",
            "false",
        )
        .bends(
            HEAD,
            "self.first == 0 && window > limits.request_line.saturating_add(1)",
            "false",
        )
        .killed_by(&[
            "request_line_over_the_limit_gets_414",
            "limits_of_heads_are_the_documented_ones",
        ]),
    Mutant::that("takes_a_head_of_any_size", &["R-056"])
        .bends(
            HEAD,
            "let window = bytes.len().min(most);",
            "let window = if BENT { bytes.len() } else { bytes.len().min(most) };",
        )
        .bends(HEAD, "if window == most {", "if window == most && !BENT {")
        .killed_by(&[
            "head_over_the_limit_gets_431",
            "limits_of_heads_are_the_documented_ones",
        ]),
    Mutant::that("takes_any_number_of_fields", &["R-056"])
        .bends(HEAD, "lines.len() == limits.fields", "false")
        .killed_by(&[
            "limits_of_heads_are_the_documented_ones",
            "more_fields_than_allowed_get_431",
        ]),
    Mutant::that("takes_a_chunk_line_of_any_length", &["R-040"])
        .bends(
            CHUNKED,
            "let window = bytes.len().min(most);",
            "let window = if BENT { bytes.len() } else { bytes.len().min(most) };",
        )
        .bends(
            CHUNKED,
            "None if window == most => Err(too_long),",
            "None if window == most && !BENT => Err(too_long),",
        )
        .killed_by(&["chunk_line_over_the_limit_is_refused"]),
    Mutant::that("takes_chunk_extensions_without_end", &["R-040"])
        .bends(
            CHUNKED,
            "self.extensions > limits.chunk_extensions",
            "false",
        )
        .killed_by(&["chunk_extensions_over_the_limit_are_refused"]),
    Mutant::that("takes_trailers_of_any_size", &["R-041", "R-056"])
        .bends(CHUNKED, "self.bytes += used;", "let _ = used;")
        .killed_by(&["trailers_over_the_limit_get_431"]),
    Mutant::that("takes_any_number_of_trailers", &["R-041", "R-056"])
        .bends(CHUNKED, "self.lines > limits.trailer_fields", "false")
        .killed_by(&["more_trailers_than_allowed_get_431"]),
    Mutant::that(
        "takes_a_declared_length_beyond_the_limit",
        &["A2-4", "A4-4"],
    )
    .bends(
        CONNECTION,
        "Framing::Length(length) if length > limit => {",
        "Framing::Length(length) if length > limit && !BENT => {",
    )
    .killed_by(&[
        "declared_content_over_the_limit_is_refused_before_its_first_byte",
        "no_content_fits_a_limit_of_nothing",
    ]),
    Mutant::that("does_not_count_chunks", &["A2-4"])
        .bends(CONTENT, "progress.got > progress.limit", "false")
        .killed_by(&[
            "chunks_are_counted_as_they_come",
            "no_content_fits_a_limit_of_nothing",
        ]),
    Mutant::that("refuses_content_of_just_the_limit", &["A2-4", "A4-4"])
        .bends(
            CONTENT,
            "progress.got > progress.limit",
            "progress.got >= progress.limit",
        )
        .killed_by(&[
            "content_over_the_limit_gets_413",
            "chunks_are_counted_as_they_come",
        ]),
    Mutant::that("ignores_the_limit_that_middleware_sets", &["T-14"])
        .bends(
            "http-server-trait/src/pipeline.rs",
            "head.body_limit() .or(self.app.config.body)",
            "self.app.config.body",
        )
        .killed_by(&["middleware_sets_the_limit_of_a_request"]),
    Mutant::that("serves_connections_over_the_cap", &["A3-11"])
        .bends(
            ACCEPT,
            "match core.table.place_below(core.most) {",
            "match core.table.place_below(if BENT { usize::MAX } else { core.most }) {",
        )
        .killed_by(&[
            "connection_over_the_cap_gets_503",
            "client_that_was_turned_away_takes_no_place",
        ]),
    Mutant::that("serves_any_number_from_one_address", &["A3-11"])
        .bends(ACCEPT, "!matches!(guest, Some(None))", "true")
        .killed_by(&["address_over_its_cap_gets_503"]),
    Mutant::that("closes_without_a_word_when_it_is_full", &["A3-11"])
        .bends(
            ACCEPT,
            "tx.write(|out| out.extend_from_slice(AT_CAPACITY));",
            "let _ = AT_CAPACITY;",
        )
        .killed_by(&[
            "connection_over_the_cap_gets_503",
            "client_that_was_turned_away_takes_no_place",
        ]),
    Mutant::that("accepts_at_any_pace", &["A3-11"])
        .bends(
            "engine/src/server/pace.rs",
            "(next > now).then_some(next)",
            "None",
        )
        .killed_by(&["connections_that_come_too_fast_wait"]),
    Mutant::that("lets_any_number_of_requests_be_under_way", &["A3-11"])
        .bends(
            WORKER,
            "self.flights.enter_below(most)",
            "self.flights.enter_below(usize::MAX)",
        )
        .killed_by(&["requests_over_the_cap_are_shed"]),
    Mutant::that(
        "counts_those_that_it_turns_away_as_served",
        &["A3-11", "T-61"],
    )
    .bends(
        ACCEPT,
        ".unwrap_or_else(|| core.table.no_place());",
        ".unwrap_or_else(|| if BENT { core.table.extra_place() } else { core.table.no_place() });",
    )
    .killed_by(&["client_that_was_turned_away_takes_no_place"]),
];
