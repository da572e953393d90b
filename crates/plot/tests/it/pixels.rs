//! A PNG back as pixels.

use receptive_plot::{Color, Draw};

pub(crate) struct Pixels {
    pub(crate) width: usize,
    pub(crate) height: usize,
    rgb: Vec<u8>,
}

impl Pixels {
    pub(crate) fn of(picture: &dyn Draw) -> Self {
        let png = picture.to_png().unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(png))
            .read_info()
            .unwrap();
        let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut rgb).unwrap();
        assert_eq!(info.color_type, png::ColorType::Rgb);
        Self {
            width: info.width as usize,
            height: info.height as usize,
            rgb,
        }
    }

    pub(crate) fn at(&self, x: usize, y: usize) -> Color {
        let i = (y * self.width + x) * 3;
        Color::new(self.rgb[i], self.rgb[i + 1], self.rgb[i + 2])
    }

    pub(crate) fn count(&self, wanted: impl Fn(Color) -> bool) -> usize {
        self.rgb
            .chunks_exact(3)
            .filter(|p| wanted(Color::new(p[0], p[1], p[2])))
            .count()
    }

    /// The smallest rectangle holding every pixel of a colour: left, top, right, bottom.
    pub(crate) fn bounds(&self, color: Color) -> (usize, usize, usize, usize) {
        let all = (0..self.height).flat_map(|y| (0..self.width).map(move |x| (x, y)));
        all.filter(|(x, y)| self.at(*x, *y) == color).fold(
            (usize::MAX, usize::MAX, 0, 0),
            |(left, top, right, bottom), (x, y)| {
                (left.min(x), top.min(y), right.max(x), bottom.max(y))
            },
        )
    }
}
