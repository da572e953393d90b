//! Prediction of the field in closed form, without images or gradients.

mod chain;
mod channels;
mod dense;
mod factor;
mod planes;
mod propagate;
mod slide;

pub use chain::{chain_kernel, slope};

use crate::gaussian::moments;
use crate::{Aggregate, ErfError, Map, Probe, Region};
use planes::Planes;
use propagate::Propagation;
use receptive_model::{Classifier, Field, Plan, Shape};
use serde::Serialize;

/// The weights that a prediction assumes.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum WeightAssumption<'a> {
    /// All equal and positive, with positive images: the gradient itself, which counts paths. The
    /// weights of each layer are `1 / fan_in`, so that nothing overflows.
    Ones,
    /// Independent, with mean 0 and the variances with which the plan initialises them: the mean
    /// square of the gradient over weights.
    Random,
    /// These weights with independent random sign flips: the mean square over the flips. It is
    /// exact for a plain chain without biases, including ReLUs; it is the null hypothesis for a
    /// trained network's field.
    Given(&'a Classifier),
}

/// The channels of the unit for which to predict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Seeds {
    /// All channels separately.
    #[default]
    All,
    /// One channel, counted from 0.
    One(usize),
}

/// A predicted field.
#[derive(Debug, Clone)]
pub struct PredictedField {
    /// The map over the part of the theoretical field inside the image, summed over the image's
    /// channels.
    pub map: Map,
    /// What the map predicts: the mean square of the gradient, or its mean absolute value if all
    /// weights are equal, up to a constant factor.
    pub aggregate: Aggregate,
    /// Whether it is exact for such networks.
    pub exact: bool,
    /// If not, why: one sentence per kind of approximation.
    pub caveats: Vec<String>,
    /// Each layer's contribution to the map's variance, starting from the image.
    pub budget: Vec<Share>,
}

/// One layer's contribution to the variance of the map. All contributions sum to the variance.
#[derive(Debug, Clone, Serialize)]
pub struct Share {
    /// The layer's number.
    pub layer: String,
    /// Its name.
    pub name: String,
    /// In square pixels of the image, along `[rows, columns]`.
    pub variance: [f64; 2],
}

/// Predicts the field of one unit by propagating back from it, layer by layer, with squared weights
/// (or path counts). Strides, dilation, padding, branches and the image's borders are taken into
/// account.
///
/// # Errors
/// If the plan has no such layer, or the layer no such unit or channel.
pub fn predict(
    plan: &Plan,
    layer: &str,
    unit: [usize; 2],
    seeds: Seeds,
    weights: WeightAssumption<'_>,
) -> Result<PredictedField, ErfError> {
    let path = plan.path(layer)?;
    let target = plan.find(layer)?;
    let probe = Probe::central(plan, layer)?.with_unit(unit);
    let channels = target.output.dims()[0];
    let [height, width] = target.output.map_size();
    let probe = match seeds {
        Seeds::All => probe,
        Seeds::One(channel) => probe.with_channels(crate::Channels::One(channel)),
    };
    probe.check([channels, height, width])?;

    let mut propagation = Propagation::new(weights);
    let mut units = propagation.seed(unit, channels, seeds);
    let mut variances = vec![[0.0; 2]];
    for (index, layer) in path.iter().enumerate().rev() {
        units = propagation.back(layer, units);
        let fields = match index.checked_sub(1) {
            Some(before) => path[before].trf,
            None => [Field::PIXEL; 2],
        };
        // After a flatten or a global pool a unit has no position.
        let variance = match layer.input {
            Shape::Map { .. } => spread(&units, fields),
            Shape::Flat(_) => variances.last().copied().unwrap_or_default(),
        };
        variances.push(variance);
    }
    let budget = path
        .iter()
        .rev()
        .zip(variances.windows(2))
        .map(|(layer, pair)| Share {
            layer: layer.number.clone(),
            name: layer.name.clone(),
            variance: [0, 1].map(|axis| pair[1][axis] - pair[0][axis]),
        })
        .rev()
        .collect();
    let input = plan.input();
    let image = Region::image(input.height, input.width);
    let field = probe.trf().map_or(image, |trf| trf.intersection(&image));
    Ok(PredictedField {
        map: as_map(&units).over(field),
        aggregate: match weights {
            WeightAssumption::Ones => Aggregate::Abs,
            _ => Aggregate::Square,
        },
        exact: propagation.caveats.is_empty(),
        caveats: propagation.caveats,
        budget,
    })
}

fn as_map(units: &Planes) -> Map {
    let region = Region {
        top: units.rows.start as i64,
        left: units.columns.start as i64,
        height: units.rows.len(),
        width: units.columns.len(),
    };
    let mut sum = units.summed(std::iter::repeat(1.0)).into_iter();
    Map::from_fn(region, |_, _| sum.next().unwrap_or(0.0))
}

/// The variance of the units' positions, in square pixels of the image.
fn spread(units: &Planes, fields: [Field; 2]) -> [f64; 2] {
    let Some(places) = moments(&as_map(units)) else {
        return [0.0; 2];
    };
    [0, 1].map(|axis| places.covariance[axis][axis] * (fields[axis].stride as f64).powi(2))
}
