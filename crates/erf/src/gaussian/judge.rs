//! The judgement of a map and its groups.

use super::estimate::{Estimate, interval, resamples};
use super::field::{MomentSums, NormalizedMap};
use super::fit::{GaussianFit, fit};
use super::gaussian2::{Gaussian2, Lattice};
use super::margins::{
    MAX_CUT, MAX_DEAD, MAX_OUTSIDE, NOTED_ANISOTROPY, NOTED_OFFSET, Numbers, RIPPLE_HOLE,
};
use super::rule::{borderline_shape, decide, other_shape};
use super::shapes::Core;
use super::total_variation::{Halves, MIN_GROUPS, Replicate, of_replicates, to_gaussian};
use super::verdict::{Evidence, Judgement, Reason, Verdict, explain};
use crate::map::{Map, Region};
use receptive_core::text::percent;

/// Judges a map. Never panics: a map that cannot be judged is inconclusive, with a reason.
pub fn judge(evidence: &Evidence<'_>) -> Judgement {
    let Evidence { map, groups, .. } = *evidence;
    if evidence.is_rounding {
        let explanation = "The sum of the unit's channels does not depend on the image, as after a \
                           layer norm, which keeps it constant: the map shows rounding errors; \
                           differentiate random signs of the channels, or one channel.";
        return inconclusive(evidence, Reason::Rounding, explanation);
    }
    let all = || std::iter::once(map).chain(groups).flat_map(Map::values);
    if !all().all(|value| value.is_finite()) {
        return inconclusive(
            evidence,
            Reason::Empty,
            "The map has NaN or infinite values.",
        );
    }
    if all().any(|value| *value < 0.0) {
        let explanation = "The map has negative values, so it is not a density and cannot be \
                           compared with a Gaussian; test the mean absolute gradient or the mean \
                           square.";
        return inconclusive(evidence, Reason::Signed, explanation);
    }
    let Some(field) = NormalizedMap::new(map, groups, &evidence.trf) else {
        let explanation = if is_outside(evidence) {
            "The unit's theoretical field lies outside the image: it sees only padding; choose \
             another unit."
        } else {
            "No gradient reached the image: the unit or what it reads is dead, as all ReLUs can \
             be on a uniform image, or weights are zero."
        };
        return inconclusive(evidence, Reason::Empty, explanation);
    };
    let spread = field.sums.gaussian();
    let [_, minor] = spread.sigmas();
    let pixels = field.values.iter().filter(|value| **value > 0.0).count();
    if pixels < 3 || minor.is_nan() || minor < 1e-6 {
        let explanation = format!(
            "Only {pixels} pixel{} with a gradient, on one line: too few to judge a shape.",
            if pixels == 1 { "" } else { "s" }
        );
        return inconclusive(evidence, Reason::Degenerate, &explanation);
    }
    judge_field(evidence, &field, map.over(field.data).total())
}

fn judge_field(evidence: &Evidence<'_>, field: &NormalizedMap, mass: f64) -> Judgement {
    let fit = fit(field, &field.window);
    let moments = normalized(&field.sums.gaussian(), &field.window);
    let slices: Vec<&[f64]> = field.groups.iter().map(Vec::as_slice).collect();
    let halves = Halves::new(&slices);
    let tv_noise = if evidence.samples == 0 {
        0.0
    } else {
        halves.noise
    };
    let tv_raw = to_gaussian(field, &moments);
    let core = Core::new(field, fit.as_ref().map_or(&moments, |fit| &fit.gaussian));
    let replicates = Replicates::new(field, fit.as_ref());
    let uncertain = |value: f64, all: &[f64]| interval(value, all, field.groups.len());

    let [rows, columns] = field.sums.kurtosis();
    let sigma_ratio = fit
        .as_ref()
        .map(|fit| fit.gaussian.sigma() / moments.sigma());
    let sigmas = [0, 1].map(|axis| moments.covariance[axis][axis].sqrt());
    let numbers = Numbers {
        tv: uncertain(tv_raw, &replicates.tv)
            .map(|tv| (tv.max(0.0).powi(2) - tv_noise * tv_noise).max(0.0).sqrt()),
        noise: tv_noise,
        kurtosis: [
            uncertain(rows, &replicates.kurtosis[0]),
            uncertain(columns, &replicates.kurtosis[1]),
        ],
        mardia: uncertain(field.sums.mardia(), &replicates.mardia),
        hole: core.hole(field),
        ratio: sigma_ratio.map(|ratio| uncertain(ratio, &replicates.ratio)),
        sigma: sigmas[0].min(sigmas[1]),
    };
    let (verdict, reason, explanation) =
        verdict(evidence, field, &numbers, &moments, fit.as_ref(), &core);
    let [major, minor] = moments.sigmas();
    let off_centre = off_centre(&moments, evidence);
    let anisotropy = major / minor;
    let in_map_units = |gaussian: &Gaussian2| Gaussian2 {
        amplitude: gaussian.amplitude * mass,
        ..*gaussian
    };
    Judgement {
        verdict,
        reason,
        explanation,
        tv: numbers.tv,
        tv_raw,
        tv_noise,
        kurtosis: numbers.kurtosis,
        mardia: numbers.mardia,
        hole: numbers.hole,
        sigma: [0, 1].map(|axis| uncertain(sigmas[axis], &replicates.sigma[axis])),
        moments: in_map_units(&moments),
        fit: fit.as_ref().map(|fit| in_map_units(&fit.gaussian)),
        sigma_ratio,
        r_squared: fit.as_ref().and_then(|fit| fit.r_squared),
        r_squared_ceiling: halves.ceiling(field.window.area()),
        anisotropy,
        off_centre,
        window: field.window,
        notes: notes(anisotropy, off_centre, &numbers, verdict),
    }
}

/// The numbers for each bootstrap resample of the groups.
#[derive(Default)]
struct Replicates {
    tv: Vec<f64>,
    kurtosis: [Vec<f64>; 2],
    mardia: Vec<f64>,
    sigma: [Vec<f64>; 2],
    ratio: Vec<f64>,
}

impl Replicates {
    fn new(field: &NormalizedMap, fit: Option<&GaussianFit>) -> Self {
        let mut all = Self::default();
        if field.groups.len() < 2 {
            return all;
        }
        let weights = resamples(field.groups.len());
        let mut resampled = Vec::with_capacity(weights.len());
        for weights in &weights {
            let sums = MomentSums::weighted(&field.group_sums, weights);
            let gaussian = sums.gaussian();
            let [_, minor] = gaussian.sigmas();
            if sums.total() <= 0.0 || minor.is_nan() || minor < 1e-6 {
                continue;
            }
            let [rows, columns] = sums.kurtosis();
            all.kurtosis[0].push(rows);
            all.kurtosis[1].push(columns);
            all.mardia.push(sums.mardia());
            for axis in 0..2 {
                all.sigma[axis].push(gaussian.covariance[axis][axis].sqrt());
            }
            if let Some(fit) = fit {
                let moved: f64 = fit
                    .group_log_sigmas
                    .iter()
                    .zip(weights)
                    .map(|(change, weight)| change * weight)
                    .sum();
                all.ratio
                    .push(fit.gaussian.sigma() * moved.exp() / gaussian.sigma());
            }
            resampled.push(Replicate {
                weights,
                gaussian,
                total: sums.total(),
            });
        }
        let slices: Vec<&[f64]> = field.groups.iter().map(Vec::as_slice).collect();
        all.tv = of_replicates(field, &slices, &resampled);
        all
    }
}

fn verdict(
    evidence: &Evidence<'_>,
    field: &NormalizedMap,
    numbers: &Numbers,
    moments: &Gaussian2,
    fit: Option<&GaussianFit>,
    core: &Core,
) -> (Verdict, Option<Reason>, String) {
    if let Some((reason, explanation)) = unusable(evidence, field) {
        return (Verdict::Inconclusive, Some(reason), explanation);
    }
    let (verdict, mut reason) = decide(numbers);
    if verdict == Verdict::NotGaussian {
        let fit = fit.map(|fit| &fit.gaussian);
        let noise = core.relative_noise(field);
        reason = Some(other_shape(field, numbers, moments, fit, noise));
    } else if verdict == Verdict::Borderline {
        reason = Some(borderline_shape(numbers));
    }
    (verdict, reason, explain(verdict, reason, numbers))
}

/// What makes a verdict impossible, whatever the numbers are.
fn unusable(evidence: &Evidence<'_>, field: &NormalizedMap) -> Option<(Reason, String)> {
    if evidence.samples > 0 && evidence.groups.len() < MIN_GROUPS {
        let explanation = "One group of samples has no error estimate; use more samples.";
        return Some((Reason::Noise, explanation.into()));
    }
    if evidence.outside.is_nan() || evidence.outside > MAX_OUTSIDE {
        let explanation = format!(
            "{} of the gradient lies outside the theoretical field: a bug, or layers that mix the \
             whole image, such as batch norm in training, attention or global pools.",
            percent(evidence.outside)
        );
        return Some((Reason::Outside, explanation));
    }
    if evidence.dead.is_nan() || evidence.dead > MAX_DEAD {
        let explanation = format!(
            "{} of the samples have no gradient at all: the unit is mostly dead, as one channel \
             after a ReLU often is; differentiate all channels, or the layer before the activation.",
            percent(evidence.dead)
        );
        return Some((Reason::Dead, explanation));
    }
    let cut = on_the_edge(evidence, field);
    if cut > MAX_CUT {
        let explanation = format!(
            "{} of the mass lies on the outermost pixels of the image, which truncates the \
             theoretical field; measure on a larger image, an earlier layer, or a unit nearer the \
             centre.",
            percent(cut)
        );
        return Some((Reason::Truncated, explanation));
    }
    None
}

/// Whether no pixel of the image is in the theoretical field.
fn is_outside(evidence: &Evidence<'_>) -> bool {
    let seen = |image: Region| evidence.trf.intersection(&image);
    evidence.image.is_some_and(|image| seen(image).area() == 0)
}

/// The share of the mass on the image's outermost pixels, on the sides where the theoretical field
/// extends beyond the image.
fn on_the_edge(evidence: &Evidence<'_>, field: &NormalizedMap) -> f64 {
    let Some(image) = evidence.image else {
        return 0.0;
    };
    if evidence.trf.intersection(&image) == evidence.trf {
        return 0.0;
    }
    let inner = Region {
        top: image.top + 1,
        left: image.left + 1,
        height: image.height.saturating_sub(2),
        width: image.width.saturating_sub(2),
    };
    let values = field.values.iter().enumerate();
    values
        .filter(|(index, _)| {
            let (row, column) = field.place(*index);
            !inner.contains(row as i64, column as i64)
        })
        .map(|(_, value)| value)
        .sum()
}

/// The Gaussian scaled to sum to 1 over the window.
fn normalized(gaussian: &Gaussian2, window: &Region) -> Gaussian2 {
    let sum = Lattice::new(gaussian).sum(window);
    Gaussian2 {
        amplitude: if sum > 0.0 { 1.0 / sum } else { 0.0 },
        ..*gaussian
    }
}

fn off_centre(moments: &Gaussian2, evidence: &Evidence<'_>) -> f64 {
    let [row, column] = evidence.trf.centre();
    moments.mahalanobis_squared(row, column).max(0.0).sqrt()
}

fn notes(anisotropy: f64, off_centre: f64, numbers: &Numbers, verdict: Verdict) -> Vec<String> {
    let mut notes = Vec::new();
    if anisotropy > NOTED_ANISOTROPY {
        notes.push(format!(
            "the field is an ellipse: its major axis is {anisotropy:.2} times its minor one"
        ));
    }
    if off_centre > NOTED_OFFSET {
        notes.push(format!(
            "the centroid is {off_centre:.2} sigma from the theoretical field's centre"
        ));
    }
    if verdict == Verdict::Borderline && numbers.hole.value < RIPPLE_HOLE {
        notes.push("grid ripple from stride: windows overlap unevenly".into());
    }
    notes
}

fn inconclusive(evidence: &Evidence<'_>, reason: Reason, explanation: &str) -> Judgement {
    let zero = Estimate::exact(0.0);
    let [row, column] = evidence.trf.centre();
    Judgement {
        verdict: Verdict::Inconclusive,
        reason: Some(reason),
        explanation: explanation.into(),
        tv: zero,
        tv_raw: 0.0,
        tv_noise: 0.0,
        kurtosis: [zero; 2],
        mardia: zero,
        hole: zero,
        sigma: [zero; 2],
        moments: Gaussian2 {
            amplitude: 0.0,
            mean: [row, column],
            covariance: [[0.0; 2]; 2],
        },
        fit: None,
        sigma_ratio: None,
        r_squared: None,
        r_squared_ceiling: None,
        anisotropy: 1.0,
        off_centre: 0.0,
        window: evidence.map.region().hull(&evidence.trf),
        notes: Vec::new(),
    }
}
