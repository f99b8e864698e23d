//! Hooks: their order, what they decide, failures, content that they give and take.

use super::Mutant;

const PIPELINE: &str = "http-server-trait/src/pipeline.rs";
const CHANNEL: &str = "http-server-trait/src/body/channel.rs";
const BLOCKING: &str = "http-server-trait/src/body/blocking.rs";
const BODY: &str = "http-server-trait/src/body/mod.rs";
const WRITER: &str = "http-server-trait/src/writer.rs";
const CONN: &str = "http-server-trait/src/conn.rs";
const COMPOSE: &str = "http-server-trait/src/compose.rs";
const FROZEN: &str = "http-server-trait/src/frozen.rs";
const REQUEST: &str = "http-server-trait/src/head.rs";
const CONNECTION: &str = "engine/src/connection/mod.rs";
const HOOKS: &str = "engine/src/connection/hooks.rs";
const RESPOND: &str = "engine/src/connection/respond.rs";
const INCOMING: &str = "engine/src/connection/incoming.rs";
const REFUSAL: &str = "engine/src/h1/refusal.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    // Order and decisions.
    Mutant::that("runs_middleware_in_reverse", &["T-03"])
        .bends(
            PIPELINE,
            "for middleware in &self.app.middleware {",
            "let mut all: Vec<_> = self.app.middleware.iter().collect();
             if BENT { all.reverse(); }
             for middleware in all {",
        )
        .killed_by(&["middleware_runs_in_order_until_one_stops"]),
    Mutant::that("runs_handlers_in_reverse", &["T-03"])
        .bends(PIPELINE, "self.pipeline.app.handlers.get(self.next)", "self.pipeline.app.handlers.iter().rev().nth(self.next)")
        .killed_by(&["handlers_run_in_order_until_one_stops"]),
    Mutant::that("runs_start_hooks_in_reverse", &["T-03", "T-04"])
        .bends(
            PIPELINE,
            "for named in &app.on_start {",
            "let mut all: Vec<_> = app.on_start.iter().collect();
             if BENT { all.reverse(); }
             for named in all {",
        )
        .killed_by(&["start_hook_that_fails_is_named", "start_hook_that_panics_is_named"]),
    Mutant::that("asks_the_handlers_after_middleware_has_answered", &["T-10"])
        .bends(
            CONNECTION,
            "let decided = worker.service.on_head(head);
             match self.beside(worker, Hook::Middleware, decided).await {",
            "let now = self.runtime.now();
             let (head, again) = if BENT {
                 let parts = head.into_http();
                 let again = Head::from_http(parts.clone(), &self.conn, self.requests, now);
                 (Head::from_http(parts, &self.conn, self.requests, now), Some(again))
             } else {
                 (head, None)
             };
             let decided = self.beside(worker, Hook::Middleware, worker.service.on_head(head)).await;
             let answered = matches!(&decided, Ok(Err(_)));
             if let (Some(again), true) = (again, answered) {
                 let _ = self.beside(worker, Hook::Handler, worker.service.handle(Request::new(again, Body::empty()))).await;
             }
             match decided {",
        )
        .killed_by(&["middleware_that_only_answers_lets_nothing_through", "results_of_middleware_mean_what_they_say"]),
    Mutant::that("ends_a_chain_at_its_first_handler", &["T-10"])
        .bends(COMPOSE, "Flow::Continue(back) => request = back,\n                decided => return decided,", "Flow::Continue(back) if !BENT => request = back, decided => return decided,")
        .killed_by(&["handlers_can_be_wrapped"]),
    Mutant::that("answers_nothing_with_200", &["T-11", "T-2A"])
        .bends(PIPELINE, "error_page(StatusCode::NOT_FOUND)", "error_page(StatusCode::OK)")
        .killed_by(&["options_star_needs_no_route", "results_of_handlers_mean_what_they_say"]),
    Mutant::that("knows_no_route_for_options_star", &["R-065", "T-2A"])
        .bends(PIPELINE, "request.method() == Method::OPTIONS && request.path() == \"*\"", "false")
        .killed_by(&["options_star_needs_no_route"]),
    Mutant::that("forgets_extensions", &["T-13"])
        .bends(REQUEST, "http.extensions = std::mem::take(&mut parts.extensions);", "parts.extensions.clear();")
        .killed_by(&["request_comes_back_from_the_http_types", "http_types_are_taken_and_given"]),
    Mutant::that("keeps_extensions_for_the_next_request", &["T-13"])
        .bends(REQUEST, "extensions.clear();", "let _ = extensions;")
        .killed_by(&["extensions_are_passed_on"]),
    Mutant::that("ignores_the_plan_that_middleware_sets", &["T-14"])
        .bends(PIPELINE, "head.body_plan()", "None::<BodyPlan>")
        .killed_by(&["content_is_let_in_late_where_middleware_streams_it"]),
    Mutant::that("runs_middleware_after_the_content", &["T-15", "R-080"])
        .bends(
            CONNECTION,
            "let head = if worker.service.has_middleware() {",
            "let early = if BENT && worker.service.plan(&head).is_ok_and(|plan| plan == BodyPlan::Collect) {
                 Some(self.body(worker, &head, &message, BodyPlan::Collect).await)
             } else { None };
             let head = if worker.service.has_middleware() {",
        )
        .bends(
            CONNECTION,
            "let body = match self.body(worker, &head, &message, plan).await {",
            "let body = match match early /* for BENT */ { Some(body) => body, None => self.body(worker, &head, &message, plan).await } {",
        )
        .killed_by(&["content_is_not_let_in_before_middleware_has_decided", "middleware_runs_before_the_content_and_handler_after_it"]),
    Mutant::that("calls_a_handler_before_its_content", &["T-20"])
        .bends(CONNECTION, "plan == BodyPlan::Stream", "true")
        .bends(PIPELINE, "request.is_to_come()", "false")
        .killed_by(&["collected_content_is_complete", "chunks_that_come_slowly_are_one_content"]),
    Mutant::that("collects_for_a_handler_that_streams", &["T-22"])
        .bends(CONNECTION, "plan == BodyPlan::Stream", "false")
        .killed_by(&["streaming_handler_is_called_before_its_content", "echo_waits_for_a_client_that_does_not_read"]),
    Mutant::that("answers_every_error_of_content_with_500", &["T-23"])
        .bends(PIPELINE, "content.map_or(StatusCode::INTERNAL_SERVER_ERROR, BodyError::status)", "StatusCode::INTERNAL_SERVER_ERROR")
        .killed_by(&["content_error_is_answered_with_its_status", "streamed_content_that_is_malformed_is_an_error"]),
    Mutant::that("takes_too_much_content_for_malformed_content", &["T-23"])
        .bends(REFUSAL, "CloseReason::BodyTooLarge => BodyErrorKind::TooLarge,", "CloseReason::BodyTooLarge if !BENT => BodyErrorKind::TooLarge,")
        .killed_by(&["content_error_is_answered_with_its_status", "streaming_handler_gets_no_more_than_the_limit"]),
    Mutant::that("takes_too_large_trailers_for_malformed_ones", &["T-23", "R-041"])
        .bends(REFUSAL, "CloseReason::HeadTooLarge => BodyErrorKind::TrailersTooLarge,", "CloseReason::HeadTooLarge if !BENT => BodyErrorKind::TrailersTooLarge,")
        .killed_by(&["streamed_trailers_over_the_limits_get_431"]),
    Mutant::that("lets_a_wrapped_handler_pass", &["T-24"])
        .bends(COMPOSE, "call(&*self.0, request).await }", "if BENT { Flow::Continue(request) } else { call(&*self.0, request).await } }")
        .killed_by(&["handlers_can_be_wrapped"]),
    // After, errors.
    Mutant::that("tells_after_twice", &["T-28"])
        .bends(
            HOOKS,
            "let failed = worker.service.after(done).await;",
            "if BENT { worker.service.after(done.clone()).await; }
             let failed = worker.service.after(done).await;",
        )
        .killed_by(&["after_is_told_how_it_went", "answer_does_not_wait_for_after"]),
    Mutant::that("tells_after_nothing_of_what_was_aborted", &["T-28"])
        .bends(HOOKS, "record.completed(outcome, bytes_out)", "record.completed(outcome, bytes_out).filter(|_| outcome == http_server_trait::Outcome::Sent)")
        .killed_by(&["after_is_called_once_whatever_happened", "client_that_leaves_is_no_failure"]),
    Mutant::that("stops_at_an_after_hook_that_fails", &["T-29"])
        .bends(PIPELINE, "failed += 1;", "{ failed += 1; return failed; }")
        .killed_by(&["after_that_fails_hurts_nobody"]),
    Mutant::that("answers_a_panic_with_200", &["T-40"])
        .bends(PIPELINE, "let reply = Reply::Response(error_page(StatusCode::INTERNAL_SERVER_ERROR));", "let reply = Reply::Response(error_page(if BENT { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR }));")
        .killed_by(&["careless_handlers_leave_the_connection_clean_or_closed", "deadline_hook_that_panics_is_a_failure"]),
    Mutant::that("tells_the_client_what_failed", &["T-11", "T-40"])
        .bends(PIPELINE, "let reply = Reply::Response(error_page(status));", "let reply = Reply::Response(if BENT { plain(status, &error.to_string()) } else { error_page(status) });")
        .killed_by(&["failing_handler_is_a_500_that_tells_nothing", "results_of_middleware_mean_what_they_say"]),
    Mutant::that("tells_nobody_of_a_failure", &["T-42"])
        .bends(HOOKS, "worker.service.report(failure).await;", "drop(failure);")
        .killed_by(&["deadline_hook_that_panics_is_a_failure", "failing_handler_is_a_500_that_tells_nothing"]),
    Mutant::that("tells_only_the_first_error_hook", &["T-42"])
        .bends(PIPELINE, "for hook in &self.app.on_error {", "for hook in self.app.on_error.iter().take(if BENT { 1 } else { usize::MAX }) {")
        .killed_by(&["error_hook_that_panics_hurts_nobody"]),
    Mutant::that("takes_a_client_that_left_for_a_failure", &["T-43"])
        .bends(RESPOND, "reason != CloseReason::ClientLeft", "true")
        .killed_by(&["chunks_that_end_early_reach_no_handler", "content_that_ends_early_reaches_no_handler"]),
    Mutant::that("takes_content_that_fails_for_its_end", &["T-35", "T-41"])
        .bends(RESPOND, "return Poll::Ready(Err(self.content_failed(error)));", "return Poll::Ready(self.end_content(sending));")
        .killed_by(&["content_that_fails_is_no_end_for_http10", "content_that_fails_cuts_the_connection"]),
    // Content.
    Mutant::that("collects_the_elements_of_an_iterator", &["T-31"])
        .bends(RESPOND, "sending.flush_first = sending.pace == Pace::Each;", "sending.flush_first = false;")
        .killed_by(&["elements_are_handed_over_one_by_one"]),
    Mutant::that("sends_a_file_from_its_beginning", &["T-33"])
        .bends(BLOCKING, "file.seek(SeekFrom::Start(offset))?;", "file.seek(SeekFrom::Start(0))?;")
        .killed_by(&["file_is_sent_from_an_offset_for_a_length"]),
    Mutant::that("promises_more_of_a_file_than_there_is", &["T-33"])
        .bends(BLOCKING, "length.map_or(rest, |length| length.min(rest))", "length.unwrap_or(rest)")
        .killed_by(&["file_is_sent_from_an_offset_for_a_length"]),
    Mutant::that("holds_a_producer_late", &["T-34"])
        .bends(CHANNEL, "state.buffered >= state.marks.high", "state.buffered >= state.marks.high * 64")
        .killed_by(&["client_that_does_not_read_stops_the_producer", "writer_waits_for_its_client"]),
    Mutant::that("lets_a_producer_go_on_at_once", &["T-34"])
        .bends(CHANNEL, "state.holding && state.buffered <= state.marks.low", "state.holding && state.buffered < state.marks.high")
        .killed_by(&["client_that_does_not_read_stops_the_producer"]),
    Mutant::that("tells_no_producer_that_it_must_wait", &["T-34"])
        .bends(CHANNEL, "fills && state.note(Edge::High)", "false")
        .killed_by(&["producer_is_told_of_its_marks"]),
    Mutant::that("tells_no_producer_that_it_may_go_on", &["T-34"])
        .bends(CHANNEL, "state.note(Edge::Low)", "false")
        .killed_by(&["producer_is_told_of_its_marks"]),
    Mutant::that("tells_a_producer_of_each_piece_that_is_taken", &["T-34"])
        .bends(CHANNEL, "state.holding && state.buffered <= state.marks.low", "state.buffered <= state.marks.low")
        .killed_by(&["producer_is_told_of_its_marks"]),
    Mutant::that("says_that_no_content_waits", &["T-34"])
        .bends(CHANNEL, "lock(&self.shared).buffered }", "if BENT { 0 } else { lock(&self.shared).buffered } }")
        .killed_by(&["producer_is_told_of_its_marks"]),
    Mutant::that("lets_a_panic_over_content_end_the_connection", &["T-40"])
        .bends(PIPELINE, "catch_unwind(AssertUnwindSafe(|| handler.plan(head)))", "Ok(handler.plan(head))")
        .killed_by(&["panic_over_what_to_do_with_content_is_a_500"]),
    Mutant::that("lets_a_panic_of_a_hook_that_is_given_up_end_the_connection", &["T-44", "T-40"])
        .bends(HOOKS, "catch(|| hook.set(None))", "{ hook.set(None); Ok::<_, http_server_trait::Cause>(()) }")
        .killed_by(&["panic_of_a_hook_that_is_given_up_is_a_failure"]),
    Mutant::that("lets_a_panic_of_unsent_content_end_the_connection", &["T-42"])
        .bends(RESPOND, "catch(|| drop(of_the_application))", "{ drop(of_the_application); Ok::<_, Cause>(()) }")
        .killed_by(&["panic_of_content_that_is_not_sent_is_a_failure"]),
    Mutant::that("takes_an_abandoned_producer_for_a_finished_one", &["T-35"])
        .bends(CHANNEL, "self.end(Err(BodyError::new(BodyErrorKind::Abandoned)));", "self.end(Ok(None));")
        .killed_by(&["writer_that_is_not_closed_after_a_flush_cuts", "content_that_fails_cuts_the_connection"]),
    Mutant::that("takes_content_that_was_broken_off_for_complete", &["R-020", "T-23"])
        .bends(INCOMING, "self.end(Err(BodyErrorKind::Disconnected));", "self.end(Ok(None));")
        .killed_by(&["content_that_ends_early_is_an_error"]),
    Mutant::that("streams_a_writer_that_was_never_flushed", &["T-36"])
        .bends(
            WRITER,
            "self.buffer.extend_from_slice(piece.as_ref());",
            "self.buffer.extend_from_slice(piece.as_ref()); if BENT { self.freeze(); }",
        )
        .killed_by(&["writer_can_change_what_was_not_sent", "writer_that_is_not_closed_gives_a_500"]),
    Mutant::that("lets_a_writer_change_what_it_has_sent", &["T-36"])
        .bends(WRITER, "_ => Err(WriterError::Frozen),", "_ if BENT => Ok(Box::leak(Box::new(Response::new(StatusCode::OK)))), _ => Err(WriterError::Frozen),")
        .killed_by(&["writer_is_frozen_by_its_first_flush"]),
    // Connections, as the application sees them.
    Mutant::that("does_not_wait_for_holds", &["T-55"])
        .bends(CONN, "(&rare.on_complete, self.closed, self.holds)", "(&rare.on_complete, self.closed, 0)")
        .killed_by(&["completed_waits_for_hooks_and_holds", "end_of_a_stream_is_told_when_nobody_holds_it"]),
    Mutant::that("numbers_all_requests_alike", &["T-53"])
        .bends(REQUEST, "RequestId::new(self.conn().id(), self.parts().number)", "RequestId::new(self.conn().id(), 1)")
        .killed_by(&["ids_are_unique_and_count_up", "idle_connection_moves_with_its_server"]),
    Mutant::that("makes_a_peer_up", &["T-50"])
        .bends("engine/src/server/accept.rs", "facts.peer = peer;", "facts.peer = Some(peer.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))));")
        .killed_by(&["several_places_at_once", "unix_socket_is_served"]),
    Mutant::that("shares_nothing", &["T-51"])
        .bends(PIPELINE, "site.state = state.lock().unwrap_or_else(PoisonError::into_inner).clone();", "site.state = if BENT { Default::default() } else { state.lock().unwrap_or_else(PoisonError::into_inner).clone() };")
        .killed_by(&["request_comes_back_from_the_http_types_with_its_connection", "hooks_share_state"]),
    Mutant::that("says_nothing_where_a_path_is_empty", &["R-013"])
        .bends(FROZEN, "return \"/\";", "return \"\";")
        .killed_by(&["path_of_a_bare_authority_is_the_root", "target_without_a_path_comes_back_from_the_http_types"]),
    Mutant::that("gives_trailers_to_nobody", &["R-041"])
        .bends(BODY, "!trailers.is_empty()", "false")
        .killed_by(&["trailers_are_handed_to_the_handler"]),
];
