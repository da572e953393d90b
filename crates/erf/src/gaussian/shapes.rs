//! Shapes that moments do not reveal: holes caused by strides and dilation, a floor that does not
//! decay, and several modes.

use super::estimate::{Estimate, student};
use super::field::NormalizedMap;
use super::gaussian2::Gaussian2;
use super::total_variation::{half_splits, sum_into};

/// A floor is at least this fraction of the peak.
const FLOOR_SHARE: f64 = 0.002;
/// A floor begins at this many least-squares sigmas from the centre, where a Gaussian is at 1.1 %.
const FLOOR_RADIUS: f64 = 3.0;
/// A floor retains this much of its value over the last least-squares sigma; an r^-3 tail, the
/// slowest of the controls, retains half.
const FLOOR_KEPT: f64 = 0.8;
/// Smoothing before modes are counted, in sigmas: removes a grid but keeps two blobs apart.
const MODE_SMOOTHING: f64 = 0.4;
/// How far a mode must rise above the saddle to a higher one, as a fraction of the peak.
const MODE_PROMINENCE: f64 = 0.1;
/// The largest distance of the peak from the centroid, in sigmas: in a smooth unimodal map it is
/// within one.
const MODE_OFFSET: f64 = 1.0;

/// The hole index: the minimum ratio of the map to a reference Gaussian over the pixels within one
/// sigma.
#[derive(Debug)]
pub(super) struct Core {
    cells: Vec<(usize, f64)>, // index into the field's values, 1 / reference
}

impl Core {
    /// The pixels within one sigma of a reference in the field's units.
    pub(super) fn new(field: &NormalizedMap, reference: &Gaussian2) -> Self {
        let cells = (0..field.values.len())
            .filter_map(|index| {
                let (row, column) = field.place(index);
                let within = reference.mahalanobis_squared(row, column) <= 1.0;
                within.then(|| (index, 1.0 / reference.value(row, column)))
            })
            .collect();
        Self { cells }
    }

    /// The ratio of these values, scaled by their mass, to the reference at each pixel.
    fn ratios(&self, values: &[f64], mass: f64) -> impl Iterator<Item = f64> {
        self.cells
            .iter()
            .map(move |(index, inverse)| values[*index] / mass * inverse)
    }

    /// The index. Without noise it is the minimum ratio. The minimum of many noisy ratios is biased
    /// low, so with groups the pixel is selected on one half of them and its ratio read on the
    /// other.
    pub(super) fn hole(&self, field: &NormalizedMap) -> Estimate {
        if self.cells.is_empty() {
            return Estimate::exact(1.0);
        }
        let least = self
            .ratios(&field.values, 1.0)
            .fold(f64::INFINITY, f64::min);
        if field.groups.len() < 2 {
            return Estimate::exact(least);
        }
        let groups: Vec<&[f64]> = field.groups.iter().map(Vec::as_slice).collect();
        let (mut a, mut b) = (vec![0.0; field.values.len()], vec![0.0; field.values.len()]);
        let (mut value, mut reads) = (0.0, 0.0);
        for [first, second] in half_splits(groups.len()) {
            sum_into(&mut a, &groups, &first);
            sum_into(&mut b, &groups, &second);
            for (chooser, reader) in [(&a, &b), (&b, &a)] {
                value += self.read(chooser, reader);
                reads += 1.0;
            }
        }
        let value = value / reads;
        // A ratio's error is proportional to it. `low` must hold for the minimum over all pixels;
        // `value` belongs to one pixel, and each pixel is an upper bound on the minimum.
        let error = student(groups.len() - 1) * self.relative_noise(field);
        Estimate {
            value,
            low: (least * (1.0 - error)).clamp(0.0, value),
            high: value * (1.0 + 2f64.sqrt() * error), // as if read on one half
        }
    }

    fn read(&self, chooser: &[f64], reader: &[f64]) -> f64 {
        let mass = reader.iter().sum::<f64>();
        let lowest = self
            .ratios(chooser, 1.0)
            .zip(self.ratios(reader, mass))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        lowest.map_or(
            1.0,
            |(_, ratio)| if ratio.is_finite() { ratio } else { 1.0 },
        )
    }

    /// The standard error of the map's pixels relative to their values, pooled over the core; 0
    /// without groups.
    pub(super) fn relative_noise(&self, field: &NormalizedMap) -> f64 {
        let groups = field.groups.len();
        if groups < 2 {
            return 0.0;
        }
        let (mut spread, mut squares) = (0.0, 0.0);
        for (index, _) in &self.cells {
            let mean = field.groups.iter().map(|g| g[*index]).sum::<f64>() / groups as f64;
            squares += mean * mean;
            spread += field
                .groups
                .iter()
                .map(|g| (g[*index] - mean).powi(2))
                .sum::<f64>();
        }
        if squares <= 0.0 {
            return 0.0;
        }
        (spread / squares / ((groups - 1) * groups) as f64).sqrt()
    }
}

/// Whether the outermost ring of the data, where it is beyond [`FLOOR_RADIUS`] from the fit's
/// centre, is above [`FLOOR_SHARE`] of the fit's peak and hardly below the ring one sigma further
/// inside.
pub(super) fn is_floor(field: &NormalizedMap, fit: &Gaussian2) -> bool {
    let step = fit.sigma().ceil() as i64;
    let (Some(outer), Some(inner)) = (ring(field, fit, 0), ring(field, fit, step)) else {
        return false;
    };
    outer > FLOOR_SHARE * fit.amplitude && outer > FLOOR_KEPT * inner
}

/// The mean over the pixels at distance `inset` from the edge and beyond [`FLOOR_RADIUS`] from the
/// fit's centre.
fn ring(field: &NormalizedMap, fit: &Gaussian2, inset: i64) -> Option<f64> {
    let (height, width) = (field.data.height as i64, field.data.width as i64);
    let (mut sum, mut count) = (0.0, 0.0);
    for (index, value) in field.values.iter().enumerate() {
        let (down, right) = (index as i64 / width, index as i64 % width);
        let from_edge = down
            .min(right)
            .min(height - 1 - down)
            .min(width - 1 - right);
        let (row, column) = field.place(index);
        if from_edge == inset && fit.mahalanobis_squared(row, column) > FLOOR_RADIUS.powi(2) {
            sum += value;
            count += 1.0;
        }
    }
    (count > 0.0).then(|| sum / count)
}

/// Whether the smoothed field has a single mode, near its centroid. `noise` is the relative
/// standard error of a pixel: a mode must exceed what is left of it after smoothing.
pub(super) fn one_central_mode(field: &NormalizedMap, moments: &Gaussian2, noise: f64) -> bool {
    let sigmas = [0, 1].map(|axis| moments.covariance[axis][axis].sqrt());
    let blurs = sigmas.map(|sigma| MODE_SMOOTHING * sigma);
    let (height, width) = (field.data.height, field.data.width);
    let smooth = smoothed(&field.values, height, width, blurs);
    let peak = smooth.iter().copied().fold(0.0, f64::max);

    // Smoothing with a Gaussian of s pixels averages white noise over 4 pi s^2 of them.
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
    // On a plateau the peak may be anywhere: it is off the centroid only if it is also higher.
    top <= MODE_OFFSET || smooth[row * width + column] > peak - prominence
}

/// The map convolved with a Gaussian with these standard deviations along the row and column axes,
/// with zeros outside.
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

/// The number of modes that rise at least `prominence` above the highest saddle to a higher mode.
/// Pixels are added from the highest down; when two islands meet, the lower one has reached its
/// saddle.
fn modes(values: &[f64], width: usize, prominence: f64) -> usize {
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.sort_unstable_by(|a, b| values[*b as usize].total_cmp(&values[*a as usize]));
    const DRY: u32 = u32::MAX;
    // Each island's pixels point to its highest one, so a root's value is the island's maximum.
    let mut parent = vec![DRY; values.len()];
    let root = |parent: &mut Vec<u32>, mut at: u32| {
        while parent[at as usize] != at {
            let above = parent[parent[at as usize] as usize];
            parent[at as usize] = above;
            at = above;
        }
        at
    };
    let mut count = 1;
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
                    count += 1;
                }
                parent[low as usize] = high;
            }
        }
    }
    count
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
        // Diagonal pixels are neighbours.
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
