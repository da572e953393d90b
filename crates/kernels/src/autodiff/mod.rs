//! The kernels' backward passes, as nodes in burn's autodiff graph.

mod dense;
mod norm;
mod operation;
mod pointwise;

use crate::conv::Conv2dOptions;
use crate::dispatch::{KernelGradients, KernelOps};
use crate::pool::{Choices, MaxPool2dOptions};
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::retro_forward::RetroForward;
use burn::backend::autodiff::checkpoint::state::BackwardStates;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, TensorMetadata};
use std::marker::PhantomData;

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
        if let Some(node) = to_weight {
            let (shape, grad) = (weight.shape().dims(), grad.clone());
            let of_weight = B::conv2d_weight_gradient(x.clone(), shape, grad, options);
            grads.register::<B>(node.id, of_weight);
        }
        if let Some(node) = to_bias {
            let of_bias = B::conv2d_bias_gradient(grad.clone());
            grads.register::<B>(node.id, of_bias);
        }
        if let Some(node) = to_x {
            let of_x = B::conv2d_input_gradient(x.shape().dims(), weight, grad, options);
            grads.register::<B>(node.id, of_x);
        }
    }
}

#[derive(Debug)]
struct MaxPool2d;

impl<B: KernelGradients> Backward<B, 1> for MaxPool2d {
    /// The shape of the input, which value of each window is the largest, and the options.
    type State = ([usize; 4], Choices, MaxPool2dOptions);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let [to_x] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let (input, choices, options) = ops.state;
        if let Some(node) = to_x {
            let dx = B::max_pool2d_input_gradient(input, &choices, grad, options);
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

    /// The output can be computed again in the backward pass, if the device keeps few outputs
    /// (`Device::gradient_checkpointing`).
    fn kernel_max_pool2d(x: FloatTensor<Self>, options: MaxPool2dOptions) -> FloatTensor<Self> {
        let prep = MaxPool2d
            .prepare::<C>([x.node()])
            .memory_bound()
            .retro_forward(PoolAgain::<B> {
                input: x.node().id(),
                options,
                backend: PhantomData,
            })
            .parents([&x])
            .stateful();
        let x = x.into_primitive();
        match prep {
            OpsKind::Tracked(prep) => {
                let input = x.shape().dims();
                let (y, choices) = B::max_pool2d_choices(x, options);
                prep.finish((input, choices, options), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::kernel_max_pool2d(x, options)),
        }
    }
}

/// A max pool computed again in the backward pass.
#[derive(Debug)]
struct PoolAgain<B> {
    input: NodeId,
    options: MaxPool2dOptions,
    backend: PhantomData<B>,
}

impl<B: KernelOps> RetroForward for PoolAgain<B> {
    fn forward(&self, states: &mut BackwardStates, out_node: NodeId) {
        let x = states.get_state::<FloatTensor<B>>(&self.input);
        states.save(out_node, B::kernel_max_pool2d(x, self.options));
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
