//! The backward pass of dense layers.

use crate::dispatch::{DenseGradients, DenseOps};
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, TensorMetadata};

#[derive(Debug)]
struct Linear;

/// `N` is 2, or 3 with a bias.
impl<B: DenseGradients, const N: usize> Backward<B, N> for Linear {
    /// The nodes of input and weight.
    type State = [NodeId; 2];

    fn backward(
        self,
        ops: Ops<Self::State, N>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let grad = grads.consume::<B>(&ops.node);
        let [x, weight]: [FloatTensor<B>; 2] = ops
            .state
            .map(|node| checkpointer.retrieve_node_output(node));
        let [to_x, to_weight, to_bias] = [0, 1, 2].map(|i| ops.parents.get(i).cloned().flatten());
        if to_weight.is_some() || to_bias.is_some() {
            let shape = weight.shape().dims();
            let both = B::linear_weight_gradients(x.clone(), shape, grad.clone());
            for (node, gradient) in [to_weight, to_bias].into_iter().zip(both) {
                if let Some(node) = node {
                    grads.register::<B>(node.id, gradient);
                }
            }
        }
        if let Some(node) = to_x {
            let of_x = B::linear_input_gradient(x.shape().dims(), weight, grad);
            grads.register::<B>(node.id, of_x);
        }
    }
}

impl<B: DenseOps + DenseGradients, C: CheckpointStrategy> DenseOps for Autodiff<B, C> {
    fn kernel_linear(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node()];
        linear::<B, C, 2>(nodes, x, weight, B::kernel_linear)
    }

    fn kernel_linear_bias(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node(), bias.node()];
        linear::<B, C, 3>(nodes, x, weight, |x, weight| {
            B::kernel_linear_bias(x, weight, bias.into_primitive())
        })
    }
}

/// Runs `forward`, keeping input and weight if it is tracked.
fn linear<B: DenseGradients, C: CheckpointStrategy, const N: usize>(
    nodes: [NodeGuard; N],
    x: FloatTensor<Autodiff<B, C>>,
    weight: FloatTensor<Autodiff<B, C>>,
    forward: impl FnOnce(FloatTensor<B>, FloatTensor<B>) -> FloatTensor<B>,
) -> FloatTensor<Autodiff<B, C>> {
    match Linear.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let state = [prep.checkpoint(&x), prep.checkpoint(&weight)];
            let y = forward(x.into_primitive(), weight.into_primitive());
            prep.finish(state, y)
        }
        OpsKind::UnTracked(prep) => {
            prep.finish(forward(x.into_primitive(), weight.into_primitive()))
        }
    }
}
