//! Cases as tests: every one with its own name in the output of `cargo test`, or as data.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http_server_trait::{Feature, HttpServer, block_on};
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
    tests: Vec<Test>,
    listed: Vec<(&'static str, &'static str)>,
    failing: Vec<(&'static str, &'static str)>,
    tried: Vec<Feature>,
    missing: Vec<Feature>,
}

/// A case against one backend.
struct Test {
    backend: &'static str,
    case: &'static Case,
    /// Or why it is skipped.
    play: Result<Box<dyn FnOnce() -> Outcome + Send>, String>,
}

/// What became of a case.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Played {
    /// The name that the backend has in the suite.
    pub backend: &'static str,
    /// The case.
    pub case: &'static Case,
    /// How it went.
    pub outcome: Outcome,
}

/// Most of a case is waiting: more of them at a time than there are processors.
const AT_A_TIME: usize = 16;

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

    /// With every case against this backend through `Box<dyn HttpServer>`, beside an `after` hook that counts:
    /// it must have been called once for each request.
    pub fn boxed<S: HttpServer + 'static>(
        self,
        name: &'static str,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Self {
        let boxed = move || -> Box<dyn HttpServer> { Box::new(make()) };
        self.trials(name, crate::cases::all(), boxed, true)
    }

    /// With these cases against this backend.
    pub fn cases<S: HttpServer + 'static>(
        self,
        name: &'static str,
        cases: impl Iterator<Item = &'static Case>,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Self {
        self.trials(name, cases, make, false)
    }

    fn trials<S: HttpServer + 'static>(
        mut self,
        name: &'static str,
        cases: impl Iterator<Item = &'static Case>,
        make: impl Fn() -> S + Send + Sync + 'static,
        counts: bool,
    ) -> Self {
        let make = Arc::new(make);
        let capabilities = make().capabilities();
        for case in cases {
            if let Some((feature, reason)) = run::why_not(case, &capabilities, &self.tried) {
                if self.missing.contains(&feature) {
                    self.listed.push((case.name, reason));
                }
                self.skip(name, case, &format!("{feature}: {reason}"));
                continue;
            }
            let make = Arc::clone(&make);
            self.add(name, case, move || on_sockets(case, make, counts));
        }
        self
    }

    /// Plays the cases that need these features also against backends that lack them, of those that are added
    /// from now on: one that parses leniently refuses a lot all the same. What it does not pass has to be
    /// [listed](Suite::fails).
    pub fn tries(mut self, features: &[Feature]) -> Self {
        self.tried.extend_from_slice(features);
        self
    }

    /// Lists all cases as skipped that need these features and are added from now on, for the reason that the
    /// backend gives for lacking them.
    pub fn lacks(mut self, features: &[Feature]) -> Self {
        self.missing.extend_from_slice(features);
        self
    }

    /// Lists cases that are known to fail, each with its reason. They are played all the same: one that passes
    /// has to be taken off the list.
    pub fn fails(mut self, listed: &[(&'static str, &'static str)]) -> Self {
        self.failing.extend_from_slice(listed);
        self
    }

    /// Lists cases that are skipped, each with its reason. A skipped case that is not listed fails, and so
    /// does a listed one that is not skipped: nothing is left out in silence.
    pub fn skips(mut self, listed: &[(&'static str, &'static str)]) -> Self {
        self.listed.extend_from_slice(listed);
        self
    }

    pub(crate) fn skip(&mut self, backend: &'static str, case: &'static Case, reason: &str) {
        self.tests.push(Test {
            backend,
            case,
            play: Err(reason.to_owned()),
        });
    }

    pub(crate) fn add(
        &mut self,
        backend: &'static str,
        case: &'static Case,
        play: impl FnOnce() -> Outcome + Send + 'static,
    ) {
        self.tests.push(Test {
            backend,
            case,
            play: Ok(Box::new(play)),
        });
    }

    /// Runs the tests that the command line asks for, and ends the process.
    pub fn run(self) {
        let mut arguments = Arguments::from_args();
        arguments.test_threads = arguments.test_threads.or(Some(AT_A_TIME));
        let checks = [self.check_skips(), self.check_failing()];
        let failing = self.failing;
        let known = |case: &Case| failing.iter().find(|(name, _)| *name == case.name);
        let trial = |test: Test| {
            let reason = known(test.case).map(|(_, reason)| *reason);
            test.trial(reason)
        };
        let mut trials: Vec<_> = self.tests.into_iter().map(trial).collect();
        trials.extend(checks);
        quiet();
        libtest_mimic::run(&arguments, trials).exit();
    }

    /// Plays every case and says what became of each, in the order in which they were added. For reports.
    ///
    /// ```no_run
    /// # fn doc(suite: http_server_conformance::Suite) {
    /// for played in suite.outcomes() {
    ///     println!("{} on {}: {:?}", played.case.name, played.backend, played.outcome);
    /// }
    /// # }
    /// ```
    pub fn outcomes(self) -> Vec<Played> {
        quiet();
        let tests: Vec<_> = self
            .tests
            .into_iter()
            .map(|test| Mutex::new((Some(test), None)))
            .collect();
        let next = AtomicUsize::new(0);
        std::thread::scope(|threads| {
            for _ in 0..AT_A_TIME {
                threads.spawn(|| {
                    while let Some(test) = tests.get(next.fetch_add(1, Ordering::Relaxed)) {
                        // Each is taken by one thread, so the lock is held for as long as it likes.
                        let mut test = test.lock().unwrap_or_else(PoisonError::into_inner);
                        test.1 = test.0.take().map(Test::played);
                    }
                });
            }
        });
        let played = tests
            .into_iter()
            .filter_map(|test| test.into_inner().unwrap_or_else(PoisonError::into_inner).1);
        played.collect()
    }

    fn skips_of(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.tests.iter().filter_map(|test| {
            let reason = test.play.as_ref().err()?;
            Some((test.case.name, reason.as_str()))
        })
    }

    /// A test that every case that is listed as failing is played.
    fn check_failing(&self) -> Trial {
        let is_played = |name: &str| {
            let mut played = self.tests.iter().filter(|test| test.play.is_ok());
            played.any(|test| test.case.name == name)
        };
        let failing = self.failing.iter().map(|(name, _)| *name);
        let lost: Vec<_> = failing.filter(|name| !is_played(name)).collect();
        Trial::test("every_failing_case_is_played", move || {
            if lost.is_empty() {
                return Ok(());
            }
            Err(Failed::from(format!(
                "listed as failing, but not played: {lost:?}"
            )))
        })
    }

    /// A test that every skipped case is listed, and every listed one skipped.
    fn check_skips(&self) -> Trial {
        let skipped: Vec<_> = self.skips_of().map(|(name, _)| name).collect();
        let not_listed: Vec<_> = self
            .skips_of()
            .filter(|(name, _)| !self.listed.iter().any(|(listed, _)| listed == name))
            .collect();
        let not_skipped: Vec<_> = self
            .listed
            .iter()
            .filter(|(name, _)| !skipped.contains(name))
            .map(|(name, _)| *name)
            .collect();
        let is_missed = |feature: &Feature| {
            let mut skipped = self.tests.iter().filter(|test| test.play.is_err());
            skipped.any(|test| test.case.needs.contains(feature))
        };
        if let Some(feature) = self.missing.iter().find(|feature| !is_missed(feature)) {
            let problem = format!("listed as lacking, but no case is skipped for it: {feature}");
            return Trial::test("every_skipped_case_is_listed", || {
                Err(Failed::from(problem))
            });
        }
        let problem = match (not_listed.is_empty(), not_skipped.is_empty()) {
            (true, true) => None,
            (false, _) => Some(format!(
                "skipped, but not listed with a reason: {not_listed:?}"
            )),
            (true, false) => Some(format!(
                "listed as skipped, but not skipped: {not_skipped:?}"
            )),
        };
        Trial::test("every_skipped_case_is_listed", move || match problem {
            None => Ok(()),
            Some(problem) => Err(Failed::from(problem)),
        })
    }
}

impl Test {
    /// As a test; `fails` is why it is known to fail.
    fn trial(self, fails: Option<&'static str>) -> Trial {
        let name = format!("{}::{}", self.backend, self.case.name);
        let play = match self.play {
            Ok(play) => play,
            Err(reason) => {
                let trial = Trial::test(format!("{name} (skipped: {reason})"), || Ok(()));
                return trial.with_ignored_flag(true);
            }
        };
        let name = match fails {
            None => name,
            Some(reason) => format!("{name} (fails: {reason})"),
        };
        Trial::test(name, move || match (play(), fails) {
            (Outcome::Passed, None) | (Outcome::Failed(_), Some(_)) => Ok(()),
            (Outcome::Passed, Some(reason)) => Err(Failed::from(format!(
                "it passes; take it off the list of what fails, where it stands because: {reason}"
            ))),
            (Outcome::Failed(failure), None) => Err(Failed::from(failure.to_string())),
            (Outcome::Skipped(reason), _) => {
                Err(Failed::from(format!("skipped, and nobody knew: {reason}")))
            }
        })
    }

    fn played(self) -> Played {
        let outcome = match self.play {
            Ok(play) => play(),
            Err(reason) => Outcome::Skipped(reason),
        };
        Played {
            backend: self.backend,
            case: self.case,
            outcome,
        }
    }
}

/// Panics and failures of handlers are part of cases; thousands of lines about them are of no use to anybody.
fn quiet() {
    std::panic::set_hook(Box::new(|_| {}));
    // Servers write to stderr where no logger wants anything. Here one does, and drops it.
    log::set_max_level(log::LevelFilter::Error);
}

impl std::fmt::Debug for Suite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Suite")
            .field("tests", &self.tests.len())
            .field("skips", &self.skips_of().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// Plays a case on sockets, against a fresh server.
fn on_sockets<S: HttpServer + 'static>(
    case: &'static Case,
    make: Arc<impl Fn() -> S + 'static>,
    counts: bool,
) -> Outcome {
    let stage = Stage::new(SCALE);
    let mut server = make();
    run::prepare(&mut server, case, &stage);
    let afters = counts.then(|| run::count_afters(&mut server));
    let started = run::place().and_then(|place| block_on(server.listen(place)));
    let handle = match started {
        Ok(handle) => handle,
        Err(error) => return Outcome::Failed(crate::Failure::new(error)),
    };
    let world = Box::new(Sockets { scale: SCALE });
    let make = Box::new(move || Box::new(make()) as Box<dyn HttpServer>);
    match run::play(case, world, stage, &handle, make, afters.as_ref()) {
        Ok(()) => Outcome::Passed,
        Err(failure) => Outcome::Failed(failure),
    }
}
