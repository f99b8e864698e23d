//! Where a demo is steered from.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::failure::Failure;

/// The environment variable that may name it.
const VARIABLE: &str = "BAYONET_CONTROL";

/// Where the control of a demo is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A Unix socket, for its owner alone.
    Unix(PathBuf),
    /// An address of this machine alone. Who has the token may.
    Loopback(SocketAddr),
}

impl Place {
    /// What was written.
    ///
    /// # Errors
    /// A way out, for what is neither. An address that others can reach is refused.
    pub(crate) fn parse(text: &str) -> Result<Place, String> {
        let way_out = "give `unix:/PATH`, or an address of this machine alone: `127.0.0.1:PORT`";
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() {
                Err(format!("the path is missing after `unix:`; {way_out}"))
            } else {
                Ok(Place::Unix(path.into()))
            };
        }
        match text.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => Ok(Place::Loopback(address)),
            Ok(_) => Err(format!("others could reach it; {way_out}")),
            Err(_) => Err(way_out.to_owned()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Unix(path) => write!(f, "unix:{}", path.display()),
            Place::Loopback(address) => address.fmt(f),
        }
    }
}

/// The place that was named on the command line, or else in the environment.
///
/// # Errors
/// If the environment names what is none.
pub(crate) fn named_or_set(named: Option<&Place>) -> Result<Option<Place>, Failure> {
    if named.is_some() {
        return Ok(named.cloned());
    }
    match std::env::var(VARIABLE) {
        Ok(text) if !text.is_empty() => Place::parse(&text)
            .map(Some)
            .map_err(|why| Failure::new(format!("{VARIABLE} is `{text}`: {why}"))),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn only_this_machine() {
        for good in [
            "unix:/tmp/a b",
            "unix:a",
            "127.0.0.1:0",
            "127.8.0.1:1",
            "[::1]:80",
        ] {
            let place = Place::parse(good).expect(good);
            assert_eq!(place.to_string(), good);
        }
        for (bad, why) in [
            ("unix:", "the path is missing"),
            ("0.0.0.0:80", "others could reach it"),
            ("[::]:80", "others could reach it"),
            ("192.0.2.1:80", "others could reach it"),
            ("[::ffff:192.0.2.1]:80", "others could reach it"),
            ("localhost:80", "127.0.0.1:PORT"),
            ("127.0.0.1", "127.0.0.1:PORT"),
            ("/tmp/a", "unix:/PATH"),
            ("", "unix:/PATH"),
        ] {
            let error = Place::parse(bad).expect_err(bad);
            assert!(error.contains(why), "{bad}: {error}");
        }
    }
}
