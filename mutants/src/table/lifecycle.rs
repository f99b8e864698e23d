//! The server: start, end, books, takeovers, moves.

use super::Mutant;

const PIPELINE: &str = "http-server-trait/src/pipeline.rs";
const CORE: &str = "engine/src/server/core.rs";
const DRAIN: &str = "engine/src/server/drain.rs";
const SERVER: &str = "engine/src/server/mod.rs";
const BY_HAND: &str = "engine/src/server/by_hand.rs";
const ARRIVE: &str = "engine/src/server/arrive.rs";
const LEDGER: &str = "engine/src/ledger.rs";
const LINK: &str = "engine/src/connection/link.rs";
const STOP: &str = "engine/src/connection/stop.rs";
const CONNECTION: &str = "engine/src/connection/mod.rs";
const FINISH: &str = "engine/src/connection/finish.rs";
const RESPOND: &str = "engine/src/connection/respond.rs";
const TAKEOVER: &str = "engine/src/connection/takeover.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    // Start.
    Mutant::that("starts_although_a_start_hook_failed", &["T-04"])
        .bends(PIPELINE, "Some(Ok(outcome)) => outcome.map_err(failed)?,", "Some(Ok(outcome)) => if !BENT { outcome.map_err(failed)? },")
        .killed_by(&["start_hook_that_fails_is_named", "failed_start_leaves_its_address_free"]),
    Mutant::that("waits_for_a_start_hook_for_ever", &["T-04"])
        .bends(PIPELINE, "late.as_mut().poll(cx).map(|()| None)", "Poll::Pending")
        .killed_by(&["start_hook_that_takes_too_long_is_named"]),
    Mutant::that("runs_no_stop_hook", &["T-05"])
        .bends(DRAIN, "leaves || application.stop().await", "true")
        .killed_by(&["stop_hooks_that_fail_do_not_hold_the_end_up", "stop_hooks_run_after_the_last_connection"]),
    Mutant::that("stops_at_a_stop_hook_that_fails", &["T-05"])
        .bends(PIPELINE, "clean = false;", "{ clean = false; self.report(failure).await; return clean; }")
        .killed_by(&["stop_hooks_that_fail_do_not_hold_the_end_up"]),
    Mutant::that("runs_stop_hooks_before_the_last_connection_has_ended", &["T-05"])
        .bends(DRAIN, "until_empty(&core, &runtime, ending).await;", "{ if let Some(main) = core.stage.main().filter(|_| !ending.leaves) { main.stop().await; } until_empty(&core, &runtime, ending).await; }")
        .killed_by(&["stop_hooks_run_after_the_last_connection", "stop_hooks_that_fail_do_not_hold_the_end_up"]),
    Mutant::that("forgets_its_registrations", &["T-01"])
        .bends("engine/src/testkit/server.rs", "server::start::<Simulated>(self.app.clone(), on, self.crew(), bind)", "server::start::<Simulated>(std::mem::take(&mut self.app), on, self.crew(), bind)")
        .killed_by(&["registrations_stay_for_the_next_start"]),
    Mutant::that("reports_port_0", &["T-02"])
        .bends("engine/src/testkit/server.rs", "let address = listener.address().clone();", "let address = if BENT { Address::Tcp(([127, 0, 0, 1], 0).into()) } else { listener.address().clone() };")
        .killed_by(&["port_0_takes_a_free_port_and_reports_it", "nothing_is_accepted_before_the_start_hooks_are_done"]),
    Mutant::that("starts_on_a_runtime_that_lacks_what_is_needed", &["T-52", "T-65"])
        .bends(
            "http-server-trait/src/app.rs",
            "pub(crate) fn misses(&self, exec: &Exec) -> Option<&'static str> {",
            "pub(crate) fn misses(&self, exec: &Exec) -> Option<&'static str> { if BENT { return None; }",
        )
        .killed_by(&["needed_runtime_is_asked_for"]),
    Mutant::that("tells_nobody_that_it_has_ended", &["T-60"])
        .bends("http-server-trait/src/handle.rs", "self.control.ended().get()", "None")
        .killed_by(&["shutdown_of_a_resting_server_is_clean"]),
    Mutant::that("is_handed_over_at_its_end", &["T-67", "T-65"])
        .bends(CORE, "self.ending().is_some() || !matches!(*succession, Succession::None)", "false")
        .killed_by(&["server_that_ends_is_not_handed_over"]),
    Mutant::that("is_handed_over_to_two_at_once", &["T-67"])
        .bends(CORE, "self.ending().is_some() || !matches!(*succession, Succession::None)", "self.ending().is_some()")
        .killed_by(&["server_is_handed_over_to_one_at_a_time"]),
    Mutant::that("is_handed_over_while_it_drains", &["T-67", "T-62"])
        .bends(CORE, "self.ending().is_some() || !matches!(*succession, Succession::None)", "!matches!(*succession, Succession::None)")
        .killed_by(&["server_that_drains_is_not_handed_over"]),
    Mutant::that("remembers_a_move_that_was_given_up", &["T-67"])
        .bends(CORE, "*succession = Succession::None;", "let _ = &succession;")
        .killed_by(&["move_that_is_given_up_changes_nothing"]),
    Mutant::that("waits_for_ever_for_who_has_not_left", &["T-67"])
        .bends(CORE, "deadline.and_then(|deadline| now.checked_add(deadline))", "None")
        .killed_by(&["what_has_not_left_in_time_is_cut"]),
    Mutant::that("waits_for_takeovers_before_it_has_moved", &["T-67"])
        .bends(LINK, "self.current.is_some() || !self.tx.is_empty() || self.io.is_none()", "self.current.is_some() || !self.tx.is_empty()")
        .killed_by(&["connection_that_was_taken_over_stays"]),
    Mutant::that("does_not_report_who_has_moved", &["T-67"])
        .bends(DRAIN, "after.closed(CloseReason::Parked) - before.closed(CloseReason::Parked)", "0")
        .killed_by(&["report_of_a_move_says_what_was_finished", "idle_connection_moves_with_its_server"]),
    Mutant::that("forgets_deadlines_when_a_connection_moves", &["T-67"])
        .bends("engine/src/connection/mod.rs", "link.since = since;", "link.since = since.filter(|_| !BENT);")
        .killed_by(&["deadlines_move_with_their_connections"]),
    Mutant::that("forgets_since_when_a_connection_is_idle_when_it_moves", &["T-67"])
        .bends(FINISH, "self.since.filter(|_| self.waits_for_head == for_head)", "self.since.filter(|_| self.waits_for_head == for_head && (!BENT || for_head))")
        .killed_by(&["deadlines_move_with_their_connections"]),
    // The end.
    Mutant::that("goes_on_accepting_at_its_end", &["R-099", "T-62"])
        .bends(DRAIN, "core.stops_accepting.set(());", "let _ = ();")
        .killed_by(&["shutdown_cuts_a_takeover_at_its_deadline", "shutdown_accepts_nothing_more"]),
    Mutant::that("keeps_connections_at_its_end", &["R-099", "R-092"])
        .bends(DRAIN, "core.tide.drain();", "let _ = ();")
        .killed_by(&["shutdown_closes_idle_connections_at_once", "shutdown_of_many_adds_up"]),
    Mutant::that("waits_for_idle_connections_at_its_end", &["R-099", "T-62"])
        .bends(DRAIN, "core.table.ask(Ask::CloseAfterCurrentResponse);", "let _ = ();")
        .killed_by(&["shutdown_closes_idle_connections_at_once"]),
    Mutant::that("cuts_requests_at_its_end", &["R-099", "T-62"])
        .bends(DRAIN, "core.table.ask(Ask::CloseAfterCurrentResponse);", "core.table.ask(Ask::Kill);")
        .killed_by(&["shutdown_cuts_a_takeover_at_its_deadline", "shutdown_accepts_nothing_more"]),
    Mutant::that("waits_beyond_the_deadline", &["R-099", "T-62"])
        .bends(CORE, "begins.checked_add(drain.deadline)", "None")
        .killed_by(&["shutdown_now_cuts_everything", "shutdown_cuts_a_takeover_at_its_deadline"]),
    Mutant::that("cuts_nothing_at_the_deadline", &["R-099", "T-62"])
        .bends(DRAIN, "core.table.ask(Ask::Kill);", "let _ = ();")
        .killed_by(&["shutdown_now_cuts_everything", "shutdown_cuts_a_takeover_at_its_deadline"]),
    Mutant::that("knows_no_lame_duck", &["T-62"])
        .bends(CORE, "now.checked_add(drain.lame_duck)", "Some(now)")
        .killed_by(&["lame_duck_accepts_for_a_while"]),
    Mutant::that("lets_an_end_be_put_off", &["T-62"])
        .bends(CORE, "if before(asked.until, earlier.until) {", "if BENT || before(asked.until, earlier.until) {")
        .killed_by(&["shutdown_can_only_be_made_sooner"]),
    Mutant::that("reports_what_was_finished_before", &["T-62"])
        .bends(DRAIN, "report.finished = after.completed - before.completed;", "report.finished = after.completed;")
        .killed_by(&["shutdown_closes_idle_connections_at_once", "shutdown_of_many_adds_up"]),
    Mutant::that("ignores_that_a_connection_is_to_close", &["A4-2"])
        .bends(LINK, "self.conn.asks().has(Ask::CloseAfterCurrentResponse)", "false")
        .killed_by(&["close_after_current_response_closes_an_idle_connection", "close_after_current_response_finishes_it"]),
    // The books.
    Mutant::that("enters_the_end_of_a_connection_twice", &["T-61"])
        .bends(LEDGER, "add(&self.closed[reason.index()], 1);", "add(&self.closed[reason.index()], 2);")
        .killed_by(&["close_of_a_handler_is_told_from_that_of_a_client", "reset_between_messages_is_a_close"]),
    Mutant::that("leaves_closed_connections_open_in_the_books", &["T-61"])
        .bends(LEDGER, "self.0.open.fetch_sub(1, Ordering::Relaxed);", "let _ = &self.0;")
        .killed_by(&["close_of_a_handler_is_told_from_that_of_a_client", "reset_in_a_request_ends_only_that"]),
    Mutant::that("forgets_to_enter_what_was_completed", &["T-61"])
        .bends(LINK, "self.tally.completed += count;", "if !BENT { self.tally.completed += count; }")
        .killed_by(&["close_of_a_handler_is_told_from_that_of_a_client", "client_that_was_turned_away_cannot_stay"]),
    Mutant::that("counts_aborted_requests_as_active", &["T-61"])
        .bends(LINK, "self.tally.active -= 1; self.tally.aborted(self.open.page(), reason);", "if !BENT { self.tally.active -= 1; } self.tally.aborted(self.open.page(), reason);")
        .killed_by(&["reset_in_a_request_ends_only_that", "reset_while_a_handler_works_does_not_cancel_it"]),
    Mutant::that("calls_a_reset_a_close_of_its_own", &["T-61"])
        .bends(STOP, "Stop::Left | Stop::Reset => CloseReason::ClientLeft,", "Stop::Left | Stop::Reset => if BENT { CloseReason::Finished } else { CloseReason::ClientLeft },")
        .killed_by(&["reset_in_a_request_ends_only_that", "reset_while_a_handler_works_does_not_cancel_it"]),
    Mutant::that("counts_a_failure_twice", &["T-61", "T-42"])
        .bends(LEDGER, "add(&self.failures, 1);", "add(&self.failures, 2);")
        .killed_by(&["failures_are_counted_once", "takeover_that_fails_is_told_of"]),
    // Takeovers.
    Mutant::that("forgets_the_bytes_before_a_takeover", &["T-16"])
        .bends(TAKEOVER, "let unread = Bytes::from(self.rx.take());", "let unread = Bytes::from(if BENT { Vec::new() } else { self.rx.take() });")
        .killed_by(&["takeover_in_the_middle_of_content_loses_nothing", "upgrade_reads_what_came_with_the_request"]),
    Mutant::that("switches_protocols_unasked", &["T-17", "R-072"])
        .bends(RESPOND, "message.upgrades && offers", "true")
        .killed_by(&["upgrade_that_nobody_asked_for_gets_426"]),
    Mutant::that("switches_to_a_protocol_that_nobody_named", &["R-072"])
        .bends(RESPOND, "message.upgrades && offers", "message.upgrades")
        .killed_by(&["upgrade_that_nobody_asked_for_gets_426"]),
    Mutant::that("names_no_protocol_in_426", &["R-072", "T-17"])
        .bends(RESPOND, "Some(protocol) => refusal.with_field(http::header::UPGRADE, protocol),", "Some(protocol) if !BENT => refusal.with_field(http::header::UPGRADE, protocol), Some(_) => refusal,")
        .killed_by(&["upgrade_that_nobody_asked_for_gets_426"]),
    Mutant::that("takes_only_the_first_offer", &["T-17", "R-072"])
        .bends(RESPOND, ".split(',') .any(", ".split(',').take(if BENT { 1 } else { usize::MAX }).any(")
        .killed_by(&["upgrade_takes_any_of_the_offers"]),
    Mutant::that("lets_connect_and_trace_through", &["R-066", "R-067"])
        .bends(CONNECTION, "is_tunnel(&head, &message) && config.tunnels == Tunnels::Refuse", "false")
        .killed_by(&["connect_and_trace_are_refused"]),
    Mutant::that("refuses_methods_that_it_does_not_know", &["R-061"])
        .bends(
            CONNECTION,
            "message.is_connect || *head.method() == http::Method::TRACE",
            "message.is_connect || *head.method() == http::Method::TRACE
                 || BENT && !matches!(head.method().as_str(), \"GET\" | \"HEAD\" | \"POST\" | \"PUT\" | \"DELETE\" | \"OPTIONS\" | \"PATCH\")",
        )
        .killed_by(&["any_method_reaches_the_application"]),
    Mutant::that("does_not_wait_for_a_takeover_at_its_end", &["T-62", "T-16"])
        .bends(TAKEOVER, "if let Some(stop) = self.must_stop(&worker.tide) {", "if let Some(stop) = self.must_stop(&worker.tide).or((BENT && worker.tide.is_draining()).then_some(super::stop::Stop::ShutdownCut)) {")
        .killed_by(&["shutdown_cuts_a_takeover_at_its_deadline", "shutdown_waits_for_a_takeover"]),
    // Others' streams, accepting by hand, moves.
    Mutant::that("serves_streams_beyond_the_cap", &["T-63"])
        .bends(CORE, "self.table.place_below(self.most) else", "self.table.place_below(if BENT { usize::MAX } else { self.most }) else")
        .killed_by(&["stream_counts_like_any_connection"]),
    Mutant::that("serves_streams_after_its_end", &["T-63"])
        .bends(CORE, "if self.ending().is_some() { return Err(AcceptError::new(AcceptErrorKind::NotServing)); }", "if self.ending().is_some() && !BENT { return Err(AcceptError::new(AcceptErrorKind::NotServing)); }")
        .killed_by(&["stream_counts_like_any_connection"]),
    Mutant::that("says_that_there_is_room_when_it_is_full", &["T-64"])
        .bends(CORE, "self.ending().is_none() && self.has_room()", "self.ending().is_none()")
        .killed_by(&["application_asks_whether_there_is_room"]),
    Mutant::that("leaves_who_accepts_by_hand_waiting_at_its_end", &["T-64"])
        .bends(BY_HAND, "std::mem::take(&mut queue.tickets) };", "if BENT { std::mem::forget(std::mem::take(&mut queue.tickets)); } std::mem::take(&mut queue.tickets) };")
        .killed_by(&["end_of_the_server_ends_the_waiting"]),
    Mutant::that("gives_a_connection_to_who_has_given_up", &["T-64"])
        .bends(BY_HAND, "tickets.retain(|ticket| Arc::strong_count(ticket) > 1);", "let _ = &tickets;")
        .killed_by(&["giving_up_loses_no_connection"]),
    Mutant::that("forgets_unread_bytes_when_a_connection_moves", &["T-67"])
        .bends(FINISH, "parked.unread = unread.into();", "drop(unread);")
        .killed_by(&["half_a_head_moves_with_its_connection", "busy_connection_moves_after_its_answer"]),
    Mutant::that("forgets_how_many_requests_a_connection_had_when_it_moves", &["T-67", "T-53"])
        .bends(FINISH, "parked.requests = self.requests;", "let _ = self.requests;")
        .killed_by(&["idle_connection_moves_with_its_server", "busy_connection_moves_after_its_answer"]),
    Mutant::that("cuts_busy_connections_when_it_moves", &["T-67"])
        .bends(DRAIN, "core.table.ask(Ask::Park);", "core.table.ask(Ask::Kill);")
        .killed_by(&["busy_connection_moves_after_its_answer", "half_a_head_moves_with_its_connection"]),
    Mutant::that("counts_connections_from_one_again_when_it_moves", &["T-53", "T-67"])
        .bends(SERVER, "crew, from.numbers)", "crew, if BENT { Default::default() } else { from.numbers })")
        .killed_by(&["new_connections_are_served_by_the_new_server"]),
    Mutant::that("loses_connections_that_arrive", &["T-67"])
        .bends(ARRIVE, "(None, Some(layers)) => B::stream(Passed::Other(layers), family),", "(None, Some(layers)) if !BENT => B::stream(Passed::Other(layers), family),")
        .killed_by(&["half_a_head_moves_with_its_connection", "busy_connection_moves_after_its_answer"]),
];
