//! Sums over samples, kept apart in groups so that the noise can be told.

use super::{Aggregate, Average};
use crate::gaussian::tv_noise;
use crate::{Map, Region};

/// Independent groups that the samples are dealt to in turn.
pub(super) const GROUPS: usize = 20;

/// One sample's maps: a value a pixel for each aggregate, summed over the image's channels.
pub(super) type Sample = [Vec<f64>; Aggregate::COUNT];

/// The aggregates of one sample's gradient at the pixels of one cut.
///
/// `gradient` is `[channels, height, width]` over `part`.
pub(super) fn aggregate(gradient: &[f32], channels: usize, part: &Region, cut: &Region) -> Sample {
    let mut sample = [(); Aggregate::COUNT].map(|()| vec![0.0; cut.area()]);
    for channel in 0..channels {
        for row in 0..cut.height {
            let line = (cut.top - part.top) as usize + row;
            let start =
                (channel * part.height + line) * part.width + (cut.left - part.left) as usize;
            let values = &gradient[start..start + cut.width];
            let at = row * cut.width;
            for (column, value) in values.iter().enumerate() {
                let value = f64::from(*value);
                sample[0][at + column] += value.abs();
                sample[1][at + column] += value * value;
                sample[2][at + column] += value;
                sample[3][at + column] += value.max(0.0);
            }
        }
    }
    sample
}

/// Samples added up.
pub(super) struct Sums {
    region: Region,
    groups: Vec<Group>,
    samples: u64,
}

struct Group {
    samples: u64,
    sums: Sample,
}

impl Sums {
    pub(super) fn new(region: Region) -> Self {
        Self {
            region,
            groups: Vec::new(),
            samples: 0,
        }
    }

    /// Adds a part of the sample of this number: several units of one image are one sample.
    pub(super) fn add(&mut self, number: u64, sample: &Sample) {
        let place = (number % GROUPS as u64) as usize;
        while self.groups.len() <= place {
            self.groups.push(Group {
                samples: 0,
                sums: [(); Aggregate::COUNT].map(|()| vec![0.0; self.region.area()]),
            });
        }
        let group = &mut self.groups[place];
        group.samples += 1;
        for (sums, values) in group.sums.iter_mut().zip(sample) {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += value;
            }
        }
        self.samples += 1;
    }

    /// The larger of the two noises that a measurement stops by.
    pub(super) fn noise(&self) -> f64 {
        [Aggregate::Abs, Aggregate::Square]
            .map(|aggregate| tv_noise(&self.groups(aggregate)))
            .into_iter()
            .fold(0.0, f64::max)
    }

    fn groups(&self, aggregate: Aggregate) -> Vec<Map> {
        self.groups
            .iter()
            .map(|group| self.mean(&group.sums[aggregate as usize], group.samples))
            .collect()
    }

    fn mean(&self, sums: &[f64], samples: u64) -> Map {
        let mut values = sums.iter().map(|sum| sum / samples.max(1) as f64);
        Map::from_fn(self.region, |_, _| values.next().unwrap_or(0.0))
    }

    pub(super) fn average(&self, aggregate: Aggregate) -> Average {
        let mut sums = vec![0.0; self.region.area()];
        for group in &self.groups {
            for (sum, value) in sums.iter_mut().zip(&group.sums[aggregate as usize]) {
                *sum += value;
            }
        }
        Average {
            map: self.mean(&sums, self.samples),
            groups: self.groups(aggregate),
        }
    }
}
