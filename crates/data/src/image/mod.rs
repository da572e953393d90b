//! One image: from file to 8-bit pixels, and resizing.

pub(crate) mod decode;
pub(crate) mod equal;
pub(crate) mod foreign;
mod ico;
mod jpeg;
pub mod photos;
mod reduce;
pub(crate) mod resize;
mod tiff;

use std::cell::Cell;

/// One decoded image, 8 bits per channel.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// `[height, width, channels]`, row by row, 0 to 255.
    pub pixels: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Picture({}x{}x{})",
            self.width, self.height, self.channels
        )
    }
}

/// Buffers above this size are freed.
const MAX_SPARE_BYTES: usize = 16 << 20;

thread_local! {
    /// A buffer that the thread reuses for its next file: the system would clear newly allocated memory of this
    /// size, page by page, every time.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// `length` bytes with arbitrary content, to decode into.
fn spare_bytes(length: usize) -> Vec<u8> {
    let mut bytes = SPARE.take();
    bytes.resize(length, 0);
    bytes
}

impl Picture {
    /// Keeps the buffer of its pixels for the thread's next image.
    pub(crate) fn recycle(self) {
        if self.pixels.capacity() <= MAX_SPARE_BYTES {
            SPARE.set(self.pixels);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_one_picture_serves_the_next_at_any_length() {
        let recycle = |pixels| {
            Picture {
                width: 1,
                height: 1,
                channels: 1,
                pixels,
            }
            .recycle();
        };
        recycle(vec![7; 10]);
        for length in [4, 12, 0] {
            let bytes = spare_bytes(length);
            assert_eq!(bytes.len(), length);
            recycle(bytes);
        }
        recycle(vec![0; MAX_SPARE_BYTES + 1]);
        assert!(spare_bytes(0).capacity() <= MAX_SPARE_BYTES);
    }
}
