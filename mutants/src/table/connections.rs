//! Connections: kept or closed, in order, expectations, the end.

use super::Mutant;

const HEAD: &str = "engine/src/h1/head.rs";
const ANSWER: &str = "engine/src/h1/answer.rs";
const READER: &str = "engine/src/h1/reader.rs";
const CONNECTION: &str = "engine/src/connection/mod.rs";
const CONTENT: &str = "engine/src/connection/content.rs";
const RESPOND: &str = "engine/src/connection/respond.rs";
const FINISH: &str = "engine/src/connection/finish.rs";
const HOOKS: &str = "engine/src/connection/hooks.rs";
const LINK: &str = "engine/src/connection/link.rs";
const INCOMING: &str = "engine/src/connection/incoming.rs";
const SEND: &str = "engine/src/buffers/send.rs";
const CONN: &str = "http-server-trait/src/conn.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    // Kept or closed.
    Mutant::that("keeps_http_11_only_where_it_is_asked_to", &["R-090"])
        .bends(HEAD, "!self.close && (is_11 || self.keep_alive)", "!self.close && self.keep_alive")
        .killed_by(&["many_requests_one_after_the_other", "http11_persists_by_default"]),
    Mutant::that("keeps_http_10_unasked", &["R-090"])
        .bends(HEAD, "!self.close && (is_11 || self.keep_alive)", "!self.close")
        .killed_by(&["http10_is_closed_after_its_answer", "quiet_ends_are_told_apart"]),
    Mutant::that("never_keeps_http_10", &["R-090"])
        .bends(HEAD, "!self.close && (is_11 || self.keep_alive)", "!self.close && is_11")
        .killed_by(&["keep_alive_counts_in_any_case_on_any_line", "http10_keep_alive_is_answered_with_keep_alive"]),
    Mutant::that("does_not_tell_http_10_that_it_is_kept", &["R-090"])
        .bends(ANSWER, "(false, false) if message.version < Version::HTTP_11 =>", "(false, false) if message.version < Version::HTTP_11 && !BENT =>")
        .killed_by(&["http10_keep_alive_is_answered_with_keep_alive"]),
    Mutant::that("answers_after_the_clients_close", &["R-091"])
        .bends(ANSWER, "close || said.close || !message.keep_alive", "close || said.close")
        .killed_by(&["requests_after_close_are_not_answered", "close_is_honoured"]),
    Mutant::that("closes_and_does_not_say_so", &["R-092"])
        .bends(ANSWER, "(true, false) => b\"close\",", "(true, false) if BENT => return, (true, false) => b\"close\",")
        .killed_by(&["last_answer_says_close", "one_request_for_each_connection"]),
    Mutant::that("ignores_the_close_of_a_handler", &["T-27", "R-092"])
        .bends(ANSWER, "said.close |=", "said.close |= !BENT &&")
        .killed_by(&["close_of_a_handler_is_honoured_and_said"]),
    Mutant::that("answers_beyond_the_limit_of_requests", &["R-092"])
        .bends(RESPOND, "self.requests >= most", "self.requests > most")
        .killed_by(&["requests_beyond_the_allowed_ones_are_not_answered", "one_request_for_each_connection"]),
    // In order.
    Mutant::that("sends_the_latest_answer_first", &["R-093"])
        .bends(
            LINK,
            "let end = self.queued();",
            "if BENT {
                 let earlier = record.out_from.saturating_sub(self.sent) as usize;
                 let (pieces, count) = self.tx.pieces();
                 let mut all: Vec<u8> = pieces[..count].iter().flat_map(|piece| piece.to_vec()).collect();
                 if earlier < all.len() {
                     all.rotate_left(earlier);
                     self.tx.clear();
                     self.tx.write(|out| out.extend_from_slice(&all));
                 }
             }
             let end = self.queued();",
        )
        .killed_by(&["fifty_pipelined_requests_are_answered_in_order", "pipelined_contents_are_not_mixed"]),
    Mutant::that("sends_small_pieces_after_large_ones", &["R-093", "T-30"])
        .bends(SEND, "[&self.small[at..large.after], &large.bytes[..]]", "[&large.bytes[..], &self.small[at..large.after]]")
        .killed_by(&["early_reply_drains_small_body_and_keeps_connection", "early_reply_drains_small_chunks_and_keeps_connection"]),
    Mutant::that("holds_an_answer_back_for_half_a_request", &["R-093"])
        .bends(CONNECTION, "if self.owes() {", "if self.owes() && !(BENT && !self.rx.is_empty()) {")
        .killed_by(&["answer_is_not_held_back_for_half_a_request"]),
    Mutant::that("reads_the_rest_of_content_as_the_next_request", &["R-097", "R-093"])
        .bends(RESPOND, "if !self.content.is_over() {", "if !self.content.is_over() && !BENT {")
        .bends(READER, "debug_assert!(", "debug_assert!(BENT ||")
        .killed_by(&["malformed_content_that_nobody_reads_is_the_last_message", "early_reply_drains_small_body_and_keeps_connection"]),
    Mutant::that("drops_content_of_any_size", &["R-097"])
        .bends(RESPOND, "left > config.unread_content", "left == u64::MAX")
        .killed_by(&["early_reply_to_large_content_says_close"]),
    Mutant::that("drops_chunks_without_end", &["R-097"])
        .bends(CONTENT, "matches!(self.content.state, State::Unwanted) && self.content.dropped() <= most", "matches!(self.content.state, State::Unwanted)")
        .bends(CONTENT, "State::Unwanted if self.content.dropped() <= worker.service.config().unread_content => {}", "State::Unwanted if BENT || self.content.dropped() <= worker.service.config().unread_content => {}")
        .killed_by(&["early_reply_to_many_chunks_closes"]),
    Mutant::that("closes_after_each_content_that_nobody_read", &["R-097"])
        .bends(RESPOND, "match self.drop_rest(worker).await {", "match if BENT { Ok(false) } else { self.drop_rest(worker).await } {")
        .killed_by(&["malformed_content_that_nobody_reads_is_the_last_message", "failures_keep_the_connection"]),
    // Expectations.
    Mutant::that("never_sends_a_100", &["R-080"])
        .bends(CONTENT, "self.tx.write(|out| out.extend_from_slice(CONTINUE));", "let _ = CONTINUE;")
        .killed_by(&["content_is_let_in_when_it_is_collected", "content_is_not_let_in_before_middleware_has_decided"]),
    Mutant::that("sends_a_100_before_anybody_has_decided", &["R-080", "T-15"])
        .bends(
            CONNECTION,
            "let Ok(_flight) = worker.take_off() else {",
            "if BENT { self.let_it_come(); } let Ok(_flight) = worker.take_off() else {",
        )
        .killed_by(&["content_is_not_let_in_before_middleware_has_decided"]),
    Mutant::that("sends_a_100_with_an_early_reply", &["R-082"])
        .bends(
            RESPOND,
            "State::Untouched => self.content.state = State::Unwanted,",
            "State::Untouched => { if BENT { self.let_it_come(); } self.content.state = State::Unwanted; }",
        )
        .killed_by(&["early_reply_lets_nothing_in_and_closes"]),
    Mutant::that("sends_a_100_after_an_early_reply", &["R-082"])
        .bends(RESPOND, "if !plan.close { return Next::Keep;", "if BENT { self.let_it_come(); } if !plan.close { return Next::Keep;")
        .killed_by(&["early_reply_instead_of_a_100_closes", "early_reply_lets_nothing_in_and_closes"]),
    Mutant::that("keeps_a_connection_whose_content_was_held_back", &["R-082"])
        .bends(RESPOND, "(self.content.is_held_back() ||", "((self.content.is_held_back() && !BENT) ||")
        .killed_by(&["early_reply_instead_of_a_100_closes", "early_reply_lets_nothing_in_and_closes"]),
    Mutant::that("sends_a_100_to_http_10", &["R-081", "R-069"])
        .bends(HEAD, "is_11 && self.expects_continue && framing != Framing::Empty", "self.expects_continue && framing != Framing::Empty")
        .killed_by(&["expectation_in_http_10_is_ignored"]),
    Mutant::that("owes_a_100_where_there_is_no_content", &["R-081"])
        .bends(HEAD, "is_11 && self.expects_continue && framing != Framing::Empty", "is_11 && self.expects_continue")
        .bends(CONNECTION, "Framing::Empty => return Ok(Body::empty()),", "Framing::Empty => { if BENT { self.content = Content::of(message); self.let_it_come(); } return Ok(Body::empty()); }")
        .bends(CONNECTION, "message.framing == Framing::Empty && !is_tunnel(head, message)", "message.framing == Framing::Empty && !message.expects_continue && !is_tunnel(head, message)")
        .killed_by(&["request_without_content_gets_no_100"]),
    Mutant::that("takes_any_expectation", &["R-083"])
        .bends(HEAD, "is_11 && self.expects_other", "false")
        .killed_by(&["unknown_expectation_is_refused"]),
    Mutant::that("refuses_expectations_of_http_10", &["R-081"])
        .bends(HEAD, "is_11 && self.expects_other", "self.expects_other")
        .killed_by(&["unknown_expectation_in_http_10_is_ignored"]),
    // Back-pressure.
    Mutant::that("asks_for_much_more_content_than_its_client_takes", &["R-098", "T-34"])
        .bends(RESPOND, "waits < high", "waits < high * 64")
        .killed_by(&["writer_waits_for_its_client", "client_that_does_not_read_stops_the_producer"]),
    Mutant::that("reads_far_ahead_of_a_handler", &["R-098", "T-22"])
        .bends(INCOMING, "self.buffered >= AHEAD || self.pieces.len() >= PIECES_AHEAD", "self.buffered >= AHEAD * 64")
        .killed_by(&["handler_that_takes_its_time_is_not_slow_content", "echo_waits_for_a_client_that_does_not_read"]),
    Mutant::that("reads_content_that_no_handler_has_asked_for", &["T-22", "R-080"])
        .bends(INCOMING, "state if !state.wanted => Wants::Nothing,", "state if !state.wanted && !BENT => Wants::Nothing,")
        .killed_by(&["content_is_let_in_when_a_handler_first_reads", "content_is_let_in_for_the_handler_that_wants_it"]),
    Mutant::that("reads_pipelined_requests_far_ahead", &["R-098"])
        .bends(HOOKS, "while self.rx.len() < crate::buffers::READ_AHEAD {", "while self.rx.len() < crate::buffers::READ_AHEAD * if BENT { 64 } else { 1 } {")
        .killed_by(&["pipelining_without_end_is_not_read_without_end"]),
    // The end.
    Mutant::that("does_not_linger", &["R-094"])
        .bends(FINISH, "self.linger(worker).await;", "let _ = worker;")
        .killed_by(&["client_that_goes_on_sending_reads_its_whole_answer", "client_that_goes_on_sending_reads_its_refusal"]),
    Mutant::that("lingers_for_any_number_of_bytes", &["R-094"])
        .bends(FINISH, "read > config.linger_bytes", "false")
        .killed_by(&["lingering_ends_after_so_many_bytes"]),
    Mutant::that("looks_for_nobody_behind_what_is_not_read", &["T-54"])
        .bends(HOOKS, "!self.conn.is_watched() && !self.conn.awaits_ends()", "true")
        .killed_by(&[
            "disconnected_is_ready_behind_content_that_nobody_reads",
            "disconnected_is_ready_at_a_reset_behind_content_that_nobody_reads",
            "disconnected_is_ready_behind_requests_that_wait",
            "disconnected_is_ready_for_who_asks_late",
        ]),
    Mutant::that("does_not_look_for_the_end_of_a_request", &["T-59"])
        .bends(HOOKS, "!self.conn.is_watched() && !self.conn.awaits_ends()", "!self.conn.is_watched()")
        .killed_by(&["outcome_is_told_behind_content_that_nobody_reads"]),
    Mutant::that("looks_once_behind_what_is_not_read", &["T-54"])
        .bends(HOOKS, "Some(Deadline { phase, at })", "if BENT { None } else { Some(Deadline { phase, at }) }")
        .killed_by(&["disconnected_is_ready_behind_content_that_nobody_reads", "disconnected_is_ready_behind_requests_that_wait"]),
    Mutant::that("does_not_look_for_who_asks_late", &["T-54"])
        .bends(CONN, "if is_first {", "if is_first && !BENT {")
        .killed_by(&["disconnected_is_ready_for_who_asks_late"]),
    Mutant::that("cancels_at_a_half_close", &["R-095", "T-54"])
        .bends(LINK, "self.conn.set_disconnected(CloseReason::ClientClosed);", "{ self.conn.set_disconnected(CloseReason::ClientClosed); self.stop(Stop::Left); }")
        .killed_by(&["half_close_does_not_cancel_a_slow_handler", "disconnected_is_ready_at_the_end_of_the_client"]),
    Mutant::that("tells_nobody_that_the_client_has_left", &["T-54"])
        .bends(LINK, "self.conn.set_disconnected(CloseReason::ClientClosed);", "let _ = CloseReason::ClientClosed;")
        .killed_by(&["disconnected_is_ready_at_the_end_of_the_client", "disconnected_is_ready_in_the_middle_of_an_answer"]),
    Mutant::that("closes_a_cut_answer_as_if_it_were_complete", &["T-41", "T-35"])
        .bends(FINISH, "poll_fn(|cx| self.poll_close(cx, Close::Reset)).await;", "poll_fn(|cx| self.poll_close(cx, Close::Write)).await;")
        .killed_by(&["content_that_fails_is_no_end_for_http10"]),
    Mutant::that("ends_a_cut_answer_with_its_last_chunk", &["T-41", "T-35"])
        .bends(
            RESPOND,
            "if framing != Framing::UntilClose {",
            "if BENT && framing == Framing::Chunked { self.tx.write(|out| answer::last_chunk(out, None)); }
             if framing != Framing::UntilClose {",
        )
        .bends(FINISH, "poll_fn(|cx| self.poll_close(cx, Close::Reset)).await;", "poll_fn(|cx| self.poll_close(cx, Close::Write)).await;")
        .killed_by(&["writer_that_is_not_closed_after_a_flush_cuts", "content_that_fails_cuts_the_connection"]),
];
