//! Loops that the compiler vectorises with the widest instructions of the processor.

/// The value of an expression that is compiled for what the processor has (AVX-512, AVX2, NEON, ...), found at
/// run time. Functions in it must be inlined to profit.
macro_rules! vectorized {
    ($work:expr) => {
        // A closure that is not inlined would be compiled for any processor.
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

/// `value` where `keep`, else 0. Without a branch, which loops over gradients would mispredict half
/// of the time, and without a product, which would turn infinity into NaN.
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

/// The sum of all values, over lanes that stay in vector registers: always in the same order.
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
