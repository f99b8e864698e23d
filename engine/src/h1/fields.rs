//! Field lines: RFC 9112, section 5, and RFC 9110, section 5.

use http_server_trait::backend::{Line, Span};

use super::chars::{has_control, is_token};
use super::refusal::Refusal;

/// Reads the field line `text[start..end]`, which has no line end.
pub(super) fn read(text: &[u8], start: usize, end: usize) -> Result<Line, Refusal> {
    let line = &text[start..end];
    let name_len = line
        .iter()
        .position(|byte| !is_token(*byte))
        .unwrap_or(line.len());
    if name_len == 0 || line.get(name_len) != Some(&b':') {
        return Err(bad_name(line, name_len));
    }
    let name = Span::new(start, start + name_len);
    let value = trimmed(text, start + name_len + 1, end);
    if has_control(value.of(text)) {
        return Err(Refusal::FieldValue);
    }
    Ok(Line { name, value })
}

#[cold]
fn bad_name(line: &[u8], name_len: usize) -> Refusal {
    match (name_len, line.get(name_len)) {
        (0, Some(b' ' | b'\t')) => Refusal::Folded,
        (1.., Some(b' ' | b'\t')) => Refusal::SpaceBeforeColon,
        _ => Refusal::FieldName,
    }
}

/// The piece without the white space around it (RFC 9110, 5.5).
fn trimmed(text: &[u8], mut start: usize, mut end: usize) -> Span {
    while start < end && matches!(text[start], b' ' | b'\t') {
        start += 1;
    }
    while start < end && matches!(text[end - 1], b' ' | b'\t') {
        end -= 1;
    }
    Span::new(start, end)
}

/// The elements of a comma-separated list, without the empty ones (RFC 9110, 5.6.1). None of the lists
/// that are read here may have quoted strings.
pub(super) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{Refusal, list, read};

    #[test]
    fn lines() {
        let cases: &[(&[u8], Result<(&str, &[u8]), Refusal>)] = &[
            (b"a: b", Ok(("a", b"b"))),
            (b"a:b", Ok(("a", b"b"))),
            (b"a:", Ok(("a", b""))),
            (b"a: \t ", Ok(("a", b""))),
            (b"A-b_c:\t b c \t", Ok(("A-b_c", b"b c"))),
            (b"a: b\tc", Ok(("a", b"b\tc"))),
            (b"a: \xe9\xff", Ok(("a", b"\xe9\xff"))),
            (b"a: b:c", Ok(("a", b"b:c"))),
            (b":a", Err(Refusal::FieldName)),
            (b"a", Err(Refusal::FieldName)),
            (b"a b: c", Err(Refusal::SpaceBeforeColon)),
            (b"a : b", Err(Refusal::SpaceBeforeColon)),
            (b"a\t: b", Err(Refusal::SpaceBeforeColon)),
            (b" a: b", Err(Refusal::Folded)),
            (b"\ta: b", Err(Refusal::Folded)),
            (b"a(: b", Err(Refusal::FieldName)),
            (b"\xe9: b", Err(Refusal::FieldName)),
            (b"a\0: b", Err(Refusal::FieldName)),
            (b"a: b\0", Err(Refusal::FieldValue)),
            (b"a: b\rc", Err(Refusal::FieldValue)),
            (b"a: \x0bb", Err(Refusal::FieldValue)),
            (b"a: b\x7f", Err(Refusal::FieldValue)),
            (b"a: b\r", Err(Refusal::FieldValue)),
        ];
        for (line, expected) in cases {
            let read = read(line, 0, line.len());
            let read = read.map(|read| {
                (
                    std::str::from_utf8(read.name.of(line)).unwrap_or("not UTF-8"),
                    read.value.of(line),
                )
            });
            assert_eq!(&read, expected, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn lists() {
        let elements = |text: &'static [u8]| list(text).collect::<Vec<_>>();
        assert_eq!(elements(b"a, b ,\tc"), [b"a", b"b", b"c"]);
        assert_eq!(elements(b", ,a,,"), [b"a"]);
        assert!(elements(b" , ").is_empty());
    }
}
