//! Planes of values, one per channel, and the steps back through windows with equal weights.

use super::slide::Slide;
use rayon::prelude::*;
use std::ops::Range;

/// Values of a part of each channel of a map: `[count, rows, columns]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Planes {
    pub(super) count: usize,
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
    pub(super) values: Vec<f64>,
}

impl Planes {
    pub(super) fn filled(count: usize, [rows, columns]: [Range<usize>; 2], value: f64) -> Self {
        let values = vec![value; count * rows.len() * columns.len()];
        Self {
            count,
            rows,
            columns,
            values,
        }
    }

    pub(super) fn area(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    pub(super) fn ranges(&self) -> [Range<usize>; 2] {
        [self.rows.clone(), self.columns.clone()]
    }

    /// Each channel's plane; empty if there are no pixels.
    pub(super) fn each(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.area().max(1))
    }

    pub(super) fn scale(&mut self, factor: f64) {
        if factor != 1.0 {
            self.values.iter_mut().for_each(|value| *value *= factor);
        }
    }

    /// Scales each channel by its own factor.
    pub(super) fn scale_each(&mut self, factors: &[f64]) {
        let area = self.area().max(1);
        for (plane, factor) in self.values.chunks_exact_mut(area).zip(factors) {
            plane.iter_mut().for_each(|value| *value *= factor);
        }
    }

    /// Scales each unit by a factor for its row and one for its column.
    pub(super) fn scale_units(
        &mut self,
        row: impl Fn(usize) -> f64,
        column: impl Fn(usize) -> f64,
    ) {
        let columns: Vec<f64> = self.columns.clone().map(column).collect();
        let rows: Vec<f64> = self.rows.clone().map(row).collect();
        let lines = self.values.chunks_exact_mut(columns.len().max(1));
        for (line, row) in lines.zip(rows.iter().cycle()) {
            for (value, column) in line.iter_mut().zip(&columns) {
                *value *= row * column;
            }
        }
    }

    /// Propagates back through windows with taps of 1, channel by channel: columns, then rows,
    /// because such a window is the product of two lines.
    pub(super) fn boxed(&self, [vertical, horizontal]: &[Slide; 2]) -> Self {
        let rows = vertical.needed(&self.rows);
        let columns = horizontal.needed(&self.columns);
        let mut tall = Self::filled(self.count, [rows.clone(), self.columns.clone()], 0.0);
        let width = self.columns.len();
        let area = tall.area().max(1);
        let planes = self.values.par_chunks_exact(self.area().max(1));
        tall.values
            .par_chunks_exact_mut(area)
            .zip(planes)
            .for_each(|(to, from)| vertical.scatter_lines(&self.rows, from, &rows, to, width));
        let mut wide = Self::filled(self.count, [rows, columns.clone()], 0.0);
        wide.values
            .par_chunks_exact_mut(columns.len().max(1))
            .zip(tall.values.par_chunks_exact(width.max(1)))
            .for_each(|(to, from)| horizontal.scatter_values(&self.columns, from, &columns, to));
        wide
    }

    /// Propagates back through windows of varying size that split each unit's value evenly; the
    /// share is raised to this power.
    pub(super) fn shared(&self, windows: &[Vec<Range<usize>>; 2], power: i32) -> Self {
        let kept = [
            &windows[0][self.rows.clone()],
            &windows[1][self.columns.clone()],
        ];
        let needed = kept.map(|kept| {
            let start = kept.iter().map(|window| window.start).min().unwrap_or(0);
            start..kept.iter().map(|window| window.end).max().unwrap_or(0)
        });
        let mut shared = Self::filled(self.count, needed.clone(), 0.0);
        let (area, width) = (shared.area().max(1), needed[1].len());
        for (to, from) in shared.values.chunks_exact_mut(area).zip(self.each()) {
            let lines = from.chunks_exact(kept[1].len().max(1));
            for (rows, line) in kept[0].iter().zip(lines) {
                for (columns, value) in kept[1].iter().zip(line) {
                    let share = 1.0 / (rows.len() * columns.len()) as f64;
                    for row in rows.clone() {
                        let first = (row - needed[0].start) * width;
                        let first = first + columns.start - needed[1].start;
                        for sum in &mut to[first..first + columns.len()] {
                            *sum += value * share.powi(power);
                        }
                    }
                }
            }
        }
        shared
    }

    /// The same values, padded with zeros.
    pub(super) fn grown(self, ranges: [Range<usize>; 2]) -> Self {
        if self.ranges() == ranges {
            return self;
        }
        let mut grown = Self::filled(self.count, ranges, 0.0);
        if self.values.is_empty() {
            return grown;
        }
        let (area, width) = (grown.area(), grown.columns.len());
        let left = self.columns.start - grown.columns.start;
        for (from, to) in self.each().zip(grown.values.chunks_exact_mut(area)) {
            for (row, line) in self.rows.clone().zip(from.chunks_exact(self.columns.len())) {
                let start = (row - grown.rows.start) * width + left;
                to[start..start + line.len()].copy_from_slice(line);
            }
        }
        grown
    }

    /// The sum of both, with the same number of planes.
    pub(super) fn plus_alike(self, other: Self) -> Self {
        let hull = self.hull(&other);
        let (mut sum, other) = (self.grown(hull.clone()), other.grown(hull));
        for (sum, value) in sum.values.iter_mut().zip(other.values) {
            *sum += value;
        }
        sum
    }

    /// The planes of these channels.
    pub(super) fn of_channels(&self, channels: Range<usize>) -> Self {
        let area = self.area();
        Self {
            count: channels.len(),
            values: self.values[channels.start * area..channels.end * area].to_vec(),
            ..self.clone()
        }
    }

    /// The smallest rectangle that contains both.
    fn hull(&self, other: &Self) -> [Range<usize>; 2] {
        if self.area() == 0 {
            return other.ranges();
        }
        if other.area() == 0 {
            return self.ranges();
        }
        let [a, b] = [self.ranges(), other.ranges()];
        [0, 1].map(|axis| a[axis].start.min(b[axis].start)..a[axis].end.max(b[axis].end))
    }

    /// The weighted sum over channels.
    pub(super) fn summed(&self, weights: impl Iterator<Item = f64>) -> Vec<f64> {
        let mut sum = vec![0.0; self.area()];
        for (plane, weight) in self.each().zip(weights) {
            for (sum, value) in sum.iter_mut().zip(plane) {
                *sum += weight * value;
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slide(before: usize) -> Slide {
        Slide {
            kernel: 3,
            stride: 1,
            dilation: 1,
            before,
            size: 5,
        }
    }

    #[test]
    fn a_box_of_a_point_is_cut_at_the_border() {
        let point = Planes::filled(2, [0..1, 2..3], 1.5);
        let spread = point.boxed(&[slide(1), slide(1)]);
        assert_eq!(spread.ranges(), [0..2, 1..4]);
        assert_eq!(spread.values, [1.5; 12]);
    }

    #[test]
    fn uneven_windows_share_values() {
        let both = Planes::filled(1, [0..1, 0..2], 6.0);
        // Three columns to two: the middle one belongs to both windows.
        let first = 0..1;
        let windows = [vec![first], vec![0..2, 1..3]];
        assert_eq!(both.shared(&windows, 1).values, [3.0, 6.0, 3.0]);
        assert_eq!(both.shared(&windows, 2).values, [1.5, 3.0, 1.5]);
    }

    #[test]
    fn growing_keeps_places_and_sums() {
        let point = Planes::filled(1, [2..3, 1..2], 4.0);
        let other = Planes::filled(1, [0..1, 3..4], 1.0);
        let grown = point.clone().grown(point.hull(&other));
        assert_eq!(grown.ranges(), [0..3, 1..4]);
        assert_eq!(grown.values, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0]);
        assert_eq!(grown.summed(std::iter::once(2.0))[6], 8.0);
        let nothing = Planes::filled(1, [0..0, 0..0], 1.0);
        assert_eq!(nothing.hull(&point), point.ranges());
        assert_eq!(nothing.grown(point.ranges()).values, [0.0]);
    }
}
