//! Rounds of samples, computed on all threads until the noise is small.

use super::gradient::{BackwardPass, Method, Network};
use super::inputs::Inputs;
use super::measurement::{GROUPS, GroupSums, Measurement, Sample};
use super::probe::{Channels, Probe};
use super::processors::{Peers, Processors};
use crate::error::ErfError;
use crate::map::Region;
use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;
use receptive_model::AutodiffDevice;
use std::ops::Range;
use std::time::Instant;

/// The default of [`MeasureOptions::samples`].
pub const DEFAULT_SAMPLES: u64 = 1_000;
/// The default of [`MeasureOptions::noise`]: small compared with 0.10, the largest total variation
/// of a map that counts as Gaussian.
pub const DEFAULT_NOISE: f64 = 0.02;

/// Number of samples between two checks of the noise: a multiple of the number of groups, so that
/// these stay equal, and the same on every machine, so that the number of samples is too.
const ROUND: u64 = 4 * GROUPS as u64;

/// A sum of channels whose gradient is this much smaller than that of one channel is constant up to
/// rounding.
const MAX_ROUNDING: f64 = 1e-5;

/// Settings of a measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeasureOptions {
    /// Maximum number of samples.
    pub samples: u64,
    /// Stops early once noise alone would cause at most this total variation in both the mean
    /// absolute gradient and the mean square; 0 never stops early.
    pub noise: f64,
    /// Seed of the random signs; the inputs have their own.
    pub seed: u64,
    /// How the gradients are computed.
    pub method: Method,
}

impl Default for MeasureOptions {
    fn default() -> Self {
        Self {
            samples: DEFAULT_SAMPLES,
            noise: DEFAULT_NOISE,
            seed: 0,
            method: Method::default(),
        }
    }
}

impl MeasureOptions {
    fn check(&self) -> Result<(), ErfError> {
        if self.samples == 0 {
            return Err(ErfError::setting("samples", "must be 1 or more, not 0"));
        }
        if !(0.0..1.0).contains(&self.noise) {
            return Err(ErfError::setting(
                "noise",
                format!(
                    "must be in [0, 1), such as {DEFAULT_NOISE}, not {}",
                    self.noise
                ),
            ));
        }
        Ok(())
    }
}

/// Called after every round with the number of samples so far, the maximum number, and the noise so
/// far as a total variation.
pub type MeasureProgress<'a> = dyn FnMut(u64, u64, f64) + 'a;

/// Measures the field of one unit of any network: `network` maps images `[batch, channels, height,
/// width]` to a feature map `[batch, filters, rows, columns]`. It must be on the autodiff side of
/// `device`, like a module in training or after [`Module::train`](burn::module::Module::train), and
/// process each image of a batch independently: batch norms in inference, no dropout
/// ([`Module::freeze`](burn::module::Module::freeze)). The device of `on` may be given with or without
/// autodiff.
///
/// # Errors
/// [`ErfError::Setting`] for a unit outside the map or options out of range, [`ErfError::Input`] for
/// an input that cannot be loaded, [`ErfError::Network`] for a gradient that is NaN or infinite.
pub fn measure<'p>(
    network: impl Fn(Tensor<4>) -> Tensor<4> + Send + Sync,
    probe: &Probe,
    inputs: &dyn Inputs,
    options: &MeasureOptions,
    on: impl Into<Processors<'p>>,
    progress: &mut MeasureProgress<'_>,
) -> Result<Measurement, ErfError> {
    let on = on.into();
    let device = &on.device.autodiff();
    let [_, height, width] = inputs.shape();
    let image = Region::image(height, width);
    let units = match options.method {
        Method::Cone => {
            return Err(ErfError::setting(
                "method",
                "a cone needs the layers of one of this project's classifiers; use `tiles` or \
                 `plain` for another network",
            ));
        }
        Method::Plain => vec![(probe.unit, probe.readout(&image))],
        // The map's size is known only from an output of the network.
        _ => probe.tiles(feature_size(&network, inputs, device)?, &image),
    };
    let sampler = Sampler {
        probe,
        inputs,
        options,
        device,
        peers: on.peers,
        image,
        method: if units.len() > 1 {
            Method::Tiles
        } else {
            Method::Plain
        },
        pass: BackwardPass {
            part: image,
            units: units.iter().map(|(unit, _)| *unit).collect(),
        },
        readouts: units.into_iter().map(|(_, readout)| readout).collect(),
        batch: default_batch(&image),
        is_redrawn: false,
    };
    sampler.run(&|_| Ok(Network::Forward(Box::new(&network))), progress)
}

/// Rows and columns of the network's feature map.
fn feature_size(
    network: impl Fn(Tensor<4>) -> Tensor<4>,
    inputs: &dyn Inputs,
    device: &AutodiffDevice,
) -> Result<[usize; 2], ErfError> {
    let [channels, height, width] = inputs.shape();
    let part = Region::image(height, width);
    let image = inputs
        .part(0, &part)
        .map_err(|problem| ErfError::Input { sample: 0, problem })?;
    let data = TensorData::new(image, [1, channels, height, width]);
    let map = network(Tensor::from_data(data, device)); // [1, filters, rows, columns]
    let [_, _, rows, columns] = map.dims();
    Ok([rows, columns])
}

/// Number of samples per backward pass: enough to use the processor well, few enough to fit in
/// memory.
pub(super) fn default_batch(part: &Region) -> usize {
    (16_384 / part.area().max(1)).clamp(1, 8)
}

/// The network for the sample with this index.
type Networks<'a> = dyn Fn(u64) -> Result<Network<'a>, ErfError> + Sync + 'a;

/// A measurement before it runs.
#[derive(Clone)]
pub(super) struct Sampler<'a> {
    pub(super) probe: &'a Probe,
    pub(super) inputs: &'a dyn Inputs,
    pub(super) options: &'a MeasureOptions,
    pub(super) device: &'a AutodiffDevice,
    /// The other processes that compute a part of each round.
    pub(super) peers: Option<&'a dyn Peers>,
    pub(super) image: Region,
    pub(super) method: Method,
    pub(super) pass: BackwardPass,
    /// The pixels at which each seeded unit's gradient is read, the probe's first.
    pub(super) readouts: Vec<Region>,
    /// Samples per backward pass: 1 if every sample has its own weights.
    pub(super) batch: usize,
    pub(super) is_redrawn: bool,
}

/// The gradient of one image.
pub(super) struct ImageGradient {
    /// `[channels, height, width]`.
    values: Vec<f32>,
    /// For each unit whether the gradient is 0 at all its pixels.
    dead: Vec<bool>,
    /// The sum of the absolute gradient outside all readouts.
    pub(super) outside: f64,
    /// The sum of the absolute gradient.
    pub(super) total: f64,
}

impl Sampler<'_> {
    /// Whether nothing is random.
    fn is_exact(&self) -> bool {
        self.inputs.count() == Some(1)
            && !self.is_redrawn
            && self.probe.channels != Channels::RandomSigns
    }

    /// The maximum number of samples.
    pub(super) fn limit(&self) -> u64 {
        // If each sample has other weights or signs, a single image yields any number of samples.
        let limit = match self.inputs.count() {
            Some(images) if self.is_exact() || (images > 1 && !self.is_redrawn) => images,
            _ => u64::MAX,
        };
        self.options.samples.min(limit.max(1))
    }

    pub(super) fn run(
        &self,
        networks: &Networks<'_>,
        progress: &mut MeasureProgress<'_>,
    ) -> Result<Measurement, ErfError> {
        self.options.check()?;
        let start = Instant::now();
        let (is_exact, limit) = (self.is_exact(), self.limit());
        // The units of one draw of the weights are not independent samples either.
        let independent = self.inputs.is_independent() && !self.is_redrawn;
        let mut sums = GroupSums::new(self.readouts[0]);
        let (mut samples, mut images, mut dead) = (0, 0, 0);
        let (mut outside, mut total) = (0.0, 0.0);
        let mut is_rounding = false;
        while samples < limit {
            let each = if independent {
                self.readouts.len() as u64
            } else {
                1
            };
            let count = (limit - samples).min(ROUND).div_ceil(each);
            let computed = self.images(networks, images..images + count)?;
            if let (0, Some(first)) = (images, computed.first()) {
                is_rounding = self.is_rounding(networks, first)?;
            }
            let mut read = Vec::with_capacity(computed.len() * self.readouts.len());
            for image in &computed {
                let units = self.readouts.iter().zip(&image.dead);
                for (index, (readout, is_dead)) in units.enumerate() {
                    if independent && samples == limit {
                        break;
                    }
                    // Units of one photograph are not independent samples: they go to the same
                    // group.
                    let number = if independent { samples } else { images };
                    read.push(self.sample(number, &image.values, *readout));
                    if independent || index == 0 {
                        samples += 1;
                        dead += u64::from(*is_dead);
                    }
                }
                images += 1;
                outside += image.outside;
                total += image.total;
            }
            sums.add(&read);
            let noise = sums.noise();
            progress(samples, limit, noise);
            if self.options.noise > 0.0 && samples >= ROUND && noise <= self.options.noise {
                break;
            }
        }
        Ok(Measurement {
            probe: self.probe.clone(),
            image: self.image,
            trf: self.probe.trf().unwrap_or(self.image),
            samples,
            units: self.readouts.len(),
            is_rounding,
            is_exact,
            dead,
            outside: if total > 0.0 { outside / total } else { 0.0 },
            method: self.method,
            elapsed: start.elapsed(),
            averages: sums.averages(),
        })
    }

    /// Whether the first image's gradient, if it is that of the channels' sum, is what rounding left
    /// of the channels' gradients.
    pub(super) fn is_rounding(
        &self,
        networks: &Networks<'_>,
        first: &ImageGradient,
    ) -> Result<bool, ErfError> {
        if self.probe.channels != Channels::Sum {
            return Ok(false);
        }
        let probe = self.probe.clone().with_channels(Channels::One(0));
        let one = Sampler {
            probe: &probe,
            ..self.clone()
        };
        let one = one.images(networks, 0..1)?;
        Ok(one
            .first()
            .is_some_and(|one| first.total < MAX_ROUNDING * one.total))
    }

    /// The gradients of these images, in order, computed on all threads of all processes.
    pub(super) fn images(
        &self,
        networks: &Networks<'_>,
        numbers: Range<u64>,
    ) -> Result<Vec<ImageGradient>, ErfError> {
        let batches = (numbers.end - numbers.start).div_ceil(self.batch as u64) as usize;
        let gradients = |index| self.batch(networks, &numbers, index);
        let Some(peers) = self.peers else {
            let images = |index| {
                let gradients = gradients(index)?.into_iter();
                Ok(gradients.map(|one| self.image(one)).collect())
            };
            return in_order((0..batches).into_par_iter().map(images));
        };
        // Every process computes the same sums from them.
        let size = peers.size();
        let own = (peers.rank()..batches).into_par_iter().step_by(size);
        let own = in_order(own.map(gradients)).map(|own| {
            let values = own.iter().flatten();
            values.flat_map(|value| value.to_le_bytes()).collect()
        });
        let all = peers.gather(own)?;
        let [channels, _, _] = self.inputs.shape();
        let length = 4 * channels * self.pass.part.area();
        let mut rests: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
        let mut images = Vec::new();
        for index in 0..batches {
            let count = self.samples(&numbers, index).count();
            let rest = &mut rests[index % size];
            let Some((batch, later)) = rest.split_at_checked(count * length) else {
                return Err(ErfError::network(
                    "has gradients of another size in another process; start all with the same arguments",
                ));
            };
            *rest = later;
            images.extend(batch.chunks_exact(length.max(1)));
        }
        let image = |bytes: &&[u8]| {
            let (values, _) = bytes.as_chunks::<4>();
            let values = values.iter().map(|value| f32::from_le_bytes(*value));
            self.image(values.collect())
        };
        Ok(images.par_iter().map(image).collect())
    }

    /// The numbers of a batch's samples.
    fn samples(&self, numbers: &Range<u64>, batch: usize) -> Range<u64> {
        let first = numbers.start + (batch * self.batch) as u64;
        first..(first + self.batch as u64).min(numbers.end)
    }

    /// The gradients of one batch of these images.
    fn batch(
        &self,
        networks: &Networks<'_>,
        numbers: &Range<u64>,
        batch: usize,
    ) -> Result<Vec<Vec<f32>>, ErfError> {
        let samples = self.samples(numbers, batch);
        let network = networks(samples.start)?;
        self.pass.gradients(
            &network,
            self.probe,
            self.inputs,
            samples,
            self.options.seed,
            self.device,
        )
    }

    fn sample<'a>(&self, number: u64, gradient: &'a [f32], readout: Region) -> Sample<'a> {
        Sample {
            number,
            gradient,
            part: self.pass.part,
            readout,
        }
    }

    /// An image's gradient `[channels, height, width]`, with its sums.
    fn image(&self, values: Vec<f32>) -> ImageGradient {
        let unit = |readout: &Region| self.sample(0, &values, *readout).total();
        let units: Vec<f64> = self.readouts.iter().map(unit).collect();
        let outside = self.outside(&values);
        ImageGradient {
            dead: units.iter().map(|sum| *sum == 0.0).collect(),
            total: units.iter().sum::<f64>() + outside,
            outside,
            values,
        }
    }

    /// The sum of the absolute gradient at the pixels outside all readouts.
    fn outside(&self, gradient: &[f32]) -> f64 {
        let part = self.pass.part;
        if self.readouts.contains(&part) {
            return 0.0;
        }
        let is_read = |row, column| self.readouts.iter().any(|read| read.contains(row, column));
        let mut sum = 0.0;
        // Row by row for all channels.
        for (line, values) in gradient.chunks(part.width).enumerate() {
            let row = part.top + (line % part.height) as i64;
            for (column, value) in (part.left..).zip(values) {
                if *value != 0.0 && !is_read(row, column) {
                    sum += f64::from(value.abs());
                }
            }
        }
        sum
    }
}

/// The items of all parts.
///
/// # Errors
/// The error of a part.
fn in_order<T: Send>(
    parts: impl IndexedParallelIterator<Item = Result<Vec<T>, ErfError>>,
) -> Result<Vec<T>, ErfError> {
    let parts: Result<Vec<Vec<T>>, ErfError> = parts.collect();
    Ok(parts?.into_iter().flatten().collect())
}
