//! Who may swap from the page: a person at this machine, who clicks on the page itself.

use std::net::{IpAddr, SocketAddr};

use bayonet::Head;

use crate::control::{random, same};

/// The field that the page's script sends the token in. A form of another site cannot.
const TOKEN: &str = "x-bayonet-token";

/// Lets the page's own buttons through and nobody else.
pub(crate) struct Guard {
    token: String,
}

impl Guard {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Guard { token: random()? })
    }

    /// What the page is to send, for who may have it.
    pub(crate) fn token_for(&self, head: &Head) -> Option<&str> {
        is_here(head).then_some(&*self.token)
    }

    /// # Errors
    /// Why it may not.
    pub(crate) fn lets(&self, head: &Head) -> Result<(), &'static str> {
        if !is_here(head) {
            return Err("the page's buttons are for this machine: open it at http://127.0.0.1");
        }
        if !is_same_site(head) {
            return Err("this came from another site");
        }
        match head.field(TOKEN) {
            Some(token) if same(token, &self.token) => Ok(()),
            _ => Err("the page is of another demo: load it again"),
        }
    }
}

/// Whether client and server are on this machine, and the client knows it. A name in `Host` may be anybody's: one
/// that a stranger has pointed at this machine would make a stranger's page one of the same site.
fn is_here(head: &Head) -> bool {
    let peer = head.conn().peer();
    peer.is_some_and(|peer| peer.ip().is_loopback()) && head.host().is_some_and(is_loopback)
}

fn is_loopback(host: &str) -> bool {
    if let Ok(address) = host.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let bare = host.trim_matches(['[', ']']);
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// What browsers say of who asks. Where they say nothing, the token decides.
fn is_same_site(head: &Head) -> bool {
    let site = head.field("sec-fetch-site");
    let origin = head.field("origin");
    let host = head.host().unwrap_or_default();
    let own = |origin: &str| origin.strip_prefix("http://") == Some(host);
    site.is_none_or(|site| site == "same-origin") && origin.is_none_or(own)
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn a_name_may_be_anybodys() {
        for here in [
            "127.0.0.1",
            "127.0.0.1:1666",
            "localhost",
            "localhost:80",
            "[::1]:80",
            "[::1]",
        ] {
            assert!(is_loopback(here), "{here}");
        }
        for elsewhere in [
            "",
            "a.example",
            "a.example:80",
            "192.0.2.1:80",
            "localhost.example:80",
            "127.0.0.1.example",
        ] {
            assert!(!is_loopback(elsewhere), "{elsewhere}");
        }
    }
}
