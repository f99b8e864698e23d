//! Times.

use super::Mutant;

const CONNECTION: &str = "engine/src/connection/mod.rs";
const CONTENT: &str = "engine/src/connection/content.rs";
const FINISH: &str = "engine/src/connection/finish.rs";
const LINK: &str = "engine/src/connection/link.rs";
const HOOKS: &str = "engine/src/connection/hooks.rs";
const RESPOND: &str = "engine/src/connection/respond.rs";
const ALARM: &str = "engine/src/connection/alarm.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::that("waits_for_a_head_for_ever", &["R-096"])
        .bends(CONNECTION, "(Phase::Head, config.head_time)", "(Phase::Head, config.head_time * if BENT { 10_000 } else { 1 })")
        .killed_by(&["head_time_of_a_later_request_begins_with_its_first_byte", "head_time_begins_with_the_connection"]),
    Mutant::that("gives_a_head_more_time_with_each_byte", &["R-096"])
        .bends(CONNECTION, "*self.since.get_or_insert(now)", "*self.since.insert(now)")
        .killed_by(&["head_time_begins_with_the_connection", "trickle_does_not_extend_the_head_time"]),
    Mutant::that("answers_408_to_who_sent_nothing", &["R-096"])
        .bends(FINISH, "End::LateHead(true) => {", "End::LateHead(false) if BENT => {
                 self.answer_refused(worker, StatusCode::BAD_REQUEST, \"late\");
                 self.close(worker, CloseReason::HeadTimeout).await
             }
             End::LateHead(true) => {")
        .killed_by(&["silent_client_is_closed_without_an_answer"]),
    Mutant::that("says_400_to_a_late_head", &["R-096"])
        .bends(FINISH, "StatusCode::REQUEST_TIMEOUT", "StatusCode::BAD_REQUEST")
        .killed_by(&["head_time_of_a_later_request_begins_with_its_first_byte", "head_time_begins_with_the_connection"]),
    Mutant::that("keeps_idle_connections_for_ever", &["R-096"])
        .bends(CONNECTION, "(Phase::Idle, config.idle_time)", "(Phase::Idle, config.idle_time * if BENT { 10_000 } else { 1 })")
        .killed_by(&["idle_connection_is_closed"]),
    Mutant::that("counts_the_first_request_as_idle", &["R-096"])
        .bends(CONNECTION, "self.rx.bytes() != b\"\\r\") || first;", "self.rx.bytes() != b\"\\r\") || (first && !BENT);")
        .killed_by(&["head_time_begins_with_the_connection", "silent_client_is_closed_without_an_answer"]),
    Mutant::that("closes_a_request_that_has_begun_as_idle", &["R-096"])
        .bends(CONNECTION, "let begun = !self.rx.is_empty();", "let begun = !self.rx.is_empty() && !(BENT && self.requests > 0);")
        .killed_by(&["request_that_has_begun_is_not_idle", "head_time_of_a_later_request_begins_with_its_first_byte"]),
    Mutant::that("waits_for_content_for_ever", &["R-096"])
        .bends(CONTENT, "config.body_stall", "config.body_stall * 10_000")
        .killed_by(&["streamed_content_that_stalls_is_an_error", "unread_content_that_stalls_holds_nothing_up"]),
    Mutant::that("gives_content_one_time_in_all", &["R-096", "A0-9"])
        .bends(CONTENT, "progress.got += bytes as u64; progress.came_at = None;", "progress.got += bytes as u64; if !BENT { progress.came_at = None; }")
        .killed_by(&["slow_but_steady_content_is_served"]),
    Mutant::that("takes_content_at_any_rate", &["R-096"])
        .bends(CONTENT, "earned(rate, progress.got)", "earned(rate, u64::MAX)")
        .killed_by(&["content_below_the_lowest_rate_gets_408"]),
    Mutant::that("counts_the_handlers_time_against_the_client", &["R-098", "T-22"])
        .bends(CONTENT, "progress.waited += now.saturating_duration_since(since);", "progress.waited_since = Some(since);")
        .killed_by(&["handler_that_takes_its_time_is_not_slow_content"]),
    Mutant::that("waits_for_ever_for_a_client_to_read", &["R-096"])
        .bends(LINK, "config.write_stall", "config.write_stall * 10_000")
        .killed_by(&["client_that_does_not_read_is_cut_behind_a_handler", "client_that_does_not_read_is_cut"]),
    Mutant::that("gives_an_answer_one_time_in_all", &["R-096"])
        .bends(
            LINK,
            "Poll::Ready(Ok(count)) => { self.took_some(); self.count_sent(count); }",
            "Poll::Ready(Ok(count)) => { if !BENT { self.took_some(); } self.count_sent(count); }",
        )
        .killed_by(&["client_that_reads_little_by_little_is_served"]),
    Mutant::that("sends_at_any_rate", &["R-096"])
        .bends(LINK, "earned(rate, self.sent - sent)", "earned(rate, u64::MAX)")
        .killed_by(&["client_that_reads_below_the_lowest_rate_is_cut"]),
    Mutant::that("lingers_for_ever", &["R-094", "R-096"])
        .bends(FINISH, "self.now_anew().checked_add(config.linger_time)", "None")
        .killed_by(&["head_time_of_a_later_request_begins_with_its_first_byte", "lingering_ends_in_time"]),
    Mutant::that("never_says_that_a_request_takes_too_long", &["T-44"])
        .bends(CONNECTION, "let until = self.now().checked_add(time);", "let until = if BENT { None } else { self.now().checked_add(time) };")
        .killed_by(&["deadline_hook_that_is_late_cuts_the_connection", "request_deadline_counts_the_content"]),
    Mutant::that("cuts_a_late_request_without_an_answer", &["T-44"])
        .bends(
            HOOKS,
            "self.answer_until(None); Err(Unfinished::Deadline)",
            "self.answer_until(None); Err(if BENT { Unfinished::Stop(Stop::RequestDeadline) } else { Unfinished::Deadline })",
        )
        .killed_by(&["request_deadline_is_answered_with_503", "request_deadline_is_answered_by_its_hook"]),
    Mutant::that("lets_the_deadline_of_a_request_strike_in_its_answer", &["T-44"])
        .bends(RESPOND, "self.answer_until(None); self.is_last = !message.keep_alive;", "if !BENT { self.answer_until(None); } self.is_last = !message.keep_alive;")
        .killed_by(&["request_deadline_does_not_strike_in_an_answer"]),
    Mutant::that("asks_the_deadline_hook_for_nothing", &["T-44"])
        .bends("http-server-trait/src/pipeline.rs", "let Some(hook) = &self.app.on_deadline else {", "let Some(hook) = self.app.on_deadline.as_ref().filter(|_| !BENT) else {")
        .killed_by(&["deadline_hook_that_is_late_cuts_the_connection", "request_deadline_is_answered_by_its_hook"]),
    Mutant::that("sets_its_alarm_only_once", &["R-096"])
        .bends(ALARM, "if timer.at() > deadline.at {", "if timer.at() > deadline.at && !BENT {")
        .killed_by(&["head_time_of_a_later_request_begins_with_its_first_byte"]),
    Mutant::that("takes_the_later_of_two_deadlines", &["R-096", "T-44"])
        .bends(ALARM, "if b.at < a.at { b } else { a }", "if b.at < a.at { a } else { b }")
        .killed_by(&["request_deadline_counts_the_content", "content_below_the_lowest_rate_gets_408"]),
];
