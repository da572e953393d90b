//! Pools with any window, tap by tap.

use super::tap::Choice;
use super::{PoolSizes, is_later, larger};
use crate::rectifier::with_constant;
use crate::scratch::with_scratch;
use crate::simd::{select, vectorized};

/// One plane: keeps each output's maximum so far.
pub(super) fn max_pool(sizes: &PoolSizes, x: &[f32], y: &mut [f32]) {
    let layout = sizes.phases();
    with_scratch(layout.padded() + layout.span(), |scratch| {
        let (phases, largest) = scratch.split_at_mut(layout.padded());
        layout.split(x, f32::NEG_INFINITY, phases);
        largest.fill(f32::NEG_INFINITY);
        for shift in layout.shifts() {
            let (largest, values) = (&mut *largest, &phases[shift..][..layout.span()]);
            vectorized!({
                for (largest, value) in largest.iter_mut().zip(values) {
                    *largest = larger(*largest, *value);
                }
            });
        }
        layout.gather(largest, y);
    });
    rectify(sizes, y);
}

fn rectify(sizes: &PoolSizes, y: &mut [f32]) {
    let rectifier = sizes.options.rectifier;
    if rectifier.is_some() {
        vectorized!({
            for y in y {
                *y = rectifier.of(*y);
            }
        });
    }
}

/// One plane of [`Choices::of`](super::Choices::of): as [`max_pool`], with the tap of each maximum.
///
/// # Shapes
/// - `choices`: the output's rows, as wide as a phase
pub(super) fn choose<T: Choice>(sizes: &PoolSizes, x: &[f32], y: &mut [f32], choices: &mut [T]) {
    let layout = sizes.phases();
    with_scratch(layout.padded() + layout.span(), |scratch| {
        let (phases, largest) = scratch.split_at_mut(layout.padded());
        layout.split(x, f32::NEG_INFINITY, phases);
        largest.fill(f32::NEG_INFINITY);
        choices.fill(T::of_tap(0));
        for (tap, shift) in layout.shifts().enumerate() {
            let values = &phases[shift..][..layout.span()];
            let (largest, choices, tap) = (&mut *largest, &mut *choices, T::of_tap(tap));
            vectorized!({
                let outputs = largest.iter_mut().zip(choices);
                for ((largest, choice), value) in outputs.zip(values) {
                    *choice = choice.or(tap, is_later(*largest, *value));
                    *largest = larger(*largest, *value);
                }
            });
        }
        layout.gather(largest, y);
        let rectifier = sizes.options.rectifier;
        if rectifier.is_some() {
            let largest = &*largest;
            vectorized!(with_constant!(rectifier, RECTIFIER => {
                for (choice, largest) in choices.iter_mut().zip(largest) {
                    let passes = RECTIFIER.gradient(1.0, RECTIFIER.of(*largest)) != 0.0;
                    *choice = choice.or(T::NONE, !passes);
                }
            }));
        }
    });
    rectify(sizes, y);
}

/// One plane of [`Choices::gradient`](super::Choices::gradient).
///
/// # Shapes
/// - `choices`: the output's rows, as wide as a phase
pub(super) fn spread<T: Choice>(sizes: &PoolSizes, choices: &[T], grad: &[f32], dx: &mut [f32]) {
    let layout = sizes.phases();
    let (padded, span) = (layout.padded(), layout.span());
    with_scratch(padded + span, |scratch| {
        let (gradients, grads) = scratch.split_at_mut(padded);
        gradients.fill(0.0);
        // The surplus columns of each row have no gradient.
        grads.fill(0.0);
        layout.spread(grad, grads);
        let grads = &*grads;
        for (tap, shift) in layout.shifts().enumerate() {
            let (gradients, tap) = (&mut gradients[shift..][..span], T::of_tap(tap));
            vectorized!({
                let outputs = grads.iter().zip(choices);
                for (gradient, (grad, choice)) in gradients.iter_mut().zip(outputs) {
                    *gradient += select(*grad, *choice == tap);
                }
            });
        }
        layout.join(gradients, dx);
    });
}
