//! A window sliding along one axis of a map, read backwards: from units to the pixels under them.

use std::ops::Range;

/// A window along one axis of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slide {
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) dilation: usize,
    /// Padding before the first pixel.
    pub(super) before: usize,
    /// Number of pixels of the map along this axis; what is beyond is padding.
    pub(super) size: usize,
}

impl Slide {
    /// The pixel under a tap; `None` if it is padding.
    fn pixel(&self, unit: usize, tap: usize) -> Option<usize> {
        (unit * self.stride + tap * self.dilation)
            .checked_sub(self.before)
            .filter(|pixel| *pixel < self.size)
    }

    /// The same windows on a map that includes this much padding before and after.
    pub(super) fn counting(&self, [before, after]: [usize; 2]) -> Self {
        Self {
            before: self.before - before.min(self.before),
            size: self.size + before + after,
            ..*self
        }
    }

    /// The number of a unit's taps on real pixels.
    pub(super) fn real(&self, unit: usize) -> usize {
        (0..self.kernel)
            .filter(|tap| self.pixel(unit, *tap).is_some())
            .count()
    }

    /// The pixels that these units see.
    pub(super) fn needed(&self, units: &Range<usize>) -> Range<usize> {
        let Some(last) = units.clone().last() else {
            return 0..0;
        };
        let inside = |place: usize| place.saturating_sub(self.before).min(self.size);
        let first = inside(units.start * self.stride);
        let end = inside(last * self.stride + self.dilation * (self.kernel - 1) + 1);
        if first < end { first..end } else { 0..0 }
    }

    /// Adds each unit's line of `width` values to the lines under its taps.
    pub(super) fn scatter_lines(
        &self,
        units: &Range<usize>,
        from: &[f64],
        pixels: &Range<usize>,
        to: &mut [f64],
        width: usize,
    ) {
        for (unit, line) in units.clone().zip(from.chunks_exact(width.max(1))) {
            for pixel in (0..self.kernel).filter_map(|tap| self.pixel(unit, tap)) {
                let start = (pixel - pixels.start) * width;
                add(&mut to[start..start + width], line);
            }
        }
    }

    /// Adds each unit's value to the pixels under its taps.
    pub(super) fn scatter_values(
        &self,
        units: &Range<usize>,
        from: &[f64],
        pixels: &Range<usize>,
        to: &mut [f64],
    ) {
        for tap in 0..self.kernel {
            // A tap's pixels are a stride apart: skips the units before the first real pixel; the
            // iteration ends with the shorter side.
            let place = units.start * self.stride + tap * self.dilation;
            let edge = self.before + pixels.start;
            let skipped = edge.saturating_sub(place).div_ceil(self.stride);
            let first = place + skipped * self.stride - edge;
            let (Some(from), Some(to)) = (from.get(skipped..), to.get_mut(first..)) else {
                continue;
            };
            if self.stride == 1 {
                add(to, from);
            } else {
                for (sum, value) in to.iter_mut().step_by(self.stride).zip(from) {
                    *sum += value;
                }
            }
        }
    }
}

fn add(to: &mut [f64], from: &[f64]) {
    for (sum, value) in to.iter_mut().zip(from) {
        *sum += value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_scatter_agree_and_lose_what_falls_on_padding() {
        for (kernel, stride, dilation, before) in [
            (3, 1, 1, 1),
            (3, 2, 1, 1),
            (2, 3, 2, 4),
            (4, 1, 3, 5),
            (1, 2, 1, 0),
            (5, 2, 2, 9),
        ] {
            let slide = Slide {
                kernel,
                stride,
                dilation,
                before,
                size: 7,
            };
            for units in [0..1, 2..3, 0..4, 1..5] {
                let pixels = slide.needed(&units);
                let from: Vec<f64> = units.clone().map(|unit| 1.0 + unit as f64).collect();
                let mut values = vec![0.0; pixels.len()];
                let mut lines = values.clone();
                slide.scatter_values(&units, &from, &pixels, &mut values);
                slide.scatter_lines(&units, &from, &pixels, &mut lines, 1);
                assert_eq!(values, lines, "{slide:?} {units:?}");
                let real: usize = units
                    .clone()
                    .map(|unit| (unit + 1) * slide.real(unit))
                    .sum();
                assert_eq!(values.iter().sum::<f64>(), real as f64);
            }
        }
    }
}
