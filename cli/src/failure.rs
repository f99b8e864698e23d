//! Why the command could not do what it was asked, in words that name the flag, the value and the way out.

use std::fmt;

use bayonet::{ListenError, ListenErrorKind};

/// The exit code of a command that could not start.
pub(crate) const COULD_NOT_START: u8 = 1;
/// The exit code of a server that stopped with requests cut.
pub(crate) const CUT: u8 = 3;

/// Why the command could not start.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Failure(text.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ListenError> for Failure {
    fn from(error: ListenError) -> Self {
        let what = error.what();
        let unix = what.starts_with('/');
        let way_out = match error.kind() {
            ListenErrorKind::NoRuntime => {
                return Failure(format!("{error}\n  try fewer threads: `--workers 1`"));
            }
            ListenErrorKind::InUse if unix => "stop who listens there, or choose another path",
            ListenErrorKind::InUse => {
                "stop who listens there, or take a free port: `--bind 127.0.0.1:0`"
            }
            ListenErrorKind::Denied if !unix => {
                "ports under 1024 are not for everybody; choose a higher one: `--bind 127.0.0.1:1666`"
            }
            _ if unix => "choose a path in a directory that is there and that you may write to",
            _ => {
                "choose an address of this machine: `127.0.0.1:1666`, or `[::]:1666` for every one of them"
            }
        };
        let prefix = if unix { "unix:" } else { "" };
        Failure(format!("`--bind {prefix}{what}`: {error}\n  {way_out}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Failure;
    use bayonet::{ListenError, ListenErrorKind};

    #[test]
    fn every_failure_names_the_flag_the_value_and_a_way_out() {
        for (kind, what, flag, way_out) in [
            (
                ListenErrorKind::InUse,
                "127.0.0.1:1",
                "`--bind 127.0.0.1:1`",
                "`--bind 127.0.0.1:0`",
            ),
            (
                ListenErrorKind::InUse,
                "/tmp/a",
                "`--bind unix:/tmp/a`",
                "another path",
            ),
            (
                ListenErrorKind::Denied,
                "127.0.0.1:1",
                "`--bind 127.0.0.1:1`",
                "under 1024",
            ),
            (
                ListenErrorKind::Denied,
                "/root/a",
                "`--bind unix:/root/a`",
                "may write",
            ),
            (
                ListenErrorKind::Io,
                "192.0.2.1:1",
                "`--bind 192.0.2.1:1`",
                "`127.0.0.1:1666`",
            ),
            (
                ListenErrorKind::Io,
                "/none/a",
                "`--bind unix:/none/a`",
                "directory",
            ),
            (
                ListenErrorKind::Address,
                "no.host:1",
                "`--bind no.host:1`",
                "`127.0.0.1:1666`",
            ),
            (
                ListenErrorKind::NoRuntime,
                "tokio",
                "`--workers 1`",
                "fewer threads",
            ),
        ] {
            let text = Failure::from(ListenError::new(kind, what)).to_string();
            for part in [what, flag, way_out] {
                assert!(text.contains(part), "{part} in: {text}");
            }
        }
    }
}
