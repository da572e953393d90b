//! Hashes: SHA-256 for files and weights, and a mixer for seeds.

use sha2::{Digest, Sha256};

/// The SHA-256 of some bytes as 64 lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hex(digest: &[u8]) -> String {
    use std::fmt::Write;
    digest
        .iter()
        .fold(String::with_capacity(2 * digest.len()), |mut text, byte| {
            let _ = write!(text, "{byte:02x}"); // writing to a String can't fail
            text
        })
}

/// A number that looks random and depends on both arguments alone: one step of SplitMix64 (Steele,
/// Lea, Flood 2014) started at their combination. Chains of it key all of this crate's randomness.
pub const fn mix(a: u64, b: u64) -> u64 {
    let mut z = a.rotate_left(32) ^ b.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256_matches_the_published_vector() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn mixed_words_have_balanced_bits() {
        for bit in 0..64 {
            let ones = (0..10_000u64)
                .filter(|&i| mix(7, i) >> bit & 1 == 1)
                .count();
            assert!((4_700..5_300).contains(&ones), "bit {bit}: {ones} of 10000");
        }
        assert_ne!(mix(1, 2), mix(2, 1));
    }
}
