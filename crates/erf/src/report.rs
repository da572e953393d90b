//! What a measurement says, ready to be printed or stored.

use crate::gaussian::{
    Estimate, Judgement, LUO_THRESHOLD, MassSquare, Reason, Verdict, luo_size, mass_squares,
    total_variation, tv_noise,
};
use crate::jackknife::jackknife;
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
    /// Whether it looks like a Gaussian.
    pub verdict: Verdict,
    /// Why not, or near what.
    pub reason: Option<Reason>,
    /// The same in a sentence with its numbers.
    pub words: String,
    /// Total variation to the Gaussian of the same moments, corrected for noise.
    pub tv: Estimate,
    /// The same as found, and what noise alone would cause.
    pub tv_raw: f64,
    /// See `tv_raw`.
    pub tv_noise: f64,
    /// Excess kurtosis along `[rows, columns]`; 0 for a Gaussian.
    pub kurtosis: [Estimate; 2],
    /// Mardia's kurtosis minus 8.
    pub mardia: Estimate,
    /// The least share of the fit within one standard deviation: 1 without holes.
    pub hole: Estimate,
    /// Standard deviation along `[rows, columns]`, pixels.
    pub sigma: [Estimate; 2],
    /// The geometric mean of both.
    pub sigma_both: Estimate,
    /// The same of the least-squares fit, along its major and minor axis.
    pub sigma_fit: Option<[f64; 2]>,
    /// The fit's coefficient of determination, and the most that noise would let any fit reach.
    pub r_squared: Option<f64>,
    /// See `r_squared`.
    pub r_squared_ceiling: Option<f64>,
    /// Major over minor axis.
    pub anisotropy: f64,
    /// From the centroid to the theoretical field's centre, in standard deviations.
    pub off_centre: f64,
    /// Luo's size, pixels: the square root of the number of pixels above `threshold` times the
    /// centre's value.
    pub size: Estimate,
    /// See `size`.
    pub threshold: f64,
    /// `size` over the side of the theoretical field.
    pub ratio: Estimate,
    /// The smallest centred squares that hold shares of the mass.
    pub mass_squares: Vec<MassSquare>,
    /// Remarks.
    pub notes: Vec<String>,
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
        Self::with(found, aggregate, judgement)
    }

    fn with(found: &Measurement, aggregate: Aggregate, judgement: Judgement) -> Self {
        let map = &found.average(aggregate).map;
        let groups = found.groups(aggregate);
        let centre = found.trf.centre();
        let side = (found.trf.area() as f64).sqrt().max(1.0);
        let size = |map: &_| luo_size(map, centre, LUO_THRESHOLD);
        let size = jackknife(map, groups, size);
        Self {
            aggregate,
            sigma_both: judgement.sigma_both(),
            verdict: judgement.verdict,
            reason: judgement.reason,
            words: judgement.words,
            tv: judgement.tv,
            tv_raw: judgement.tv_raw,
            tv_noise: judgement.tv_noise,
            kurtosis: judgement.kurtosis,
            mardia: judgement.mardia,
            hole: judgement.hole,
            sigma: judgement.sigma,
            sigma_fit: judgement.fit.map(|fit| fit.sigmas()),
            r_squared: judgement.r_squared,
            r_squared_ceiling: judgement.r_squared_ceiling,
            anisotropy: judgement.anisotropy,
            off_centre: judgement.off_centre,
            size,
            threshold: LUO_THRESHOLD,
            ratio: Estimate {
                value: size.value / side,
                low: size.low / side,
                high: size.high / side,
            },
            mass_squares: mass_squares(map, centre, found.image, &MASS_SHARES),
            notes: judgement.notes,
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
