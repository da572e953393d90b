//! The effective receptive field, by gradients.

mod classifier;
mod gradient;
mod inputs;
mod ones;
mod options;
mod probe;
mod sums;
mod tiles;

pub use classifier::{Network, measure_layer};
pub use inputs::{Images, Inputs, Noise, cut};
pub use ones::all_ones;
pub use options::{MOST_SAMPLES, Method, Options, SMALL_NOISE};
pub use probe::{Channels, Probe};

use crate::gaussian::{Estimate, Evidence, Judgement, LUO_THRESHOLD, judge, luo_size};
use crate::jackknife::jackknife;
use crate::{ErfError, Map, Region};
use burn::tensor::{Device, Tensor};
use gradient::{Forward, Shot};
use rayon::prelude::*;
use serde::Serialize;
use std::time::{Duration, Instant};
use sums::{GROUPS, Sample, Sums, aggregate};
use tiles::{own, tiles};

/// What is averaged over the samples. Published work rarely says which it shows, and they differ:
/// the mean absolute gradient of a random network is about `sqrt(2)` wider than its mean square.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// The mean of `|g|`.
    Abs,
    /// The mean of `g^2`, which theory predicts.
    Square,
    /// The mean of `g` itself.
    Signed,
    /// The mean of `max(g, 0)`, as RepLKNet's tool takes it.
    Positive,
}

impl Aggregate {
    /// All of them.
    pub const ALL: [Self; Self::COUNT] = [Self::Abs, Self::Square, Self::Signed, Self::Positive];
    const COUNT: usize = 4;

    /// Its word on the command line and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Abs => "abs",
            Self::Square => "square",
            Self::Signed => "signed",
            Self::Positive => "positive",
        }
    }

    /// As a formula.
    pub const fn formula(self) -> &'static str {
        match self {
            Self::Abs => "mean |∂y/∂x|",
            Self::Square => "mean (∂y/∂x)²",
            Self::Signed => "mean ∂y/∂x",
            Self::Positive => "mean max(∂y/∂x, 0)",
        }
    }
}

/// A mean over samples, with the means of independent groups of them.
#[derive(Debug, Clone)]
pub struct Average {
    /// The mean over all samples, summed over the image's channels.
    pub map: Map,
    /// The same of each group.
    pub groups: Vec<Map>,
}

/// A measured field.
#[derive(Debug, Clone)]
pub struct Measurement {
    /// Which unit was asked.
    pub probe: Probe,
    /// The whole image.
    pub image: Region,
    /// The unit's theoretical receptive field, padding included; the whole image where it is not
    /// known.
    pub trf: Region,
    /// Independent samples.
    pub samples: u64,
    /// Units that were read in each image.
    pub units: usize,
    /// Samples whose gradient is zero everywhere: dead units.
    pub dead: u64,
    /// The share of the gradient's absolute mass that lies outside the theoretical field. Anything
    /// but 0 means a bug, or layers that mix the whole image (batch statistics, attention, pools).
    pub outside: f64,
    /// Whether nothing was random: one fixed image and given weights. Then there is no noise.
    pub is_exact: bool,
    /// By which way.
    pub method: Method,
    /// How long it took.
    pub took: Duration,
    averages: [Average; Aggregate::COUNT],
}

impl Measurement {
    /// The map of this aggregate, over the pixels that the unit can depend on.
    pub fn average(&self, aggregate: Aggregate) -> &Average {
        &self.averages[aggregate as usize]
    }

    /// Whether the map looks like a Gaussian.
    pub fn judge(&self, aggregate: Aggregate) -> Judgement {
        judge(&Evidence {
            map: &self.average(aggregate).map,
            groups: self.groups(aggregate),
            trf: self.trf,
            image: Some(self.image),
            dead: self.dead as f64 / self.samples.max(1) as f64,
            outside: self.outside,
            samples: if self.is_exact { 0 } else { self.samples },
        })
    }

    /// Luo's size of this aggregate, pixels, with its interval over the groups.
    pub fn size(&self, aggregate: Aggregate) -> Estimate {
        let size = |map: &Map| luo_size(map, self.trf.centre(), LUO_THRESHOLD);
        jackknife(&self.average(aggregate).map, self.groups(aggregate), size)
    }

    /// The groups that the noise of this aggregate can be told from; none of an exact map.
    pub fn groups(&self, aggregate: Aggregate) -> &[Map] {
        if self.is_exact {
            return &[];
        }
        &self.average(aggregate).groups
    }

    /// Pixels within the field that no sample's gradient reached.
    pub fn dead_pixels(&self) -> usize {
        let map = &self.average(Aggregate::Abs).map;
        map.values().iter().filter(|value| **value == 0.0).count()
    }

    /// Independent samples a second.
    pub fn samples_per_second(&self) -> f64 {
        self.samples as f64 / self.took.as_secs_f64().max(1e-9)
    }
}

/// Told after every round of samples: how many, of how many at most, and the noise so far.
pub type Progress<'a> = dyn FnMut(u64, u64, f64) + 'a;

/// Measures the field of one unit of any network: `network` takes images
/// `[batch, channels, height, width]` to a feature map `[batch, filters, rows, columns]`. It must
/// live on the autodiff side of `device`, as a module does that is being trained or after
/// [`Module::train`](burn::module::Module::train), and treat each image of a batch by itself: batch
/// norms in inference, no dropout ([`Module::freeze`](burn::module::Module::freeze)).
///
/// # Errors
/// When the unit is outside the map, an input can't be had, or a gradient is not finite.
pub fn measure(
    network: impl Fn(Tensor<4>) -> Tensor<4> + Send + Sync,
    probe: &Probe,
    inputs: &dyn Inputs,
    options: &Options,
    device: &Device, // with autodiff or without
    progress: &mut Progress<'_>,
) -> Result<Measurement, ErfError> {
    let with_autodiff = device.clone().inner().autodiff();
    let device = &with_autodiff;
    let [_, height, width] = inputs.shape();
    let image = Region::image(height, width);
    let units = match options.method {
        Method::Cone => {
            return Err(ErfError::Option {
                option: "method",
                problem: "a cone needs the layers of one of this project's classifiers; use \
                          `tiles` or `plain` for another network"
                    .into(),
            });
        }
        Method::Plain => vec![(probe.unit, own(probe, &image))],
        // The map's size is known once the network has given one.
        _ => tiles(probe, feature_size(&network, inputs, device)?, &image),
    };
    let plan = Plan {
        probe,
        inputs,
        options,
        device,
        image,
        method: if units.len() > 1 {
            Method::Tiles
        } else {
            Method::Plain
        },
        shot: Shot {
            part: image,
            units: units.iter().map(|(unit, _)| *unit).collect(),
        },
        cuts: units.into_iter().map(|(_, cut)| cut).collect(),
        batch: usual_batch(&image),
        is_redrawn: false,
    };
    plan.run(&|_| Ok(Box::new(&network)), progress)
}

/// Rows and columns of the feature map that the network gives.
fn feature_size(
    network: impl Fn(Tensor<4>) -> Tensor<4>,
    inputs: &dyn Inputs,
    device: &Device,
) -> Result<[usize; 2], ErfError> {
    let [channels, height, width] = inputs.shape();
    let part = Region::image(height, width);
    let image = inputs
        .part(0, &part)
        .map_err(|problem| ErfError::Input { sample: 0, problem })?;
    let data = burn::tensor::TensorData::new(image, [1, channels, height, width]);
    let [_, _, rows, columns] = network(Tensor::from_data(data, device)).dims();
    Ok([rows, columns])
}

/// Samples of one backward pass: enough for the arithmetic to be busy, few enough to fit.
fn usual_batch(part: &Region) -> usize {
    (16_384 / part.area().max(1)).clamp(1, 8)
}

/// The network for the sample of this number.
type Networks<'a> = dyn Fn(u64) -> Result<Box<Forward<'a>>, ErfError> + Sync + 'a;

/// A measurement that is about to run.
struct Plan<'a> {
    probe: &'a Probe,
    inputs: &'a dyn Inputs,
    options: &'a Options,
    device: &'a Device,
    image: Region,
    method: Method,
    shot: Shot,
    /// The pixels that each seeded unit's gradient is read at, the probe's first.
    cuts: Vec<Region>,
    /// Samples a backward pass: 1 where every sample has weights of its own.
    batch: usize,
    is_redrawn: bool,
}

/// What one image told.
struct Seen {
    /// For each unit.
    units: Vec<Sample>,
    /// The absolute gradient outside all cuts, and all of it.
    outside: f64,
    total: f64,
}

/// Rounds of samples between two looks at the noise: a multiple of the groups, so that they stay
/// equal, and the same on every machine, so that the number of samples is.
const ROUND: u64 = 4 * GROUPS as u64;

impl Plan<'_> {
    fn run(
        &self,
        networks: &Networks<'_>,
        progress: &mut Progress<'_>,
    ) -> Result<Measurement, ErfError> {
        self.options.check()?;
        let began = Instant::now();
        let limit = self.inputs.count().unwrap_or(u64::MAX).max(1);
        let limit = self.options.samples.min(limit);
        let independent = self.inputs.is_independent();
        let mut sums = Sums::new(self.cuts[0]);
        let (mut samples, mut images, mut dead) = (0, 0, 0);
        let (mut outside, mut total) = (0.0, 0.0);
        while samples < limit {
            let each = if independent {
                self.cuts.len() as u64
            } else {
                1
            };
            let wanted = (limit - samples).min(ROUND).div_ceil(each);
            for seen in self.images(networks, images..images + wanted)? {
                for (index, unit) in seen.units.iter().enumerate() {
                    // Units of one photograph are no independent samples: they share its group.
                    sums.add(if independent { samples } else { images }, unit);
                    if independent || index == 0 {
                        samples += 1;
                        dead += u64::from(unit[0].iter().all(|value| *value == 0.0));
                    }
                }
                images += 1;
                outside += seen.outside;
                total += seen.total;
            }
            let noise = sums.noise();
            progress(samples.min(limit), limit, noise);
            if self.options.noise > 0.0 && samples >= ROUND && noise <= self.options.noise {
                break;
            }
        }
        let averages = Aggregate::ALL.map(|aggregate| sums.average(aggregate));
        Ok(Measurement {
            probe: self.probe.clone(),
            image: self.image,
            trf: self.probe.trf().unwrap_or(self.image),
            samples,
            units: self.cuts.len(),
            is_exact: self.inputs.count() == Some(1)
                && !self.is_redrawn
                && self.probe.channels != Channels::RandomSigns,
            dead,
            outside: if total > 0.0 { outside / total } else { 0.0 },
            method: self.method,
            took: began.elapsed(),
            averages,
        })
    }

    /// What these images tell, in order, computed on all threads.
    fn images(
        &self,
        networks: &Networks<'_>,
        numbers: std::ops::Range<u64>,
    ) -> Result<Vec<Seen>, ErfError> {
        let batch = self.batch as u64;
        let batches = (numbers.end - numbers.start).div_ceil(batch);
        let seen: Result<Vec<Vec<Seen>>, ErfError> = (0..batches)
            .into_par_iter()
            .map(|index| {
                let first = numbers.start + index * batch;
                let samples = first..(first + batch).min(numbers.end);
                let network = networks(first)?;
                let gradients = self.shot.gradients(
                    &*network,
                    self.probe,
                    self.inputs,
                    samples,
                    self.options.seed,
                    self.device,
                )?;
                Ok(gradients.iter().map(|one| self.seen(one)).collect())
            })
            .collect();
        Ok(seen?.into_iter().flatten().collect())
    }

    fn seen(&self, gradient: &[f32]) -> Seen {
        let [channels, _, _] = self.inputs.shape();
        let part = &self.shot.part;
        let units: Vec<Sample> = self
            .cuts
            .iter()
            .map(|cut| aggregate(gradient, channels, part, cut))
            .collect();
        let inside: f64 = units.iter().flat_map(|unit| &unit[0]).sum();
        let outside = self.outside(gradient);
        Seen {
            units,
            outside,
            total: inside + outside,
        }
    }

    /// The absolute gradient at the fed pixels that no cut holds.
    fn outside(&self, gradient: &[f32]) -> f64 {
        let part = self.shot.part;
        if self.cuts.contains(&part) {
            return 0.0;
        }
        let mut sum = 0.0;
        for (line, values) in gradient.chunks(part.width).enumerate() {
            let row = part.top + (line % part.height) as i64;
            for (column, value) in (part.left..).zip(values) {
                if *value != 0.0 && !self.cuts.iter().any(|cut| cut.contains(row, column)) {
                    sum += f64::from(value.abs());
                }
            }
        }
        sum
    }
}
