//! What can be said to the commands that steer a running demo.

use std::time::Duration;

use clap::Args as Options;

use super::place::Place;

/// Which demo, and how one proves to be a friend of it.
#[derive(Debug, Options)]
pub(crate) struct Reach {
    /// The control of the demo, as `bayonet demo --control` was told it:
    /// unix:/PATH, or 127.0.0.1:PORT.
    /// Default: what the environment variable BAYONET_CONTROL says.
    #[arg(long, value_name = "PLACE", value_parser = Place::parse, verbatim_doc_comment)]
    pub(crate) control: Option<Place>,
    /// The token that the demo printed, if its control is an address.
    /// Default: what the environment variable BAYONET_TOKEN says, which others
    /// cannot read as they can a command line.
    #[arg(long, value_name = "TOKEN", verbatim_doc_comment)]
    pub(crate) token: Option<String>,
}

/// How to show what serves.
#[derive(Debug, Options)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// The connections, one on each line, and what each of them is doing.
    #[arg(long)]
    pub(crate) connections: bool,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What to swap to.
#[derive(Debug, Options)]
pub(crate) struct Swap {
    /// The backend that is to serve from now on: tokio, async-std or smol.
    #[arg(value_name = "BACKEND")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// How to end.
#[derive(Debug, Options)]
pub(crate) struct Drain {
    /// How long requests may take to finish, in seconds, up to an hour.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "25")]
    pub(crate) within: Duration,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// A number of seconds.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if seconds <= 3600 => Ok(Duration::from_secs(seconds)),
        _ => Err("give whole seconds from 0 to 3600".to_owned()),
    }
}
