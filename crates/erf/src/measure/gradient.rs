//! One forward and one backward pass, and the methods that compute the same gradients.

use super::inputs::Inputs;
use super::probe::{Channels, Probe};
use crate::error::ErfError;
use crate::map::Region;
use burn::tensor::{Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use receptive_core::hash::mix;
use receptive_model::{AutodiffDevice, FrozenCone};
use serde::Serialize;
use std::ops::Range;
use std::sync::Arc;

/// How the gradients are computed. All methods give the same gradients up to rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Method {
    /// The fastest method for the network.
    #[default]
    Auto,
    /// Forward and backward passes of the whole image, with one unit seeded.
    Plain,
    /// The whole image, with as many units seeded at once as have disjoint receptive fields; the
    /// result is their mean.
    Tiles,
    /// Only what the unit depends on, layer by layer. Only for this project's classifiers.
    Cone,
}

/// What computes the gradients of some images.
pub(super) enum Network<'a> {
    /// A forward pass on burn's autodiff.
    Forward(Box<Forward<'a>>),
    /// A cone with constant weights.
    Cone(Arc<FrozenCone>),
}

/// A forward pass: images `[batch, channels, height, width]` to a feature map
/// `[batch, filters, rows, columns]`.
pub(super) type Forward<'a> = dyn Fn(Tensor<4>) -> Tensor<4> + Send + Sync + 'a;

/// The part of each image that is passed to the network, and the units of the feature map that are
/// seeded.
#[derive(Debug, Clone)]
pub(super) struct BackwardPass {
    /// The pixels that are passed.
    pub(super) part: Region,
    /// Units of the network's output for that part.
    pub(super) units: Vec<[usize; 2]>,
}

impl BackwardPass {
    /// The gradients of the seeded units with respect to the passed pixels for these samples, one
    /// vector `[channels, height, width]` per sample.
    pub(super) fn gradients(
        &self,
        network: &Network<'_>,
        probe: &Probe,
        inputs: &dyn Inputs,
        samples: Range<u64>,
        seed: u64,
        device: &AutodiffDevice,
    ) -> Result<Vec<Vec<f32>>, ErfError> {
        let [channels, _, _] = inputs.shape();
        let dims = [
            (samples.end - samples.start) as usize,
            channels,
            self.part.height,
            self.part.width,
        ];
        let mut values = Vec::with_capacity(dims.iter().product());
        for sample in samples.clone() {
            let image = inputs
                .part(sample, &self.part)
                .map_err(|problem| ErfError::Input { sample, problem })?;
            values.extend(image);
        }
        // [batch, channels, height, width]
        let images = Tensor::<4>::from_data(TensorData::new(values, dims), device);
        // The seeds are 0 except at the seeded units: [batch, filters, height, width].
        let seeds = |[filters, height, width]: [usize; 3]| {
            for unit in &self.units {
                let probe = probe.clone().with_unit(*unit);
                probe.check([filters, height, width])?;
            }
            let seeds = self.seeds(
                [dims[0], filters, height, width],
                probe,
                samples.start,
                seed,
            );
            Ok::<_, ErfError>(Tensor::<4>::from_data(seeds, device))
        };
        let gradient = match network {
            Network::Cone(cone) => Some(cone.input_gradient(images, seeds(cone.output())?)),
            Network::Forward(forward) => {
                let images = images.require_grad();
                let map = forward(images.clone()); // [batch, filters, height, width]
                let [batch, filters, height, width] = map.dims();
                if batch != dims[0] {
                    return Err(ErfError::network(format!(
                        "gave a batch of {batch} feature maps for {} images; expected one per \
                         image",
                        dims[0]
                    )));
                }
                let seeds = seeds([filters, height, width])?;
                images.grad(&(map * seeds).sum().backward())
            }
        };
        let flat = match gradient {
            Some(gradient) => gradient
                .into_data()
                .convert::<f32>()
                .try_into_vec::<f32>()
                .map_err(|error| {
                    ErfError::network(format!("gave a gradient that cannot be read: {error:?}"))
                })?,
            // No seeded unit depends on the image.
            None => vec![0.0; dims.iter().product()],
        };
        let all: Vec<Vec<f32>> = flat
            .chunks(dims[1] * self.part.area())
            .map(<[f32]>::to_vec)
            .collect();
        if let Some(broken) = all
            .iter()
            .position(|one| !one.iter().all(|g| g.is_finite()))
        {
            return Err(ErfError::network(format!(
                "has a NaN or infinite input gradient on sample {}; look for weights that are \
                 NaN, infinite, or so large that a product of layers overflows",
                samples.start + broken as u64
            )));
        }
        Ok(all)
    }

    /// The output's gradient `[batch, filters, rows, columns]`: 1, -1 or 0 for each channel of the
    /// seeded units, 0 elsewhere.
    fn seeds(
        &self,
        [batch, filters, height, width]: [usize; 4],
        probe: &Probe,
        first: u64,
        seed: u64,
    ) -> TensorData {
        let mut seeds = vec![0.0_f32; batch * filters * height * width];
        for image in 0..batch {
            let mut signs = ChaCha8Rng::seed_from_u64(mix(seed, first + image as u64));
            for [row, column] in &self.units {
                for filter in 0..filters {
                    let value = match probe.channels {
                        Channels::Sum => 1.0,
                        Channels::One(one) => f32::from(u8::from(one == filter)),
                        Channels::RandomSigns if signs.next_u32() & 1 == 0 => -1.0,
                        Channels::RandomSigns => 1.0,
                    };
                    let line = (image * filters + filter) * height + row;
                    seeds[line * width + column] = value;
                }
            }
        }
        TensorData::new(seeds, [batch, filters, height, width])
    }
}
