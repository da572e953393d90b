//! Varies one property of a network at a time and measures the effect on the field: the experiments of
//! Luo et al. 2016, "Understanding the effective receptive field", compared with theory.
//!
//! ```text
//! Variation -> SweepNetwork (one config) -> SweepPoint (its sizes) -> Sweep (all points, slopes)
//! ```

mod variations;

pub use variations::{SweepNetwork, Variation};

use crate::error::ErfError;
use crate::gaussian::{Estimate, LUO_THRESHOLD, Verdict, luo_size};
use crate::layers::{MAX_GROWN, default_layer, plan_that_fits};
use crate::map::Map;
use crate::measure::{
    Aggregate, Channels, MeasureOptions, MeasureProgress, MeasuredNetwork, Measurement, Noise,
    Probe, Processors, measure, measure_layer,
};
use crate::theory::{Seeds, WeightAssumption, predict, slope};
use burn::tensor::Tensor;
use receptive_core::hash::mix;
use receptive_model::{Features, InferenceDevice, Plan, exactly};
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};

/// Published slopes of log size and log (size / TRF) against log depth (Luo et al. 2016, figure 1).
const PUBLISHED_SLOPES: [f64; 2] = [0.56, -0.43];

/// The points of one variation, family by family, and their slopes.
#[derive(Debug, Clone, Serialize)]
pub struct Sweep {
    /// The varied property.
    #[serde(rename = "sweep")]
    pub variation: Variation,
    /// One point per network, in the order of [`Variation::networks`].
    pub points: Vec<SweepPoint>,
    /// For [`Variation::Depth`]: one for each family with at least two depths.
    pub slopes: Vec<Slopes>,
}

/// The measurement of one network of a sweep.
#[derive(Debug, Clone, Serialize)]
pub struct SweepPoint {
    /// The family, such as `random + ReLU`.
    pub family: String,
    /// The varied value, as text.
    pub label: String,
    /// The varied value as a number, if it is one.
    pub x: f64,
    /// The side of the theoretical field, in pixels.
    pub trf: f64,
    /// The size of the mean absolute gradient.
    pub abs: FieldSize,
    /// The size of the mean square.
    pub square: FieldSize,
    /// Whether the mean absolute gradient is a Gaussian.
    pub verdict: Verdict,
    /// Number of networks drawn.
    pub samples: u64,
    /// The mean absolute gradient, for figures.
    #[serde(skip)]
    pub map: Map,
}

/// The size for one aggregate, measured and predicted.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct FieldSize {
    /// Luo's size, in pixels.
    pub size: Estimate,
    /// Luo's size of the predicted map or, for the absolute gradient, of its square root, which
    /// approximates the mean absolute gradient of wide networks.
    pub exact: f64,
}

/// Slopes of log size and log (size / TRF) against log depth, for one family.
#[derive(Debug, Clone, Serialize)]
pub struct Slopes {
    /// The family.
    pub family: String,
    /// For the mean absolute gradient.
    pub abs: [f64; 2],
    /// The same for the predicted map.
    pub abs_exact: [f64; 2],
    /// For the mean square.
    pub square: [f64; 2],
    /// The same for the predicted map.
    pub square_exact: [f64; 2],
    /// As published by Luo et al.
    pub published: [f64; 2],
}

impl Sweep {
    /// From the measured points of a variation, in the order of its networks.
    pub fn new(variation: Variation, points: Vec<SweepPoint>) -> Self {
        let slopes = match variation {
            Variation::Depth => families(&points)
                .filter(|family| family.len() > 1)
                .map(Slopes::new)
                .collect(),
            _ => Vec::new(),
        };
        Self {
            variation,
            points,
            slopes,
        }
    }

    /// The points of each family.
    pub fn families(&self) -> impl DoubleEndedIterator<Item = &[SweepPoint]> {
        families(&self.points)
    }
}

fn families(points: &[SweepPoint]) -> impl DoubleEndedIterator<Item = &[SweepPoint]> {
    points.chunk_by(|a, b| a.family == b.family)
}

impl Slopes {
    /// The slopes of a family, which must not be empty.
    fn new(family: &[SweepPoint]) -> Self {
        let both = |size: fn(&SweepPoint) -> f64| {
            let over_depth = |value: &dyn Fn(&SweepPoint) -> f64| {
                let points: Vec<(f64, f64)> = family.iter().map(|p| (p.x, value(p))).collect();
                slope(&points)
            };
            [
                over_depth(&size),
                over_depth(&|point| size(point) / point.trf),
            ]
        };
        Self {
            family: family[0].family.clone(),
            abs: both(|point| point.abs.size.value),
            abs_exact: both(|point| point.abs.exact),
            square: both(|point| point.square.size.value),
            square_exact: both(|point| point.square.exact),
            published: PUBLISHED_SLOPES,
        }
    }
}

impl SweepNetwork {
    /// Measures the central unit of the last map, with weights redrawn for each sample.
    ///
    /// # Errors
    /// As [`measure_layer`].
    pub fn measure<'p>(
        &self,
        options: &MeasureOptions,
        on: impl Into<Processors<'p>>,
        progress: &mut MeasureProgress<'_>,
    ) -> Result<SweepPoint, ErfError> {
        let on = on.into();
        let plan = plan_that_fits(&self.config, None, MAX_GROWN)?;
        let layer = default_layer(&plan)?.number.clone();
        // After a ReLU, the terms of a plain sum over channels are not independent.
        let probe = Probe::central(&plan, &layer)?.with_channels(Channels::RandomSigns);
        let input = plan.input();
        let noise = Noise {
            shape: [input.channels, input.height, input.width],
            seed: options.seed,
        };
        let measured = if self.is_training {
            in_training(
                &plan,
                &layer,
                &probe,
                &noise,
                options,
                on.device(),
                progress,
            )?
        } else {
            let network = MeasuredNetwork::Redrawn(&plan, options.seed);
            measure_layer(network, &layer, &probe, &noise, options, on, progress)?
        };
        let prediction = predict(
            &plan,
            &layer,
            probe.unit,
            Seeds::All,
            WeightAssumption::Random,
        )?;
        let exact = luo_size(&prediction.map, measured.trf.centre(), LUO_THRESHOLD);
        let root = prediction.map.map(f64::sqrt);
        let exact_root = luo_size(&root, measured.trf.centre(), LUO_THRESHOLD);
        Ok(SweepPoint {
            family: self.family.clone(),
            label: self.label.clone(),
            x: self.x,
            trf: measured.trf_side(),
            abs: FieldSize {
                size: measured.size(Aggregate::Abs),
                exact: exact_root,
            },
            square: FieldSize {
                size: measured.size(Aggregate::Square),
                exact,
            },
            verdict: measured.judge(Aggregate::Abs).verdict,
            samples: measured.samples,
            map: measured.map(Aggregate::Abs).clone(),
        })
    }
}

/// Measures with dropout on, as in training: one network per sample, with new masks each time.
fn in_training(
    plan: &Plan,
    layer: &str,
    probe: &Probe,
    noise: &Noise,
    options: &MeasureOptions,
    device: &InferenceDevice,
    progress: &mut MeasureProgress<'_>,
) -> Result<Measurement, ErfError> {
    let autodiff = device.autodiff();
    autodiff.seed(options.seed);
    let count = AtomicU64::new(0);
    let forward = |images: Tensor<4>| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let network = plan.init_seeded(mix(options.seed, number), &autodiff);
        let features = exactly(|| network.forward_until(images.clone(), layer));
        features.ok().and_then(Features::into_map).unwrap_or(images)
    };
    measure(forward, probe, noise, options, device, progress)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::Region;

    fn point(family: &str, x: f64, size: f64) -> SweepPoint {
        let size = FieldSize {
            size: Estimate::exact(size),
            exact: size,
        };
        SweepPoint {
            family: family.into(),
            label: x.to_string(),
            x,
            trf: 2.0 * x,
            abs: size,
            square: size,
            verdict: Verdict::Gaussian,
            samples: 1,
            map: Map::zeros(Region::image(1, 1)),
        }
    }

    #[test]
    fn a_family_that_grows_like_the_root_of_the_depth_has_slopes_of_a_half() {
        let points = [4.0, 9.0, 16.0].map(|x: f64| point("a", x, 3.0 * x.sqrt()));
        let mut points = points.to_vec();
        points.push(point("b", 4.0, 1.0));
        let sweep = Sweep::new(Variation::Depth, points.clone());
        let [slopes] = sweep.slopes.as_slice() else {
            panic!("one depth has no slope");
        };
        for [size, ratio] in [slopes.abs, slopes.square_exact] {
            assert!((size - 0.5).abs() < 1e-12 && (ratio + 0.5).abs() < 1e-12);
        }
        assert_eq!(sweep.families().count(), 2);
        assert!(Sweep::new(Variation::Kernel, points).slopes.is_empty());
    }
}
