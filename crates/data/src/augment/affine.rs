//! Affine transforms: translation, rotation, scale and shear in one step.

use super::bilinear::{Between, push};
use receptive_core::ImageSize;

/// How pixels that come from outside the image are filled.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outside<'a> {
    /// The nearest edge pixel.
    Edge,
    /// This colour, one byte per channel.
    Color(&'a [u8]),
}

/// Maps a position of the result to one of the source: `x = a * column + b * row + c` and `y = d * column + e *
/// row + f`. Pixel centres are at half-integers, as in Pillow's `Image.transform`.
pub(super) type Matrix = [f64; 6];

/// A rotation, translation, scale and shear, combined as in torchvision's `affine`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Affine {
    /// Clockwise.
    pub(super) degrees: f64,
    /// In pixels, rightwards and downwards.
    pub(super) translate: [f64; 2],
    /// The scale factor.
    pub(super) scale: f64,
    /// In degrees, along the rows and along the columns.
    pub(super) shear: [f64; 2],
}

impl Affine {
    pub(super) const IDENTITY: Self = Self {
        degrees: 0.0,
        translate: [0.0; 2],
        scale: 1.0,
        shear: [0.0; 2],
    };

    /// The inverse map, around a centre that stays fixed before the translation.
    pub(super) fn matrix(&self, [centre_x, centre_y]: [f64; 2]) -> Matrix {
        let turn = self.degrees.to_radians();
        let [shear_x, shear_y] = self.shear.map(f64::to_radians);
        let slant = shear_x.tan();
        let a = (turn - shear_y).cos() / shear_y.cos();
        let b = -(a * slant + turn.sin());
        let c = (turn - shear_y).sin() / shear_y.cos();
        let d = turn.cos() - c * slant;
        // The determinant of the map without its scale is 1.
        let [a, b, c, d] = [d, -b, -c, a].map(|value| value / self.scale);
        let [to_x, to_y] = [centre_x + self.translate[0], centre_y + self.translate[1]];
        [
            a,
            b,
            centre_x - a * to_x - b * to_y,
            c,
            d,
            centre_y - c * to_x - d * to_y,
        ]
    }

    /// The inverse map around the centre of the image.
    pub(super) fn centred(&self, size: &ImageSize) -> Matrix {
        self.matrix([size.width as f64 / 2.0, size.height as f64 / 2.0])
    }
}

/// Resamples an image through `matrix`, bilinearly.
pub(super) fn warp(
    pixels: &[u8],
    size: &ImageSize,
    [a, b, c, d, e, f]: Matrix,
    outside: Outside<'_>,
) -> Vec<u8> {
    let (width, height) = (size.width as f64, size.height as f64);
    let mut warped = Vec::with_capacity(pixels.len());
    for row in 0..size.height {
        let row = row as f64 + 0.5;
        for column in 0..size.width {
            let column = column as f64 + 0.5;
            let x = a * column + b * row + c;
            let y = d * column + e * row + f;
            match outside {
                Outside::Color(color)
                    if !((0.0..width).contains(&x) && (0.0..height).contains(&y)) =>
                {
                    warped.extend_from_slice(color);
                }
                _ => {
                    let x = Between::new((x - 0.5) as f32, size.width);
                    let y = Between::new((y - 0.5) as f32, size.height);
                    push(&mut warped, pixels, size, x, y);
                }
            }
        }
    }
    warped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_a_move_of_whole_pixels_copies_them() {
        let size = ImageSize::new(1, 2, 3);
        let pixels = [1, 2, 3, 4, 5, 6];
        let moved = |translate, outside| {
            let affine = Affine {
                translate,
                ..Affine::IDENTITY
            };
            warp(&pixels, &size, affine.centred(&size), outside)
        };
        assert_eq!(moved([0.0; 2], Outside::Edge), pixels);
        assert_eq!(moved([1.0, 0.0], Outside::Edge), [1, 1, 2, 4, 4, 5]);
        let filled = moved([1.0, -1.0], Outside::Color(&[9]));
        assert_eq!(filled, [9, 4, 5, 9, 9, 9]);
    }

    #[test]
    fn a_quarter_turn_is_clockwise_and_exact() {
        let size = ImageSize::new(1, 2, 2);
        let turn = Affine {
            degrees: 90.0,
            ..Affine::IDENTITY
        };
        let turned = warp(&[1, 2, 3, 4], &size, turn.centred(&size), Outside::Edge);
        assert_eq!(turned, [3, 1, 4, 2]);
    }
}
