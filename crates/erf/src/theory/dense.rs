//! Backward propagation through convolutions and dense layers, weight by weight.

use super::planes::Planes;
use super::slide::Slide;
use rayon::prelude::*;
use std::ops::Range;

/// A convolution's squared weights: `[outputs, inputs / groups, height, width]`.
#[derive(Debug)]
pub(super) struct Kernel<'a> {
    pub(super) squares: &'a [f64],
    pub(super) channels: [usize; 2],
    pub(super) groups: usize,
    pub(super) slides: [Slide; 2],
}

/// Units spread out to stride 1, with zeros between and around them, so that what a tap adds to a
/// row of pixels is contiguous.
struct Spread {
    values: Vec<f64>,
    rows: Range<usize>,
    width: usize,
}

impl Spread {
    fn new(units: &Planes, along: &Slide, pixels: &Range<usize>) -> Self {
        let margin = along.dilation * (along.kernel - 1);
        let width = pixels.len() + margin;
        let lines = units.count * units.rows.len();
        let mut values = vec![0.0; lines * width];
        // The position of the buffer's first value on the padded axis, offset by `margin` so that
        // it is not negative.
        let first = pixels.start + along.before;
        let from = units.values.chunks_exact(units.columns.len().max(1));
        for (line, from) in values.chunks_exact_mut(width.max(1)).zip(from) {
            for (unit, value) in units.columns.clone().zip(from) {
                let place = (unit * along.stride + margin).checked_sub(first);
                if let Some(cell) = place.and_then(|place| line.get_mut(place)) {
                    *cell = *value;
                }
            }
        }
        Self {
            values,
            rows: units.rows.clone(),
            width,
        }
    }

    fn line(&self, channel: usize, row: usize) -> &[f64] {
        let start = (channel * self.rows.len() + row - self.rows.start) * self.width;
        &self.values[start..start + self.width]
    }
}

impl Kernel<'_> {
    /// The contribution of the units to each pixel of each input channel.
    pub(super) fn back(&self, units: &Planes) -> Planes {
        let [vertical, horizontal] = &self.slides;
        let rows = vertical.needed(&units.rows);
        let columns = horizontal.needed(&units.columns);
        let mut input = Planes::filled(self.channels[0], [rows, columns], 0.0);
        if input.area() == 0 {
            return input;
        }
        let spread = Spread::new(units, horizontal, &input.columns);
        let (rows, area, width) = (input.rows.clone(), input.area(), input.columns.len());
        input
            .values
            .par_chunks_exact_mut(area)
            .enumerate()
            .for_each(|(channel, plane)| {
                for (row, line) in rows.clone().zip(plane.chunks_exact_mut(width)) {
                    self.gather(channel, row, &spread, line);
                }
            });
        input
    }

    /// One row of pixels of one channel, summed over all units that see it.
    fn gather(&self, channel: usize, row: usize, spread: &Spread, line: &mut [f64]) {
        let [vertical, horizontal] = &self.slides;
        let [inputs, outputs] = self.channels.map(|channels| channels / self.groups);
        let (group, within) = (channel / inputs, channel % inputs);
        let taps = vertical.kernel * horizontal.kernel;
        for tap in 0..vertical.kernel {
            let place = (row + vertical.before).checked_sub(tap * vertical.dilation);
            let Some(place) = place.filter(|place| place.is_multiple_of(vertical.stride)) else {
                continue;
            };
            let unit = place / vertical.stride;
            if !spread.rows.contains(&unit) {
                continue;
            }
            for output in group * outputs..(group + 1) * outputs {
                let start = (output * inputs + within) * taps + tap * horizontal.kernel;
                let weights = &self.squares[start..start + horizontal.kernel];
                gather_taps(
                    line,
                    spread.line(output, unit),
                    weights,
                    horizontal.dilation,
                );
            }
        }
    }
}

/// Adds the contribution of a row of taps; three taps at a time, so that a sum stays in a register.
fn gather_taps(line: &mut [f64], mut from: &[f64], weights: &[f64], dilation: usize) {
    // The last tap reads furthest ahead, so its units come first.
    let mut rest = weights;
    while let [before @ .., c, b, a] = rest {
        let n = line.len();
        let (x, y, z) = (
            &from[..n],
            &from[dilation..][..n],
            &from[2 * dilation..][..n],
        );
        for (i, sum) in line.iter_mut().enumerate() {
            *sum += a * x[i] + b * y[i] + c * z[i];
        }
        rest = before;
        from = from.get(3 * dilation..).unwrap_or_default();
    }
    for (place, weight) in rest.iter().rev().enumerate() {
        for (sum, value) in line.iter_mut().zip(&from[place * dilation..]) {
            *sum += weight * value;
        }
    }
}

/// The contribution to each input of a dense layer: `weights` are `[inputs, outputs]`, not yet
/// squared.
pub(super) fn linear(weights: &[f32], outputs: &[f64]) -> Vec<f64> {
    weights
        .par_chunks_exact(outputs.len().max(1))
        .map(|row| {
            row.iter()
                .zip(outputs)
                .map(|(weight, output)| f64::from(*weight).powi(2) * output)
                .sum()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_weights_are_a_box() {
        for (kernel, stride, dilation, before) in [
            (3, 1, 1, 1),
            (4, 2, 1, 2),
            (5, 3, 2, 4),
            (2, 1, 3, 0),
            (7, 1, 2, 6),
            (1, 2, 1, 0),
        ] {
            let slide = Slide {
                kernel,
                stride,
                dilation,
                before,
                size: 40,
            };
            let mut units = Planes::filled(2, [1..4, 2..7], 0.0);
            for (place, value) in units.values.iter_mut().enumerate() {
                *value = ((place * 7) % 11) as f64;
            }
            let kernel = Kernel {
                squares: &vec![1.0; 6 * kernel * kernel],
                channels: [3, 2],
                groups: 1,
                slides: [slide; 2],
            };
            let found = kernel.back(&units);
            let boxed = units.boxed(&[slide; 2]);
            let both = boxed.summed([1.0, 1.0].into_iter());
            assert_eq!(found.ranges(), boxed.ranges());
            assert!(found.each().all(|plane| plane == both), "{slide:?}");
        }
    }
}
