//! One thing of a network varied at a time, and what the field makes of it: the experiments of Luo
//! et al. 2016, "Understanding the effective receptive field", with theory beside them.

mod variations;

pub use variations::{Variation, Varied};

use crate::gaussian::{Estimate, LUO_THRESHOLD, Verdict, luo_size};
use crate::theory::{Seeds, Weights, predict};
use crate::{
    Aggregate, Channels, ErfError, Map, Measurement, Network, Noise, Options, Probe, Progress,
    default_layer, measure, measure_layer, plan_that_fits,
};
use burn::tensor::{Device, Tensor};
use receptive_model::Plan;
use serde::Serialize;

/// What is published on the growth with depth: the slopes of log size and of log (size / TRF)
/// against log depth (Luo et al. 2016, figure 1).
pub const PUBLISHED_SLOPES: [f64; 2] = [0.56, -0.43];

/// One network of a sweep.
#[derive(Debug, Clone, Serialize)]
pub struct Point {
    /// Which family, such as `random + ReLU`.
    pub family: String,
    /// What was varied, in words.
    pub label: String,
    /// The same as a number, where it is one.
    pub x: f64,
    /// The side of the theoretical field, pixels.
    pub trf: f64,
    /// Of the mean absolute gradient.
    pub abs: Sized,
    /// Of the mean square.
    pub square: Sized,
    /// Whether the mean absolute gradient looks like a Gaussian.
    pub verdict: Verdict,
    /// Networks drawn.
    pub samples: u64,
    /// The mean absolute gradient, for pictures.
    #[serde(skip)]
    pub map: Map,
}

/// The size of one mean: measured, and exact where theory has it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Sized {
    /// Luo's size, pixels.
    pub size: Estimate,
    /// The same of theory's map: of its root for the absolute gradient, which that comes near in
    /// wide networks.
    pub exact: f64,
}

/// Measures one network of a variation, with weights drawn anew for each sample.
///
/// # Errors
/// As [`measure_layer`].
pub fn measure_varied(
    varied: &Varied,
    options: &Options,
    device: &Device, // without autodiff
    progress: &mut Progress<'_>,
) -> Result<Point, ErfError> {
    let plan = plan_that_fits(&varied.config, None)?;
    let layer = default_layer(&plan)?.number.clone();
    // Of channels behind a ReLU the plain sum has terms that depend on each other.
    let probe = Probe::central(&plan, &layer)?.with_channels(Channels::RandomSigns);
    let input = plan.input();
    let noise = Noise {
        shape: [input.channels, input.height, input.width],
        seed: options.seed,
    };
    let found = if varied.is_training {
        in_training(&plan, &layer, &probe, &noise, options, device, progress)?
    } else {
        let network = Network::Redrawn(&plan, options.seed);
        measure_layer(network, &layer, &probe, &noise, options, device, progress)?
    };
    let prediction = predict(&plan, &layer, probe.unit, Seeds::All, Weights::Random)?;
    let exact = luo_size(&prediction.map, found.trf.centre(), LUO_THRESHOLD);
    let root = prediction.map.map(f64::sqrt);
    let exact_root = luo_size(&root, found.trf.centre(), LUO_THRESHOLD);
    Ok(Point {
        family: varied.family.clone(),
        label: varied.label.clone(),
        x: varied.x,
        trf: (found.trf.area() as f64).sqrt(),
        abs: Sized {
            size: found.size(Aggregate::Abs),
            exact: exact_root,
        },
        square: Sized {
            size: found.size(Aggregate::Square),
            exact,
        },
        verdict: found.judge(Aggregate::Abs).verdict,
        samples: found.samples,
        map: found.average(Aggregate::Abs).map.clone(),
    })
}

/// The same with dropout switched on, as in training: one network a sample, its masks drawn anew
/// each time.
fn in_training(
    plan: &Plan,
    layer: &str,
    probe: &Probe,
    noise: &Noise,
    options: &Options,
    device: &Device,
    progress: &mut Progress<'_>,
) -> Result<Measurement, ErfError> {
    let device = device.clone().autodiff();
    device.seed(options.seed);
    let drawn = std::sync::atomic::AtomicU64::new(0);
    let forward = |images: Tensor<4>| {
        let number = drawn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let seed = receptive_core::hash::mix(options.seed, number);
        let network = plan.init_seeded(seed, &device);
        let found = receptive_model::exactly(|| network.forward_until(images.clone(), layer));
        found
            .ok()
            .and_then(receptive_model::Features::map)
            .unwrap_or(images)
    };
    measure(forward, probe, noise, options, &device, progress)
}
