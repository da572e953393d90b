//! The number format in which convolutions and dense layers of a training step compute.

use burn::tensor::{Device, FloatDType, Tensor};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The number format in which convolutions and dense layers of a training step compute. Everything
/// else stays in 32 bits: parameters, norms, activations, pools, the loss, and the gradients that
/// reach the parameters.
///
/// What such a layer takes (its input, weight and bias) and what it gives is rounded to the format, and so are
/// the gradients on their way back. On a GPU that has the format the operation itself runs in it. The
/// flex backend computes on the rounded values in 32 bits, which is what GPUs do within a sum: for
/// tests, since it is no faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits: 24 of precision, up to 3e38.
    #[default]
    F32,
    /// bfloat16: 8 bits of precision, the range of 32 bits.
    Bf16,
    /// IEEE half: 11 bits of precision, up to 65,504. Gradients need a scaled loss.
    F16,
}

impl Precision {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::F32, Self::Bf16, Self::F16];

    /// As `train.precision` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        }
    }

    /// Whether it is the precision of everything else.
    pub fn is_f32(&self) -> bool {
        *self == Self::F32
    }

    /// Whether a device can store and compute in it.
    pub fn runs_on(self, device: &Device) -> bool {
        self.dtype().is_none_or(|half| device.supports_dtype(half))
    }

    /// The format of 16 bits, if it is one.
    const fn dtype(self) -> Option<FloatDType> {
        match self {
            Self::F32 => None,
            Self::Bf16 => Some(FloatDType::BF16),
            Self::F16 => Some(FloatDType::F16),
        }
    }

    /// Values as an operation in this precision takes them.
    pub(super) fn enter<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self.dtype() {
            None => x,
            Some(half) if computes_in_f32(&x.device()) => rounded(x, half),
            Some(half) => x.cast(half),
        }
    }

    /// What the operation gave, in 32 bits.
    pub(super) fn leave<const D: usize>(self, y: Tensor<D>) -> Tensor<D> {
        match self.dtype() {
            None => y,
            Some(half) if computes_in_f32(&y.device()) => rounded(y, half),
            Some(_) => y.cast(FloatDType::F32),
        }
    }
}

/// The values that the format has, in 32 bits. Gradients are rounded likewise on their way back.
fn rounded<const D: usize>(x: Tensor<D>, half: FloatDType) -> Tensor<D> {
    x.cast(half).cast(FloatDType::F32)
}

/// Whether this project's kernels compute there, which know 32 bits alone.
#[cfg(feature = "flex")]
fn computes_in_f32(device: &Device) -> bool {
    receptive_kernels::runs_on(device)
}

#[cfg(not(feature = "flex"))]
fn computes_in_f32(_: &Device) -> bool {
    false
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    #[test]
    fn values_and_gradients_are_rounded_to_the_nearest_of_the_format() {
        // 1 + 2^-8 lies half-way between two bfloat16: to the even one. 1 + 2^-7 is one itself.
        let device = Device::flex().autodiff();
        let values = [1.003_906_25_f32, 1.007_812_5, 70_000.0, 1e-9];
        for (precision, expected) in [
            (Precision::F32, values),
            (Precision::Bf16, [1.0, 1.007_812_5, 70_144.0, 9.968_062e-10]),
            (
                Precision::F16,
                [1.003_906_25, 1.007_812_5, f32::INFINITY, 0.0],
            ),
        ] {
            let x = Tensor::<1>::from_data(values, &device).require_grad();
            let y = precision.enter(x.clone());
            let found: Vec<f32> = y.clone().into_data().iter().collect();
            assert_eq!(found, expected, "{precision}");
            // The gradient of y * values is `values`, rounded on its way to x.
            let factor = Tensor::<1>::from_data(values, &device);
            let gradient = x.grad(&(y * factor).sum().backward()).unwrap();
            let found: Vec<f32> = gradient.into_data().iter().collect();
            assert_eq!(found, expected, "{precision}");
        }
    }

    #[test]
    fn flex_has_every_format() {
        for precision in Precision::ALL {
            assert!(precision.runs_on(&Device::flex()), "{precision}");
        }
    }
}
