//! SHA-256 of files and weights, and the mixer behind every seed.
//!
//! The mixer is SplitMix64 (Steele, Lea and Flood, 2014), implemented here: a seed must give the same
//! numbers in every later version, which no library's "standard" generator promises. Not
//! cryptographic.

use sha2::Digest;

/// The SHA-256 of some bytes as 64 lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    let mut hash = Sha256::default();
    hash.update(bytes);
    hash.finish()
}

/// A SHA-256 over bytes that come in pieces.
#[derive(Debug, Clone, Default)]
pub struct Sha256(sha2::Sha256);

impl Sha256 {
    /// Adds bytes.
    pub fn update(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.update(bytes);
    }

    /// The hash as 64 lower-case hexadecimal digits.
    pub fn finish(self) -> String {
        use std::fmt::Write;
        let digest = self.0.finalize();
        digest
            .iter()
            .fold(String::with_capacity(64), |mut text, byte| {
                let _ = write!(text, "{byte:02x}"); // writing to a String cannot fail
                text
            })
    }
}

/// What SplitMix64 adds to its state at each step.
pub const SPLITMIX_STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The output of SplitMix64 for a state: 64 bits that look random. A bijection; 0 gives 0.
pub const fn splitmix(state: u64) -> u64 {
    let mut z = state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number that looks random and depends on both arguments alone; chains of it key random choices
/// by a seed, a step and an index.
pub const fn mix(a: u64, b: u64) -> u64 {
    splitmix(a.rotate_left(32) ^ b.wrapping_add(1).wrapping_mul(SPLITMIX_STEP))
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
    fn splitmix_matches_the_published_outputs() {
        // The first outputs for state 1234567, as published with the reference implementation.
        let mut state = 1_234_567u64;
        for expected in [6_457_827_717_110_365_317, 3_203_168_211_198_807_973] {
            state = state.wrapping_add(SPLITMIX_STEP);
            assert_eq!(splitmix(state), expected);
        }
    }

    #[test]
    fn mixed_numbers_have_balanced_bits() {
        for bit in 0..64 {
            let ones = (0..10_000u64)
                .filter(|&i| mix(7, i) >> bit & 1 == 1)
                .count();
            assert!((4_700..5_300).contains(&ones), "bit {bit}: {ones} of 10000");
        }
        assert_ne!(mix(1, 2), mix(2, 1));
    }
}
