//! Any server, by its address: the cases that need nothing but two routes, judged by the RFCs alone.
//!
//! ```no_run
//! use http_server_conformance::remote::{Asking, Remote};
//! use http_server_trait::Address;
//!
//! let address = "127.0.0.1:8080".parse().expect("it is an address");
//! let server = Remote::reach(&[Address::Tcp(address)], &Asking::default()).expect("it answers");
//! let cases: Vec<_> = http_server_conformance::remote::cases().collect();
//! for judged in server.play_all(&cases, 8, |_| {}) {
//!     println!("{}: {:?}", judged.case.name, judged.judgement);
//! }
//! ```

mod reach;
mod run;

use std::time::{Duration, Instant};

use http_server_trait::Address;

pub use reach::{Unreached, UnreachedKind};

use crate::case::{Case, Level, Serves};
use crate::exchange::Exchange;
use crate::failure::{Failure, Kind};
use crate::judge::Takes;
use crate::requirements::{self, Requirement};

/// The cases that can be played against any server.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    crate::cases::all().filter(|case| why_not(case).is_none())
}

/// Why a case cannot be played against a server that is somebody else's.
pub fn why_not(case: &Case) -> Option<&'static str> {
    match case.app {
        Serves::Routes if clauses(case).next().is_none() => {
            Some("it is about this project's own contract")
        }
        Serves::Routes => None,
        Serves::Configured(_) => Some("it needs limits of its own in the server"),
        Serves::App(_) => Some("it needs an application of its own in the server"),
    }
}

/// What a case holds of the RFCs. Others are held to nothing else.
pub fn clauses(case: &Case) -> impl Iterator<Item = &'static Requirement> + use<> {
    let cited = case
        .requirements
        .iter()
        .filter_map(|id| requirements::find(id));
    cited.filter(|requirement| {
        requirement
            .source
            .starts_with(|first: char| first.is_ascii_digit())
    })
}

/// What a server is asked for, and for how long it may take.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Asking {
    /// A path that is answered with 200 and, whenever it is asked for, the same content. Default: `/ok`.
    pub ok: String,
    /// A path that sends content back. Default: `/echo`, if it does.
    pub echo: Echo,
    /// The host that the server answers for. Default: it answers for any.
    pub host: Option<String>,
    /// How long an answer may take. Default: 2 s.
    pub patience: Duration,
    /// How long a case may take. Default: 15 s.
    pub case_time: Duration,
    /// How long all of it may take. Default: 60 s.
    pub all_time: Duration,
}

/// Where content is sent back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Echo {
    /// At this path.
    At(String),
    /// At this path, perhaps.
    Perhaps(String),
    /// Nowhere. Content is sent to the path that is answered with 200, if it takes any.
    Nowhere,
}

impl Default for Asking {
    fn default() -> Self {
        Asking {
            ok: "/ok".to_owned(),
            echo: Echo::Perhaps("/echo".to_owned()),
            host: None,
            patience: Duration::from_secs(2),
            case_time: Duration::from_secs(15),
            all_time: Duration::from_secs(60),
        }
    }
}

/// A server that is somebody else's, and answers.
#[derive(Debug)]
pub struct Remote {
    address: Address,
    asking: Asking,
    ok_content: Vec<u8>,
    takes: Takes,
    name: Option<String>,
}

impl Remote {
    /// Where it listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What it calls itself, if it does.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What is sent back, in a sentence.
    pub fn echo(&self) -> String {
        match &self.takes {
            Takes::Echo(path) => format!("content is sent back at {path}"),
            Takes::Ok => format!(
                "content is not sent back; it is sent to {}, and cases that want to see it again do not apply",
                self.asking.ok
            ),
            Takes::Nothing => "content is not taken; cases that send some do not apply".to_owned(),
        }
    }
}

/// What became of a case.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Judged {
    /// The case.
    pub case: &'static Case,
    /// How it went.
    pub judgement: Judgement,
    /// Whether there was no time for all of it.
    pub unfinished: bool,
    /// How long it took.
    pub took: Duration,
}

/// How a case went.
#[derive(Clone, Debug)]
pub enum Judgement {
    /// The server does what is asked.
    Holds,
    /// It does not.
    Findings(Vec<Finding>),
    /// The case makes no sense for this server, for this reason.
    NotApplicable(String),
    /// The case was not played, for this reason.
    NotPlayed(String),
}

/// Something that a server does not do as it is asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// How much was asked. [`Level::House`] is no failure: the server differs from what this project has chosen
    /// where the RFCs leave a choice.
    pub level: Level,
    /// Which of the case's variants it was, where it has several.
    pub variant: Option<String>,
    /// What is not as it should be.
    pub message: String,
    /// What went over the connection.
    pub exchange: Exchange,
}

impl Judged {
    /// That this became of a case.
    pub fn new(case: &'static Case, judgement: Judgement) -> Self {
        Judged {
            case,
            judgement,
            unfinished: false,
            took: Duration::ZERO,
        }
    }

    /// The hardest of what was found.
    pub fn level(&self) -> Option<Level> {
        self.findings().iter().map(|finding| finding.level).min()
    }

    /// What was found.
    pub fn findings(&self) -> &[Finding] {
        match &self.judgement {
            Judgement::Findings(findings) => findings,
            _ => &[],
        }
    }

    fn of(case: &'static Case, failures: &[Failure], since: Instant) -> Self {
        let unfinished = failures.iter().any(|it| it.kind() == Kind::OutOfTime);
        let findings: Vec<_> = failures
            .iter()
            .filter_map(|failure| Finding::of(case, failure))
            .collect();
        let reason = failures.first().map(|failure| failure.message().to_owned());
        let judgement = match (findings.is_empty(), reason) {
            (false, _) => Judgement::Findings(findings),
            (true, None) => Judgement::Holds,
            (true, Some(_)) if unfinished => Judgement::NotPlayed("its time was over".to_owned()),
            (true, Some(reason)) => Judgement::NotApplicable(reason),
        };
        Judged {
            case,
            judgement,
            unfinished,
            took: since.elapsed(),
        }
    }

    fn not_played(case: &'static Case, reason: impl Into<String>) -> Self {
        let mut judged = Judged::new(case, Judgement::NotPlayed(reason.into()));
        judged.unfinished = true;
        judged
    }
}

impl Finding {
    /// With nothing but a message.
    pub fn new(level: Level, message: impl Into<String>) -> Self {
        Finding {
            level,
            variant: None,
            message: message.into(),
            exchange: Exchange::default(),
        }
    }

    fn of(case: &Case, failure: &Failure) -> Option<Self> {
        let level = match failure.kind() {
            Kind::Finding => case.level,
            // The later of the two asks for less.
            Kind::AtMost(level) => case.level.max(level),
            Kind::NotApplicable | Kind::OutOfTime => return None,
        };
        Some(Finding {
            level,
            variant: failure.variant().map(str::to_owned),
            message: failure.message().to_owned(),
            exchange: failure.exchange().clone(),
        })
    }
}
