//! Every weight the same: the network whose gradient counts paths.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor;
use receptive_model::Classifier;

/// A network whose weights are all `1 / fan_in`, its biases as they are: on positive images its
/// gradient is, up to a constant, the number of paths from each pixel to the unit. (Weights of 1
/// would overflow a float after a dozen layers of 32 filters.)
pub fn all_ones(classifier: Classifier) -> Classifier {
    classifier.map(&mut Ones)
}

struct Ones;

impl ModuleMapper for Ones {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|tensor| {
            let dims = tensor.dims();
            let fan_in: usize = match D {
                4 => dims[1..].iter().product(), // [filters, channels, height, width]
                2 => dims[0],                    // [inputs, units]
                // Biases and what batch norm keeps.
                _ => return tensor,
            };
            Tensor::full(dims, 1.0 / fan_in.max(1) as f64, &tensor.device())
        })
    }
}
