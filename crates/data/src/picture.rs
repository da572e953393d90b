//! Decoded pixels and sizes.

/// One decoded image, 8 bits a channel.
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
