//! Equality of images, regardless of their files' bytes.

use crate::image::Picture;
use receptive_core::hash::ContentHash;
use std::fmt;
use std::str::FromStr;

/// The identity of an image, under any name and in any folder: equal bytes, or equal pixels in files that
/// differ in compression or metadata. An image that was resized, cropped, edited or recompressed with loss
/// (such as to JPEG) is a different one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ImageIdentity {
    /// SHA-256 of the file, or of the pixels if the file contains many images.
    pub content: ContentHash,
    /// The hash of its pixels as displayed.
    pub pixels: PixelHash,
    /// If the image has an EXIF orientation, the hash of its pixels as stored, which equals that of a copy
    /// without EXIF data.
    pub stored: PixelHash,
}

/// A hash of an image's size and pixels. Zero means that the pixels are not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PixelHash(u128);

impl PixelHash {
    /// Whether the pixels are known.
    pub fn is_known(self) -> bool {
        self.0 != 0
    }

    pub(crate) fn of_picture(picture: &Picture) -> Self {
        let size = [picture.width, picture.height, picture.channels];
        Self::of(size, &picture.pixels)
    }

    /// The hash of `[height, width, channels]` pixels; `size` is width, height and channels. A grey image has
    /// the same hash with one channel and with three. Takes a fraction of the decoding time; the probability of
    /// a collision is about 2^-100.
    pub(crate) fn of([width, height, channels]: [usize; 3], pixels: &[u8]) -> Self {
        let is_grey = |pixel: &[u8]| pixel[0] == pixel[1] && pixel[0] == pixel[2];
        if channels == 3 && pixels.chunks_exact(3).all(is_grey) {
            let grey: Vec<u8> = pixels.iter().step_by(3).copied().collect();
            return Self(hash([width, height, 1], &grey));
        }
        Self(hash([width, height, channels], pixels))
    }
}

impl fmt::Display for PixelHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for PixelHash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_hash = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = is_hash.then(|| u128::from_str_radix(text, 16).ok());
        let wrong = || format!("`{text}` is not a hash of pixels with 32 hexadecimal digits");
        number.flatten().map(Self).ok_or_else(wrong)
    }
}

/// Odd constants without a pattern.
const KEYS: [u64; 4] = [
    0x9e37_79b9_7f4a_7c15,
    0xc2b2_ae3d_27d4_eb4f,
    0x1656_67b1_9e37_79f9,
    0x27d4_eb2f_1656_67c5,
];

fn hash(size: [usize; 3], pixels: &[u8]) -> u128 {
    let size = size.map(|side| side as u64);
    let [mut a, mut b] = [KEYS[0] ^ size[0], KEYS[1] ^ size[1] ^ (size[2] << 56)];
    let mut chunks = pixels.chunks_exact(16);
    for chunk in &mut chunks {
        (a, b) = mix(a, b, chunk);
    }
    let mut rest = [0; 16];
    for (place, byte) in rest.iter_mut().zip(chunks.remainder()) {
        *place = *byte;
    }
    (a, b) = mix(a, b, &rest);
    (a, b) = mix(a, b, &[0; 16]);
    u128::from(a) << 64 | u128::from(b)
}

fn mix(a: u64, b: u64, chunk: &[u8]) -> (u64, u64) {
    let word = |at: usize| {
        let bytes = chunk
            .get(at..at + 8)
            .and_then(|bytes| bytes.try_into().ok());
        u64::from_le_bytes(bytes.unwrap_or_default())
    };
    let (x, y) = (word(0), word(8));
    (
        fold(a ^ x, KEYS[2] ^ y).wrapping_add(b.rotate_left(23)),
        fold(b ^ y, KEYS[3] ^ x).wrapping_add(a.rotate_left(41)),
    )
}

/// Multiplies to 128 bits and XORs the two halves.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn one_bit_or_another_shape_is_another_hash() {
        let mut hashes = HashSet::new();
        let of = |width, height, pixels: &[u8]| PixelHash::of([width, height, 1], pixels);
        for length in [1, 15, 16, 17, 48, 49] {
            let pixels = vec![7; length];
            assert!(hashes.insert(of(length, 1, &pixels)));
            assert!(!hashes.insert(of(length, 1, &pixels)));
            if length > 1 {
                assert!(hashes.insert(of(1, length, &pixels)));
            }
            for bit in 0..8 * length {
                let mut other = pixels.clone();
                other[bit / 8] ^= 1 << (bit % 8);
                assert!(hashes.insert(of(length, 1, &other)), "{length} {bit}");
            }
        }
        // Black images of many sizes: zeros must affect the hash.
        for length in 1..200 {
            assert!(hashes.insert(of(length, 1, &vec![0; length])));
        }
    }

    #[test]
    fn grey_is_the_same_in_one_channel_and_in_three() {
        let grey = PixelHash::of([2, 1, 1], &[9, 200]);
        let rgb = |last| PixelHash::of([2, 1, 3], &[9, 9, 9, 200, 200, last]);
        assert_eq!(grey, rgb(200));
        assert_ne!(grey, rgb(201));
    }

    #[test]
    fn a_hash_reads_back_and_nothing_else_does() {
        let hash = PixelHash::of([1, 1, 1], &[3]);
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for text in ["", "3", &"g".repeat(32), &"+".repeat(32)] {
            assert!(text.parse::<PixelHash>().is_err(), "{text}");
        }
    }
}
