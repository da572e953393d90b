//! Operations that keep nothing but their inputs for the backward pass.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::retro_forward::RetroForward;
use burn::backend::autodiff::checkpoint::state::BackwardStates;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend};
use std::fmt::Debug;
use std::marker::PhantomData;

/// An operation with `N` inputs, which are all that its backward pass needs.
pub(super) trait Operation<B: Backend, const N: usize>:
    Clone + Send + Sync + Debug + 'static
{
    fn forward(self, inputs: [FloatTensor<B>; N]) -> FloatTensor<B>;

    fn gradients(self, inputs: [FloatTensor<B>; N], grad: FloatTensor<B>) -> [FloatTensor<B>; N];
}

#[derive(Debug)]
struct Step<O>(O);

impl<O, B, const N: usize> Backward<B, N> for Step<O>
where
    O: Operation<B, N>,
    B: Backend,
{
    /// The nodes of the inputs.
    type State = [NodeId; N];

    fn backward(
        self,
        ops: Ops<Self::State, N>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let grad = grads.consume::<B>(&ops.node);
        let inputs = ops
            .state
            .map(|node| checkpointer.retrieve_node_output(node));
        let gradients = self.0.gradients(inputs, grad);
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(node) = parent {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

/// An operation computed again in the backward pass.
#[derive(Debug)]
struct Again<O, B, const N: usize> {
    operation: O,
    inputs: [NodeId; N],
    backend: PhantomData<B>,
}

impl<O, B, const N: usize> RetroForward for Again<O, B, N>
where
    O: Operation<B, N>,
    B: Backend,
{
    fn forward(&self, states: &mut BackwardStates, out_node: NodeId) {
        let inputs = self
            .inputs
            .map(|id| states.get_state::<FloatTensor<B>>(&id));
        states.save(out_node, self.operation.clone().forward(inputs));
    }
}

/// Runs the operation; if it is tracked, the inputs are kept for its backward pass. The output can be computed again
/// there, if the device keeps few outputs (`Device::gradient_checkpointing`).
pub(super) fn tracked<O, B, C, const N: usize>(
    operation: O,
    inputs: [FloatTensor<Autodiff<B, C>>; N],
) -> FloatTensor<Autodiff<B, C>>
where
    O: Operation<B, N>,
    B: Backend,
    C: CheckpointStrategy,
{
    let forward = operation.clone();
    tracked_output::<O, B, C, N>(operation, inputs, |inputs| forward.forward(inputs))
}

/// [`tracked`] for an operation whose output is computed otherwise at first, with the same result.
pub(super) fn tracked_output<O, B, C, const N: usize>(
    operation: O,
    inputs: [FloatTensor<Autodiff<B, C>>; N],
    output: impl FnOnce([FloatTensor<B>; N]) -> FloatTensor<B>,
) -> FloatTensor<Autodiff<B, C>>
where
    O: Operation<B, N>,
    B: Backend,
    C: CheckpointStrategy,
{
    let nodes = inputs.each_ref().map(|tensor| tensor.node());
    let ids = nodes.each_ref().map(|node| node.id());
    let prep = Step(operation.clone())
        .prepare::<C>(nodes)
        .memory_bound()
        .retro_forward(Again::<O, B, N> {
            operation,
            inputs: ids,
            backend: PhantomData,
        })
        .parents(inputs.each_ref())
        .stateful();
    let forward = |inputs: [FloatTensor<Autodiff<B, C>>; N]| {
        output(inputs.map(|tensor| tensor.into_primitive()))
    };
    match prep {
        OpsKind::Tracked(mut prep) => {
            for tensor in &inputs {
                prep.checkpoint(tensor);
            }
            prep.finish(ids, forward(inputs))
        }
        OpsKind::UnTracked(prep) => prep.finish(forward(inputs)),
    }
}
