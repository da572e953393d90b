//! The result of a measurement: means over samples, also by group to estimate the noise.

use super::gradient::Method;
use super::probe::Probe;
use crate::gaussian::{
    Estimate, Evidence, Judgement, LUO_THRESHOLD, jackknife, judge, luo_size, tv_noise,
};
use crate::map::{Map, Region};
use rayon::prelude::*;
use serde::Serialize;
use std::time::Duration;

/// Number of independent groups, to which the samples are assigned in turn.
pub(super) const GROUPS: usize = 20;

/// The aggregate over the samples, with `g` the gradient of the unit with respect to a pixel.
/// Published work rarely states which one it shows, and they differ: the mean absolute gradient of
/// a random network is about `sqrt(2)` wider than its mean square.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Mean of `|g|`.
    Abs,
    /// Mean of `g^2`, which theory predicts.
    Square,
    /// Mean of `g` itself.
    #[cfg_attr(feature = "clap", value(skip))]
    Signed,
    /// Mean of `max(g, 0)`, as in RepLKNet's tool.
    Positive,
}

impl Aggregate {
    /// All aggregates.
    pub const ALL: [Self; Self::COUNT] = [Self::Abs, Self::Square, Self::Signed, Self::Positive];
    const COUNT: usize = 4;

    /// The name in settings and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Abs => "abs",
            Self::Square => "square",
            Self::Signed => "signed",
            Self::Positive => "positive",
        }
    }

    /// The formula.
    pub const fn formula(self) -> &'static str {
        match self {
            Self::Abs => "mean |∂y/∂x|",
            Self::Square => "mean (∂y/∂x)²",
            Self::Signed => "mean ∂y/∂x",
            Self::Positive => "mean max(∂y/∂x, 0)",
        }
    }
}

/// The measured field of one unit: a map for each [`Aggregate`], in units of the output per unit of
/// the input (squared for [`Aggregate::Square`]), summed over the image's channels.
#[derive(Debug, Clone)]
pub struct Measurement {
    /// The unit and its channels.
    pub probe: Probe,
    /// The whole image.
    pub image: Region,
    /// The unit's theoretical receptive field, padding included; the whole image if it is not
    /// known.
    pub trf: Region,
    /// Number of independent samples.
    pub samples: u64,
    /// Number of units that were read in each image.
    pub units: usize,
    /// Number of samples with a gradient of zero everywhere: dead units.
    pub dead: u64,
    /// The fraction of the gradient's absolute mass outside the theoretical field. Anything but 0
    /// means a bug, or layers that mix the whole image (batch statistics, attention, pools).
    pub outside: f64,
    /// Whether the gradient is a rounding error: the sum of the channels does not depend on the
    /// image, as after a layer norm without scales.
    pub is_rounding: bool,
    /// Whether nothing was random: one fixed image and given weights. There is no noise then.
    pub is_exact: bool,
    /// How the gradients were computed.
    pub method: Method,
    /// Elapsed time.
    pub elapsed: Duration,
    pub(super) averages: [Average; Aggregate::COUNT],
}

impl Measurement {
    /// The mean over all samples, over the pixels that the unit can depend on.
    pub fn map(&self, aggregate: Aggregate) -> &Map {
        &self.averages[aggregate as usize].map
    }

    /// The means of the groups from which the noise is estimated; empty for an exact map.
    pub fn groups(&self, aggregate: Aggregate) -> &[Map] {
        if self.is_exact {
            return &[];
        }
        &self.averages[aggregate as usize].groups
    }

    /// The same measurement over other pixels; the gradient is 0 at those that were not read.
    pub(super) fn over(mut self, region: Region) -> Self {
        for average in &mut self.averages {
            for map in std::iter::once(&mut average.map).chain(&mut average.groups) {
                *map = map.over(region);
            }
        }
        self
    }

    /// Whether the map is a Gaussian.
    pub fn judge(&self, aggregate: Aggregate) -> Judgement {
        judge(&Evidence {
            map: self.map(aggregate),
            groups: self.groups(aggregate),
            trf: self.trf,
            image: Some(self.image),
            dead: self.dead as f64 / self.samples.max(1) as f64,
            outside: self.outside,
            samples: if self.is_exact { 0 } else { self.samples },
            is_rounding: self.is_rounding,
        })
    }

    /// Luo's size of this aggregate in pixels, with its interval over the groups.
    pub fn size(&self, aggregate: Aggregate) -> Estimate {
        let size = |map: &Map| luo_size(map, self.trf.centre(), LUO_THRESHOLD);
        jackknife(self.map(aggregate), self.groups(aggregate), size)
    }

    /// The side of a square with the area of the theoretical field, in pixels.
    pub(crate) fn trf_side(&self) -> f64 {
        (self.trf.area() as f64).sqrt()
    }

    /// Number of pixels in the field that no sample's gradient reached.
    pub fn dead_pixels(&self) -> usize {
        let map = self.map(Aggregate::Abs);
        map.values().iter().filter(|value| **value == 0.0).count()
    }

    /// Independent samples per second.
    pub fn samples_per_second(&self) -> f64 {
        self.samples as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }
}

/// A mean over all samples, and the means over independent groups of them.
#[derive(Debug, Clone)]
pub(super) struct Average {
    map: Map,
    groups: Vec<Map>,
}

/// The gradient of one image, of which the pixels of one unit are read.
pub(super) struct Sample<'a> {
    /// Several units of one image may belong to one sample, and then have the same number.
    pub(super) number: u64,
    /// `[channels, height, width]` over `part`.
    pub(super) gradient: &'a [f32],
    pub(super) part: Region,
    /// As large as that of every other sample.
    pub(super) readout: Region,
}

impl Sample<'_> {
    /// The gradient along one row of the readout, channel by channel.
    fn row(&self, row: usize) -> impl Iterator<Item = &[f32]> {
        let (part, readout) = (&self.part, &self.readout);
        let line = (readout.top - part.top) as usize + row;
        let from = line * part.width + (readout.left - part.left) as usize;
        let planes = self.gradient.chunks_exact(part.area().max(1));
        planes.map(move |plane| &plane[from..][..readout.width])
    }

    /// The sum of the absolute gradient at the readout's pixels.
    pub(super) fn total(&self) -> f64 {
        let lines = (0..self.readout.height).flat_map(|row| self.row(row));
        lines.flatten().map(|value| f64::from(value.abs())).sum()
    }
}

/// Sums over samples, by group.
pub(super) struct GroupSums {
    region: Region,
    groups: Vec<Group>,
    samples: u64,
}

struct Group {
    samples: u64,
    /// One value per pixel for each aggregate.
    sums: [Vec<f64>; Aggregate::COUNT],
}

impl GroupSums {
    pub(super) fn new(region: Region) -> Self {
        Self {
            region,
            groups: Vec::new(),
            samples: 0,
        }
    }

    /// Adds samples, of which each aggregate is summed over the image's channels first. The rows are
    /// divided among the threads; each pixel's samples are added in their order.
    pub(super) fn add(&mut self, samples: &[Sample<'_>]) {
        let place = |sample: &Sample<'_>| (sample.number % GROUPS as u64) as usize;
        for sample in samples {
            while self.groups.len() <= place(sample) {
                self.groups.push(Group {
                    samples: 0,
                    sums: [(); Aggregate::COUNT].map(|()| vec![0.0; self.region.area()]),
                });
            }
            self.groups[place(sample)].samples += 1;
            self.samples += 1;
        }
        let width = self.region.width;
        // For each row its part of every group's sums.
        let mut rows: Vec<Vec<[&mut [f64]; Aggregate::COUNT]>> = Vec::new();
        rows.resize_with(self.region.height, || Vec::with_capacity(self.groups.len()));
        for group in &mut self.groups {
            let mut each = group
                .sums
                .each_mut()
                .map(|sums| sums.chunks_exact_mut(width.max(1)));
            for row in &mut rows {
                row.push(each.each_mut().map(|sums| sums.next().unwrap_or_default()));
            }
        }
        rows.into_par_iter()
            .enumerate()
            .for_each(|(row, mut groups)| {
                let mut values = [(); Aggregate::COUNT].map(|()| vec![0.0; width]);
                for sample in samples {
                    values.iter_mut().for_each(|values| values.fill(0.0));
                    let [abs, square, signed, positive] = &mut values;
                    for line in sample.row(row) {
                        for (column, value) in line.iter().enumerate() {
                            let value = f64::from(*value);
                            abs[column] += value.abs();
                            square[column] += value * value;
                            signed[column] += value;
                            positive[column] += value.max(0.0);
                        }
                    }
                    for (sums, values) in groups[place(sample)].iter_mut().zip(&values) {
                        for (sum, value) in sums.iter_mut().zip(values) {
                            *sum += value;
                        }
                    }
                }
            });
    }

    /// The larger of the two noises that the stopping rule considers, as a total variation.
    pub(super) fn noise(&self) -> f64 {
        [Aggregate::Abs, Aggregate::Square]
            .map(|aggregate| tv_noise(&self.groups(aggregate)))
            .into_iter()
            .fold(0.0, f64::max)
    }

    pub(super) fn averages(&self) -> [Average; Aggregate::COUNT] {
        Aggregate::ALL.map(|aggregate| self.average(aggregate))
    }

    fn average(&self, aggregate: Aggregate) -> Average {
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
}
