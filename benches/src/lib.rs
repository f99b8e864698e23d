//! What the Bayonet backends cost.
//!
//! Two groups are measured with `cargo bench -p bayonet-benches`: `core`, the engine without sockets, and
//! `runtimes`, one application on every runtime over loopback, each beside a floor that parses nothing. How
//! to run them and how to read what they print is in the README.
//!
//! | module | is |
//! |---|---|
//! | [`app`] | the application that every backend serves |
//! | [`work`] | what is asked of it |
//! | [`servers`] | the backends, and how one is started |
//! | [`floor`] | what answers without reading |
//! | [`child`] | a server in a process of its own, so that its processor time is its own |
//! | [`client`], [`answers`] | what asks, and counts the answers |
//! | [`idle`] | what connections take that wait |
//! | [`rounds`] | every server in turn, several times |
//! | [`nowhere`], [`direct`] | a connection without a socket, an application without boxes |
//! | [`count`], [`cores`] | allocations and processor time; who runs where |
//! | [`growth`] | what grows, and by which steps |
//! | `peers` | servers of others, with the feature of that name |
//! | [`table`], [`chart`], [`report`] | what a person reads at the end, and looks at |

#![expect(
    clippy::cast_precision_loss,
    reason = "counts in a bench are far below 2^52"
)]

pub mod answers;
pub mod app;
pub mod chart;
pub mod child;
pub mod client;
pub mod cores;
pub mod count;
pub mod direct;
pub mod floor;
pub mod growth;
pub mod idle;
pub mod nowhere;
#[cfg(feature = "peers")]
pub mod peers;
pub mod report;
pub mod rounds;
pub mod servers;
pub mod table;
pub mod work;

/// Whether the benches are only to be tried, not measured: every case once, briefly. `cargo bench -- --test`
/// asks for it, and so does whoever runs them as tests, where `cargo bench` is not there to say `--bench`.
pub fn is_trial() -> bool {
    let said = |option: &str| std::env::args().any(|argument| argument == option);
    said("--test") || !said("--bench")
}

/// How a program ends that found everything good, or something that is not, or could not look.
pub fn verdict(good: std::io::Result<bool>) -> std::process::ExitCode {
    match good {
        Ok(true) => std::process::ExitCode::SUCCESS,
        Ok(false) => std::process::ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            std::process::ExitCode::from(2)
        }
    }
}
