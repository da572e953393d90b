//! The result of a measurement: means over samples, also by group to estimate the noise.

use super::gradient::Method;
use super::probe::Probe;
use crate::gaussian::{
    Estimate, Evidence, Judgement, LUO_THRESHOLD, jackknife, judge, luo_size, tv_noise,
};
use crate::map::{Map, Region};
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

/// One sample's maps: one value per pixel for each aggregate, summed over the image's channels.
pub(super) type SampleMaps = [Vec<f64>; Aggregate::COUNT];

/// The aggregates of one sample's gradient at the pixels of `readout`.
///
/// `gradient` is `[channels, height, width]` over `part`.
pub(super) fn aggregate(
    gradient: &[f32],
    channels: usize,
    part: &Region,
    readout: &Region,
) -> SampleMaps {
    let mut sample = [(); Aggregate::COUNT].map(|()| vec![0.0; readout.area()]);
    for channel in 0..channels {
        for row in 0..readout.height {
            let line = (readout.top - part.top) as usize + row;
            let start =
                (channel * part.height + line) * part.width + (readout.left - part.left) as usize;
            let values = &gradient[start..start + readout.width];
            let at = row * readout.width;
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

/// Sums over samples, by group.
pub(super) struct GroupSums {
    region: Region,
    groups: Vec<Group>,
    samples: u64,
}

struct Group {
    samples: u64,
    sums: SampleMaps,
}

impl GroupSums {
    pub(super) fn new(region: Region) -> Self {
        Self {
            region,
            groups: Vec::new(),
            samples: 0,
        }
    }

    /// Adds a part of the sample with this number: several units of one image may belong to one
    /// sample.
    pub(super) fn add(&mut self, number: u64, sample: &SampleMaps) {
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
