//! Cases: what is asked of a server, and by whose authority.

use http_server_trait::{App, Feature};

use crate::failure::Verdict;
use crate::play::Play;
use crate::stage::Stage;

/// One thing that is asked of a server.
#[derive(Clone, Copy)]
pub struct Case {
    /// A sentence: `early_reply_drains_small_body_and_keeps_connection`.
    pub name: &'static str,
    /// What it is about: the cases' file.
    pub group: &'static str,
    /// Why it is asked, in a sentence or two.
    pub about: &'static str,
    /// The requirements that it holds: `R-012` of the RFCs, `T-16` of the contract, `A0-4` of the acceptance
    /// lists (system 0, line 4).
    pub requirements: &'static [&'static str],
    /// How much is asked.
    pub level: Level,
    /// What the server must be able to do for it to make sense.
    pub needs: &'static [Feature],
    /// What serves.
    pub app: Serves,
    /// What the client does, and what it wants to see.
    pub play: fn(&mut Play) -> Verdict,
}

/// How much a case asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// The RFC or the contract says must.
    Must,
    /// The RFC says should.
    Should,
    /// The RFC leaves it open; this is what the project has chosen.
    House,
}

/// What serves in a case.
#[derive(Clone, Copy, Debug)]
pub enum Serves {
    /// The two routes that any server can have: one that answers 200, one that sends the content back. Such a
    /// case is about the wire alone, and can be played against any server.
    Routes,
    /// The two routes, with limits of its own.
    Configured(fn(&mut http_server_trait::Config)),
    /// An application of its own.
    App(fn(&mut App, &Stage)),
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Case")
            .field("name", &self.name)
            .field("requirements", &self.requirements)
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}

/// Declares the cases of a file as `CASES`.
///
/// ```text
/// cases! {
///     /// Why it is asked.
///     must host_is_missing ["R-012"] |play| {
///         play.connect()?.send("GET /ok HTTP/1.1\r\n\r\n")?.refused(400)
///     }
///     /// With an application of its own, and something that not every backend can do.
///     must takeover_gets_unread_bytes ["T-16", "A0-6"] needs [Takeover] app my_app |play| { .. }
///     /// With limits of its own.
///     house small_head ["R-056"] config |config| { config.head = 100 } |play| { .. }
/// }
/// ```
macro_rules! cases {
    ($( $(#[doc = $about:literal])+ $level:ident $name:ident [$($requirement:literal),* $(,)?]
        $(needs [$($feature:ident),*])? $(app $app:ident)? $(config |$config:ident| $set:block)?
        |$play:ident| $body:block )*) => {
        $(
            #[allow(clippy::unnecessary_wraps, reason = "every case has the same form")]
            fn $name($play: &mut $crate::Play) -> $crate::Verdict $body
        )*

        /// The cases of this file.
        pub(super) const CASES: &[$crate::Case] = &[$(
            $crate::Case {
                name: stringify!($name),
                group: module_path!(),
                about: concat!($($about),+),
                requirements: &[$($requirement),*],
                level: cases!(@level $level),
                needs: &[$($(http_server_trait::Feature::$feature),*)?],
                app: cases!(@serves $($app)? $(|$config| $set)?),
                play: $name,
            }
        ),*];
    };
    (@level must) => { $crate::Level::Must };
    (@level should) => { $crate::Level::Should };
    (@level house) => { $crate::Level::House };
    (@serves) => { $crate::Serves::Routes };
    (@serves |$config:ident| $set:block) => {
        $crate::Serves::Configured(|$config: &mut http_server_trait::Config| $set)
    };
    (@serves $app:ident) => { $crate::Serves::App($app) };
}

pub(crate) use cases;
