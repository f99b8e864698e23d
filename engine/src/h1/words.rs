//! Eight bytes at a time, as one number whose lowest byte is the first of them.
//!
//! A *mark* is the high bit of a byte. Which bytes are marked is exact up to the first mark, and only that is looked
//! at.

const ONES: u64 = u64::MAX / 0xff;
const HIGH: u64 = ONES * 0x80;

/// The eight bytes from `at` on, with zeros for those that are not there. Of a text shorter than eight bytes it
/// sees nothing but zeros.
#[inline]
pub(super) fn eight(bytes: &[u8], at: u32) -> u64 {
    let start = at as usize;
    if let Some(eight) = bytes.get(start..start + 8).and_then(<[u8]>::first_chunk) {
        return u64::from_le_bytes(*eight);
    }
    // No function of its own: a call would cost the loops around it their registers.
    match (bytes.last_chunk(), bytes.len().checked_sub(start)) {
        (Some(last), Some(left @ 1..8)) => u64::from_le_bytes(*last) >> (64 - 8 * left),
        _ => 0,
    }
}

/// The four bytes from `at` on, if they are there.
#[inline]
pub(super) fn four(bytes: &[u8], at: u32) -> Option<[u8; 4]> {
    let start = at as usize;
    bytes.get(start..start + 4)?.first_chunk().copied()
}

/// The two bytes from `at` on, if they are there.
#[inline]
pub(super) fn two(bytes: &[u8], at: u32) -> Option<[u8; 2]> {
    let start = at as usize;
    bytes.get(start..start + 2)?.first_chunk().copied()
}

/// The first byte with a mark. There is one.
#[inline]
pub(super) fn first(marks: u64) -> u32 {
    marks.trailing_zeros() / 8
}

/// Marks what is neither a letter nor a byte from `FROM` up to `TO`, both of ASCII.
#[inline]
pub(super) fn others<const FROM: u8, const TO: u8>(eight: u64) -> u64 {
    // One case for letters.
    let lower = eight | (ONES * 0x20);
    let member = between::<b'a', b'z'>(lower) | between::<FROM, TO>(eight);
    (!member | eight) & HIGH
}

/// Marks what is no digit.
#[inline]
pub(super) fn no_digits(eight: u64) -> u64 {
    (!between::<b'0', b'9'>(eight) | eight) & HIGH
}

/// Marks, up to the first byte beyond ASCII, those from `FROM` up to `TO`. Bits that are no marks may be set, too.
#[inline]
fn between<const FROM: u8, const TO: u8>(eight: u64) -> u64 {
    // Of the two sums of such a byte the first alone reaches the high bit. Those of ASCII carry nothing to the next.
    let from = eight.wrapping_add(ONES * (0x80 - u64::from(FROM)));
    let beyond = eight.wrapping_add(ONES * (0x7f - u64::from(TO)));
    from ^ beyond
}

/// Marks every control byte, HTAB among them, and it may mark a `~` that follows a byte beyond ASCII.
#[inline]
pub(super) fn controls(eight: u64) -> u64 {
    // The difference borrows where a byte is below 0x20, the sum reaches the high bit from 0x7f on.
    (eight.wrapping_sub(ONES * 0x20) | eight.wrapping_add(ONES)) & !eight & HIGH
}

/// Marks the bytes that are `BYTE`, and it may mark one that follows such a byte.
#[inline]
pub(super) fn equal<const BYTE: u8>(eight: u64) -> u64 {
    let other = eight ^ (ONES * u64::from(BYTE));
    other.wrapping_sub(ONES) & !other & HIGH
}

#[cfg(test)]
mod tests {
    use super::{controls, eight, equal, first, four, no_digits, others, two};

    /// Every byte at every place among some that are not to be marked.
    fn is_exact(marks: impl Fn(u64) -> u64, unmarked: &[u8], is_marked: impl Fn(u8) -> bool) {
        for around in unmarked {
            for at in 0..8_u32 {
                for byte in 0..=u8::MAX {
                    for after in [*around, 0, 0x80, 0xff, b':', byte] {
                        let mut bytes = [*around; 8];
                        bytes[at as usize..].fill(after);
                        bytes[at as usize] = byte;
                        let marks = marks(u64::from_le_bytes(bytes));
                        let place = bytes.iter().position(|byte| is_marked(*byte));
                        let expected = place.map_or(64, |place| place * 8 + 7);
                        let told = bytes.escape_ascii();
                        assert_eq!(marks.trailing_zeros() as usize, expected, "{told}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_first_mark_is_exact() {
        let letter = |byte: u8| byte.is_ascii_alphabetic();
        is_exact(others::<b'-', b'-'>, b"azAZ-", |byte| {
            !letter(byte) && byte != b'-'
        });
        is_exact(others::<b'-', b'9'>, b"azAZ-./09", |byte| {
            !letter(byte) && !(b'-'..=b'9').contains(&byte)
        });
        is_exact(no_digits, b"059", |byte| !byte.is_ascii_digit());
        is_exact(equal::<b'/'>, b"\0a.0\xff\xaf", |byte| byte == b'/');
        is_exact(controls, b" a\x80", |byte| byte.is_ascii_control());
    }

    /// What stands after a byte beyond ASCII may be marked if it is a `~`, and nothing else.
    #[test]
    fn controls_are_found_after_any_byte() {
        for before in 0x20..=u8::MAX {
            for byte in 0..=u8::MAX {
                let marks = controls(u64::from_le_bytes([before, byte, 32, 32, 32, 32, 32, 32]));
                let is_marked = byte.is_ascii_control() || byte == b'~' && before == 0xff;
                if before != 0x7f {
                    assert_eq!(marks != 0, is_marked, "{before:#x} {byte:#x}");
                    assert!(marks == 0 || first(marks) == 1);
                }
            }
        }
    }

    #[test]
    fn what_is_not_there_is_zero() {
        let text = b"0123456789abcdef";
        for length in 0..=text.len() {
            let bytes = &text[..length];
            for at in 0..20 {
                let rest = bytes.get(at..).unwrap_or_default();
                let mut expected = [0; 8];
                let there = rest.len().min(8);
                expected[..there].copy_from_slice(&rest[..there]);
                if length < 8 {
                    expected = [0; 8];
                }
                let at = u32::try_from(at).unwrap();
                assert_eq!(eight(bytes, at).to_le_bytes(), expected, "{at} of {length}");
                assert_eq!(four(bytes, at).as_ref(), rest.first_chunk());
                assert_eq!(two(bytes, at).as_ref(), rest.first_chunk());
            }
        }
    }
}
