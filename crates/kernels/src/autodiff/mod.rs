//! The kernels' backward passes, as nodes in burn's autodiff graph.

mod dense;
mod norm;
mod operation;
mod pointwise;

use crate::conv::Conv2dOptions;
use crate::dispatch::{KernelGradients, KernelOps};
use crate::pool::MaxPool2dOptions;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, TensorMetadata};

/// What a convolution's backward pass needs from the forward pass.
#[derive(Debug, Clone)]
struct ConvState<F> {
    x: NodeId,
    weight: NodeId,
    /// The output after the rectifier, if there is one: it determines where the gradient passes.
    output: Option<F>,
    options: Conv2dOptions,
}

#[derive(Debug)]
struct Conv2dBackward;

/// `N` is 2, or 3 with a bias.
impl<B: KernelGradients, const N: usize> Backward<B, N> for Conv2dBackward {
    type State = ConvState<FloatTensor<B>>;

    fn backward(
        self,
        ops: Ops<Self::State, N>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let grad = grads.consume::<B>(&ops.node);
        let ConvState {
            x,
            weight,
            output,
            options,
        } = ops.state;
        let x: FloatTensor<B> = checkpointer.retrieve_node_output(x);
        let weight: FloatTensor<B> = checkpointer.retrieve_node_output(weight);
        let grad = match output {
            Some(output) => B::rectifier_gradient(options.rectifier, grad, output),
            None => grad,
        };
        let [to_x, to_weight, to_bias] = [0, 1, 2].map(|i| ops.parents.get(i).cloned().flatten());
        if to_weight.is_some() || to_bias.is_some() {
            let (of_weight, of_bias) =
                B::conv2d_weight_gradients(x.clone(), weight.shape().dims(), grad.clone(), options);
            if let Some(node) = to_weight {
                grads.register::<B>(node.id, of_weight);
            }
            if let Some(node) = to_bias {
                grads.register::<B>(node.id, of_bias);
            }
        }
        if let Some(node) = to_x {
            let of_x = B::conv2d_input_gradient(x.shape().dims(), weight, grad, options);
            grads.register::<B>(node.id, of_x);
        }
    }
}

/// What a max pool's backward pass needs from the forward pass.
#[derive(Debug, Clone)]
enum PoolState<F> {
    /// Of 2x2 pooling: the shape of the input, and which value of each window is the largest.
    Choices([usize; 4], Vec<u8>),
    /// The input and the output.
    Values(NodeId, F),
}

#[derive(Debug)]
struct MaxPool2d;

impl<B: KernelGradients> Backward<B, 1> for MaxPool2d {
    type State = (PoolState<FloatTensor<B>>, MaxPool2dOptions);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [to_x] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let (state, options) = ops.state;
        let dx = match state {
            PoolState::Choices(input, choices) => {
                B::max_pool2d_gradient_of_choices(input, &choices, grad, options)
            }
            PoolState::Values(x, y) => {
                let x = checkpointer.retrieve_node_output(x);
                B::max_pool2d_input_gradient(x, Some(y), grad, options)
            }
        };
        if let Some(node) = to_x {
            grads.register::<B>(node.id, dx);
        }
    }
}

impl<B: KernelOps + KernelGradients, C: CheckpointStrategy> KernelOps for Autodiff<B, C> {
    fn kernel_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        options: Conv2dOptions,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node()];
        conv2d::<B, C, 2>(nodes, x, weight, options, |x, weight| {
            B::kernel_conv2d(x, weight, options)
        })
    }

    fn kernel_conv2d_bias(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: Conv2dOptions,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node(), bias.node()];
        conv2d::<B, C, 3>(nodes, x, weight, options, |x, weight| {
            B::kernel_conv2d_bias(x, weight, bias.into_primitive(), options)
        })
    }

    /// Two separate operations, because the backward pass needs the values in between.
    fn kernel_conv2d_max_pool_2x2(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: Conv2dOptions,
    ) -> FloatTensor<Self> {
        let (plain, pool) = options.before_2x2_pool();
        Self::kernel_max_pool2d(Self::kernel_conv2d_bias(x, weight, bias, plain), pool)
    }

    fn kernel_max_pool2d(x: FloatTensor<Self>, options: MaxPool2dOptions) -> FloatTensor<Self> {
        match MaxPool2d
            .prepare::<C>([x.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) if options.is_2x2() => {
                let x = x.into_primitive();
                let input = x.shape().dims();
                let (y, choices) = B::max_pool2d_choices(x, options);
                prep.finish((PoolState::Choices(input, choices), options), y)
            }
            OpsKind::Tracked(mut prep) => {
                let x_state = prep.checkpoint(&x);
                let y = B::kernel_max_pool2d(x.into_primitive(), options);
                prep.finish((PoolState::Values(x_state, y.clone()), options), y)
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(B::kernel_max_pool2d(x.into_primitive(), options))
            }
        }
    }
}

/// Runs the convolution `forward`, storing what its backward pass needs if it is tracked.
fn conv2d<B: KernelGradients, C: CheckpointStrategy, const N: usize>(
    nodes: [NodeGuard; N],
    x: FloatTensor<Autodiff<B, C>>,
    weight: FloatTensor<Autodiff<B, C>>,
    options: Conv2dOptions,
    forward: impl FnOnce(FloatTensor<B>, FloatTensor<B>) -> FloatTensor<B>,
) -> FloatTensor<Autodiff<B, C>> {
    match Conv2dBackward
        .prepare::<C>(nodes)
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(mut prep) => {
            let (x_state, weight_state) = (prep.checkpoint(&x), prep.checkpoint(&weight));
            let y = forward(x.into_primitive(), weight.into_primitive());
            let state = ConvState {
                x: x_state,
                weight: weight_state,
                output: options.rectifier.is_some().then(|| y.clone()),
                options,
            };
            prep.finish(state, y)
        }
        OpsKind::UnTracked(prep) => {
            prep.finish(forward(x.into_primitive(), weight.into_primitive()))
        }
    }
}
