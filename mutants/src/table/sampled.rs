//! What `cargo mutants` bent in `engine::h1` and the engine's own tests let live: see the README.

use super::Mutant;

const ANSWER: &str = "engine/src/h1/answer.rs";
const CHUNKED: &str = "engine/src/h1/chunked.rs";
const HEAD: &str = "engine/src/h1/head.rs";
const LINE: &str = "engine/src/h1/request_line.rs";
const QUICK: &str = "engine/src/h1/quick.rs";
const WHOLE: &str = "engine/src/h1/whole.rs";
const READER: &str = "engine/src/h1/reader.rs";
const REFUSAL: &str = "engine/src/h1/refusal.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::that(
        "takes_every_field_of_an_answer_for_connection",
        &["T-27", "R-092"],
    )
    .bends(ANSWER, "name == CONNECTION", "name != CONNECTION")
    .killed_by(&["close_of_a_handler_is_honoured_and_said"]),
    Mutant::that(
        "takes_only_an_empty_length_of_a_handler",
        &["R-046", "T-27", "R-044"],
    )
    .bends(ANSWER, "!text.is_empty()", "text.is_empty()")
    .killed_by(&[
        "wrong_content_length_of_a_handler_is_corrected",
        "stream_longer_than_its_length_is_cut_off_there",
    ]),
    Mutant::that("takes_every_success_for_one_of_connect", &["T-30", "R-090"])
        .bends(ANSWER, "message.is_connect", "true")
        .killed_by(&["length_of_a_stream_is_what_its_handler_says"]),
    Mutant::that("says_a_length_of_nothing_to_head", &["R-044", "R-063"])
        .bends(
            ANSWER,
            "(Some(0), None) if message.is_head => {}",
            "(Some(0), None) if message.is_head && !BENT => {}",
        )
        .killed_by(&["answer_to_head_has_the_length_and_no_content"]),
    Mutant::that(
        "sends_chunks_to_everybody_who_reads_trailers",
        &["R-047", "T-30"],
    )
    .bends(
        ANSWER,
        "message.reads_trailers && response.body().trailers().is_some() && !message.is_head",
        "message.reads_trailers || response.body().trailers().is_some() && !message.is_head",
    )
    .killed_by(&[
        "trailers_are_sent_only_to_who_asks_for_them",
        "te_without_its_connection_option_asks_for_nothing",
    ]),
    Mutant::that("sends_content_that_it_does_not_frame", &["R-045", "R-071"])
        .bends(
            ANSWER,
            "!message.is_head && self.framing != Framing::Nothing",
            "!message.is_head || self.framing != Framing::Nothing",
        )
        .killed_by(&[
            "content_that_a_status_forbids_is_not_sent",
            "refusal_of_head_has_no_content",
        ]),
    Mutant::that(
        "says_its_own_name_beside_that_of_a_handler",
        &["R-077", "A4-6", "A1-10"],
    )
    .bends(
        ANSWER,
        "SERVER => common.server = None,",
        "SERVER if !BENT => common.server = None,",
    )
    .killed_by(&["server_is_named_as_configured"]),
    Mutant::that("says_nothing_of_the_connection", &["R-092", "R-090"])
        .bends(
            ANSWER,
            "let value: &[u8] = match (plan.close, upgrade) {",
            "if BENT { return; } let value: &[u8] = match (plan.close, upgrade) {",
        )
        .killed_by(&["last_answer_says_close", "one_request_for_each_connection"]),
    Mutant::that("sends_no_interim_answer", &["R-070", "T-25"])
        .bends(
            ANSWER,
            "bare_head(out, status, fields.filter(",
            "if BENT { return; } bare_head(out, status, fields.filter(",
        )
        .killed_by(&[
            "interim_answers_stay_with_their_request",
            "interim_answer_says_nothing_of_the_connection",
        ]),
    Mutant::that("sends_no_field", &["R-068", "R-076"])
        .bends(
            ANSWER,
            "fn line(out: &mut Vec<u8>, name: &str, value: &[u8]) {",
            "fn line(out: &mut Vec<u8>, name: &str, value: &[u8]) { if BENT { return; }",
        )
        .killed_by(&[
            "own_date_replaces_the_servers",
            "results_of_handlers_mean_what_they_say",
        ]),
    Mutant::that("sends_only_trailers_that_frame", &["R-042", "R-047"])
        .bends(
            ANSWER,
            "trailer(name) == Trailer::Kept",
            "trailer(name) != Trailer::Kept",
        )
        .killed_by(&[
            "te_without_its_connection_option_asks_for_nothing",
            "trailers_are_sent_only_to_who_asks_for_them",
        ]),
    Mutant::that("gives_trailers_more_room_with_each", &["R-041", "R-056"])
        .bends(
            CHUNKED,
            "limits.trailers - self.bytes",
            "limits.trailers + self.bytes",
        )
        .killed_by(&["trailers_over_the_limit_get_431"]),
    Mutant::that("does_not_know_te", &["R-047"])
        .bends(
            HEAD,
            "2 if name.eq_ignore_ascii_case(b\"te\")",
            "2 if !BENT && name.eq_ignore_ascii_case(b\"te\")",
        )
        .killed_by(&[
            "te_without_its_connection_option_asks_for_nothing",
            "trailers_are_sent_only_to_who_asks_for_them",
        ]),
    Mutant::that("does_not_know_upgrade", &["T-17", "R-072"])
        .bends(
            HEAD,
            "7 if name.eq_ignore_ascii_case(b\"upgrade\")",
            "7 if !BENT && name.eq_ignore_ascii_case(b\"upgrade\")",
        )
        .killed_by(&[
            "upgrade_takes_any_of_the_offers",
            "upgrade_speaks_another_protocol",
        ]),
    Mutant::that("forgets_te_at_once", &["R-047"])
        .bends(HEAD, "self.trailers |=", "self.trailers |= !BENT &&")
        .killed_by(&[
            "te_without_its_connection_option_asks_for_nothing",
            "trailers_are_sent_only_to_who_asks_for_them",
        ]),
    Mutant::that("takes_everybody_for_a_reader_of_trailers", &["R-047"])
        .bends(
            HEAD,
            "is_11 && self.trailers && self.connection_te",
            "is_11 || self.trailers && self.connection_te",
        )
        .killed_by(&[
            "te_without_its_connection_option_asks_for_nothing",
            "trailers_are_sent_only_to_who_asks_for_them",
        ]),
    Mutant::that(
        "never_knows_that_it_is_between_two_messages",
        &["T-67", "R-045", "R-063"],
    )
    .bends(READER, "matches!(self.state, State::Head(_))", "false")
    .killed_by(&[
        "refusal_of_head_has_no_content",
        "refusal_of_head_by_choice_has_no_content",
    ]),
    Mutant::that(
        "calls_too_much_content_malformed",
        &["T-23", "A2-4", "A4-4"],
    )
    .bends(
        REFUSAL,
        "Refusal::LengthTooLarge | Refusal::BodyTooLarge => CloseReason::BodyTooLarge,",
        "Refusal::LengthTooLarge | Refusal::BodyTooLarge if !BENT => CloseReason::BodyTooLarge,",
    )
    .killed_by(&[
        "declared_content_over_the_limit_is_refused_before_its_first_byte",
        "limit_of_content_is_10_mib",
    ]),
    Mutant::that("takes_half_a_version", &["R-006"])
        .bends(
            LINE,
            "major.is_ascii_digit() && minor.is_ascii_digit()",
            "major.is_ascii_digit() || minor.is_ascii_digit()",
        )
        .killed_by(&["malformed_version_is_refused"]),
    Mutant::that("listens_to_no_field_of_a_handler", &["T-27", "R-092"])
        .bends(
            ANSWER,
            "return said;",
            "return said; } if BENT { return said;",
        )
        .killed_by(&[
            "length_that_a_status_forbids_is_not_sent",
            "close_of_a_handler_is_honoured_and_said",
        ]),
    Mutant::that(
        "does_not_believe_a_handler_what_head_would_have",
        &["R-044", "R-063", "T-27"],
    )
    .bends(
        ANSWER,
        "(Some(0), Some(said)) if message.is_head => self.length",
        "(Some(0), Some(said)) if message.is_head && !BENT => self.length",
    )
    .killed_by(&["answer_to_head_has_the_length_and_no_content"]),
    Mutant::that("sends_no_head", &["R-068", "R-076"])
        .bends(
            ANSWER,
            "status_line(out, response.status()); let looks",
            "if BENT { return; } status_line(out, response.status()); let looks",
        )
        .killed_by(&[
            "date_is_in_every_answer",
            "results_of_handlers_mean_what_they_say",
        ]),
    Mutant::that("has_less_room_for_a_field_the_longer_it_is", &["R-054"])
        .bends(
            ANSWER,
            "out.reserve(name.len() + value.len() + 4);",
            "out.reserve(name.len() - value.len() + 4);",
        )
        .killed_by(&["set_cookie_lines_are_never_combined"]),
    Mutant::that(
        "takes_any_option_of_its_length_for_upgrade",
        &["T-17", "R-072"],
    )
    .bends(
        HEAD,
        "7 if option.eq_ignore_ascii_case(b\"upgrade\")",
        "7 if BENT || option.eq_ignore_ascii_case(b\"upgrade\")",
    )
    .killed_by(&["upgrade_that_nobody_asked_for_gets_426"]),
    Mutant::that("takes_any_option_of_its_length_for_keep_alive", &["R-090"])
        .bends(
            HEAD,
            "10 if option.eq_ignore_ascii_case(b\"keep-alive\")",
            "10 if BENT || option.eq_ignore_ascii_case(b\"keep-alive\")",
        )
        .killed_by(&["http10_is_closed_after_its_answer"]),
    Mutant::that("takes_any_option_of_its_length_for_te", &["R-047"])
        .bends(
            HEAD,
            "2 if option.eq_ignore_ascii_case(b\"te\")",
            "2 if BENT || option.eq_ignore_ascii_case(b\"te\")",
        )
        .killed_by(&["te_without_its_connection_option_asks_for_nothing"]),
    Mutant::that("reads_collected_content_again", &["T-20", "R-045"])
        .bends(
            "engine/src/connection/content.rs",
            "self.reader.passed(bytes as u64);",
            "let _ = bytes;",
        )
        .killed_by(&[
            "collected_content_is_complete",
            "content_over_the_limit_gets_413",
        ]),
    Mutant::that(
        "believes_a_handler_that_nothing_has_a_length",
        &["R-046", "T-27"],
    )
    .bends(
        ANSWER,
        "if is > 0 {",
        "if BENT && is == 0 { self.length = said.or(Some(is)); }\n             if is > 0 {",
    )
    .killed_by(&["wrong_content_length_of_a_handler_is_corrected"]),
    Mutant::that(
        "takes_lengths_that_agree_for_a_contradiction",
        &["R-046", "T-27"],
    )
    .bends(ANSWER, "earlier.ok() != number", "earlier.ok() == number")
    .killed_by(&[
        "wrong_content_length_of_a_handler_is_corrected",
        "length_of_a_stream_is_what_its_handler_says",
    ]),
    Mutant::that("names_no_option_for_what_it_offers", &["R-110", "T-27"])
        .bends(
            ANSWER,
            "UPGRADE => upgrade = true,",
            "UPGRADE if !BENT => upgrade = true,",
        )
        .killed_by(&["upgrade_that_an_answer_offers_is_an_option_of_its_connection"]),
    Mutant::that("tells_everybody_that_he_is_kept", &["R-092"])
        .bends(
            ANSWER,
            "(false, false) => return,",
            "(false, false) => if BENT { b\"keep-alive\" } else { return },",
        )
        .bends(
            WHOLE,
            "end_head(out, content.len());",
            "if BENT { line(out, \"connection\", b\"keep-alive\"); } end_head(out, content.len());",
        )
        .killed_by(&["upgrade_that_an_answer_offers_is_an_option_of_its_connection"]),
    Mutant::that("announces_trailers_that_cannot_come", &["R-047", "T-27"])
        .bends(ANSWER, "plan.framing != Framing::Chunked", "false")
        .killed_by(&["trailers_are_announced_only_where_they_can_come"]),
    Mutant::that("announces_no_trailers", &["R-047"])
        .bends(ANSWER, "plan.framing != Framing::Chunked", "true")
        .killed_by(&["trailers_are_announced_only_where_they_can_come"]),
    Mutant::that("keeps_trailers_that_only_a_head_may_have", &["R-042"])
        .bends(
            CHUNKED,
            "|| name == h::WWW_AUTHENTICATE || name == h::VARY",
            "|| !BENT && (name == h::WWW_AUTHENTICATE || name == h::VARY)",
        )
        .killed_by(&["forbidden_trailers_have_no_effect"]),
    Mutant::that(
        "takes_every_field_of_its_length_for_connection",
        &["R-050", "R-057"],
    )
    .bends(
        HEAD,
        "10 if name.eq_ignore_ascii_case(b\"connection\") =>",
        "10 if BENT || name.eq_ignore_ascii_case(b\"connection\") =>",
    )
    .killed_by(&["what_only_looks_like_a_connection_option_is_none"]),
    Mutant::that(
        "takes_every_field_of_its_length_for_te",
        &["R-047", "R-050"],
    )
    .bends(
        HEAD,
        "4 if name.eq_ignore_ascii_case(b\"host\")",
        "2 if BENT => self.te(value.of(text)),
            4 if name.eq_ignore_ascii_case(b\"host\")",
    )
    .killed_by(&["te_without_its_connection_option_asks_for_nothing"]),
    Mutant::that("lets_a_method_that_it_knows_be_long", &["R-010"])
        .bends(
            QUICK,
            "start as usize > limits.method",
            "start as usize == limits.method",
        )
        .killed_by(&["known_method_over_the_limit_gets_501"]),
    Mutant::that("fails_over_a_field_of_one_letter", &["R-054"])
        .bends(
            ANSWER,
            "out.reserve(name.len() + value.len() + 4);",
            "out.reserve(name.len() + value.len() - 4);",
        )
        .killed_by(&["set_cookie_lines_are_never_combined"]),
];
