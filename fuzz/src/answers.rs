//! The other side: what a client makes of the answers.

/// Takes answers apart, as strictly as can be. `heads` says of each request in turn whether it was a HEAD.
///
/// # Panics
/// If the bytes are not a sequence of whole answers.
pub(crate) fn statuses(mut bytes: &[u8], is_head: impl Fn(usize) -> bool) -> Vec<u16> {
    let mut statuses = Vec::new();
    let mut number = 0;
    while !bytes.is_empty() {
        let shown = bytes.escape_ascii();
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("the head of an answer has no end: {shown}")) + 4;
        let head = std::str::from_utf8(&bytes[..end]).expect("answers of the server are text");
        let status: u16 = head[9..12].parse().expect("a status");
        assert!(head.starts_with("HTTP/1.1 "), "{shown}");
        bytes = &bytes[end..];
        statuses.push(status);
        if status < 200 {
            continue;
        }
        let head_only = is_head(number) || matches!(status, 204 | 304);
        number += 1;
        if head_only {
            continue;
        }
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length
            .expect("content of known length")
            .parse()
            .expect("a number");
        assert!(bytes.len() >= length, "the content is cut: {shown}");
        bytes = &bytes[length..];
    }
    statuses
}
