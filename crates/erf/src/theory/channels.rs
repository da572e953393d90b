//! Splitting, moving and combining the planes of channels.
//!
//! A single plane may represent all channels: it is their sum, and all are alike.

use super::planes::Planes;
use std::ops::Range;

impl Planes {
    /// One plane per channel.
    pub(super) fn apart(self, channels: usize) -> Self {
        if self.count == channels {
            return self;
        }
        let sum = self.summed(std::iter::repeat(1.0));
        let share: Vec<f64> = sum.iter().map(|value| value / channels as f64).collect();
        Self {
            count: channels,
            values: share.repeat(channels),
            ..self
        }
    }

    /// One plane for each of `groups` groups of channels: their sum. A single plane is left
    /// unchanged.
    pub(super) fn together(self, groups: usize) -> Self {
        if self.count == 1 {
            return self;
        }
        let (each, area) = (self.count / groups.max(1), self.area());
        let mut values = Vec::with_capacity(groups * area);
        for group in 0..groups {
            let part = self.of_channels(group * each..(group + 1) * each);
            values.extend(part.summed(std::iter::repeat(1.0)));
        }
        Self {
            count: groups,
            values,
            ..self
        }
    }

    /// The inverse of [`together`](Self::together) for `channels` channels: splits each group's
    /// plane evenly among them. A single plane is left unchanged.
    pub(super) fn spread_among(self, channels: usize) -> Self {
        if self.count == 1 {
            return self;
        }
        let (groups, each) = (self.count, channels / self.count);
        let mut values = Vec::with_capacity(channels * self.area());
        for group in 0..groups {
            values.extend(self.of_channels(group..group + 1).apart(each).values);
        }
        Self {
            count: channels,
            values,
            ..self
        }
    }

    /// These planes as the channels from `start` on, among `channels` channels of which the others
    /// are 0.
    pub(super) fn placed_among(self, channels: usize, start: usize) -> Self {
        let mut placed = Self::filled(channels, self.ranges(), 0.0);
        let first = start * self.area();
        placed.values[first..first + self.values.len()].copy_from_slice(&self.values);
        placed
    }

    /// Moves the planes back to the channels they came from.
    pub(super) fn moved(self, sources: impl Iterator<Item = usize>) -> Self {
        if self.count == 1 {
            return self;
        }
        let area = self.area();
        let mut moved = Self::filled(self.count, self.ranges(), 0.0);
        for (plane, source) in self.each().zip(sources) {
            moved.values[source * area..(source + 1) * area].copy_from_slice(plane);
        }
        moved
    }

    /// The planes of these channels out of `all`; their share of a single plane.
    pub(super) fn channels(&self, channels: Range<usize>, all: usize) -> Self {
        if self.count == all {
            return self.of_channels(channels);
        }
        let mut share = self.clone();
        share.scale(channels.len() as f64 / all as f64);
        share
    }

    /// The sum of both, for this many channels.
    pub(super) fn plus(self, other: Self, channels: usize) -> Self {
        if self.count == other.count {
            return self.plus_alike(other);
        }
        self.apart(channels).plus_alike(other.apart(channels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planes(values: &[f64]) -> Planes {
        let mut planes = Planes::filled(values.len(), [0..1, 0..1], 1.0);
        planes.scale_each(values);
        planes
    }

    #[test]
    fn sums_over_channels_stay() {
        let one = planes(&[6.0]);
        assert_eq!(one.clone().apart(3).values, [2.0; 3]);
        assert_eq!(one.clone().together(2).values, [6.0]);
        assert_eq!(one.channels(0..1, 3).values, [2.0]);
        let four = planes(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(four.clone().together(2).values, [3.0, 7.0]);
        let spread = four.clone().together(2).spread_among(4);
        assert_eq!(spread.values, [1.5, 1.5, 3.5, 3.5]);
        assert_eq!(four.channels(1..3, 4).values, [2.0, 3.0]);
        let placed = planes(&[5.0, 6.0]).placed_among(4, 1);
        assert_eq!(placed.values, [0.0, 5.0, 6.0, 0.0]);
        let sum = placed.plus(one, 4);
        assert_eq!(sum.values, [1.5, 6.5, 7.5, 1.5]);
        // Two interleaved groups: the second channel came from the third.
        let back = four.moved([0, 2, 1, 3].into_iter());
        assert_eq!(back.values, [1.0, 3.0, 2.0, 4.0]);
    }
}
