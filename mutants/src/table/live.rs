//! Who looks at a running server: where it is, its connections, and their end from outside.

use super::Mutant;

const CONN: &str = "http-server-trait/src/conn.rs";
const LINES: &str = "http-server-trait/src/table.rs";
const PROGRESS: &str = "http-server-trait/src/progress.rs";
const LINK: &str = "engine/src/connection/link.rs";
const TAKEOVER: &str = "engine/src/connection/takeover.rs";
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
            "wires.extend(self.part(part).iter().map(",
            "wires.extend(self.part(part).iter().take(if BENT { 1 } else { usize::MAX }).map(",
        )
        .killed_by(&[
            "table_shows_every_connection",
            "table_tells_what_a_connection_waits_for",
        ]),
    Mutant::that("shows_connections_that_have_left", &["T-57"])
        .bends(
            TABLE,
            "self.table.part(self.at % parts).try_remove(self.at / parts)",
            "self.table.part(self.at % parts).get(self.at / parts).cloned()",
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
            "(known.peer(), known.listener());",
            "(known.peer(), known.listener().filter(|_| !BENT));",
        )
        .killed_by(&["table_shows_every_connection"]),
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
            "progress.set(Readiness::Stopped); ended.set(report);",
            "if !BENT { progress.set(Readiness::Stopped); } ended.set(report);",
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
