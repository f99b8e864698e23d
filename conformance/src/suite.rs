//! Cases as tests: every one with its own name in the output of `cargo test`.

use std::sync::Arc;

use http_server_trait::{HttpServer, block_on};
use libtest_mimic::{Arguments, Failed, Trial};

use crate::case::Case;
use crate::run::{self, Outcome};
use crate::stage::Stage;
use crate::wire::socket::Sockets;

/// By what all times are divided on sockets.
pub const SCALE: u32 = 20;

/// The tests of one or more backends.
///
/// ```no_run
/// # #[derive(Default)] struct Server(http_server_trait::App);
/// # #[http_server_trait::async_trait]
/// # impl http_server_trait::HttpServer for Server {
/// #     fn app_mut(&mut self) -> &mut http_server_trait::App { &mut self.0 }
/// #     fn capabilities(&self) -> http_server_trait::Capabilities { http_server_trait::Capabilities::all("mine") }
/// #     async fn start(&mut self, _: http_server_trait::Listen)
/// #         -> Result<http_server_trait::ServerHandle, http_server_trait::ListenError> { unimplemented!() }
/// # }
/// // tests/conformance.rs, with `harness = false`
/// fn main() {
///     http_server_conformance::Suite::new().backend("mine", Server::default).run();
/// }
/// ```
#[derive(Default)]
pub struct Suite {
    trials: Vec<Trial>,
    skips: Vec<(&'static str, String)>,
    listed: Vec<(&'static str, &'static str)>,
}

impl Suite {
    /// No tests yet.
    pub fn new() -> Self {
        Suite::default()
    }

    /// With every case against this backend. What it cannot do by its own word is skipped, and has to be
    /// [listed](Suite::skips).
    pub fn backend<S: HttpServer + 'static>(
        self,
        name: &'static str,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Self {
        self.cases(name, crate::cases::all(), make)
    }

    /// With these cases against this backend.
    pub fn cases<S: HttpServer + 'static>(
        mut self,
        name: &'static str,
        cases: impl Iterator<Item = &'static Case>,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Self {
        let make = Arc::new(make);
        let capabilities = make().capabilities();
        for case in cases {
            if let Some(reason) = run::why_not(case, &capabilities) {
                self.skip(name, case, &reason);
                continue;
            }
            let make = Arc::clone(&make);
            self.add(format!("{name}::{}", case.name), move || {
                on_sockets(case, make())
            });
        }
        self
    }

    /// Lists cases that are skipped, each with its reason. A skipped case that is not listed fails, and so
    /// does a listed one that is not skipped: nothing is left out in silence.
    pub fn skips(mut self, listed: &[(&'static str, &'static str)]) -> Self {
        self.listed.extend_from_slice(listed);
        self
    }

    pub(crate) fn skip(&mut self, backend: &'static str, case: &'static Case, reason: &str) {
        self.skips.push((case.name, reason.to_owned()));
        let trial = Trial::test(
            format!("{backend}::{} (skipped: {reason})", case.name),
            || Ok(()),
        );
        self.trials.push(trial.with_ignored_flag(true));
    }

    pub(crate) fn add(&mut self, name: String, play: impl FnOnce() -> Outcome + Send + 'static) {
        self.trials.push(Trial::test(name, move || match play() {
            Outcome::Passed => Ok(()),
            Outcome::Failed(failure) => Err(Failed::from(failure.to_string())),
            Outcome::Skipped(reason) => {
                Err(Failed::from(format!("skipped, and nobody knew: {reason}")))
            }
        }));
    }

    /// Runs the tests that the command line asks for, and ends the process.
    pub fn run(mut self) {
        let mut arguments = Arguments::from_args();
        self.check_skips();
        // Most of a case is waiting: more of them at a time than there are processors.
        arguments.test_threads = arguments.test_threads.or(Some(16));
        // Panics of handlers are part of cases; thousands of backtraces are of no use to anybody.
        std::panic::set_hook(Box::new(|_| {}));
        libtest_mimic::run(&arguments, self.trials).exit();
    }

    fn check_skips(&mut self) {
        let skipped: Vec<_> = self.skips.iter().map(|(name, _)| *name).collect();
        let not_listed: Vec<_> = self
            .skips
            .iter()
            .filter(|(name, _)| !self.listed.iter().any(|(listed, _)| listed == name))
            .collect();
        let not_skipped: Vec<_> = self
            .listed
            .iter()
            .filter(|(name, _)| !skipped.contains(name))
            .map(|(name, _)| *name)
            .collect();
        let problem = match (not_listed.is_empty(), not_skipped.is_empty()) {
            (true, true) => None,
            (false, _) => Some(format!(
                "skipped, but not listed with a reason: {not_listed:?}"
            )),
            (true, false) => Some(format!(
                "listed as skipped, but not skipped: {not_skipped:?}"
            )),
        };
        self.trials.push(Trial::test(
            "every_skipped_case_is_listed",
            move || match problem {
                None => Ok(()),
                Some(problem) => Err(Failed::from(problem)),
            },
        ));
    }
}

impl std::fmt::Debug for Suite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Suite")
            .field("tests", &self.trials.len())
            .field("skips", &self.skips)
            .finish_non_exhaustive()
    }
}

/// Plays a case on sockets, against a fresh server.
fn on_sockets<S: HttpServer>(case: &'static Case, mut server: S) -> Outcome {
    let stage = Stage::new(SCALE);
    run::prepare(&mut server, case, &stage);
    let started = run::place().and_then(|place| block_on(server.listen(place)));
    let handle = match started {
        Ok(handle) => handle,
        Err(error) => return Outcome::Failed(crate::Failure::new(error)),
    };
    match run::play(
        case,
        Box::new(Sockets { scale: SCALE }),
        stage,
        handle,
        None,
    ) {
        Ok(()) => Outcome::Passed,
        Err(failure) => Outcome::Failed(failure),
    }
}
