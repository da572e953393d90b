//! What a measurement says, ready to be printed or stored.

use crate::gaussian::{
    Estimate, Judgement, LUO_THRESHOLD, MassSquare, mass_squares, total_variation, tv_noise,
};
use crate::theory::{Prediction, Share};
use crate::{Aggregate, Channels, Measurement, Method};
use serde::Serialize;

/// Shares of the mass whose squares are reported.
pub const MASS_SHARES: [f64; 4] = [0.20, 0.30, 0.50, 0.99];

/// What one mean over the samples says.
#[derive(Debug, Clone, Serialize)]
pub struct FieldReport {
    /// Which mean.
    pub aggregate: Aggregate,
    /// Whether it looks like a Gaussian, and the numbers that say so.
    #[serde(flatten)]
    pub judgement: Judgement,
    /// The geometric mean of both axes' standard deviations, pixels.
    pub sigma_both: Estimate,
    /// The standard deviations of the least-squares fit along its major and minor axis, pixels.
    pub sigma_fit: Option<[f64; 2]>,
    /// Luo's size, pixels: the square root of the number of pixels above `threshold` times the
    /// centre's value.
    pub size: Estimate,
    /// See `size`.
    pub threshold: f64,
    /// `size` over the side of the theoretical field.
    pub ratio: Estimate,
    /// The smallest centred squares that hold shares of the mass.
    pub mass_squares: Vec<MassSquare>,
}

/// The unit's theoretical field.
#[derive(Debug, Clone, Serialize)]
pub struct TrfReport {
    /// `[rows, columns]`, pixels.
    pub size: [usize; 2],
    /// Pixels between neighbouring units.
    pub stride: Option<[i64; 2]>,
    /// The unit's centre, pixels from the image's first.
    pub centre: [f64; 2],
}

/// Theory beside the measurement.
#[derive(Debug, Clone, Serialize)]
pub struct TheoryReport {
    /// Which weights it is for.
    pub weights: &'static str,
    /// Standard deviation along `[rows, columns]`, pixels.
    pub sigma: [f64; 2],
    /// Total variation between the predicted and the measured mean square, corrected for noise.
    pub tv: f64,
    /// Whether the prediction is exact for these networks.
    pub exact: bool,
    /// Why not.
    pub caveats: Vec<String>,
    /// What each layer adds to the variance.
    pub budget: Vec<Share>,
}

/// Everything a measurement says.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Of the mean that was asked for.
    #[serde(flatten)]
    pub headline: FieldReport,
    /// The theoretical field.
    pub trf: TrfReport,
    /// The unit, `[row, column]`.
    pub unit: [usize; 2],
    /// Which of its channels.
    pub channels: Channels,
    /// The image, `[rows, columns]`.
    pub image: [usize; 2],
    /// Independent samples.
    pub samples: u64,
    /// Samples without any gradient.
    pub dead_samples: u64,
    /// Pixels of the field that no sample's gradient reached.
    pub dead_pixels: usize,
    /// The share of the gradient outside the theoretical field.
    pub outside: f64,
    /// How the gradients were computed.
    pub method: Method,
    /// How long that took.
    pub seconds: f64,
    /// Samples a second.
    pub samples_per_second: f64,
    /// The same for the other means.
    pub aggregates: Vec<FieldReport>,
    /// What theory says.
    pub theory: Option<TheoryReport>,
}

impl FieldReport {
    /// Judges one mean of a measurement.
    pub fn of(found: &Measurement, aggregate: Aggregate) -> Self {
        let judgement = found.judge(aggregate);
        let side = (found.trf.area() as f64).sqrt().max(1.0);
        let size = found.size(aggregate);
        Self {
            aggregate,
            sigma_both: judgement.sigma_both(),
            sigma_fit: judgement.fit.map(|fit| fit.sigmas()),
            judgement,
            size,
            threshold: LUO_THRESHOLD,
            ratio: size.map(|size| size / side),
            mass_squares: mass_squares(
                &found.average(aggregate).map,
                found.trf.centre(),
                found.image,
                &MASS_SHARES,
            ),
        }
    }
}

impl TheoryReport {
    /// Compares a prediction with the measured mean square.
    pub fn of(found: &Measurement, weights: &'static str, prediction: &Prediction) -> Self {
        let map = &found.average(Aggregate::Square).map;
        let groups = found.groups(Aggregate::Square);
        let raw = total_variation(map, &prediction.map);
        let noise = tv_noise(groups);
        let variance = [0, 1].map(|axis| {
            let shares = prediction.budget.iter();
            shares.map(|share| share.variance[axis]).sum::<f64>()
        });
        let mut caveats = prediction.caveats.clone();
        if found.probe.channels == Channels::Sum && weights != "all equal" {
            caveats.push(
                "the sum of channels behind an activation has terms that depend on each other; \
                 random signs measure what is predicted"
                    .into(),
            );
        }
        Self {
            weights,
            sigma: variance.map(f64::sqrt),
            tv: (raw * raw - noise * noise).max(0.0).sqrt(),
            exact: caveats.is_empty(),
            caveats,
            budget: prediction.budget.clone(),
        }
    }
}

impl Report {
    /// Everything about a measurement, `aggregate` first.
    pub fn of(found: &Measurement, aggregate: Aggregate, theory: Option<TheoryReport>) -> Self {
        let others = [Aggregate::Abs, Aggregate::Square, Aggregate::Positive];
        Self {
            headline: FieldReport::of(found, aggregate),
            trf: TrfReport {
                size: [found.trf.height, found.trf.width],
                stride: found
                    .probe
                    .fields
                    .map(|fields| fields.map(|field| field.stride)),
                centre: found.trf.centre(),
            },
            unit: found.probe.unit,
            channels: found.probe.channels,
            image: [found.image.height, found.image.width],
            samples: found.samples,
            dead_samples: found.dead,
            dead_pixels: found.dead_pixels(),
            outside: found.outside,
            method: found.method,
            seconds: found.took.as_secs_f64(),
            samples_per_second: found.samples_per_second(),
            aggregates: others
                .into_iter()
                .filter(|other| *other != aggregate)
                .map(|other| FieldReport::of(found, other))
                .collect(),
            theory,
        }
    }
}
