//! What hyper does not pass, case by case. The tests are held to it, and `COMPLIANCE.md` takes its reasons from it.

/// Cases that fail, and what hyper does instead.
pub(crate) const FAILS: &[(&str, &str)] = &[
    // RFC 9112, 2: lines and versions.
    ("bare_lf_ends_no_line_of_a_head", LF),
    ("bare_lf_ends_no_line_of_chunked_content", LF),
    ("bare_lf_in_chunk_lines_is_refused", LF),
    ("control_byte_in_a_value_is_refused", LF),
    (
        "two_empty_lines_before_a_request_are_refused",
        "hyper passes over any number of empty lines",
    ),
    (
        "another_major_version_gets_505",
        "hyper answers every version that it does not know with 400",
    ),
    (
        "higher_minor_version_is_handled_as_11",
        "hyper refuses HTTP/1.2 and higher with 400",
    ),
    (
        "preface_of_http_2_gets_505",
        "hyper closes without an answer when it sees the preface of HTTP/2",
    ),
    (
        "handler_sees_a_higher_minor_version_as_11",
        "hyper refuses HTTP/1.2 and higher with 400",
    ),
    (
        "message_that_ends_early_is_refused_with_400",
        "hyper closes without an answer where a head ends early, as it may",
    ),
    (
        "answer_has_the_version_of_its_server",
        "hyper answers HTTP/1.0 in HTTP/1.0",
    ),
    // RFC 9112, 3: targets and Host.
    ("host_missing_is_refused", HOST),
    ("several_hosts_are_refused", HOST),
    ("several_hosts_beside_an_absolute_form_are_refused", HOST),
    ("invalid_host_is_refused", HOST),
    ("host_that_nobody_has_is_refused", HOST),
    ("asterisk_form_is_for_options_alone", FORM),
    ("authority_form_is_for_connect_alone", FORM),
    ("malformed_absolute_form_is_refused", FORM),
    ("absolute_form_of_another_kind_is_refused", FORM),
    (
        "authority_form_that_looks_absolute_is_for_connect_alone",
        FORM,
    ),
    ("asterisk_form_is_one_asterisk", FORM),
    (
        "bytes_that_no_uri_has_are_refused_in_a_target",
        "hyper lets bytes through that browsers send and no URI has",
    ),
    (
        "malformed_escape_in_a_path_is_refused",
        "hyper does not look at escapes",
    ),
    (
        "target_longer_than_wanted_is_told_so",
        "hyper has one limit for the head, and answers 431 where the target alone is beyond it",
    ),
    ("target_without_a_path_comes_back_from_the_http_types", URI),
    ("target_of_a_bare_authority_is_not_completed", URI),
    // RFC 9112, 6 and 7: framing.
    (
        "content_length_beside_transfer_encoding_is_refused",
        "hyper drops Content-Length beside Transfer-Encoding, and closes after the answer",
    ),
    (
        "content_length_that_is_repeated_is_refused",
        "hyper takes equal Content-Lengths for one, which RFC 9110, 8.6 allows",
    ),
    ("content_length_beyond_all_numbers_is_too_large", NUMBER),
    ("length_without_a_limit_is_not_believed", NUMBER),
    ("unknown_coding_before_chunked_is_not_implemented", CODINGS),
    ("chunked_twice_is_refused", CODINGS),
    ("empty_elements_of_a_list_of_codings_are_ignored", EMPTY),
    (
        "chunk_size_that_is_no_hexadecimal_number_is_refused",
        "hyper lets white space follow a chunk size",
    ),
    (
        "malformed_chunk_extensions_are_refused",
        "hyper does not look at chunk extensions",
    ),
    ("trailers_that_frame_or_route_are_refused", TRAILERS),
    (
        "streamed_content_whose_trailers_frame_is_an_error",
        TRAILERS,
    ),
    (
        "producer_ends_with_trailers",
        "hyper sends only the trailers that `Trailer` names, before they are known here",
    ),
    // RFC 9110, 10.1.1.
    ("unknown_expectation_is_refused", EXPECTATION),
    ("refusal_of_head_by_choice_has_no_content", EXPECTATION),
    // Limits.
    ("refusal_says_which_limit_it_was", NOT_TOLD),
    (
        "limits_of_heads_are_the_documented_ones",
        "hyper has one limit for a head, and none for a line or a method",
    ),
    (
        "request_line_over_the_limit_gets_414",
        "hyper looks at a head when all of it is there: a line without an end is late before it is long",
    ),
    ("chunk_line_over_the_limit_is_refused", CHUNKS),
    ("chunk_extensions_over_the_limit_are_refused", CHUNKS),
    ("trailers_over_the_limit_get_431", CHUNKS),
    ("more_trailers_than_allowed_get_431", CHUNKS),
    ("streamed_trailers_over_the_limits_get_431", CHUNKS),
    (
        "empty_line_does_not_extend_the_idle_time",
        "hyper passes over empty lines by itself: here any byte is the beginning of a head, which has its own time",
    ),
    // The end of a client.
    (
        "disconnected_is_ready_behind_content_that_nobody_reads",
        UNREAD,
    ),
    (
        "disconnected_is_ready_at_a_reset_behind_content_that_nobody_reads",
        UNREAD,
    ),
    ("disconnected_is_ready_behind_requests_that_wait", UNREAD),
    ("disconnected_is_ready_for_who_asks_late", UNREAD),
    ("outcome_is_told_behind_content_that_nobody_reads", UNREAD),
    // The rest.
    (
        "server_is_named_as_configured",
        "hyper answers what it refuses by itself, and nobody can add a field to that",
    ),
    (
        "panic_of_what_an_answer_carries_is_a_failure",
        "hyper drops what an answer carries beside its content before it is sent, and the connection with what panics",
    ),
    (
        "client_that_does_not_read_is_cut_behind_a_handler",
        "hyper reads the next request when the answer before it is sent",
    ),
];

const URI: &str = "hyper gives the target as a parsed URI, and the text of `http://host` is lost";
const LF: &str = "to hyper a bare LF ends a line, in heads and in trailers";
const HOST: &str = "hyper does not look at Host";
const FORM: &str = "hyper takes every form of target with every method";
const NUMBER: &str = "hyper answers a Content-Length beyond 64 bits less two with 431";
const CODINGS: &str = "of the codings hyper only looks whether the last is `chunked`";
const EMPTY: &str = "hyper takes an empty element at the end of Transfer-Encoding for a coding, against RFC 9110, 5.6.1.2";
const TRAILERS: &str = "hyper gives framing fields in trailers on; here they are dropped";
const EXPECTATION: &str = "hyper knows one expectation, and ignores all others";
const NOT_TOLD: &str = "hyper refuses a head with the status alone";
const UNREAD: &str =
    "hyper notices the end of a client when it reads it, not behind what nobody has read";
const CHUNKS: &str = "hyper's limits for chunk extensions and trailers cannot be set one by one";
