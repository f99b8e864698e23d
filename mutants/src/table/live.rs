//! Who looks at a running server: where it is, its connections, and their end from outside.

use super::Mutant;

const CONN: &str = "http-server-trait/src/conn.rs";
const LINES: &str = "http-server-trait/src/table.rs";
const PROGRESS: &str = "http-server-trait/src/progress.rs";
const LINK: &str = "engine/src/connection/link.rs";
const TAKEOVER: &str = "engine/src/connection/takeover.rs";
const ARRIVE: &str = "engine/src/server/arrive.rs";
const CORE: &str = "engine/src/server/core.rs";
const TABLE: &str = "engine/src/server/table.rs";
const DRAIN: &str = "engine/src/server/drain.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    // The end of one connection.
    Mutant::that("asks_no_connection_to_close", &["T-56"])
        .bends(
            CONN,
            "self.ask(Ask::CloseAfterCurrentResponse);",
            "let _ = Ask::CloseAfterCurrentResponse;",
        )
        .killed_by(&["connection_is_ended_by_its_line_of_the_table"]),
    Mutant::that("never_cuts_who_closes_too_late", &["T-56"])
        .bends(CONN, "wire.ask(Ask::Kill);", "let _ = &wire;")
        .killed_by(&["closing_that_takes_too_long_is_cut"]),
    Mutant::that("cuts_who_is_to_close_at_once", &["T-56"])
        .bends(CONN, "exec.sleep(within)", "exec.sleep(within / 100_000)")
        .killed_by(&["connection_is_ended_by_its_line_of_the_table"]),
    Mutant::that("cuts_who_may_take_as_long_as_it_takes", &["T-56"])
        .bends(
            CONN,
            "let Some(within) = within else { return; };",
            "let Some(within) = within else { if BENT { self.ask(Ask::Kill); } return; };",
        )
        .killed_by(&["connection_is_ended_by_its_line_of_the_table"]),
    Mutant::that("forgets_by_when_to_close", &["T-56", "T-57"])
        .bends(
            LINES,
            "self.wire.close_within(within.into(), &self.exec);",
            "self.wire.close_within(within.into().filter(|_| !BENT), &self.exec);",
        )
        .killed_by(&["closing_that_takes_too_long_is_cut"]),
    Mutant::that("kills_nobody", &["T-56"])
        .bends(LINES, "self.wire.ask(Ask::Kill);", "let _ = Ask::Kill;")
        .killed_by(&["connection_is_ended_by_its_line_of_the_table"]),
    Mutant::that("closes_in_order_what_is_to_be_killed", &["T-56"])
        .bends(
            LINES,
            "self.wire.ask(Ask::Kill);",
            "self.wire.ask(Ask::CloseAfterCurrentResponse);",
        )
        .killed_by(&["connection_is_ended_by_its_line_of_the_table"]),
    // The table of connections.
    Mutant::that("shows_no_connection", &["T-57"])
        .bends(
            CORE,
            "wires.iter().map(line).collect()",
            "wires.iter().take(0).map(line).collect()",
        )
        .killed_by(&[
            "table_shows_every_connection",
            "table_tells_what_a_connection_waits_for",
            "connection_is_ended_by_its_line_of_the_table",
        ]),
    Mutant::that("shows_one_connection_of_each_worker", &["T-57"])
        .bends(
            TABLE,
            "wires.extend(self.part(part).wires.iter().map(",
            "wires.extend(self.part(part).wires.iter().take(if BENT { 1 } else { usize::MAX }).map(",
        )
        .killed_by(&[
            "table_shows_every_connection",
            "table_tells_what_a_connection_waits_for",
        ]),
    Mutant::that("shows_connections_that_have_left", &["T-57"])
        .bends(
            TABLE,
            "table.part(at.part(parts)).wires.try_remove(at.key(parts))",
            "table.part(at.part(parts)).wires.get(at.key(parts)).cloned()",
        )
        .killed_by(&["table_shows_every_connection"]),
    Mutant::that("never_shows_that_a_connection_rests", &["T-57"])
        .bends(
            LINK,
            "ConnState::Idle }; live.write",
            "if BENT { ConnState::Handling } else { ConnState::Idle } }; live.write",
        )
        .killed_by(&[
            "table_shows_every_connection",
            "connection_is_ended_by_its_line_of_the_table",
        ]),
    Mutant::that("shows_half_a_head_as_rest", &["T-57"])
        .bends(
            LINK,
            "!self.rx.is_empty() { ConnState::Head }",
            "!self.rx.is_empty() && !BENT { ConnState::Head }",
        )
        .killed_by(&["table_shows_every_connection"]),
    Mutant::that("shows_content_that_comes_as_work", &["T-57"])
        .bends(
            LINK,
            "self.current.is_some() && !matches!(self.content.state, State::None)",
            "false",
        )
        .killed_by(&["table_tells_what_a_connection_waits_for"]),
    Mutant::that("shows_what_waits_to_be_sent_as_work", &["T-57"])
        .bends(
            LINK,
            "!self.tx.is_empty() { ConnState::Sending }",
            "!self.tx.is_empty() && !BENT { ConnState::Sending }",
        )
        .killed_by(&["table_tells_what_a_connection_waits_for"]),
    Mutant::that("shows_a_takeover_as_something_else", &["T-57"])
        .bends(
            LINK,
            "self.io.is_none() { ConnState::TakenOver }",
            "self.io.is_none() && !BENT { ConnState::TakenOver }",
        )
        .killed_by(&["table_tells_what_a_connection_waits_for"]),
    Mutant::that("shows_nothing_that_was_moved", &["T-57"])
        .bends(
            LINK,
            "live.moved(self.tally.bytes_in, self.tally.bytes_out);",
            "live.moved(0, 0);",
        )
        .killed_by(&[
            "table_shows_every_connection",
            "table_tells_what_a_connection_waits_for",
        ]),
    Mutant::that("takes_what_comes_for_what_goes", &["T-57"])
        .bends(
            LINES,
            "[(&self.bytes_in, bytes_in), (&self.bytes_out, bytes_out)]",
            "[(&self.bytes_out, bytes_in), (&self.bytes_in, bytes_out)]",
        )
        .killed_by(&[
            "table_shows_every_connection",
            "table_tells_what_a_connection_waits_for",
        ]),
    Mutant::that("shows_nothing_that_a_takeover_moved", &["T-57"])
        .bends(
            TAKEOVER,
            "self.wire.live().add(bytes_in as u64, bytes_out as u64);",
            "let _ = self.wire.live();",
        )
        .killed_by(&["table_tells_what_a_connection_waits_for"]),
    Mutant::that("shows_that_nothing_waits", &["T-57"])
        .bends(
            LINES,
            "self.buffered.store(buffered, Ordering::Relaxed);",
            "let _ = buffered;",
        )
        .killed_by(&["table_tells_what_a_connection_waits_for"]),
    Mutant::that("shows_no_requests", &["T-57"])
        .bends(
            LINES,
            "self.requests.store(requests, Ordering::Relaxed);",
            "let _ = requests;",
        )
        .killed_by(&[
            "table_shows_every_connection",
            "table_tells_what_a_connection_waits_for",
            "connection_is_ended_by_its_line_of_the_table",
        ]),
    Mutant::that("shows_no_application", &["T-57"])
        .bends(
            LINES,
            "self.generation.store(generation, Ordering::Relaxed);",
            "let _ = generation;",
        )
        .killed_by(&["table_shows_every_connection"]),
    Mutant::that("shows_no_age", &["T-57"])
        .bends(
            CONN,
            "exec.now().saturating_duration_since(known.opened)",
            "Duration::ZERO",
        )
        .killed_by(&["table_shows_every_connection"]),
    Mutant::that("shows_no_listener", &["T-57", "T-50"])
        .bends(
            CONN,
            "(known.peer(), known.listener())",
            "(known.peer(), None)",
        )
        .killed_by(&[
            "table_shows_every_connection",
            "table_tells_which_listener_accepted",
        ]),
    Mutant::that("shows_the_first_listener", &["T-57"])
        .bends(
            CONN,
            "(known.peer(), known.listener())",
            "(known.peer(), known.listener().map(|_| 0))",
        )
        .killed_by(&["table_tells_which_listener_accepted"]),
    Mutant::that("shows_no_peer", &["T-57", "T-50"])
        .bends(
            CONN,
            "(known.peer(), known.listener())",
            "(None, known.listener())",
        )
        .killed_by(&[
            "table_shows_every_connection",
            "table_tells_where_a_connection_comes_from",
            "table_tells_which_listener_accepted",
        ]),
    Mutant::that("shows_another_backend", &["T-57"])
        .bends(
            CORE,
            "wire.snapshot(self.backend, &self.exec)",
            "wire.snapshot(\"another\", &self.exec)",
        )
        .killed_by(&["table_shows_every_connection"]),
    Mutant::that("shows_who_is_listened_to_as_at_rest", &["T-57"])
        .bends(
            LINK,
            "if self.closing { ConnState::Closing }",
            "if self.closing && !BENT { ConnState::Closing }",
        )
        .killed_by(&["table_tells_what_is_closing_and_what_waits"]),
    Mutant::that("forgets_what_was_moved_before", &["T-57", "T-67"])
        .bends(ARRIVE, "parked.moved", "(0, 0)")
        .killed_by(&["line_of_the_table_moves_with_its_connection"]),
    Mutant::that("forgets_since_when_it_is_there", &["T-57", "T-67"])
        .bends(
            "http-server-trait/src/facts.rs",
            "opened.unwrap_or_else(now)",
            "now()",
        )
        .killed_by(&["line_of_the_table_moves_with_its_connection"]),
    // The end of a request.
    Mutant::that("tells_nobody_that_a_request_was_answered", &["T-59"])
        .bends(
            LINK,
            "self.conn.set_answered(self.answered_up_to());",
            "let _ = self.answered_up_to();",
        )
        .killed_by(&[
            "outcome_is_told_when_the_answer_is_out",
            "outcome_can_be_asked_for_late",
            "waiting_for_an_end_consumes_nothing",
        ]),
    Mutant::that("tells_of_an_answer_before_it_is_out", &["T-59"])
        .bends(LINK, "self.requests - self.unanswered()", "self.requests")
        .killed_by(&[
            "outcome_is_told_when_the_answer_is_out",
            "outcome_of_a_client_that_left_is_an_abort",
        ]),
    Mutant::that("tells_of_an_abort_when_the_handler_has_answered", &["T-59"])
        .bends(
            LINK,
            "let ended = Outcome::Aborted(stop.abort_reason());
             self.conn.set_ended(self.answered_up_to() + 1, ended);",
            "let _ = stop;",
        )
        .killed_by(&["outcome_is_told_before_the_answer_if_there_can_be_none"]),
    Mutant::that("tells_of_no_abort", &["T-59"])
        .bends(
            LINK,
            "let ended = Outcome::Aborted(reason);
             self.conn.set_ended(self.answered_up_to() + 1, ended);",
            "let _ = reason;",
        )
        .killed_by(&["outcome_says_how_a_request_ended"]),
    Mutant::that("tells_another_reason_than_the_books", &["T-59", "T-61"])
        .bends(
            LINK,
            "self.broken.map_or(reason, Stop::abort_reason)",
            "reason",
        )
        .killed_by(&["outcome_of_a_killed_connection_is_an_abort"]),
    Mutant::that("calls_a_takeover_an_answer", &["T-59"])
        .bends(
            LINK,
            "self.conn.set_ended(self.requests, Outcome::TakenOver);",
            "self.conn.set_answered(self.requests);",
        )
        .killed_by(&["outcome_says_how_a_request_ended"]),
    Mutant::that("wakes_nobody_for_who_asks_late", &["T-59"])
        .bends(CONN, "if begins {", "if begins && !BENT {")
        .killed_by(&["outcome_can_be_asked_for_late"]),
    Mutant::that("believes_that_every_peer_is_there", &["T-54"])
        .bends(CONN, "self.life().disconnected.is_none()", "true")
        .killed_by(&[
            "disconnected_is_ready_at_the_end_of_the_client",
            "table_tells_what_is_closing_and_what_waits",
        ]),
    Mutant::that("does_not_know_why_the_peer_has_gone", &["T-54", "T-59"])
        .bends(
            LINK,
            "self.conn.set_disconnected(stop.close_reason());",
            "self.conn.set_disconnected(CloseReason::ServerError);",
        )
        .killed_by(&[
            "disconnected_is_ready_at_a_reset",
            "reset_in_the_middle_of_an_answer_is_noticed",
        ]),
    // Where the server is.
    Mutant::that("is_ready_from_the_start", &["T-58"])
        .bends(
            PROGRESS,
            ".unwrap_or(Readiness::Starting)",
            ".unwrap_or(if BENT { Readiness::Ready } else { Readiness::Starting })",
        )
        .killed_by(&["server_tells_where_it_is"]),
    Mutant::that("is_never_ready", &["T-58"])
        .bends(
            "http-server-trait/src/handle.rs",
            "progress.set(Readiness::Ready); } ServerHandle",
            "if !BENT { progress.set(Readiness::Ready); } } ServerHandle",
        )
        .killed_by(&["server_tells_where_it_is"]),
    Mutant::that("stays_ready_as_a_lame_duck", &["T-58"])
        .bends(
            "http-server-trait/src/handle.rs",
            "progress.set(Readiness::Draining);",
            "let _ = progress;",
        )
        .killed_by(&["server_tells_where_it_is"]),
    Mutant::that("does_not_say_that_it_has_stopped", &["T-58"])
        .bends(
            DRAIN,
            "self.progress.set(Readiness::Stopped);",
            "let _ = &self.progress;",
        )
        .killed_by(&["server_tells_where_it_is"]),
    Mutant::that("goes_back_to_ready", &["T-58"])
        .bends(
            PROGRESS,
            "[Readiness::Stopped, Readiness::Draining, Readiness::Ready]",
            "[Readiness::Ready, Readiness::Draining, Readiness::Stopped]",
        )
        .killed_by(&["server_tells_where_it_is"]),
    Mutant::that("tells_nobody_where_it_is", &["T-58"])
        .bends(
            PROGRESS,
            "Some(latch) => latch.waiting(),",
            "Some(latch) => if BENT { Latch::new().waiting() } else { latch.waiting() },",
        )
        .killed_by(&["server_tells_where_it_is"]),
    Mutant::that("tells_of_everything_at_once", &["T-58"])
        .bends(
            PROGRESS,
            "if passed <= readiness {",
            "if passed <= readiness || BENT {",
        )
        .killed_by(&["server_tells_where_it_is"]),
];
