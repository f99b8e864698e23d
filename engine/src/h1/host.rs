//! Names of hosts: RFC 9110, section 7.2, and RFC 3986, section 3.2.

use std::net::Ipv6Addr;

use super::chars::is_reg_name;

/// Whether this is `host` or `host:port`, and nothing else: no user, no path, no white space. Gives
/// the length of the host, and the port.
pub(super) fn check(authority: &[u8]) -> Option<(usize, Option<u16>)> {
    let host_len = match authority {
        [b'[', ..] => {
            let end = memchr::memchr(b']', authority)?;
            let inside = std::str::from_utf8(&authority[1..end]).ok()?;
            inside.parse::<Ipv6Addr>().ok()?;
            end + 1
        }
        _ => {
            let end = authority.iter().position(|byte| !is_reg_name(*byte));
            let end = end.unwrap_or(authority.len());
            (end > 0).then_some(end)?
        }
    };
    match &authority[host_len..] {
        [] => Some((host_len, None)),
        [b':', port @ ..] => Some((host_len, Some(self::port(port)?))),
        _ => None,
    }
}

/// RFC 3986 lets a port be empty. Who sends that is not known to exist, and who reads it does so in
/// different ways: it is refused.
fn port(digits: &[u8]) -> Option<u16> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u16, |port, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        port.checked_mul(10)?.checked_add(digit.into())
    })
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn hosts() {
        let good = [
            "a",
            "example.com",
            "example.com:80",
            "127.0.0.1:1666",
            "[::1]",
            "[::1]:80",
            "a_b",
            "xn--a",
            "A:0",
            "a:65535",
            "[::ffff:127.0.0.1]",
        ];
        for host in good {
            assert!(check(host.as_bytes()).is_some(), "{host}");
            assert!(
                http::uri::Authority::try_from(host).is_ok(),
                "no URI can express {host}"
            );
        }
        let bad = [
            "",
            ":80",
            "a:",
            "a:b",
            "a:65536",
            "a:-1",
            "a:+1",
            "a b",
            "a/b",
            "a?b",
            "a#b",
            "user@a",
            "a,b:c",
            "[::1",
            "[::1]a",
            "[::g]",
            "[]",
            "[::1%eth0]",
            "::1",
            "a:80:80",
            "a\\b",
            "\u{e9}",
            "[v1.a]",
            "%41",
        ];
        for host in bad {
            assert!(check(host.as_bytes()).is_none(), "{host}");
        }
    }
}
