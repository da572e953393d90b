//! Every backend computes the same as flex: one suite, run on each backend that is compiled in.
//!
//! `cargo test -p receptive-tests --test parity --features
//! receptive-tests/ndarray,receptive-tests/wgpu`, and so on for the others. A backend that is
//! compiled in but finds no device fails, because it was requested. Each check prints its largest
//! difference; `-- --nocapture` shows them.
#![recursion_limit = "256"]
// The lint exempts test functions only, not the functions they call.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod evaluation;
mod field;
mod files;
mod gradients;
mod layers;
#[path = "../networks.rs"]
mod networks;
mod training;

use burn::tensor::{Device, Tensor, TensorData};
use receptive_train::Backend;
use receptive_train::backend::BackendKind;

/// Every backend except flex that is compiled in, with its device.
fn backends() -> Vec<(&'static str, Device)> {
    let others = BackendKind::ALL
        .into_iter()
        .filter(|kind| *kind != BackendKind::Flex && kind.is_compiled());
    others
        .map(|kind| {
            let device = Backend { kind, index: None }.device();
            let device = device.unwrap_or_else(|error| panic!("{error}"));
            (kind.name(), Device::clone(&device))
        })
        .collect()
}

/// The largest difference, relative to the largest value of both.
fn difference(ours: &[f32], theirs: &[f32]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let max = |values: &mut dyn Iterator<Item = f32>| values.fold(0.0f32, f32::max);
    let largest = max(&mut ours.iter().chain(theirs).map(|value| value.abs()));
    let difference = max(&mut ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()));
    let finite = ours.iter().chain(theirs).all(|value| value.is_finite());
    assert!(finite, "a value is NaN or infinite");
    f64::from(difference) / f64::from(largest).max(f64::MIN_POSITIVE)
}

/// Prints a difference and compares it with its limit.
fn check(backend: &str, what: &str, difference: f64, bar: f64) {
    println!("{backend:<8} {what:<44} {difference:>9.1e} (bar {bar:.0e})");
    assert!(
        difference <= bar,
        "{backend}, {what}: {difference:e} is above {bar:e}"
    );
}

/// Pseudo-random values between -1 and 1, the same on every device.
fn noise(dims: [usize; 4], device: &Device) -> Tensor<4> {
    let mut state = 7u32;
    let values: Vec<f32> = (0..dims.iter().product::<usize>())
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect();
    Tensor::from_data(TensorData::new(values, dims), device)
}

fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter().collect()
}
