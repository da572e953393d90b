//! Which decoded images are equal, whatever the bytes of their files.

use crate::image::Picture;

/// Odd numbers without a pattern.
const KEYS: [u64; 4] = [
    0x9e37_79b9_7f4a_7c15,
    0xc2b2_ae3d_27d4_eb4f,
    0x1656_67b1_9e37_79f9,
    0x27d4_eb2f_1656_67c5,
];

/// A hash of an image's size and pixels. It takes a fraction of the time that decoding does; equal hashes of
/// images that differ come about by chance only, one in 2^100.
pub(crate) fn pixel_hash(picture: &Picture) -> u128 {
    let size = [picture.width, picture.height, picture.channels].map(|side| side as u64);
    let [mut a, mut b] = [KEYS[0] ^ size[0], KEYS[1] ^ size[1] ^ (size[2] << 56)];
    let mut chunks = picture.pixels.chunks_exact(16);
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

/// Both halves of the product.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn picture(width: usize, height: usize, pixels: Vec<u8>) -> Picture {
        Picture {
            width,
            height,
            channels: 1,
            pixels,
        }
    }

    #[test]
    fn one_bit_or_another_shape_is_another_hash() {
        let mut hashes = HashSet::new();
        for length in [1, 15, 16, 17, 48, 49] {
            let pixels = vec![7; length];
            assert!(hashes.insert(pixel_hash(&picture(length, 1, pixels.clone()))));
            let same = picture(length, 1, pixels.clone());
            assert!(!hashes.insert(pixel_hash(&same)));
            if length > 1 {
                assert!(hashes.insert(pixel_hash(&picture(1, length, pixels.clone()))));
            }
            for bit in 0..8 * length {
                let mut other = pixels.clone();
                other[bit / 8] ^= 1 << (bit % 8);
                assert!(
                    hashes.insert(pixel_hash(&picture(length, 1, other))),
                    "{length} {bit}"
                );
            }
        }
        // Black images of many sizes: zeros must not be swallowed.
        for length in 1..200 {
            assert!(hashes.insert(pixel_hash(&picture(length, 1, vec![0; length]))));
        }
    }
}
