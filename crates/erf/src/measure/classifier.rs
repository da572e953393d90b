//! Measuring this project's own classifiers: their plan says what a unit can depend on.

use super::gradient::{Forward, Shot};
use super::tiles::{own, tiles};
use super::{Inputs, Measurement, Method, Options, Plan, Probe, Progress, usual_batch};
use crate::{ErfError, Region};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use receptive_model::{Classifier, Features, Units, exactly};

/// Whose field is measured.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Network<'a> {
    /// One network, its weights as they are.
    Given(&'a Classifier),
    /// A network of the same plan drawn anew for each sample, from a number that differs for each.
    Redrawn(&'a receptive_model::Plan, u64),
}

impl std::fmt::Debug for Network<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Given(_) => "Given",
            Self::Redrawn(..) => "Redrawn",
        })
    }
}

impl Network<'_> {
    /// The plan of all the networks.
    pub fn plan(&self) -> &receptive_model::Plan {
        match self {
            Self::Given(classifier) => classifier.plan(),
            Self::Redrawn(plan, _) => plan,
        }
    }
}

/// Measures the field of one unit of a layer, in inference: batch norms with their running
/// statistics, no dropout.
///
/// By default only the cone of the unit is computed, and one sample is computed whole beside it:
/// both must agree, and nothing of the whole gradient may lie outside the theoretical field.
///
/// # Errors
/// When the plan has no such layer or the layer no such unit, the inputs are of another shape, or
/// a gradient is not finite.
pub fn measure_layer(
    network: Network<'_>,
    layer: &str,
    probe: &Probe,
    inputs: &dyn Inputs,
    options: &Options,
    device: &Device, // without autodiff
    progress: &mut Progress<'_>,
) -> Result<Measurement, ErfError> {
    let plan = network.plan();
    let planned = plan.find(layer)?;
    let size = planned.output.map_size();
    let input = plan.input();
    let expected = [input.channels, input.height, input.width];
    if inputs.shape() != expected {
        return Err(ErfError::Network {
            problem: format!(
                "takes images of {expected:?} (channels, height, width), but the inputs are {:?}",
                inputs.shape()
            ),
        });
    }
    let filters = planned.output.dims()[0];
    probe.check([filters, size[0], size[1]])?;
    let image = Region::image(input.height, input.width);
    let layer = planned.number.as_str();
    let plain = device;
    let device = &device.clone().autodiff();
    let at = Site {
        network,
        layer,
        plain,
        device,
    };

    let mut measured = Plan {
        probe,
        inputs,
        options,
        device,
        image,
        method: Method::Plain,
        shot: Shot {
            part: image,
            units: vec![probe.unit],
        },
        cuts: vec![own(probe, &image)],
        batch: match network {
            Network::Given(_) => usual_batch(&image),
            Network::Redrawn(..) => 1,
        },
        is_redrawn: matches!(network, Network::Redrawn(..)),
    };
    match options.method {
        Method::Plain => measured.run(&|sample| at.whole(sample), progress),
        Method::Tiles => {
            let units = tiles(probe, size, &image);
            measured.method = Method::Tiles;
            measured.shot.units = units.iter().map(|(unit, _)| *unit).collect();
            measured.cuts = units.into_iter().map(|(_, cut)| cut).collect();
            measured.run(&|sample| at.whole(sample), progress)
        }
        Method::Auto | Method::Cone => {
            let one = [0, 1].map(|axis| probe.unit[axis]..probe.unit[axis] + 1);
            let part = at.cone(0, &one)?.1;
            let whole = measured.images(&|sample| at.whole(sample), 0..1)?;
            measured.method = Method::Cone;
            measured.shot = Shot {
                part,
                units: vec![[0, 0]],
            };
            // The theoretical field may be larger than what the unit's own gradient can reach.
            measured.cuts = vec![part];
            if let Network::Given(_) = network {
                measured.batch = usual_batch(&part);
            }
            let cone = measured.images(&|sample| Ok(at.cone(sample, &one)?.0), 0..1)?;
            let (Some(whole), Some(cone)) = (whole.first(), cone.first()) else {
                return Err(ErfError::Network {
                    problem: "gave no gradient".into(),
                });
            };
            agree(whole.total, cone.total)?;
            let mut found = measured.run(&|sample| Ok(at.cone(sample, &one)?.0), progress)?;
            found.outside = if whole.total > 0.0 {
                whole.outside / whole.total
            } else {
                0.0
            };
            Ok(found)
        }
    }
}

/// The cone's gradient is the whole network's, but for rounding.
fn agree(whole: f64, cone: f64) -> Result<(), ErfError> {
    if (whole - cone).abs() <= 1e-3 * whole.abs().max(cone.abs()) {
        return Ok(());
    }
    Err(ErfError::Network {
        problem: format!(
            "has a gradient of absolute sum {whole:e} when the whole image is computed, but \
             {cone:e} when only what the unit depends on is; please report this, and use the \
             method `plain` meanwhile"
        ),
    })
}

/// A layer of a network, on a device.
#[derive(Clone, Copy)]
struct Site<'a> {
    network: Network<'a>,
    layer: &'a str,
    plain: &'a Device,
    device: &'a Device, // with autodiff
}

impl<'a> Site<'a> {
    /// The network for one sample, frozen: it infers on the autodiff device, and no weight asks
    /// for a gradient.
    fn classifier(&self, sample: u64) -> Classifier {
        match self.network {
            Network::Given(classifier) => classifier.clone().fork(self.device).freeze(),
            Network::Redrawn(plan, seed) => plan
                .init_seeded(receptive_core::hash::mix(seed, sample), self.plain)
                .fork(self.device)
                .freeze(),
        }
    }

    fn whole(&self, sample: u64) -> Result<Box<Forward<'a>>, ErfError> {
        let classifier = self.classifier(sample);
        let layer = self.layer;
        classifier.plan().find(layer)?;
        Ok(Box::new(move |images: Tensor<4>| {
            // The layer was found in this very plan, so the image itself never comes back.
            // Exactly, since what lies outside the theoretical field must be 0.
            exactly(|| classifier.forward_until(images.clone(), layer)).map_or(images, as_map)
        }))
    }

    /// The cone of the units, and the pixels that it needs.
    fn cone(&self, sample: u64, units: &Units) -> Result<(Box<Forward<'a>>, Region), ErfError> {
        let cone = self.classifier(sample).cone(self.layer, units)?;
        let [rows, columns] = cone.pixels();
        let part = Region {
            top: rows.start as i64,
            left: columns.start as i64,
            height: rows.len(),
            width: columns.len(),
        };
        Ok((
            Box::new(move |images: Tensor<4>| as_map(exactly(|| cone.forward(images)))),
            part,
        ))
    }
}

/// `[batch, features, 1, 1]` of a flat layer.
fn as_map(features: Features) -> Tensor<4> {
    match features {
        Features::Map(map) => map,
        Features::Flat(flat) => {
            let [batch, features] = flat.dims();
            flat.reshape([batch, features, 1, 1])
        }
    }
}
