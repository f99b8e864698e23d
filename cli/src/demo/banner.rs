//! What the demo says when it is ready.

use std::fmt::Display;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bayonet::Address;

use crate::control::Control;

/// Says where it listens, and three lines to try.
pub(crate) fn print(backend: &str, addresses: &[Address], control: Option<&Control>) {
    say(&format_args!(
        "bayonet {} on {backend}",
        env!("CARGO_PKG_VERSION")
    ));
    for address in addresses {
        say(&format_args!("listening on {address}"));
    }
    if let Some(first) = addresses.first() {
        say(&"\nTry, from another terminal:");
        say(&format_args!("  curl -i {}", url(first, "/plaintext")));
        say(&format_args!(
            "  curl -d 'one mount' {}",
            url(first, "/echo")
        ));
        say(&format_args!("  curl {}", url(first, "/conn")));
    }
    if let Some(control) = control {
        steering(backend, control);
    }
    say(&"\nCtrl-C lets requests finish; a second one ends at once.");
}

/// Says how it is steered.
fn steering(backend: &str, control: &Control) {
    let names = bayonet::backend_names();
    let to = names.iter().copied().find(|name| *name != backend);
    let to = to.unwrap_or(backend);
    let place = match control.address() {
        Address::Tcp(address) => address.to_string(),
        other => other.to_string(),
    };
    say(&format_args!("\ncontrol at {place}"));
    // In the environment, as others can read a command line.
    let token = control.token().map_or_else(String::new, |token| {
        say(&format_args!("token {token}"));
        format!("BAYONET_TOKEN={token} ")
    });
    say(&format_args!(
        "  {token}bayonet swap {to} --control {place}"
    ));
}

/// Writes a line to stdout. Nobody may read it any more: `bayonet demo | head -1` serves on.
pub(crate) fn say(line: &dyn Display) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// How curl is told about a path at an address. Shells have a use of their own for brackets.
fn url(address: &Address, path: &str) -> String {
    match address {
        Address::Tcp(address) => {
            let address = reachable(*address);
            let quote = if address.is_ipv6() { "'" } else { "" };
            format!("{quote}http://{address}{path}{quote}")
        }
        Address::Unix(socket) => {
            format!(
                "--unix-socket '{}' http://localhost{path}",
                socket.display()
            )
        }
        other => format!("{other}{path}"),
    }
}

/// A wildcard is where one listens, not where one connects to.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

#[cfg(test)]
mod tests {
    use super::{Address, url};

    #[test]
    fn curl_gets_what_it_can_connect_to() {
        for (address, written) in [
            ("127.0.0.1:80", "http://127.0.0.1:80/conn"),
            ("0.0.0.0:80", "http://127.0.0.1:80/conn"),
            ("[::]:80", "'http://[::1]:80/conn'"),
        ] {
            let address = Address::Tcp(address.parse().expect("an address"));
            assert_eq!(url(&address, "/conn"), written);
        }
        let unix = Address::Unix("/tmp/a b".into());
        assert_eq!(
            url(&unix, "/"),
            "--unix-socket '/tmp/a b' http://localhost/"
        );
    }
}
