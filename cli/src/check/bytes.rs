//! Bytes for people: as text in which everything can be seen, and in hexadecimal.

use std::fmt::Write;

/// Bytes as text, a line for each line: what cannot be seen is escaped, line ends included.
pub(crate) fn visible(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let _ = write!(text, "{}", line.escape_ascii());
        if line.ends_with(b"\n") {
            text.push('\n');
        }
    }
    text
}

/// A text that a terminal shows as it is: no control character moves its cursor, and no mark turns its direction.
pub(crate) fn harmless(text: &str) -> String {
    let is_harmful = |character: char| {
        character.is_control() && character != '\n'
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().fold(String::new(), |mut text, character| {
        if is_harmful(character) {
            let _ = write!(text, "{}", character.escape_unicode());
        } else {
            text.push(character);
        }
        text
    })
}

/// How many bytes of a dump stand in a line: a phone has room for no more.
const IN_A_LINE: usize = 8;

/// Bytes in hexadecimal, eight in a line, with where they are and what they look like.
pub(crate) fn dump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (number, line) in bytes.chunks(IN_A_LINE).enumerate() {
        let _ = write!(text, "{:04x} ", number * IN_A_LINE);
        for place in 0..IN_A_LINE {
            let _ = match line.get(place) {
                Some(byte) => write!(text, " {byte:02x}"),
                None => write!(text, "   "),
            };
        }
        let seen = line.iter().map(|byte| match byte {
            b' '..=b'~' => char::from(*byte),
            _ => '.',
        });
        let _ = writeln!(text, "  {}", seen.collect::<String>());
    }
    text
}

/// Bytes as one word of hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::{dump, harmless, hex, visible};

    #[test]
    fn nothing_is_hidden() {
        let bytes = b"GET / HTTP/1.1\r\nx:\ty\0\xe9\x1b[1m\n\r\nlast";
        assert_eq!(
            visible(bytes),
            "GET / HTTP/1.1\\r\\n\nx:\\ty\\x00\\xe9\\x1b[1m\\n\n\\r\\n\nlast"
        );
        assert_eq!(visible(b""), "");
        assert!(
            visible(bytes)
                .bytes()
                .all(|byte| matches!(byte, b'\n' | b' '..=b'~'))
        );
    }

    #[test]
    fn terminals_are_left_alone() {
        assert_eq!(harmless("a\n\u{e9}\u{1f980}"), "a\n\u{e9}\u{1f980}");
        assert_eq!(
            harmless("\x1b[2J\r\u{202e}\u{9b}"),
            "\\u{1b}[2J\\u{d}\\u{202e}\\u{9b}"
        );
    }

    #[test]
    fn dumps_have_places_bytes_and_what_they_look_like() {
        assert_eq!(
            dump(b"GET /\r\n<\xff"),
            "0000  47 45 54 20 2f 0d 0a 3c  GET /..<\n0008  ff                       .\n"
        );
        assert_eq!(dump(b""), "");
        assert_eq!(hex(b"\0\xffa"), "00ff61");
    }
}
