//! One application after the other in a running server.

use super::Mutant;

const PIPELINE: &str = "http-server-trait/src/pipeline.rs";
const STAGE: &str = "engine/src/connection/stage.rs";
const CONNECTION: &str = "engine/src/connection/mod.rs";
const GENERATIONS: &str = "engine/src/server/generations.rs";
const CORE: &str = "engine/src/server/core.rs";
const DRAIN: &str = "engine/src/server/drain.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    // Whose a request is.
    Mutant::that("asks_nobody_whose_a_request_is", &["T-68"])
        .bends(CONNECTION, "if worker.asks() {", "if worker.asks() && !BENT {")
        .killed_by(&["new_requests_are_the_new_applications", "request_stays_with_its_application", "failure_is_told_to_its_application"]),
    Mutant::that("keeps_the_application_that_a_connection_began_with", &["T-68"])
        .bends(CONNECTION, "next.filter(|next| !Arc::ptr_eq(next, worker))", "next.filter(|_| false)")
        .killed_by(&["new_requests_are_the_new_applications", "request_stays_with_its_application", "failure_is_told_to_its_application"]),
    Mutant::that("knows_a_connection_as_the_application_before_it_did", &["T-68"])
        .bends(CONNECTION, "self.conn = self.conn.within(next.service.site());", "let _ = next.service.site();")
        .killed_by(&["new_requests_are_the_new_applications", "request_stays_with_its_application"]),
    Mutant::that("renews_a_connection_and_not_what_is_known_of_it", &["T-68"])
        .bends(CONNECTION, "self.conn = self.conn.within(now.service.site());", "let _ = now.service.site();")
        .killed_by(&["new_requests_are_the_new_applications"]),
    Mutant::that("tells_the_new_application_of_a_request_of_the_old_one", &["T-68"])
        .bends(CONNECTION, "self.settle(worker).await?;", "let _ = 0;")
        .killed_by(&["request_stays_with_its_application"]),
    Mutant::that("gives_a_new_application_the_shared_values_of_the_old_one", &["T-68", "T-51"])
        .bends(PIPELINE, "exec: site.exec.clone(), state: app.state.clone(),", "exec: site.exec.clone(), state: if BENT { site.state.clone() } else { app.state.clone() },")
        .bends(PIPELINE, "Mutex::new(app.state.clone())", "Mutex::new(if BENT { site.state.clone() } else { app.state.clone() })")
        .killed_by(&["new_requests_are_the_new_applications"]),
    Mutant::that("numbers_a_new_application_as_the_old_one", &["T-68"])
        .bends(PIPELINE, "generation, progress: site.progress.clone(), }; Pipeline::begin", "generation: if BENT { site.generation } else { generation }, progress: site.progress.clone(), }; Pipeline::begin")
        .killed_by(&["new_requests_are_the_new_applications", "request_stays_with_its_application", "takeover_stays_with_its_application"]),
    Mutant::that("goes_on_with_the_replaced_application", &["T-68"])
        .bends(STAGE, "let before = acts.main.replace(act);", "let before = if BENT { Some(act) } else { acts.main.replace(act) };")
        .killed_by(&["new_requests_are_the_new_applications", "request_stays_with_its_application", "failure_is_told_to_its_application"]),
    Mutant::that("says_another_reason_when_a_start_hook_fails", &["T-68"])
        .bends("http-server-trait/src/error.rs", "_ => ReplaceErrorKind::StartHook,", "_ => if BENT { ReplaceErrorKind::NotServing } else { ReplaceErrorKind::StartHook },")
        .killed_by(&["application_that_does_not_start_changes_nothing"]),
    Mutant::that("withdraws_the_old_application_before_the_new_one_has_started", &["T-68"])
        .bends(GENERATIONS, "drop(before);", "{ if percent.is_none() { self.retire(vec![before]); } }")
        .killed_by(&["application_that_does_not_start_changes_nothing"]),
    // What becomes of one that was replaced.
    Mutant::that("holds_an_application_while_it_waits", &["T-69"])
        .bends(CONNECTION, "if self.conn.asks().has(Ask::Renew) {", "if self.conn.asks().has(Ask::Renew) && !BENT {")
        .killed_by(&["replaced_application_is_dropped_with_its_last_request"]),
    Mutant::that("leaves_a_replaced_application_to_who_waits", &["T-69"])
        .bends(GENERATIONS, "self.table.ask(Ask::Renew);", "let _ = Ask::Renew;")
        .killed_by(&["replaced_application_is_dropped_with_its_last_request"]),
    Mutant::that("renews_only_once", &["T-69"])
        .bends(CONNECTION, "self.conn.forget(Ask::Renew);", "let _ = Ask::Renew;")
        .killed_by(&["replaced_application_is_dropped_with_its_last_request"]),
    Mutant::that("stops_a_replaced_application_at_work", &["T-69"])
        .bends(GENERATIONS, "Poll::Pending => Pin::new(&mut overdue).poll(cx),", "Poll::Pending => { if BENT { return Poll::Ready(()); } Pin::new(&mut overdue).poll(cx) }")
        .killed_by(&["replaced_application_is_dropped_with_its_last_request", "takeover_stays_with_its_application", "applications_move_with_their_server"]),
    Mutant::that("runs_no_stop_hook_of_a_replaced_application", &["T-69"])
        .bends(GENERATIONS, "!farewell.stop().await", "false")
        .killed_by(&["replaced_application_is_dropped_with_its_last_request", "takeover_stays_with_its_application", "applications_move_with_their_server"]),
    Mutant::that("keeps_what_it_replaces", &["T-69"])
        .bends(GENERATIONS, "let farewell = pipeline.farewell(); drop(pipeline);", "let farewell = pipeline.farewell(); if BENT { std::mem::forget(pipeline); } else { drop(pipeline); }")
        .killed_by(&["replaced_application_is_dropped_with_its_last_request", "takeover_stays_with_its_application", "applications_move_with_their_server"]),
    Mutant::that("names_no_application_that_finishes", &["T-69"])
        .bends(GENERATIONS, ".chain(trial).chain(leaving).collect()", ".chain(trial).chain(leaving.filter(|_| !BENT)).collect()")
        .killed_by(&["replaced_application_is_dropped_with_its_last_request"]),
    Mutant::that("names_applications_that_are_over", &["T-69"])
        .bends(GENERATIONS, "*other != number", "*other > 0")
        .killed_by(&["replaced_application_is_dropped_with_its_last_request", "shutdown_ends_every_application"]),
    Mutant::that("takes_another_application_at_its_end", &["T-69"])
        .bends(GENERATIONS, "self.ending().is_some() || !matches!(succession, Succession::None)", "!matches!(succession, Succession::None)")
        .killed_by(&["server_that_ends_keeps_its_application"]),
    Mutant::that("takes_another_application_when_it_moves", &["T-69"])
        .bends(GENERATIONS, "self.ending().is_some() || !matches!(succession, Succession::None)", "self.ending().as_ref().is_some_and(|ending| !ending.leaves)")
        .killed_by(&["applications_move_with_their_server"]),
    Mutant::that("leaves_an_application_on_trial_behind_when_it_moves", &["T-69", "T-67"])
        .bends(CORE, "inheritance.canary = self.stage.trial();", "let _ = self.stage.trial();")
        .killed_by(&["applications_move_with_their_server"]),
    Mutant::that("counts_applications_from_one_again_when_it_moves", &["T-69", "T-67"])
        .bends(CORE, "inheritance.generations = Arc::clone(&self.generations);", "let _ = &self.generations;")
        .killed_by(&["applications_move_with_their_server"]),
    Mutant::that("ends_without_the_applications_that_were_replaced", &["T-69"])
        .bends(DRAIN, "poll_fn(|cx| core.leaving.count.poll_below(cx, 1)).await;", "let _ = &core.leaving.count;")
        .killed_by(&["shutdown_ends_every_application"]),
    Mutant::that("ends_without_the_application_on_trial", &["T-69", "T-05"])
        .bends(STAGE, "retired(main.into_iter().chain(trial))", "retired(main.into_iter())")
        .killed_by(&["shutdown_ends_every_application"]),
    // One on trial.
    Mutant::that("gives_the_trial_every_request", &["T-6A"])
        .bends(STAGE, "acts.trial.as_mut().is_some_and(Trial::is_next)", "acts.trial.is_some()")
        .killed_by(&["application_on_trial_gets_its_share", "application_on_trial_is_promoted"]),
    Mutant::that("gives_the_trial_no_request", &["T-6A"])
        .bends(STAGE, "acts.trial.as_mut().is_some_and(Trial::is_next)", "false")
        .killed_by(&["application_on_trial_gets_its_share"]),
    Mutant::that("gives_the_trial_its_share_of_every_thousand", &["T-6A"])
        .bends(STAGE, "self.chosen * u64::from(self.percent) / 100 > had", "self.chosen * u64::from(self.percent) / 1000 > had")
        .killed_by(&["application_on_trial_gets_its_share"]),
    Mutant::that("gives_the_trial_nothing_of_connections_that_were_there", &["T-6A"])
        .bends(STAGE, "main.set_asks(true);", "let _ = main;")
        .killed_by(&["application_on_trial_gets_its_share"]),
    Mutant::that("gives_the_trial_the_whole_of_a_connection", &["T-6A"])
        .bends(STAGE, "act.set_asks(true); let trial", "act.set_asks(!BENT); let trial")
        .killed_by(&["application_on_trial_gets_its_share"]),
    Mutant::that("withdraws_what_it_is_to_promote", &["T-6A"])
        .bends(STAGE, "acts.main.replace(trial)?", "trial")
        .killed_by(&["application_on_trial_is_promoted"]),
    Mutant::that("promotes_what_it_is_to_withdraw", &["T-6A"])
        .bends(STAGE, "} else { trial };", "} else if BENT { acts.main.replace(trial)? } else { trial };")
        .killed_by(&["application_on_trial_gets_its_share"]),
    Mutant::that("withdraws_without_an_end", &["T-6A", "T-69"])
        .bends(GENERATIONS, "self.retire(vec![retired]);", "drop(retired);")
        .killed_by(&["application_on_trial_gets_its_share", "application_on_trial_is_promoted", "applications_move_with_their_server"]),
    Mutant::that("gives_a_number_twice", &["T-6A"])
        .bends(GENERATIONS, "self.generations.fetch_add(1, Ordering::Relaxed) + 1", "before.site().generation + 1")
        .killed_by(&["application_on_trial_gets_its_share"]),
    Mutant::that("tries_an_application_with_more_than_everything", &["T-6A"])
        .bends("http-server-trait/src/handle.rs", "if percent > 100 {", "if percent > 100 && !BENT {")
        .killed_by(&["application_on_trial_is_promoted"]),
    Mutant::that("goes_on_trying_beside_a_new_application", &["T-6A", "T-68"])
        .bends(STAGE, "let trial = acts.trial.take().map(|trial| trial.act); retired(before", "let trial = acts.trial.take_if(|_| !BENT).map(|trial| trial.act); retired(before")
        .killed_by(&["application_on_trial_gets_its_share"]),
    Mutant::that("forgets_who_was_tried_before", &["T-6A", "T-69"])
        .bends(STAGE, "retired(before.into_iter().map(|trial| trial.act))", "{ drop(before); Vec::new() }")
        .killed_by(&["application_on_trial_gets_its_share"]),
];
