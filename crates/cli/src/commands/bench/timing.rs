//! The times of one measurement.

use super::profile::OperationTime;
use super::scaling::Scaling;
use crate::error::CliError;
use receptive_train::trial::peak_resident_bytes;
use serde::Serialize;
use std::time::Instant;

/// The times of one measurement, with more detail for some work.
#[derive(Serialize)]
pub(super) struct Timing {
    /// For the median step.
    pub(super) images_per_s: f64,
    /// For the median step.
    pub(super) ms_per_step: f64,
    /// The 10th and 90th percentile of the steps; only if single steps are timed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ms_p10_p90: Option<[f64; 2]>,
    /// For inference in a network with few layers: the time of each, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) layers: Vec<LayerTime>,
    /// The number of images for which the layers were timed, in one thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) layer_images: Option<usize>,
    /// For training: the time of each operation per step, in one thread, in its fastest step; on a GPU of each kind of
    /// layer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) operations: Vec<OperationTime>,
    /// For training with `--scaling`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scaling: Option<Scaling>,
    /// Peak memory of the process up to the last timed step, in MiB; omitted if the system does not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) peak_rss_mb: Option<u64>,
}

/// The time of one layer in a step.
#[derive(Serialize)]
pub(super) struct LayerTime {
    /// Such as `conv2d_1`.
    pub(super) name: String,
    /// In the fastest pass, in milliseconds.
    pub(super) ms: f64,
    /// Billions of multiply-adds per second.
    pub(super) gmacs_per_s: f64,
}

impl Timing {
    /// From the duration in seconds of each step, of `batch` images. To be called right after them: it
    /// reads the peak memory.
    pub(super) fn of_steps(batch: usize, mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        Self {
            ms_p10_p90: Some([percentile(&times, 10) * 1e3, percentile(&times, 90) * 1e3]),
            ..Self::of_whole(batch, median(&times))
        }
    }

    /// From the average duration in seconds of a step that was not timed by itself. Also to be called
    /// right after them.
    pub(super) fn of_whole(batch: usize, per_step: f64) -> Self {
        Self {
            images_per_s: batch as f64 / per_step,
            ms_per_step: per_step * 1e3,
            ms_p10_p90: None,
            layers: Vec::new(),
            layer_images: None,
            operations: Vec::new(),
            scaling: None,
            peak_rss_mb: peak_resident_bytes().map(|bytes| bytes >> 20),
        }
    }
}

/// The smallest of the sorted times that at least `percent` % of them do not exceed (nearest rank).
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted[rank.saturating_sub(1)]
}

/// The duration in seconds of each of `steps` steps, after `warm_up` that are not timed; a step is given its number.
pub(super) fn seconds_of(
    warm_up: usize,
    steps: usize,
    mut step: impl FnMut(usize) -> Result<(), CliError>,
) -> Result<Vec<f64>, CliError> {
    let mut times = Vec::with_capacity(steps);
    for number in 0..warm_up + steps {
        let began = Instant::now();
        step(number)?;
        if number >= warm_up {
            times.push(began.elapsed().as_secs_f64());
        }
    }
    Ok(times)
}

/// The shortest: for differences of times, since other programs make a pass slower, never faster.
pub(super) fn fastest(times: &[f64]) -> f64 {
    times.iter().copied().fold(f64::INFINITY, f64::min)
}

pub(super) fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    let middle = times.len() / 2;
    match times.len() % 2 {
        0 => f64::midpoint(times[middle - 1], times[middle]),
        _ => times[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_between_the_percentiles() {
        for count in 1..=40 {
            let times: Vec<f64> = (1..=count).map(f64::from).collect();
            let (low, high) = (percentile(&times, 10), percentile(&times, 90));
            let middle = median(&times);
            assert!(low <= middle && middle <= high, "{count}: {low} {high}");
        }
        let times: Vec<f64> = (1..=10).map(f64::from).collect();
        assert_eq!([percentile(&times, 10), percentile(&times, 90)], [1.0, 9.0]);
    }
}
