//! SHA-256 of files and weights, and the mixer behind every seed.
//!
//! The mixer is SplitMix64 (Steele, Lea and Flood, 2014), implemented here because a seed must give the same
//! numbers in every later version, which no library guarantees for its default generator. Not cryptographic.

use sha2::Digest;
use std::fmt;
use std::str::FromStr;

/// The SHA-256 of some bytes as 64 lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    ContentHash::of(bytes).to_string()
}

/// The SHA-256 of a file's bytes or of an image's pixels; it does not depend on the name. Displayed as 64
/// lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// The first and the second eight bytes as numbers, to key a random choice.
    pub fn key(&self) -> [u64; 2] {
        let number = |at: usize| {
            let bytes = self.0[at..].iter().take(8);
            bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
        };
        [number(0), number(8)]
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ContentHash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a SHA-256 of 64 hexadecimal digits");
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

/// An incremental SHA-256.
#[derive(Debug, Clone, Default)]
pub struct Sha256(sha2::Sha256);

impl Sha256 {
    /// Adds bytes.
    pub fn update(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.update(bytes);
    }

    /// The hash as 64 lower-case hexadecimal digits.
    pub fn finish(self) -> String {
        ContentHash(self.0.finalize().into()).to_string()
    }
}

/// What SplitMix64 adds to its state at each step.
pub const SPLITMIX_STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The output of SplitMix64 for a state: 64 pseudorandom bits. A bijection that maps 0 to 0.
pub const fn splitmix(state: u64) -> u64 {
    let mut z = state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A pseudorandom function of two numbers. Chained calls key random choices by seed, step and index.
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
    fn a_content_hash_reads_back_from_its_text() {
        let hash = ContentHash::of(b"abc");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!(hash.key()[0], 0xba78_16bf_8f01_cfea);
        for text in ["", "abc", &"g".repeat(64), &"\u{e9}".repeat(32)] {
            assert!(text.parse::<ContentHash>().is_err(), "{text}");
        }
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
