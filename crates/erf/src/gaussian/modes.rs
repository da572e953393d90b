//! Modes of a smoothed map.

use super::field::Field;
use super::fitted::Gaussian2;
use super::thresholds::{MODE_OFFSET, MODE_PROMINENCE, MODE_SMOOTHING};

/// Whether the smoothed field has one mode, near its centroid. `noise` is the relative standard
/// error of a pixel: a mode has to stand out of what is left of it after smoothing.
pub(super) fn one_central_mode(field: &Field, moments: &Gaussian2, noise: f64) -> bool {
    let sigmas = [0, 1].map(|axis| moments.covariance[axis][axis].sqrt());
    let blurs = sigmas.map(|sigma| MODE_SMOOTHING * sigma);
    let (height, width) = (field.data.height, field.data.width);
    let smooth = smoothed(&field.values, height, width, blurs);
    let peak = smooth.iter().copied().fold(0.0, f64::max);

    // White noise smoothed by a Gaussian of s pixels is averaged over 4 pi s^2 of them.
    let averaged = (4.0 * std::f64::consts::PI * blurs[0] * blurs[1]).max(1.0);
    let prominence = peak * (5.0 * noise / averaged.sqrt()).max(MODE_PROMINENCE);
    if modes(&smooth, width, prominence) > 1 {
        return false;
    }
    let top = smooth
        .iter()
        .position(|value| *value == peak)
        .map_or(0.0, |index| {
            let (row, column) = field.place(index);
            moments.mahalanobis_squared(row, column).sqrt()
        });
    let inside = |mean: f64, first: i64, count: usize| {
        (mean.round() as i64 - first).clamp(0, count as i64 - 1) as usize
    };
    let row = inside(moments.mean[0], field.data.top, height);
    let column = inside(moments.mean[1], field.data.left, width);
    // On a plateau the peak may be anywhere: it is off the centroid only if it is above it too.
    top <= MODE_OFFSET || smooth[row * width + column] > peak - prominence
}

/// The map convolved with a Gaussian of these standard deviations along rows' and columns' axis;
/// zeros outside.
fn smoothed(values: &[f64], height: usize, width: usize, blurs: [f64; 2]) -> Vec<f64> {
    let kernels = blurs.map(|blur| {
        let reach = (3.5 * blur).ceil() as usize;
        let raw: Vec<f64> = (0..=reach)
            .map(|offset| (-0.5 * (offset as f64 / blur.max(1e-9)).powi(2)).exp())
            .collect();
        let sum = 2.0 * raw.iter().sum::<f64>() - 1.0;
        raw.into_iter().map(|tap| tap / sum).collect::<Vec<f64>>()
    });
    let mut down = vec![0.0; values.len()];
    for row in 0..height {
        let out = &mut down[row * width..(row + 1) * width];
        for other in 0..height {
            if let Some(tap) = kernels[0].get(row.abs_diff(other)) {
                let line = &values[other * width..(other + 1) * width];
                out.iter_mut().zip(line).for_each(|(o, v)| *o += tap * v);
            }
        }
    }
    let mut across = vec![0.0; values.len()];
    for (out, line) in across.chunks_exact_mut(width).zip(down.chunks_exact(width)) {
        for (offset, tap) in kernels[1].iter().enumerate().take(width) {
            let shift = |out: &mut [f64], line: &[f64]| {
                out.iter_mut().zip(line).for_each(|(o, v)| *o += tap * v);
            };
            shift(&mut out[offset..], line);
            if offset > 0 {
                shift(out, &line[offset..]);
            }
        }
    }
    across
}

/// How many modes stand at least `prominence` above the highest pass to a higher one. Pixels are
/// flooded from the top; where two islands meet, the lower one has found its pass.
fn modes(values: &[f64], width: usize, prominence: f64) -> usize {
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.sort_unstable_by(|a, b| values[*b as usize].total_cmp(&values[*a as usize]));
    const DRY: u32 = u32::MAX;
    // Each island's pixels point to its highest one, so a root's value is its summit's.
    let mut parent = vec![DRY; values.len()];
    let root = |parent: &mut Vec<u32>, mut at: u32| {
        while parent[at as usize] != at {
            let above = parent[parent[at as usize] as usize];
            parent[at as usize] = above;
            at = above;
        }
        at
    };
    let mut found = 1;
    for pixel in order {
        let at = pixel as usize;
        parent[at] = pixel;
        let (row, column) = (at / width, at % width);
        for down in row.saturating_sub(1)..=row + 1 {
            for right in column.saturating_sub(1)..=(column + 1).min(width - 1) {
                let Some(index) = Some(down * width + right).filter(|i| *i < values.len()) else {
                    continue;
                };
                if parent[index] == DRY {
                    continue;
                }
                let (a, b) = (root(&mut parent, pixel), root(&mut parent, index as u32));
                if a == b {
                    continue;
                }
                let higher = values[a as usize] >= values[b as usize];
                let (high, low) = if higher { (a, b) } else { (b, a) };
                if values[low as usize] - values[at] > prominence {
                    found += 1;
                }
                parent[low as usize] = high;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_counted_by_their_prominence() {
        let values = [0.0, 1.0, 0.2, 0.8, 0.7, 0.75, 0.0];
        assert_eq!(modes(&values, 7, 0.1), 2);
        assert_eq!(modes(&values, 7, 0.01), 3);
        assert_eq!(modes(&values, 7, 0.7), 1);
        assert_eq!(modes(&[1.0; 12], 4, 0.0), 1);
        // Diagonal neighbours are neighbours.
        assert_eq!(modes(&[1.0, 0.0, 0.0, 1.0], 2, 0.1), 1);
    }

    #[test]
    fn smoothing_keeps_the_mass_of_what_is_inside() {
        let mut values = vec![0.0; 21 * 31];
        values[10 * 31 + 15] = 1.0;
        let smooth = smoothed(&values, 21, 31, [1.5, 2.5]);
        assert!((smooth.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let ratio = smooth[10 * 31 + 20] / smooth[10 * 31 + 15];
        assert!((ratio - (-2.0f64).exp()).abs() < 1e-12);
        let ratio = smooth[13 * 31 + 15] / smooth[10 * 31 + 15];
        assert!((ratio - (-2.0f64).exp()).abs() < 1e-12);
    }
}
