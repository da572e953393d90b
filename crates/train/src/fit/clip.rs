//! Gradient clipping by the norm of all gradients together, like `torch.nn.utils.clip_grad_norm_` (burn's own
//! clips each tensor separately), or by value, like `clip_grad_value_`.

use crate::compute::Compute;
use crate::compute::reads::Reads;
use burn::grad_clipping::GradientClipping;
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData};

/// Where the squares of gradients are summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SumPlace {
    /// On the CPU: in 64 bits, in memory order, so with the same result in every process.
    Host,
    /// On the GPU: in 32 bits, with one value per tensor to read.
    Device,
}

impl SumPlace {
    /// The place where the gradients are computed; with several processes the CPU, since GPUs may sum in
    /// different orders, and weights clipped differently would diverge.
    pub(super) fn of(compute: &Compute) -> Self {
        match compute.is_cpu() || compute.ranks().is_some() {
            true => Self::Host,
            false => Self::Device,
        }
    }
}

/// The Euclidean norm of all gradients together, with a single read.
pub(super) fn global_norm<M: Module>(
    model: &M,
    gradients: &GradientsParams,
    place: SumPlace,
) -> f64 {
    let mut sum = 0.0;
    let mut reads = Reads::new(|data: &TensorData| {
        sum += match place {
            SumPlace::Host => data.iter::<f64>().map(|value| value * value).sum::<f64>(),
            SumPlace::Device => data.iter::<f64>().sum(),
        };
    });
    model.visit(&mut Squares {
        gradients,
        place,
        reads: &mut reads,
    });
    reads.finish();
    sum.sqrt()
}

/// Scales all gradients down so that their total norm, now `norm`, is at most `max`. If the norm is not finite
/// they are left unchanged, and the step then ends as diverged.
pub(super) fn clip_global_norm<M: Module>(
    model: &M,
    gradients: &mut GradientsParams,
    norm: f64,
    max: f64,
) {
    // As in PyTorch, to avoid a division by zero.
    let scale = max / (norm + 1e-6);
    if norm.is_finite() && scale < 1.0 {
        multiply(model, gradients, scale);
    }
}

/// Multiplies all gradients by `scale`.
pub(super) fn multiply<M: Module>(model: &M, gradients: &mut GradientsParams, scale: f64) {
    model.visit(&mut ScaleVisitor { gradients, scale });
}

/// Clamps all gradients to `-max..=max`.
pub(super) fn clip_values<M: Module>(model: &M, gradients: &mut GradientsParams, max: f64) {
    let clipping = GradientClipping::Value(max as f32);
    model.visit(&mut Each {
        gradients,
        clipping,
    });
}

struct Each<'a> {
    gradients: &'a mut GradientsParams,
    clipping: GradientClipping,
}

impl ModuleVisitor for Each<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            let clipped = self.clipping.clip_gradient(gradient);
            self.gradients.register(param.id, clipped);
        }
    }
}

struct Squares<'a, F> {
    gradients: &'a GradientsParams,
    place: SumPlace,
    reads: &'a mut Reads<F>,
}

impl<F: FnMut(&TensorData)> ModuleVisitor for Squares<'_, F> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            match self.place {
                SumPlace::Host => self.reads.add(gradient),
                SumPlace::Device => self.reads.add(gradient.square().sum()),
            }
        }
    }
}

struct ScaleVisitor<'a> {
    gradients: &'a mut GradientsParams,
    scale: f64,
}

impl ModuleVisitor for ScaleVisitor<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients
                .register(param.id, gradient.mul_scalar(self.scale));
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use burn::nn::LinearConfig;
    use burn::tensor::Device;

    #[test]
    fn the_norm_is_that_of_all_tensors_together() {
        // torch: w.grad = [[3., 0.]], b.grad = [4.]; clip_grad_norm_([w, b], 1.0) returns 5 and
        // leaves 0.5999999 and 0.7999998.
        let device = Device::flex().autodiff();
        let linear = LinearConfig::new(2, 1).init(&device);
        let inner = Device::flex();
        let mut gradients = GradientsParams::new();
        gradients.register(
            linear.weight.id,
            Tensor::<2>::from_data([[3.0], [0.0]], &inner),
        );
        let bias = linear.bias.as_ref().unwrap().id;
        gradients.register(bias, Tensor::<1>::from_data([4.0], &inner));
        // As summed on a CPU and on a GPU.
        assert_eq!(
            [SumPlace::Host, SumPlace::Device].map(|place| global_norm(&linear, &gradients, place)),
            [5.0; 2]
        );
        clip_global_norm(&linear, &mut gradients, 5.0, 10.0);
        assert_eq!(global_norm(&linear, &gradients, SumPlace::Host), 5.0);
        clip_global_norm(&linear, &mut gradients, f64::INFINITY, 1.0);
        assert_eq!(global_norm(&linear, &gradients, SumPlace::Host), 5.0);
        clip_global_norm(&linear, &mut gradients, 5.0, 1.0);
        let weight: Vec<f32> = gradients
            .get::<2>(linear.weight.id)
            .unwrap()
            .into_data()
            .iter()
            .collect();
        let bias: f32 = gradients.get::<1>(bias).unwrap().into_scalar();
        assert!((weight[0] - 0.6).abs() < 1e-6 && (bias - 0.8).abs() < 1e-6);
    }

    #[test]
    fn values_are_clipped_each_on_its_own() {
        let device = Device::flex().autodiff();
        let linear = LinearConfig::new(3, 1).with_bias(false).init(&device);
        let mut gradients = GradientsParams::new();
        gradients.register(
            linear.weight.id,
            Tensor::<2>::from_data([[3.0], [-0.2], [-7.0]], &Device::flex()),
        );
        clip_values(&linear, &mut gradients, 0.5);
        let clipped: Vec<f32> = gradients
            .get::<2>(linear.weight.id)
            .unwrap()
            .into_data()
            .iter()
            .collect();
        assert_eq!(clipped, [0.5, -0.2, -0.5]);
    }
}
