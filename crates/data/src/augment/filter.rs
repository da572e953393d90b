//! Filters: sharpness and Gaussian blur.

use super::color::blend;
use receptive_core::ImageSize;

/// Moves the image away from its smoothed version, or towards it if the factor is below 1, as Pillow's
/// `ImageEnhance.Sharpness`. The outermost pixels do not change.
pub(super) fn sharpness(pixels: &mut [u8], size: &ImageSize, factor: f32) {
    let (c, row) = (size.channels, size.width * size.channels);
    if size.width < 3 || size.height < 3 {
        return;
    }
    let original = pixels.to_vec();
    let rows: Vec<&[u8]> = original.chunks_exact(row).collect();
    for (around, changed) in rows.windows(3).zip(pixels.chunks_exact_mut(row).skip(1)) {
        for (at, value) in changed.iter_mut().enumerate().take(row - c).skip(c) {
            let three = |line: &[u8]| {
                u32::from(line[at - c]) + u32::from(line[at]) + u32::from(line[at + c])
            };
            let own = *value;
            let sum = around.iter().map(|line| three(line)).sum::<u32>() + 4 * u32::from(own);
            let smooth = (2 * sum + 13) / 26; // sum / 13, rounded
            *value = blend(smooth as u8, own, factor);
        }
    }
}

/// Gaussian blur with a standard deviation in pixels, as torchvision's `gaussian_blur`: the image is mirrored
/// at the edges.
pub(super) fn blur(pixels: &mut [u8], size: &ImageSize, kernel_size: usize, sigma: f32) {
    let (c, row, radius) = (size.channels, size.width * size.channels, kernel_size / 2);
    let weights: Vec<f32> = (0..=2 * radius)
        .map(|at| (-0.5 * ((at as f32 - radius as f32) / sigma).powi(2)).exp())
        .collect();
    let sum: f32 = weights.iter().sum();
    let weights: Vec<f32> = weights.iter().map(|weight| weight / sum).collect();

    // Along the rows.
    let mut along = vec![0.0; pixels.len()];
    let mut padded = Vec::with_capacity(row + 2 * radius * c);
    for (line, sums) in pixels.chunks_exact(row).zip(along.chunks_exact_mut(row)) {
        padded.clear();
        for column in 0..size.width + 2 * radius {
            let from = mirrored(column, radius, size.width) * c;
            padded.extend(line[from..from + c].iter().map(|value| f32::from(*value)));
        }
        for (at, weight) in weights.iter().enumerate() {
            add(sums, &padded[at * c..], *weight);
        }
    }
    // Along the columns.
    let mut sums = vec![0.0; row];
    for (y, line) in pixels.chunks_exact_mut(row).enumerate() {
        sums.fill(0.0);
        for (at, weight) in weights.iter().enumerate() {
            let from = mirrored(y + at, radius, size.height) * row;
            add(&mut sums, &along[from..], *weight);
        }
        for (value, sum) in line.iter_mut().zip(&sums) {
            *value = sum.round_ties_even() as u8;
        }
    }
}

fn add(sums: &mut [f32], values: &[f32], weight: f32) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += weight * value;
    }
}

/// The index `at - radius` in `0..len`, reflected at the ends as often as needed.
fn mirrored(at: usize, radius: usize, len: usize) -> usize {
    let period = 2 * (len - 1).max(1);
    let place = (at as isize - radius as isize).rem_euclid(period as isize) as usize;
    place.min(period - place).min(len - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_beyond_an_edge_are_mirrored() {
        let places = |len| (0..9).map(|at| mirrored(at, 3, len)).collect::<Vec<_>>();
        assert_eq!(places(4), [3, 2, 1, 0, 1, 2, 3, 2, 1]);
        assert_eq!(places(1), [0; 9]);
    }

    #[test]
    fn a_blur_keeps_a_flat_image_and_a_narrow_one_any() {
        let size = ImageSize::new(3, 2, 2);
        let mut flat = [200; 12];
        blur(&mut flat, &size, 7, 2.0);
        assert_eq!(flat, [200; 12]);
        let image: Vec<u8> = (0..12).map(|value| value * 20).collect();
        let mut pixels = image.clone();
        blur(&mut pixels, &size, 7, 0.1);
        assert_eq!(pixels, image);
    }
}
