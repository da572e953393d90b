//! The test's input and output: the evidence, the judgement with its verdict and reason, and an
//! explanation of one or two sentences with the deciding numbers.

use super::estimate::Estimate;
use super::gaussian2::Gaussian2;
use super::margins::{
    GAUSSIAN_HOLE, GAUSSIAN_KURTOSIS, GAUSSIAN_MARDIA, GAUSSIAN_RATIO, GAUSSIAN_TV, MAX_NOISE,
    MIN_SIGMA, Numbers, OTHER_HOLE, OTHER_KURTOSIS, OTHER_TV, SETTLED_NOISE,
};
use crate::map::{Map, Region};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The evidence that [`judge`](super::judge) uses.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The mean over all samples, or an exact map.
    pub map: &'a Map,
    /// Means over disjoint groups of independent samples, over the same region and with equal
    /// numbers of samples; empty for an exact map.
    pub groups: &'a [Map],
    /// The unit's theoretical receptive field; it may extend beyond the image.
    pub trf: Region,
    /// The whole image; `None` if nothing truncates the field.
    pub image: Option<Region>,
    /// The fraction of samples whose gradient is zero everywhere.
    pub dead: f64,
    /// The fraction of the mass outside the theoretical field.
    pub outside: f64,
    /// Number of independent samples; 0 for an exact map.
    pub samples: u64,
    /// Whether the map consists of rounding errors only, because what was differentiated does not
    /// depend on the image.
    pub is_rounding: bool,
}

/// Whether a map is a Gaussian, and all numbers behind the verdict. Lengths are in input pixels,
/// pairs are `[rows, columns]`; what only figures use is not serialised.
#[derive(Debug, Clone, Serialize)]
pub struct Judgement {
    /// Whether it is a Gaussian.
    pub verdict: Verdict,
    /// Why it is not one, or what it is close to.
    pub reason: Option<Reason>,
    /// One or two sentences with the deciding numbers.
    #[serde(rename = "words")]
    pub explanation: String,
    /// Total variation from the discretised Gaussian with the same moments, corrected for noise.
    pub tv: Estimate,
    /// Total variation before that correction.
    pub tv_raw: f64,
    /// The contribution of noise, in quadrature.
    pub tv_noise: f64,
    /// Excess kurtosis per axis.
    pub kurtosis: [Estimate; 2],
    /// Mardia's kurtosis minus 8.
    pub mardia: Estimate,
    /// The minimum ratio of the map to its fit within one sigma.
    pub hole: Estimate,
    /// Standard deviation per axis.
    pub sigma: [Estimate; 2],
    /// The Gaussian with the map's moments and mass.
    #[serde(skip)]
    pub moments: Gaussian2,
    /// The least-squares fit, if it converged.
    #[serde(skip)]
    pub fit: Option<Gaussian2>,
    /// The ratio of the fit's sigma to that of the moments.
    #[serde(skip)]
    pub sigma_ratio: Option<f64>,
    /// The fit's coefficient of determination on the window.
    pub r_squared: Option<f64>,
    /// The largest `r_squared` that any model can reach, given the noise.
    pub r_squared_ceiling: Option<f64>,
    /// The ratio of the major to the minor axis.
    pub anisotropy: f64,
    /// The distance of the centroid from the theoretical field's centre, in sigmas.
    pub off_centre: f64,
    /// The pixels on which the numbers are computed.
    #[serde(skip)]
    pub window: Region,
    /// Remarks that do not affect the verdict.
    pub notes: Vec<String>,
}

impl Judgement {
    /// The geometric mean of the standard deviations along both axes.
    pub fn sigma_both(&self) -> Estimate {
        let [rows, columns] = self.sigma;
        let mean = |a: f64, b: f64| (a * b).max(0.0).sqrt();
        Estimate {
            value: mean(rows.value, columns.value),
            low: mean(rows.low.max(0.0), columns.low.max(0.0)),
            high: mean(rows.high, columns.high),
        }
    }
}

/// Whether a map is a Gaussian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// It is, within the stated margins and the noise.
    Gaussian,
    /// It is not, beyond the noise.
    NotGaussian,
    /// It is between the two margins.
    Borderline,
    /// This map does not allow a decision.
    Inconclusive,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Gaussian => "GAUSSIAN",
            Self::NotGaussian => "NOT GAUSSIAN",
            Self::Borderline => "BORDERLINE",
            Self::Inconclusive => "INCONCLUSIVE",
        })
    }
}

/// Why a map is not called a Gaussian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// Not Gaussian: flat with an edge.
    Box,
    /// Not Gaussian: a sharp peak with long tails.
    Peaked,
    /// Not Gaussian: holes caused by strides or dilation.
    Grid,
    /// Not Gaussian: several modes, or one far from the centroid.
    Blobs,
    /// Not Gaussian: a floor that does not decay.
    Floor,
    /// Not Gaussian: none of the named shapes.
    Shape,
    /// Borderline: nearly Gaussian but too flat.
    NearBox,
    /// Borderline: nearly Gaussian but too peaked.
    NearPeaked,
    /// Borderline: a ripple caused by overlapping strides on an otherwise Gaussian field.
    GridRipple,
    /// Borderline: total variation between the margins, and none of the named shapes.
    NearShape,
    /// Inconclusive: the image truncates the field.
    Truncated,
    /// Inconclusive: one pixel or one line, or too few pixels for the lattice to represent a
    /// Gaussian.
    Degenerate,
    /// Inconclusive: no mass, or values that are not finite.
    Empty,
    /// Inconclusive: negative values, so the map is not a density.
    Signed,
    /// Inconclusive: most samples have no gradient.
    Dead,
    /// Inconclusive: rounding errors only.
    Rounding,
    /// Inconclusive: mass outside the theoretical field.
    Outside,
    /// Inconclusive: the noise is unknown, or too large to decide.
    Noise,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Box => "flat, like a box",
            Self::Peaked => "peaked, with long tails",
            Self::Grid => "a grid with holes",
            Self::Blobs => "several modes or off-centre",
            Self::Floor => "a floor that does not decay",
            Self::Shape => "another shape",
            Self::NearBox => "nearly a Gaussian, but flat",
            Self::NearPeaked => "nearly a Gaussian, but peaked",
            Self::GridRipple => "grid ripple from stride",
            Self::NearShape => "nearly a Gaussian",
            Self::Truncated => "truncated by the image",
            Self::Degenerate => "too few pixels",
            Self::Empty => "empty",
            Self::Signed => "negative values",
            Self::Dead => "dead unit",
            Self::Rounding => "rounding errors",
            Self::Outside => "mass outside the theoretical field",
            Self::Noise => "noise",
        })
    }
}

/// A number, with its interval if it has one.
fn number(estimate: &Estimate, digits: usize) -> String {
    let Estimate { value, low, high } = estimate;
    if low == high {
        return format!("{value:.digits$}");
    }
    format!("{value:.digits$} [{low:.digits$}, {high:.digits$}]")
}

/// The explanation of a verdict that follows from the numbers.
pub(super) fn explain(verdict: Verdict, reason: Option<Reason>, numbers: &Numbers) -> String {
    let tv = number(&numbers.tv, 3);
    let [rows, columns] = numbers.kurtosis.map(|kurtosis| number(&kurtosis, 2));
    let shape = reason.map_or_else(String::new, |reason| reason.to_string());
    match verdict {
        Verdict::Gaussian => format!(
            "Total variation {tv} from the Gaussian of its moments (at most {GAUSSIAN_TV:.2}), \
             excess kurtosis {rows} and {columns} (within {GAUSSIAN_KURTOSIS})."
        ),
        Verdict::NotGaussian => format!("{}: {}.", capitalized(&shape), beyond(numbers)),
        Verdict::Borderline => format!(
            "{}: {}; not beyond total variation {OTHER_TV}, kurtosis {OTHER_KURTOSIS} or a hole \
             index under {OTHER_HOLE}, so not clearly non-Gaussian.",
            capitalized(&shape),
            missed(numbers)
        ),
        Verdict::Inconclusive if reason == Some(Reason::Degenerate) => format!(
            "Its smallest sigma is {:.2} px, under {MIN_SIGMA} px: the pixels are too coarse for \
             a Gaussian.",
            numbers.sigma
        ),
        Verdict::Inconclusive => noisy(numbers),
    }
}

fn noisy(numbers: &Numbers) -> String {
    let tv = number(&numbers.tv, 3);
    // Noise decreases with the square root of the number of samples.
    let more = (numbers.noise / SETTLED_NOISE).powi(2).max(1.1);
    let more = if more < 10.0 {
        format!("{:.1}", (more * 10.0).ceil() / 10.0)
    } else {
        format!("{:.0}", more.ceil())
    };
    let what = if numbers.noise > MAX_NOISE {
        format!("more than the maximum of {MAX_NOISE} for a verdict")
    } else {
        "too much, as a deciding interval straddles its threshold".to_owned()
    };
    format!(
        "The noise in total variation is {:.3}, {what}; total variation {tv}. About {more} times \
         as many samples (or images, if all are used) would settle it.",
        numbers.noise
    )
}

/// The numbers that are beyond their margins.
fn beyond(numbers: &Numbers) -> String {
    let mut clauses = Vec::new();
    if numbers.tv.low > OTHER_TV {
        clauses.push(format!(
            "total variation {} from the Gaussian of its moments (more than {OTHER_TV})",
            number(&numbers.tv, 3)
        ));
    }
    if numbers.hole.high <= OTHER_HOLE {
        let hole = number(&numbers.hole, 2);
        clauses.push(format!("hole index {hole} (less than {OTHER_HOLE})"));
    }
    for (axis, kurtosis) in ["rows", "columns"].iter().zip(&numbers.kurtosis) {
        if kurtosis.magnitude().low > OTHER_KURTOSIS {
            let kurtosis = number(kurtosis, 2);
            clauses.push(format!(
                "excess kurtosis {kurtosis} along the {axis} (beyond {OTHER_KURTOSIS})"
            ));
        }
    }
    clauses.join(", ")
}

/// The numbers that prevent a map from being called a Gaussian.
fn missed(numbers: &Numbers) -> String {
    let mut clauses = Vec::new();
    if numbers.tv.high > GAUSSIAN_TV {
        let tv = number(&numbers.tv, 3);
        clauses.push(format!(
            "total variation {tv} (Gaussian up to {GAUSSIAN_TV:.2})"
        ));
    }
    for (axis, kurtosis) in ["rows", "columns"].iter().zip(&numbers.kurtosis) {
        if kurtosis.magnitude().high > GAUSSIAN_KURTOSIS {
            let kurtosis = number(kurtosis, 2);
            clauses.push(format!(
                "excess kurtosis {kurtosis} along the {axis} (Gaussian within {GAUSSIAN_KURTOSIS})"
            ));
        }
    }
    if numbers.mardia.magnitude().high > GAUSSIAN_MARDIA {
        let mardia = number(&numbers.mardia, 2);
        clauses.push(format!(
            "Mardia's excess {mardia} (Gaussian within {GAUSSIAN_MARDIA})"
        ));
    }
    if numbers.hole.low <= GAUSSIAN_HOLE {
        let hole = number(&numbers.hole, 2);
        clauses.push(format!("hole index {hole} (Gaussian from {GAUSSIAN_HOLE})"));
    }
    let [lowest, highest] = GAUSSIAN_RATIO;
    match &numbers.ratio {
        None => clauses.push("the least-squares fit does not converge".to_owned()),
        Some(ratio) if ratio.low <= lowest || ratio.high > highest => clauses.push(format!(
            "fitted over moment sigma {} (Gaussian from {lowest} to {highest})",
            number(ratio, 2)
        )),
        Some(_) => {}
    }
    clauses.join(", ")
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_upper_case_and_reasons_are_phrases() {
        assert_eq!(Verdict::NotGaussian.to_string(), "NOT GAUSSIAN");
        assert_eq!(format!("{:>12}", Verdict::Borderline), "  BORDERLINE");
        assert_eq!(Reason::GridRipple.to_string(), "grid ripple from stride");
    }
}
