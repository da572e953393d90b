//! Reading many tensors back at once: on a GPU each read by itself waits for all queued work.

use burn::tensor::{Tensor, TensorData, Transaction};

/// The values that wait to be read before a read is made: as many as 256 MiB hold.
const MOST_VALUES: usize = 64 << 20;

/// Tensors that are read together, in order.
pub(crate) struct Reads<F> {
    waiting: Transaction,
    values: usize,
    each: F,
}

impl<F: FnMut(&TensorData)> Reads<F> {
    /// `each` is given the values of each tensor, in the order in which they are added.
    pub(crate) fn new(each: F) -> Self {
        Self {
            waiting: Transaction::default(),
            values: 0,
            each,
        }
    }

    /// Adds a tensor.
    pub(crate) fn add<const D: usize>(&mut self, tensor: Tensor<D>) {
        self.values += tensor.dims().iter().product::<usize>();
        let waiting = std::mem::take(&mut self.waiting);
        // All of a transaction are of one kind of device.
        self.waiting = waiting.register(tensor.without_autodiff());
        if self.values >= MOST_VALUES {
            self.read();
        }
    }

    /// Reads what waits.
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
        let mut seen: Vec<Vec<f32>> = Vec::new();
        let mut reads = Reads::new(|data: &TensorData| seen.push(data.iter().collect()));
        reads.add(Tensor::<1>::from_data([3.0, 1.0], &device));
        reads.add(Tensor::<2>::from_data([[2.0]], &device));
        reads.add(Tensor::<1>::from_data([5.0], &device.clone().autodiff()));
        reads.finish();
        assert_eq!(seen, [vec![3.0, 1.0], vec![2.0], vec![5.0]]);
    }
}
