//! The number format of convolutions and dense layers in a training step.

use burn::tensor::{Device, FloatDType, Tensor};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The number format of convolutions and dense layers in a training step. Everything else stays in
/// 32 bits: parameters, norms, activations, pools, the loss, and the gradients that reach the
/// parameters.
///
/// The input and the weights of such a layer are rounded to the format, and so are the sums of
/// their products and, for the products of the backward pass, their gradient. The bias is added in
/// 32 bits. A GPU that supports the format runs the operation itself in it, and its gradients are
/// rounded too. The flex backend computes with the rounded values in 32 bits, which is not faster
/// but serves for tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits: a 24-bit significand, values up to 3e38.
    #[default]
    F32,
    /// bfloat16: an 8-bit significand, the range of 32 bits.
    Bf16,
    /// IEEE half precision: an 11-bit significand, values up to 65,504. Needs loss scaling.
    F16,
}

impl Precision {
    /// All formats.
    pub const ALL: [Self; 3] = [Self::F32, Self::Bf16, Self::F16];

    /// The name in `train.precision`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        }
    }

    /// Whether it is 32 bits, like everything else.
    pub fn is_f32(&self) -> bool {
        *self == Self::F32
    }

    /// Whether the device can store and compute in it.
    pub fn runs_on(self, device: &Device) -> bool {
        self.dtype().is_none_or(|half| device.supports_dtype(half))
    }

    /// burn's 16-bit type; `None` for 32 bits.
    const fn dtype(self) -> Option<FloatDType> {
        match self {
            Self::F32 => None,
            Self::Bf16 => Some(FloatDType::BF16),
            Self::F16 => Some(FloatDType::F16),
        }
    }

    /// `product(x, weight)` plus the bias, in 32 bits. The factors are rounded to the format, and
    /// so are the product and, for the products of the backward pass, its gradient.
    pub(super) fn product<const D: usize>(
        self,
        x: Tensor<D>,
        weight: Tensor<D>,
        bias: Option<Tensor<D>>,
        product: impl FnOnce(Tensor<D>, Tensor<D>) -> Tensor<D>,
    ) -> Tensor<D> {
        let y = match self.dtype() {
            None => product(x, weight),
            Some(half) if computes_in_f32(&x.device()) => {
                let y = product(factor(x, half), factor(weight, half));
                y.cast(half).cast(FloatDType::F32)
            }
            Some(half) => product(x.cast(half), weight.cast(half)).cast(FloatDType::F32),
        };
        match bias {
            Some(bias) => y + bias,
            None => y,
        }
    }
}

/// `x` rounded to the format, in 32 bits. Its gradient is not rounded: it is a sum of products, and
/// the next product rounds it.
fn factor<const D: usize>(x: Tensor<D>, half: FloatDType) -> Tensor<D> {
    let values = x.clone().without_autodiff();
    // Exact, because the two are close to each other; so is the sum below.
    let change = values.clone().cast(half).cast(FloatDType::F32) - values;
    x + change
}

/// Whether this project's kernels run on the device; they support 32 bits only.
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
    fn factors_the_product_and_its_gradient_are_rounded_and_no_other_gradient_is() {
        // 1 + 2^-8 is half-way between two bfloat16 values and rounds to the even one; 1 + 2^-7 is
        // representable.
        let device = Device::flex().autodiff();
        let half_way = 1.0 + 1.0 / 256.0;
        let values = [half_way, 1.007_812_5_f32, 70_000.0, 1e-9];
        let tensor = |values| Tensor::<1>::from_data(values, &device);
        for (precision, expected) in [
            (Precision::F32, values),
            (Precision::Bf16, [1.0, 1.007_812_5, 70_144.0, 9.968_062e-10]),
            (Precision::F16, [half_way, 1.007_812_5, f32::INFINITY, 0.0]),
        ] {
            let read = |x: Tensor<1>| -> Vec<f32> { x.into_data().iter().collect() };
            let one = tensor([1.0; 4]);
            // Once as a factor, once as the product.
            let y = precision.product(tensor(values), one.clone(), None, |x, one| x * one);
            assert_eq!(read(y), expected, "{precision}");
            let y = precision.product(one.clone(), one.clone(), None, |x, _| x * tensor(values));
            assert_eq!(read(y), expected, "{precision}");
            // The gradient of the product is rounded once; those of the factors are sums of
            // products in 32 bits.
            let third = 1.0 / 3.0;
            let x = one.clone().require_grad();
            let product = |x: Tensor<1>, _| x.mul_scalar(third);
            let y = precision.product(x.clone(), one, None, product);
            let gradient = x.grad(&(y * tensor(values)).sum().backward()).unwrap();
            let thirds: Vec<f32> = expected.iter().map(|value| value * third).collect();
            assert_eq!(read(gradient), thirds, "{precision}");
        }
    }

    #[test]
    fn a_bias_and_its_gradient_are_not_rounded() {
        let device = Device::flex().autodiff();
        let bias = Tensor::<1>::from_data([0.1_f32], &device).require_grad();
        let zero = Tensor::<1>::zeros([1], &device);
        let y = Precision::Bf16.product(zero.clone(), zero, Some(bias.clone()), |x, _| x);
        assert_eq!(y.clone().into_scalar::<f32>(), 0.1);
        let gradient = bias.grad(&y.mul_scalar(0.3).sum().backward()).unwrap();
        assert_eq!(gradient.into_scalar::<f32>(), 0.3);
    }

    #[test]
    fn flex_has_every_format() {
        for precision in Precision::ALL {
            assert!(precision.runs_on(&Device::flex()), "{precision}");
        }
    }
}
