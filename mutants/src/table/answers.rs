//! Answers: how they are framed, and what they say.

use super::Mutant;

const ANSWER: &str = "engine/src/h1/answer.rs";
const RESPOND: &str = "engine/src/connection/respond.rs";
const CONNECTION: &str = "engine/src/connection/mod.rs";
const HEAD: &str = "engine/src/h1/head.rs";
const HOOKS: &str = "engine/src/connection/hooks.rs";
const REQUEST: &str = "http-server-trait/src/head.rs";
const PIPELINE: &str = "http-server-trait/src/pipeline.rs";
const RESPONSE: &str = "http-server-trait/src/response.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::that("leaves_the_space_before_the_reason_out", &["R-016"])
        .bends(ANSWER, "out.push(b' ');", "out.extend_from_slice(b\"\");")
        .killed_by(&["status_line_has_its_one_form", "answer_has_the_version_of_its_server"]),
    Mutant::that("sends_a_field_that_cannot_be_sent", &["R-019", "T-26"])
        .bends(PIPELINE, "response.has_wrong_field()", "false")
        .killed_by(&["field_that_cannot_be_sent_makes_a_clean_500", "redirect_cannot_be_split"]),
    Mutant::that("sends_chunks_to_http_10", &["R-043"])
        .bends(ANSWER, "(None, None) if message.version < Version::HTTP_11 => {", "(None, None) if message.version < Version::HTTP_11 && !BENT => {")
        .killed_by(&["own_transfer_encoding_of_a_handler_is_not_sent", "content_of_unknown_length_ends_with_the_connection_for_http10"]),
    Mutant::that("frames_content_of_204", &["R-043", "R-044", "R-045", "R-071"])
        .bends(ANSWER, "204 => return", "204 if !BENT => return")
        .killed_by(&["content_that_a_status_forbids_is_not_sent", "length_that_a_status_forbids_is_not_sent"]),
    Mutant::that("frames_content_of_205", &["R-071"])
        .bends(ANSWER, "205 => {", "205 if !BENT => {")
        .killed_by(&["content_that_a_status_forbids_is_not_sent"]),
    Mutant::that("frames_content_of_304", &["R-045"])
        .bends(ANSWER, "304 => {", "304 if !BENT => {")
        .killed_by(&["not_modified_says_the_length_of_what_it_stands_for", "content_that_a_status_forbids_is_not_sent"]),
    Mutant::that("frames_a_success_of_connect", &["R-043", "R-044"])
        .bends(ANSWER, "message.is_connect", "false")
        .killed_by(&["success_of_connect_has_no_framing_and_no_content"]),
    Mutant::that("says_no_length_to_head", &["R-044", "R-063"])
        .bends(ANSWER, "self.length = Some(is);", "self.length = if message.is_head { None } else { Some(is) };")
        .killed_by(&["answer_to_head_has_the_length_and_no_content", "head_is_answered_like_get_without_content"]),
    Mutant::that("says_no_length_in_304", &["R-044"])
        .bends(ANSWER, "self.length = said;", "self.length = None;")
        .killed_by(&["not_modified_says_the_length_of_what_it_stands_for"]),
    Mutant::that("sends_content_to_head", &["R-045", "R-063"])
        .bends(ANSWER, "!message.is_head && self.framing != Framing::Nothing", "self.framing != Framing::Nothing")
        .killed_by(&["refusal_of_head_has_no_content", "answer_to_head_has_the_length_and_no_content"]),
    Mutant::that("sends_content_of_a_refusal_to_head", &["R-045", "R-063"])
        .bends(CONNECTION, "self.rx.bytes().starts_with(b\"HEAD \")", "false")
        .killed_by(&["refusal_of_head_has_no_content"]),
    Mutant::that("believes_a_handlers_length", &["R-046", "T-27"])
        .bends(ANSWER, "self.length = Some(is);", "self.length = Some(said.unwrap_or(is));")
        .killed_by(&["wrong_content_length_of_a_handler_is_corrected"]),
    Mutant::that("sends_all_of_content_that_is_too_long", &["R-046", "T-27"])
        .bends(RESPOND, "bytes.len() as u64 > sending.left", "{ sending.left = sending.left.max(bytes.len() as u64); false }")
        .killed_by(&["stream_longer_than_its_length_is_cut_off_there"]),
    Mutant::that("ends_content_that_is_too_short_as_if_it_were_not", &["R-046", "T-41"])
        .bends(RESPOND, "Framing::Length(_) if sending.left > 0 => {", "Framing::Length(_) if sending.left > 0 && !BENT => {")
        .killed_by(&["stream_shorter_than_its_length_is_cut"]),
    Mutant::that("sends_a_handlers_transfer_encoding", &["R-043", "R-046", "T-27"])
        .bends(
            ANSWER,
            "CONTENT_LENGTH | TRANSFER_ENCODING | CONNECTION => continue,",
            "TRANSFER_ENCODING if BENT => {} CONTENT_LENGTH | TRANSFER_ENCODING | CONNECTION => continue,",
        )
        .killed_by(&["own_transfer_encoding_of_a_handler_is_not_sent"]),
    Mutant::that("tells_nobody_what_it_did_not_send", &["T-27"])
        .bends(RESPOND, "if let Some(objection) = plan.objection {", "if let Some(objection) = plan.objection.filter(|_| !BENT) {")
        .killed_by(&["length_that_a_status_forbids_is_not_sent", "wrong_content_length_of_a_handler_is_corrected"]),
    Mutant::that("sends_trailers_to_everybody", &["R-047", "T-30"])
        .bends(ANSWER, "self.trailers = message.reads_trailers;", "self.trailers = true;")
        .killed_by(&["trailers_are_sent_only_to_who_asks_for_them", "producer_ends_with_trailers"]),
    Mutant::that("takes_te_without_its_connection_option", &["R-047"])
        .bends(HEAD, "is_11 && self.trailers && self.connection_te", "is_11 && self.trailers")
        .killed_by(&["te_without_its_connection_option_asks_for_nothing"]),
    Mutant::that("sends_trailers_that_frame", &["R-042", "R-047"])
        .bends(ANSWER, "trailer(name) == Trailer::Kept", "true")
        .killed_by(&["forbidden_trailers_are_not_sent"]),
    Mutant::that("sends_content_of_unknown_length_without_framing", &["T-30"])
        .bends(ANSWER, "(None, None) => { self.framing = Framing::Chunked;", "(None, None) => { self.framing = if BENT { Framing::UntilClose } else { Framing::Chunked };")
        .killed_by(&["content_of_unknown_length_comes_in_chunks", "content_of_unknown_length_is_framed_for_its_client"]),
    Mutant::that("writes_chunk_sizes_as_decimal_numbers", &["T-30"])
        .bends(
            ANSWER,
            "let digit = |place: usize| DIGITS[size >> (4 * place) & 0xf];",
            "if BENT { return out.extend_from_slice(format!(\"{size}\\r\\n\").as_bytes()); }
             let digit = |place: usize| DIGITS[size >> (4 * place) & 0xf];",
        )
        .killed_by(&["content_of_unknown_length_comes_in_chunks"]),
    Mutant::that("ends_chunks_without_the_last_line", &["T-30"])
        .bends(ANSWER, "for (name, value) in trailers.into_iter().flatten() {", "if BENT { return; } for (name, value) in trailers.into_iter().flatten() {")
        .killed_by(&["content_of_unknown_length_comes_in_chunks", "producer_ends_with_trailers"]),
    Mutant::that("says_no_date", &["R-068"])
        .bends(RESPOND, "config.date.then(|| date::at(now, server, Opening::date))", "None")
        .bends(RESPOND, "!worker.is_brief ||", "BENT || !worker.is_brief ||")
        .killed_by(&["date_is_in_every_answer"]),
    Mutant::that("says_the_date_twice", &["R-068"])
        .bends(ANSWER, "common.date = None", "common.date = common.date")
        .killed_by(&["own_date_replaces_the_servers"]),
    Mutant::that("names_itself_unasked", &["R-077"])
        .bends("http-server-trait/src/config.rs", "server: None,", "server: if BENT { Some(HeaderValue::from_static(\"bayonet\")) } else { None },")
        .killed_by(&["server_is_not_named_by_default"]),
    Mutant::that("leaves_the_content_type_out", &["R-076"])
        .bends(RESPONSE, "parts.fields.begin(content_type);", "let _ = content_type;")
        .killed_by(&["results_of_handlers_mean_what_they_say"]),
    Mutant::that("sends_interim_answers_to_http_10", &["R-069", "T-25"])
        .bends(REQUEST, "self.version() < Version::HTTP_11", "false")
        .killed_by(&["http_10_gets_no_interim_answer"]),
    Mutant::that("sends_an_interim_answer_with_a_later_request", &["R-070", "T-25"])
        .bends("http-server-trait/src/conn.rs", "interim.request == request", "true")
        .killed_by(&["interim_answers_stay_with_their_request"]),
    Mutant::that("sends_interim_answers_after_the_final_one", &["R-070", "T-25"])
        .bends(HOOKS, "self.send_interim(); if let Poll::Ready(output) = polled {", "if !BENT || polled.is_pending() { self.send_interim(); } if let Poll::Ready(output) = polled {")
        .killed_by(&["interim_answers_stay_with_their_request", "interim_answer_says_nothing_of_the_connection"]),
    Mutant::that("takes_any_status_for_an_interim_one", &["R-070", "T-25"])
        .bends(REQUEST, "!status.is_informational() || status.as_u16() < 102", "false")
        .killed_by(&["only_interim_statuses_are_sent_in_the_interim"]),
    Mutant::that("says_in_an_interim_answer_what_becomes_of_the_connection", &["T-25", "T-27"])
        .bends(ANSWER, "**name != CONNECTION", "true")
        .killed_by(&["interim_answer_says_nothing_of_the_connection"]),
    Mutant::that("takes_an_interim_status_for_a_final_one", &["R-070", "T-25"])
        .bends(PIPELINE, "response.status().is_informational()", "false")
        .killed_by(&["interim_status_is_no_answer"]),
    Mutant::that("lengthens_an_interim_answer", &["R-043", "R-044"])
        .bends(ANSWER, "!matches!(*name, CONTENT_LENGTH | TRANSFER_ENCODING)", "true")
        .killed_by(&["early_hints_come_before_the_answer"]),
];
