//! Measures `receptive-model`'s classifiers, whose plan tells which pixels a unit can depend on.

use super::gradient::{BackwardPass, Method, Network};
use super::inputs::Inputs;
use super::measurement::Measurement;
use super::probe::Probe;
use super::processors::Processors;
use super::sampler::{MeasureOptions, MeasureProgress, Sampler, default_batch};
use crate::error::ErfError;
use crate::map::Region;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor;
use receptive_model::{
    AutodiffDevice, Classifier, Cone, Features, InferenceDevice, Plan, Units, exactly,
};
use std::sync::Arc;

/// Up to so many multiply-adds per image a cone is computed by exact convolutions.
const MAX_EXACT_MACS: usize = 50_000_000;
/// With fewer samples, packing the weights takes longer than it saves.
const MIN_PACKED: u64 = 16;
/// Maximum number of values that the layers of a cone compute in one pass if it has several images:
/// about as many are kept in memory, in pieces that are small enough to be used again.
const MAX_VALUES: usize = 1 << 24;
/// Maximum number of images in one pass of a cone: several threads should have some of each round.
const MAX_BATCH: usize = 10;

/// The network whose field is measured.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum MeasuredNetwork<'a> {
    /// One network with its weights.
    Given(&'a Classifier),
    /// A network with the same plan for each sample, drawn from a seed derived from this number and
    /// the sample.
    Redrawn(&'a Plan, u64),
}

impl std::fmt::Debug for MeasuredNetwork<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Given(_) => "Given",
            Self::Redrawn(..) => "Redrawn",
        })
    }
}

impl MeasuredNetwork<'_> {
    /// The plan of all the networks.
    pub fn plan(&self) -> &Plan {
        match self {
            Self::Given(classifier) => classifier.plan(),
            Self::Redrawn(plan, _) => plan,
        }
    }
}

/// Measures the field of one unit of a layer in inference: batch norms use their running
/// statistics, and dropout is off.
///
/// By default only the unit's cone is computed, plus the whole network for one sample, or, if they
/// differ, for a few more: both must agree, and the whole gradient, which is computed by exact
/// convolutions, must be zero outside the theoretical field. A large cone of given weights is
/// computed by the fastest convolutions, whose rounding errors are small compared with the gradients
/// around a pixel. After a gate the cone is the whole image, so whole images are computed at once.
///
/// # Errors
/// [`ErfError::Model`] for a layer that the plan does not have, [`ErfError::Setting`] for a unit
/// that the layer does not have or options out of range, [`ErfError::Network`] for inputs of
/// another shape or a gradient that is NaN or infinite, [`ErfError::Input`] for an input that
/// cannot be loaded.
pub fn measure_layer<'p>(
    network: MeasuredNetwork<'_>,
    layer: &str,
    probe: &Probe,
    inputs: &dyn Inputs,
    options: &MeasureOptions,
    on: impl Into<Processors<'p>>,
    progress: &mut MeasureProgress<'_>,
) -> Result<Measurement, ErfError> {
    let plan = network.plan();
    let planned = plan.find(layer)?;
    let size = planned.output.map_size();
    let input = plan.input();
    let expected = [input.channels, input.height, input.width];
    if inputs.shape() != expected {
        return Err(ErfError::network(format!(
            "takes images of {expected:?} (channels, height, width), but the inputs are {:?}",
            inputs.shape()
        )));
    }
    let filters = planned.output.dims()[0];
    probe.check([filters, size[0], size[1]])?;
    let image = Region::image(input.height, input.width);
    let layer = planned.number.as_str();
    let on = on.into();
    let device = &on.device;
    let autodiff = &device.autodiff();
    let at = LayerForward {
        network,
        layer,
        device,
        autodiff,
    };

    let mut sampler = Sampler {
        probe,
        inputs,
        options,
        device: autodiff,
        peers: on.peers,
        image,
        method: Method::Plain,
        pass: BackwardPass {
            part: image,
            units: vec![probe.unit],
        },
        readouts: vec![probe.readout(&image)],
        batch: match network {
            MeasuredNetwork::Given(_) => default_batch(&image),
            MeasuredNetwork::Redrawn(..) => 1,
        },
        is_redrawn: matches!(network, MeasuredNetwork::Redrawn(..)),
    };
    let method = match options.method {
        Method::Auto if planned.is_gated() => Method::Plain,
        chosen => chosen,
    };
    match method {
        Method::Plain => sampler.run(&|sample| at.whole(sample), progress),
        Method::Tiles => {
            let units = probe.tiles(size, &image);
            sampler.method = Method::Tiles;
            sampler.pass.units = units.iter().map(|(unit, _)| *unit).collect();
            sampler.readouts = units.into_iter().map(|(_, readout)| readout).collect();
            sampler.run(&|sample| at.whole(sample), progress)
        }
        Method::Auto | Method::Cone => at.measure_cone(sampler, progress),
    }
}

/// For up to so many samples the cone is compared with the whole network, until they agree: rounding may switch a value
/// near 0 or the choice of a pool, but hardly in each of several samples.
const COMPARED: u64 = 4;

/// Checks that the gradients of the cone and of the whole network agree up to rounding.
fn agree(whole: f64, cone: f64) -> Result<(), ErfError> {
    if (whole - cone).abs() <= 1e-3 * whole.abs().max(cone.abs()) {
        return Ok(());
    }
    Err(ErfError::network(format!(
        "has a gradient of absolute sum {whole:e} computed on the whole image, but {cone:e} on \
         the unit's cone; this is a bug: please report it, and use the method `plain` until it is \
         fixed"
    )))
}

/// The forward pass of a network up to a layer.
#[derive(Clone, Copy)]
struct LayerForward<'a> {
    network: MeasuredNetwork<'a>,
    layer: &'a str,
    device: &'a InferenceDevice,
    autodiff: &'a AutodiffDevice,
}

impl<'a> LayerForward<'a> {
    /// The network for one sample up to the layer, frozen: in inference on the autodiff device,
    /// without gradients of its weights.
    fn classifier(&self, sample: u64) -> Result<Classifier, ErfError> {
        let network = match self.network {
            MeasuredNetwork::Given(classifier) => classifier.copied_to(self.autodiff),
            MeasuredNetwork::Redrawn(plan, seed) => {
                let seed = receptive_core::hash::mix(seed, sample);
                let drawn = plan.init_until(self.layer, seed, self.device)?;
                drawn.fork(self.autodiff)
            }
        };
        Ok(network.freeze())
    }

    /// Measures on the unit's cone only. The whole network is computed for one sample: both must
    /// agree, and the reported share outside the theoretical field is that of the whole network.
    fn measure_cone(
        &self,
        mut sampler: Sampler<'_>,
        progress: &mut MeasureProgress<'_>,
    ) -> Result<Measurement, ErfError> {
        let unit = sampler.probe.unit.map(|place| place..place + 1);
        let first = self.cone(0, &unit)?;
        let part = pixels(&first);
        let of_whole = sampler.clone();
        let of_whole = |numbers| of_whole.images(&|sample| self.whole(sample), numbers);
        let whole = of_whole(0..1)?;
        sampler.method = Method::Cone;
        sampler.pass = BackwardPass {
            part,
            units: vec![[0, 0]],
        };
        // The theoretical field may be larger than the cone's pixels, outside which the gradient is
        // zero.
        let readout = sampler.probe.readout(&sampler.image);
        sampler.readouts = vec![part];
        if let MeasuredNetwork::Given(_) = self.network {
            sampler.batch = default_batch(&part);
        }
        let single = |sample| {
            let cone = self.cone(sample, &unit)?;
            Ok(Network::Forward(Box::new(move |images: Tensor<4>| {
                as_map(exactly(|| cone.forward(images)))
            })))
        };
        // Exact, because the whole network is: other rounding may select other maxima of a pool.
        let cone = sampler.images(&single, 0..1)?;
        let (Some(whole), Some(cone)) = (whole.first(), cone.first()) else {
            return Err(ErfError::network("gave no gradient"));
        };
        let mut agreement = agree(whole.total, cone.total);
        // Rounding errors need not agree.
        if agreement.is_err() && sampler.is_rounding(&single, cone)? {
            agreement = Ok(());
        }
        for number in 1..COMPARED.min(sampler.limit()) {
            if agreement.is_ok() {
                break;
            }
            let numbers = number..number + 1;
            let (whole, cone) = (
                of_whole(numbers.clone())?,
                sampler.images(&single, numbers)?,
            );
            if let (Some(whole), Some(cone)) = (whole.first(), cone.first()) {
                agreement = agreement.or_else(|_| agree(whole.total, cone.total));
            }
        }
        agreement?;
        let measurement = match self.network {
            MeasuredNetwork::Given(_) if sampler.limit() >= MIN_PACKED => {
                let is_exact = first.macs() <= MAX_EXACT_MACS;
                let batch = (MAX_VALUES / first.values().max(1)).clamp(1, MAX_BATCH);
                let frozen = || first.into_frozen(self.autodiff);
                let frozen = Arc::new(if is_exact { exactly(frozen) } else { frozen() });
                if frozen.is_packed() {
                    sampler.batch = batch;
                }
                sampler.run(&|_| Ok(Network::Cone(frozen.clone())), progress)?
            }
            _ => sampler.run(&single, progress)?,
        };
        Ok(Measurement {
            outside: if whole.total > 0.0 {
                whole.outside / whole.total
            } else {
                0.0
            },
            ..measurement.over(readout)
        })
    }

    fn whole(&self, sample: u64) -> Result<Network<'a>, ErfError> {
        let classifier = self.classifier(sample)?;
        let layer = self.layer;
        classifier.plan().find(layer)?;
        Ok(Network::Forward(Box::new(move |images: Tensor<4>| {
            // The layer is in this plan, so the image itself is never returned. Computed exactly,
            // because the gradient outside the theoretical field must be 0.
            exactly(|| classifier.forward_until(images.clone(), layer)).map_or(images, as_map)
        })))
    }

    /// The cone of the units.
    fn cone(&self, sample: u64, units: &Units) -> Result<Cone, ErfError> {
        Ok(self.classifier(sample)?.cone(self.layer, units)?)
    }
}

/// The pixels that a cone reads.
fn pixels(cone: &Cone) -> Region {
    let [rows, columns] = cone.pixels();
    Region {
        top: rows.start as i64,
        left: columns.start as i64,
        height: rows.len(),
        width: columns.len(),
    }
}

/// A flat layer's output as `[batch, features, 1, 1]`.
fn as_map(features: Features) -> Tensor<4> {
    match features {
        Features::Map(map) => map,
        Features::Flat(flat) => {
            let [batch, features] = flat.dims();
            flat.reshape([batch, features, 1, 1])
        }
    }
}

/// A network with all weights `1 / fan_in` and unchanged biases: on positive images its gradient
/// is, up to a constant, the number of paths from each pixel to the unit. (Weights of 1 would
/// overflow after a dozen layers of 32 filters.)
pub fn all_ones(classifier: Classifier) -> Classifier {
    classifier.map(&mut Ones)
}

struct Ones;

impl ModuleMapper for Ones {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|tensor| {
            let dims = tensor.dims();
            let fan_in: usize = match D {
                4 => dims[1..].iter().product(), // [filters, channels, height, width]
                2 => dims[0],                    // [inputs, units]
                // Vectors: biases, and batch norm's scale, shift and running statistics. Biases and
                // shifts do not affect paths, and in an untrained network scale and variance are 1
                // for every channel, so they weight all paths equally.
                _ => return tensor,
            };
            Tensor::full(dims, 1.0 / fan_in.max(1) as f64, &tensor.device())
        })
    }
}
