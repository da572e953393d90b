//! Reading many tensors back at once: on a GPU, each separate read waits for all queued work.

use crate::compute::backend::is_cpu;
use burn::tensor::{Tensor, TensorData, Transaction};

/// Maximum number of pending values: 256 MiB.
const MAX_VALUES: usize = 64 << 20;

/// Tensors that are read together, in order.
pub(crate) struct Reads<F> {
    waiting: Transaction,
    values: usize,
    each: F,
}

impl<F: FnMut(&TensorData)> Reads<F> {
    /// `each` is called with the values of each tensor, in the order in which they were added.
    pub(crate) fn new(each: F) -> Self {
        Self {
            waiting: Transaction::default(),
            values: 0,
            each,
        }
    }

    /// Adds a tensor; all must be on one device. On a CPU, where nothing is queued, it is read immediately, so
    /// that at most one tensor is in memory twice.
    pub(crate) fn add<const D: usize>(&mut self, tensor: Tensor<D>) {
        let tensor = tensor.without_autodiff();
        match is_cpu(&tensor.device()) {
            true => (self.each)(&tensor.into_data()),
            false => self.wait(tensor),
        }
    }

    /// Adds a tensor to the pending ones.
    fn wait<const D: usize>(&mut self, tensor: Tensor<D>) {
        self.values += tensor.dims().iter().product::<usize>();
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting = waiting.register(tensor);
        if self.values >= MAX_VALUES {
            self.read();
        }
    }

    /// Reads the pending tensors.
    pub(crate) fn finish(mut self) {
        self.read();
    }

    fn read(&mut self) {
        self.values = 0;
        let waiting = std::mem::take(&mut self.waiting);
        waiting.execute().iter().for_each(&mut self.each);
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn values_come_in_the_order_in_which_they_were_added() {
        let device = Device::flex();
        let autodiff = device.clone().autodiff();
        for together in [false, true] {
            let mut seen: Vec<Vec<f32>> = Vec::new();
            let mut reads = Reads::new(|data: &TensorData| seen.push(data.iter().collect()));
            let first = Tensor::<1>::from_data([3.0, 1.0], &device);
            let second = Tensor::<2>::from_data([[2.0]], &device);
            if together {
                reads.wait(first);
                reads.wait(second);
            } else {
                reads.add(first);
                reads.add(second);
                reads.add(Tensor::<1>::from_data([5.0], &autodiff));
            }
            reads.finish();
            let expected = [vec![3.0, 1.0], vec![2.0], vec![5.0]];
            assert_eq!(seen, expected[..if together { 2 } else { 3 }]);
        }
    }
}
