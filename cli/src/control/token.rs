//! Secrets that tell a friend from a stranger.

use std::fs::File;
use std::io::{self, Read};

/// 128 bits that nobody can guess, in hexadecimal.
pub(crate) fn random() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

/// Whether two secrets are the same. How long it takes does not tell where they differ.
pub(crate) fn same(one: &str, other: &str) -> bool {
    let differences = one.bytes().zip(other.bytes()).map(|(a, b)| a ^ b);
    one.len() == other.len() && differences.fold(0, |all, difference| all | difference) == 0
}

#[cfg(test)]
mod tests {
    use super::{random, same};

    #[test]
    fn no_two_are_the_same() {
        let (one, other) = (random().expect("a token"), random().expect("a token"));
        assert_eq!(one.len(), 32);
        assert!(same(&one, &one.clone()) && !same(&one, &other));
        assert!(!same(&one, &one[1..]) && !same(&one, "") && same("", ""));
    }
}
