//! One layer of one network, measured and predicted, with both results. The diagram in the crate's
//! documentation shows how the types are derived from each other.

use crate::error::ErfError;
use crate::gaussian::{
    Estimate, Judgement, LUO_THRESHOLD, MassSquare, mass_squares, replknet_squares,
    total_variation, tv_noise,
};
use crate::map::{Map, Region};
use crate::measure::{Aggregate, Channels, Measurement, Method, seen};
use crate::theory::{PredictedField, Seeds, Share, WeightAssumption, predict};
use receptive_model::{Operation, Plan, PlannedLayer};
use serde::{Serialize, Serializer};

/// The shares of the mass for which squares are reported.
const MASS_SHARES: [f64; 4] = [0.20, 0.30, 0.50, 0.99];

/// One layer of one network, measured and predicted. Its JSON consists of the headline's fields,
/// the measurement's conditions, the other aggregates and theory.
#[derive(Debug, Clone)]
pub struct Study {
    /// The layer.
    pub layer: PlannedLayer,
    /// The maps and how they were measured.
    pub measurement: Measurement,
    /// The predicted map.
    pub prediction: PredictedField,
    /// The aggregate used for the verdict.
    pub headline: FieldSummary,
    /// The other aggregates that are densities.
    pub others: Vec<FieldSummary>,
    /// The measurement compared with theory.
    pub theory: TheoryComparison,
}

/// The results for the map of one aggregate.
#[derive(Debug, Clone, Serialize)]
pub struct FieldSummary {
    /// The aggregate.
    pub aggregate: Aggregate,
    /// Whether it is a Gaussian, with the numbers behind the verdict.
    #[serde(flatten)]
    pub judgement: Judgement,
    /// The geometric mean of the standard deviations along both axes, in pixels.
    pub sigma_both: Estimate,
    /// The standard deviations of the least-squares fit along its major and minor axis, in pixels.
    pub sigma_fit: Option<[f64; 2]>,
    /// Luo's size, in pixels: the square root of the number of pixels above `threshold` times the
    /// centre's value.
    pub size: Estimate,
    /// See `size`.
    pub threshold: f64,
    /// `size` divided by the side of the theoretical field.
    pub ratio: Estimate,
    /// The smallest centred squares that contain given shares of the mass.
    pub mass_squares: Vec<MassSquare>,
}

/// The measured field compared with its prediction.
#[derive(Debug, Clone, Serialize)]
pub struct TheoryComparison {
    /// The weights of the prediction.
    pub weights: &'static str,
    /// What is predicted and compared: the mean square, or the mean absolute gradient if all weights
    /// are equal.
    pub aggregate: Aggregate,
    /// The prediction's standard deviation along `[rows, columns]`, in pixels.
    pub sigma: [f64; 2],
    /// Total variation between the two maps, corrected for noise; `None` if no gradient
    /// or nothing but rounding was measured, or too few samples to estimate the noise.
    pub tv: Option<f64>,
    /// Whether the prediction is exact for these networks.
    pub exact: bool,
    /// If not, why.
    pub caveats: Vec<String>,
    /// Each layer's contribution to the variance.
    pub budget: Vec<Share>,
}

impl FieldSummary {
    fn new(measurement: &Measurement, aggregate: Aggregate) -> Self {
        let judgement = measurement.judge(aggregate);
        let side = measurement.trf_side().max(1.0);
        let size = measurement.size(aggregate);
        Self {
            aggregate,
            sigma_both: judgement.sigma_both(),
            sigma_fit: judgement.fit.map(|fit| fit.sigmas()),
            judgement,
            size,
            threshold: LUO_THRESHOLD,
            ratio: size.map(|size| size / side),
            mass_squares: mass_squares(
                measurement.map(aggregate),
                measurement.trf.centre(),
                measurement.image,
                &MASS_SHARES,
            ),
        }
    }
}

impl TheoryComparison {
    fn new(
        measurement: &Measurement,
        weights: WeightAssumption<'_>,
        prediction: &PredictedField,
        is_activated: bool,
    ) -> Self {
        let aggregate = prediction.aggregate;
        let measured = measurement.map(aggregate);
        let noise = if measurement.is_exact {
            0.0
        } else {
            tv_noise(measurement.groups(aggregate))
        };
        // A noise of 1 is unknown.
        let is_comparable = measured.total() > 0.0 && noise < 1.0 && !measurement.is_rounding;
        let tv = is_comparable.then(|| {
            let raw = total_variation(measured, &prediction.map);
            (raw * raw - noise * noise).max(0.0).sqrt()
        });
        let variance = [0, 1].map(|axis| {
            let shares = prediction.budget.iter();
            shares.map(|share| share.variance[axis]).sum::<f64>()
        });
        let mut caveats = prediction.caveats.clone();
        if measurement.probe.channels == Channels::Sum
            && !matches!(weights, WeightAssumption::Ones)
            && is_activated
        {
            caveats.push(
                "with channels summed behind an activation the terms are dependent, which the \
                 prediction neglects; use random signs"
                    .into(),
            );
        }
        Self {
            weights: match weights {
                WeightAssumption::Ones => "all equal",
                WeightAssumption::Given(_) => "given, signs scrambled",
                WeightAssumption::Random => "random",
            },
            aggregate,
            sigma: variance.map(f64::sqrt),
            tv,
            exact: caveats.is_empty(),
            caveats,
            budget: prediction.budget.clone(),
        }
    }
}

/// Whether values pass an activation after the last of these layers that mixes channels.
fn is_activated(path: &[&PlannedLayer]) -> bool {
    for layer in path.iter().rev() {
        match &layer.operation {
            Operation::Conv2d(op) => return op.activation.is_some(),
            Operation::Linear(op) => return op.activation.is_some(),
            Operation::BatchNorm(_)
            | Operation::ChannelScale(_)
            | Operation::Crop(_)
            | Operation::Dropout(_)
            | Operation::StochasticDepth(_) => {}
            _ => return true,
        }
    }
    false
}

impl Study {
    /// Compares a measurement of `layer` in `plan` with theory; `weights` are those of the measured
    /// network, and `aggregate` is the one used for the verdict.
    ///
    /// # Errors
    /// [`ErfError::Model`] if the plan has no such layer, [`ErfError::Setting`] if the layer has no
    /// such unit or channel.
    pub fn new(
        measurement: Measurement,
        plan: &Plan,
        layer: &PlannedLayer,
        weights: WeightAssumption<'_>,
        aggregate: Aggregate,
    ) -> Result<Self, ErfError> {
        let seeds = match measurement.probe.channels {
            Channels::One(channel) => Seeds::One(channel),
            _ => Seeds::All,
        };
        let unit = measurement.probe.unit;
        let prediction = predict(plan, &layer.number, unit, seeds, weights)?;
        let others = [Aggregate::Abs, Aggregate::Square, Aggregate::Positive]
            .into_iter()
            .filter(|other| *other != aggregate);
        Ok(Self {
            layer: layer.clone(),
            headline: FieldSummary::new(&measurement, aggregate),
            others: others
                .map(|other| FieldSummary::new(&measurement, other))
                .collect(),
            theory: TheoryComparison::new(
                &measurement,
                weights,
                &prediction,
                is_activated(&plan.path(&layer.number)?),
            ),
            measurement,
            prediction,
        })
    }

    /// The aggregate used for the verdict.
    pub fn aggregate(&self) -> Aggregate {
        self.headline.aggregate
    }

    /// The predicted map for that aggregate. The square root of a mean square approximates the mean
    /// absolute gradient.
    pub fn expected(&self) -> Map {
        let map = &self.prediction.map;
        match (self.aggregate(), self.prediction.aggregate) {
            (Aggregate::Square, Aggregate::Square) => map.clone(),
            (Aggregate::Square, _) => map.map(|value| value * value),
            (_, Aggregate::Square) => map.map(f64::sqrt),
            _ => map.clone(),
        }
    }

    /// The theoretical field with gates held constant, if there are gates that extend the field to
    /// the whole image: what the unit sees other than through a gate's value. The measurement
    /// includes both.
    pub fn ungated_trf(&self) -> Option<Region> {
        let unit = self.measurement.probe.unit;
        let is_map = self.measurement.probe.fields.is_some();
        (is_map && self.layer.is_gated()).then(|| seen(&self.layer.ungated_trf, unit))
    }

    /// The squares that RepLKNet's tool (Ding et al. 2022) would report, only for comparison with
    /// published numbers: computed after a logarithm, they depend on the gradient's scale.
    pub fn replknet_squares(&self) -> Vec<MassSquare> {
        let map = self.measurement.map(Aggregate::Positive);
        replknet_squares(map, self.measurement.image, &MASS_SHARES)
    }

    /// Names and values that are not in the judgement: the theoretical field, the size, the theory.
    pub fn numbers(&self) -> Vec<(String, String)> {
        let headline = &self.headline;
        let trf = self.measurement.trf;
        let caution = if self.theory.exact {
            ""
        } else {
            " (not exact)"
        };
        let mut numbers = vec![(
            "theoretical field".to_string(),
            format!("{} x {} px", trf.height, trf.width),
        )];
        if let Some(ungated) = self.ungated_trf() {
            let side = ((ungated.height * ungated.width) as f64).sqrt().max(1.0);
            let ratio = headline.size.map(|size| size / side);
            numbers.extend([
                (
                    "theoretical field, gates held constant".into(),
                    format!("{} x {} px", ungated.height, ungated.width),
                ),
                (
                    "size / theoretical, gates constant".into(),
                    ratio.rounded(3),
                ),
            ]);
        }
        numbers.extend([
            (
                format!("size above {:.2} % of centre", 100.0 * headline.threshold),
                format!("{} px", headline.size.rounded(1)),
            ),
            ("size / theoretical".into(), headline.ratio.rounded(3)),
            (
                match self.theory.aggregate {
                    Aggregate::Square => "TV of mean square to theory".into(),
                    _ => "TV of mean |g| to theory".into(),
                },
                match self.theory.tv {
                    Some(tv) => format!("{tv:.3}{caution}"),
                    None => "unknown".into(),
                },
            ),
            ("samples".into(), self.measurement.samples.to_string()),
        ]);
        numbers
    }
}

impl Serialize for Study {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let measured = &self.measurement;
        StudyJson {
            headline: &self.headline,
            trf: TrfJson {
                size: [measured.trf.height, measured.trf.width],
                stride: measured
                    .probe
                    .fields
                    .map(|fields| fields.map(|field| field.stride)),
                centre: measured.trf.centre(),
            },
            ungated_trf: self.ungated_trf().map(|trf| TrfJson {
                size: [trf.height, trf.width],
                stride: Some(self.layer.ungated_trf.map(|field| field.stride)),
                centre: trf.centre(),
            }),
            unit: measured.probe.unit,
            channels: measured.probe.channels,
            image: [measured.image.height, measured.image.width],
            samples: measured.samples,
            dead_samples: measured.dead,
            dead_pixels: measured.dead_pixels(),
            outside: measured.outside,
            units: measured.units,
            method: measured.method,
            seconds: measured.elapsed.as_secs_f64(),
            samples_per_second: measured.samples_per_second(),
            aggregates: &self.others,
            theory: &self.theory,
        }
        .serialize(serializer)
    }
}

/// The names and the order of fields in a study's JSON, which other programs read. Pairs are
/// `[rows, columns]`, lengths are in pixels.
#[derive(Serialize)]
struct StudyJson<'a> {
    #[serde(flatten)]
    headline: &'a FieldSummary,
    trf: TrfJson,
    /// With gates held constant, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    ungated_trf: Option<TrfJson>,
    unit: [usize; 2],
    channels: Channels,
    image: [usize; 2],
    samples: u64,
    dead_samples: u64,
    dead_pixels: usize,
    outside: f64,
    /// The number of units of each image that the field is the mean of.
    units: usize,
    method: Method,
    seconds: f64,
    samples_per_second: f64,
    aggregates: &'a [FieldSummary],
    theory: &'a TheoryComparison,
}

#[derive(Serialize)]
struct TrfJson {
    size: [usize; 2],
    stride: Option<[i64; 2]>,
    centre: [f64; 2],
}
