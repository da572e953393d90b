//! Loops that the compiler vectorises with the processor's widest instructions.

/// Evaluates an expression that is compiled for several instruction sets (AVX-512, AVX2, NEON,
/// ...), one of which is selected at run time. Functions called in it must be inlined to benefit.
macro_rules! vectorized {
    ($work:expr) => {
        // A closure that is not inlined would be compiled for a generic processor.
        $crate::simd::on_widest_vectors(
            #[inline(always)]
            || $work,
        )
    };
}
pub(crate) use vectorized;

/// What [`vectorized!`] expands to.
#[inline(always)]
pub(crate) fn on_widest_vectors<R>(work: impl FnOnce() -> R) -> R {
    struct Work<F>(F);
    impl<R, F: FnOnce() -> R> pulp::WithSimd for Work<F> {
        type Output = R;
        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, _simd: S) -> R {
            (self.0)()
        }
    }
    pulp::Arch::new().dispatch(Work(work))
}

/// `value` if `keep`, else 0. Has no branch, which would be mispredicted half of the time in loops
/// over gradients, and no product, which would turn infinity into NaN.
#[inline(always)]
pub(crate) fn select(value: f32, keep: bool) -> f32 {
    f32::from_bits(value.to_bits() & u32::from(keep).wrapping_neg())
}

/// `sums += values`, element by element.
#[inline(always)]
pub(crate) fn add(sums: &mut [f32], values: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += *value;
    }
}

/// The sum of all values, accumulated in the lanes of vector registers, always in the same order.
#[inline(always)]
pub(crate) fn total(values: &[f32]) -> f32 {
    const LANES: usize = 32;
    let mut lanes = [0.0; LANES];
    let (whole, rest) = values.split_at(values.len() - values.len() % LANES);
    for values in whole.chunks_exact(LANES) {
        add(&mut lanes, values);
    }
    lanes.iter().chain(rest).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_not_selected_are_zero_even_infinity_and_nan() {
        for value in [1.5, -0.0, f32::INFINITY, f32::NAN] {
            assert_eq!(select(value, false).to_bits(), 0);
            assert_eq!(select(value, true).to_bits(), value.to_bits());
        }
    }

    #[test]
    fn totals_of_any_length() {
        for length in [0, 1, 31, 32, 33, 100] {
            let values: Vec<f32> = (0..length).map(|value| value as f32).collect();
            let sum = vectorized!(total(&values));
            assert_eq!(sum, (length * length.max(1) - length) as f32 / 2.0);
        }
    }
}
