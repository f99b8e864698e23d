//! Which bytes may stand where.

/// Token characters: RFC 9110, 5.6.2.
pub(super) fn is_token(byte: u8) -> bool {
    TOKEN[byte as usize]
}

/// What may stand in the path of a target. RFC 3986 section 3.3, and what browsers send besides
/// (`[ ] | ^ { }`); not the backslash, which some take for a slash.
pub(super) fn is_path(byte: u8) -> bool {
    PATH[byte as usize]
}

/// What may stand in a path that has nothing to be checked further: no percent-encoding.
pub(super) fn is_quick_path(byte: u8) -> bool {
    QUICK_PATH[byte as usize]
}

/// What may stand in the query of a target. RFC 3986 section 3.4, and what browsers send besides.
pub(super) fn is_query(byte: u8) -> bool {
    QUERY[byte as usize]
}

/// What may stand in the name of a host: RFC 3986 section 3.2.2, `reg-name`. Without percent-encoding,
/// which no name that is looked up has, and no `Uri` can express.
pub(super) fn is_reg_name(byte: u8) -> bool {
    REG_NAME[byte as usize]
}

/// Whether a field value has a byte that none may have: a control byte other than HTAB (RFC 9110,
/// 5.5). Bytes from 128 on are opaque and allowed.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "a lazy operator is a branch, and a branch is slow"
)]
pub(super) fn has_control(value: &[u8]) -> bool {
    // No early return: this way the compiler looks at many bytes at a time.
    value.iter().fold(false, |bad, &byte| {
        bad | ((byte < 0x20) & (byte != b'\t')) | (byte == 0x7f)
    })
}

const TOKEN: [bool; 256] = set(b"!#$%&'*+-.^_`|~");
const PATH: [bool; 256] = set(b"-._~!$&'()*+,;=:@/%[]|^{}");
const QUICK_PATH: [bool; 256] = {
    let mut table = PATH;
    table[b'%' as usize] = false;
    table
};
const QUERY: [bool; 256] = set(b"-._~!$&'()*+,;=:@/%[]|^{}?\\`");
const REG_NAME: [bool; 256] = set(b"-._~!$&'()*+,;=");

/// Letters, digits, and these.
const fn set(more: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut place = 0;
    while place < more.len() {
        table[more[place] as usize] = true;
        place += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::{has_control, is_path, is_query, is_token};

    #[test]
    fn tables_agree_with_the_http_crate() {
        for byte in 0..=255_u8 {
            let name = http::HeaderName::from_bytes(&[byte]).is_ok();
            assert_eq!(is_token(byte), name, "token {byte:#x}");
            let value = http::HeaderValue::from_bytes(&[b'a', byte, b'a']).is_ok();
            assert_eq!(!has_control(&[b'a', byte, b'a']), value, "value {byte:#x}");
            let path = [b'/', byte];
            if is_path(byte) && byte != b'%' {
                assert!(
                    http::uri::PathAndQuery::try_from(&path[..]).is_ok(),
                    "path {byte:#x}"
                );
            }
            let query = [b'/', b'?', byte];
            if is_query(byte) {
                assert!(
                    http::uri::PathAndQuery::try_from(&query[..]).is_ok(),
                    "query {byte:#x}"
                );
            }
        }
    }

    #[test]
    fn a_control_byte_is_found_wherever_it_stands() {
        for length in 1..100 {
            for at in 0..length {
                let mut value = vec![b'v'; length];
                assert!(!has_control(&value));
                value[at] = 0;
                assert!(has_control(&value), "{at} of {length}");
            }
        }
    }
}
