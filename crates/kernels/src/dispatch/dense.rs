//! Dense layers as a burn backend extension, and their implementation for flex.

use super::tensors::{tensor, values};
use crate::dense::{self, DenseSizes};
use crate::profile::{Kernel, timed};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Flex, TensorMetadata, backend_extension};
use burn_flex::FlexTensor;

/// The kernels as called by burn's dispatch. Use [`linear`](crate::linear) instead.
#[backend_extension(Autodiff, Flex)]
pub trait DenseOps: Backend {
    /// A dense layer without bias.
    fn kernel_linear(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;

    /// A dense layer with bias.
    fn kernel_linear_bias(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

/// The gradients of [`DenseOps`].
pub(crate) trait DenseGradients: Backend {
    fn linear_input_gradient(
        x: [usize; 2],
        weight: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// Gradients of weight and bias.
    fn linear_weight_gradients(
        x: FloatTensor<Self>,
        weight: [usize; 2],
        grad: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 2];
}

impl DenseOps for Flex {
    fn kernel_linear(x: FlexTensor, weight: FlexTensor) -> FlexTensor {
        multiplied(&x, &weight, None)
    }

    fn kernel_linear_bias(x: FlexTensor, weight: FlexTensor, bias: FlexTensor) -> FlexTensor {
        multiplied(&x, &weight, Some(&bias))
    }
}

fn multiplied(x: &FlexTensor, weight: &FlexTensor, bias: Option<&FlexTensor>) -> FlexTensor {
    let [images, inputs] = x.shape().dims();
    let [_, units] = weight.shape().dims();
    let sizes = DenseSizes::new([images, inputs], [inputs, units]);
    let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
    let bias = bias.map(FlexTensor::to_contiguous);
    let bias = bias.as_ref().map(values);
    let y = timed(Kernel::Linear, || {
        dense::forward(&sizes, values(&x), values(&weight), bias)
    });
    tensor(y, [images, units])
}

impl DenseGradients for Flex {
    fn linear_input_gradient(x: [usize; 2], weight: FlexTensor, grad: FlexTensor) -> FlexTensor {
        let sizes = DenseSizes::new(x, weight.shape().dims());
        let (weight, grad) = (weight.to_contiguous(), grad.to_contiguous());
        let dx = timed(Kernel::LinearInputGradient, || {
            dense::input_gradient(&sizes, values(&weight), values(&grad))
        });
        tensor(dx, x)
    }

    fn linear_weight_gradients(
        x: FlexTensor,
        weight: [usize; 2],
        grad: FlexTensor,
    ) -> [FlexTensor; 2] {
        let sizes = DenseSizes::new(x.shape().dims(), weight);
        let (x, grad) = (x.to_contiguous(), grad.to_contiguous());
        let (dweight, dbias) = timed(Kernel::LinearWeightGradient, || {
            dense::weight_gradients(&sizes, values(&x), values(&grad))
        });
        [tensor(dweight, weight), tensor(dbias, [weight[1]])]
    }
}
