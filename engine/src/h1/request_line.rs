//! The request line: RFC 9112, section 3.

use http::{Method, Version};
use http_server_trait::backend::Span;

use super::chars::is_token;
use super::refusal::Refusal;

/// The three parts of a request line.
#[derive(Debug)]
pub(super) struct RequestLine {
    pub(super) method: Method,
    pub(super) target: Span,
    pub(super) version: Version,
}

/// Reads `text[..end]`, which has no line end.
///
/// One space stands between the parts, nothing around them: RFC 9112, 3 lets a server be lenient with
/// white space, and what is read leniently here may have been read otherwise by a proxy before.
pub(super) fn read(text: &[u8], end: usize, longest: usize) -> Result<RequestLine, Refusal> {
    let line = &text[..end];
    let method_end = line
        .iter()
        .position(|byte| !is_token(*byte))
        .ok_or(Refusal::RequestLine)?;
    if method_end == 0 || line[method_end] != b' ' {
        return Err(Refusal::RequestLine);
    }
    if method_end > longest {
        return Err(Refusal::MethodTooLong);
    }
    let rest = &line[method_end + 1..];
    // From the end, so that spaces in the target are part of the target and refused as such.
    let target_len = memchr::memrchr(b' ', rest).ok_or(Refusal::RequestLine)?;
    if target_len == 0 {
        return Err(Refusal::RequestLine);
    }
    let target = Span::new(method_end + 1, method_end + 1 + target_len);
    let version = version(&rest[target_len + 1..])?;
    let method = Method::from_bytes(&line[..method_end]).map_err(|_| Refusal::RequestLine)?;
    Ok(RequestLine {
        method,
        target,
        version,
    })
}

fn version(text: &[u8]) -> Result<Version, Refusal> {
    match text {
        b"HTTP/1.1" => Ok(Version::HTTP_11),
        b"HTTP/1.0" => Ok(Version::HTTP_10),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            // RFC 9110, 2.5: a higher minor version is handled as the highest one that is known.
            if *major == b'1' {
                Ok(Version::HTTP_11)
            } else {
                Err(Refusal::VersionUnsupported)
            }
        }
        _ => Err(Refusal::Version),
    }
}

#[cfg(test)]
mod tests {
    use super::{Refusal, read};

    #[test]
    fn lines() {
        let cases: &[(&str, Result<&str, Refusal>)] = &[
            ("GET / HTTP/1.1", Ok("GET|/|HTTP/1.1")),
            ("GET / HTTP/1.0", Ok("GET|/|HTTP/1.0")),
            ("GET / HTTP/1.9", Ok("GET|/|HTTP/1.1")),
            ("M-SEARCH * HTTP/1.1", Ok("M-SEARCH|*|HTTP/1.1")),
            ("get / HTTP/1.1", Ok("get|/|HTTP/1.1")),
            ("GET /a b HTTP/1.1", Ok("GET|/a b|HTTP/1.1")), // refused later, as a target
            ("GET / HTTP/2.0", Err(Refusal::VersionUnsupported)),
            ("GET / HTTP/0.9", Err(Refusal::VersionUnsupported)),
            ("GET / HTTP/1", Err(Refusal::Version)),
            ("GET / HTTP/1.1 ", Err(Refusal::Version)),
            ("GET / HTTP/11.1", Err(Refusal::Version)),
            ("GET / http/1.1", Err(Refusal::Version)),
            ("GET / HTTP/1,1", Err(Refusal::Version)),
            ("GET /", Err(Refusal::RequestLine)),
            ("GET", Err(Refusal::RequestLine)),
            ("GET ", Err(Refusal::RequestLine)),
            ("GET  HTTP/1.1", Err(Refusal::RequestLine)),
            (" GET / HTTP/1.1", Err(Refusal::RequestLine)),
            ("GET\t/ HTTP/1.1", Err(Refusal::RequestLine)),
            ("G(T / HTTP/1.1", Err(Refusal::RequestLine)),
            (
                "AMETHODTHATISTOOLONGTOBEKNOWNTOUS / HTTP/1.1",
                Err(Refusal::MethodTooLong),
            ),
        ];
        for (line, expected) in cases {
            let read = read(line.as_bytes(), line.len(), 32).map(|read| {
                let target = String::from_utf8_lossy(read.target.of(line.as_bytes())).into_owned();
                format!("{}|{target}|{:?}", read.method, read.version)
            });
            assert_eq!(read.as_deref(), expected.as_deref(), "{line:?}");
        }
    }
}
