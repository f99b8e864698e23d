//! What is to be checked, as it is written on the command line.

use std::net::ToSocketAddrs;
use std::path::PathBuf;

use bayonet::Address;

/// A server to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// What the report calls it.
    pub(crate) name: String,
    pub(crate) place: Place,
    /// The path of the address, if it has one.
    pub(crate) path: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A host and a port.
    Tcp(String),
    Unix(PathBuf),
}

/// What an address looks like.
const FORMS: &str = "give http://HOST:PORT, HOST:PORT or unix:/PATH";

impl Target {
    /// Reads `[NAME=]ADDRESS`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (name, address) = match text.split_once('=') {
            // A name has no slash; a query has one before it.
            Some((name, address)) if !name.contains('/') && !name.is_empty() => (name, address),
            _ => (text, text),
        };
        let name = name.to_owned();
        if let Some(path) = address.strip_prefix("unix:") {
            if path.is_empty() {
                return Err(FORMS.to_owned());
            }
            let place = Place::Unix(path.into());
            let path = None;
            return Ok(Target { name, place, path });
        }
        if address.starts_with("https://") {
            return Err("TLS is not checked; give the server's http:// address".to_owned());
        }
        let rest = address.strip_prefix("http://").unwrap_or(address);
        let (authority, path) = match rest.find('/') {
            Some(at) => (&rest[..at], Some(&rest[at..])),
            None => (rest, None),
        };
        let place = Place::Tcp(with_port(authority, address.starts_with("http://"))?);
        let path = path.filter(|path| *path != "/").map(str::to_owned);
        Ok(Target { name, place, path })
    }

    /// Where that is.
    pub(crate) fn addresses(&self) -> Result<Vec<Address>, String> {
        match &self.place {
            Place::Unix(path) => Ok(vec![Address::Unix(path.clone())]),
            Place::Tcp(place) => {
                let found = place.to_socket_addrs();
                let found =
                    found.map_err(|error| format!("{place} cannot be looked up: {error}"))?;
                Ok(found.map(Address::Tcp).collect())
            }
        }
    }
}

/// A host and a port. In a URL, 80 is the port if none is there.
fn with_port(authority: &str, is_url: bool) -> Result<String, String> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let port = match port {
        Some(port) => port.parse::<u16>().ok(),
        None => is_url.then_some(80),
    };
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]%".contains(&byte);
    match port {
        Some(port) if !host.is_empty() && host.bytes().all(fits) => Ok(format!("{host}:{port}")),
        _ => Err(FORMS.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Target};

    #[test]
    fn addresses_have_several_forms() {
        for (text, name, place, path) in [
            (
                "http://127.0.0.1:80",
                "http://127.0.0.1:80",
                "127.0.0.1:80",
                None,
            ),
            ("http://a", "http://a", "a:80", None),
            ("http://a/", "http://a/", "a:80", None),
            (
                "http://a:81/b/c?d=e",
                "http://a:81/b/c?d=e",
                "a:81",
                Some("/b/c?d=e"),
            ),
            ("a:81", "a:81", "a:81", None),
            ("[::1]:81", "[::1]:81", "[::1]:81", None),
            ("http://[::1]", "http://[::1]", "[::1]:80", None),
            ("nginx 1.26=http://a:81/b", "nginx 1.26", "a:81", Some("/b")),
        ] {
            let target = Target::parse(text).expect(text);
            assert_eq!(target.name, name);
            assert_eq!(target.place, Place::Tcp(place.into()));
            assert_eq!(target.path.as_deref(), path);
        }
        for (text, name) in [("unix:/a/b=c", "unix:/a/b=c"), ("a=unix:/a/b=c", "a")] {
            let target = Target::parse(text).expect(text);
            assert_eq!(
                (target.name.as_str(), target.place),
                (name, Place::Unix("/a/b=c".into()))
            );
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_a_way_out() {
        for text in [
            "",
            "a",
            "a:",
            "a:b",
            ":80",
            "http://",
            "http://:80",
            "a b:80",
            "unix:",
            "x=",
            "a:99999",
        ] {
            let error = Target::parse(text).expect_err(text);
            assert!(error.contains("HOST:PORT"), "{text}: {error}");
        }
        let error = Target::parse("https://a").expect_err("there is no TLS");
        assert!(error.contains("http://"), "{error}");
    }
}
