//! The kernels' backward passes, as nodes in burn's autodiff graph.

use crate::conv::Conv2dOptions;
use crate::dispatch::{KernelGradients, KernelOps};
use crate::norm::{BatchNormOptions, Statistics};
use crate::pool::MaxPool2dOptions;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::retro_forward::RetroForward;
use burn::backend::autodiff::checkpoint::state::BackwardStates;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, TensorMetadata};

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

#[derive(Debug)]
struct MaxPool2d;

impl<B: KernelGradients> Backward<B, 1> for MaxPool2d {
    /// The input, the output and the options.
    type State = (NodeId, FloatTensor<B>, MaxPool2dOptions);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [to_x] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let (x, y, options) = ops.state;
        let x = checkpointer.retrieve_node_output(x);
        if let Some(node) = to_x {
            grads.register::<B>(node.id, B::max_pool2d_input_gradient(x, y, grad, options));
        }
    }
}

/// What a batch norm's backward pass needs from the forward pass.
#[derive(Debug, Clone)]
struct NormState<F> {
    x: NodeId,
    gamma: NodeId,
    beta: NodeId,
    moments: F,
    statistics: Statistics,
    options: BatchNormOptions,
}

#[derive(Debug)]
struct BatchNorm;

impl<B: KernelGradients> Backward<B, 3> for BatchNorm {
    type State = NormState<FloatTensor<B>>;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let grad = grads.consume::<B>(&ops.node);
        let NormState {
            x,
            gamma,
            beta,
            moments,
            statistics,
            options,
        } = ops.state;
        let x = checkpointer.retrieve_node_output(x);
        let gamma = checkpointer.retrieve_node_output(gamma);
        let beta = checkpointer.retrieve_node_output(beta);
        let gradients = B::batch_norm_gradients(x, gamma, beta, moments, grad, statistics, options);
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(node) = parent {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

/// A batch norm computed again in the backward pass, if the device keeps few outputs
/// (`Device::gradient_checkpointing`).
#[derive(Debug)]
struct BatchNormAgain<B: KernelOps>(NormState<FloatTensor<B>>);

impl<B: KernelOps> RetroForward for BatchNormAgain<B> {
    fn forward(&self, states: &mut BackwardStates, out_node: NodeId) {
        let Self(state) = self;
        let [x, gamma, beta] =
            [state.x, state.gamma, state.beta].map(|id| states.get_state::<FloatTensor<B>>(&id));
        let moments = state.moments.clone();
        let y = B::kernel_batch_norm(x, gamma, beta, moments, state.statistics, state.options);
        states.save(out_node, y);
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
            OpsKind::Tracked(mut prep) => {
                let x_state = prep.checkpoint(&x);
                let y = B::kernel_max_pool2d(x.into_primitive(), options);
                prep.finish((x_state, y.clone(), options), y)
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(B::kernel_max_pool2d(x.into_primitive(), options))
            }
        }
    }

    fn kernel_moments(x: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::from_inner(B::kernel_moments(x.into_primitive()))
    }

    fn kernel_batch_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        statistics: Statistics,
        options: BatchNormOptions,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), gamma.node(), beta.node()];
        let moments = moments.into_primitive();
        let state = NormState {
            x: nodes[0].id(),
            gamma: nodes[1].id(),
            beta: nodes[2].id(),
            moments: moments.clone(),
            statistics,
            options,
        };
        let prep = BatchNorm
            .prepare::<C>(nodes)
            .memory_bound()
            .retro_forward(BatchNormAgain::<B>(state.clone()))
            .parents([&x, &gamma, &beta])
            .stateful();
        let forward = |[x, gamma, beta]: [FloatTensor<Self>; 3]| {
            let [x, gamma, beta] = [x, gamma, beta].map(|tensor| tensor.into_primitive());
            B::kernel_batch_norm(x, gamma, beta, moments, statistics, options)
        };
        let inputs = [x, gamma, beta];
        match prep {
            OpsKind::Tracked(mut prep) => {
                for tensor in &inputs {
                    prep.checkpoint(tensor);
                }
                prep.finish(state, forward(inputs))
            }
            OpsKind::UnTracked(prep) => prep.finish(forward(inputs)),
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
