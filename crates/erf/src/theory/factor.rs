//! The factor by which an activation changes a mean square.

use receptive_model::Activation;

/// The mean square of the activation's derivative for a symmetric input, and whether that is exact:
/// flipping the weights' signs swaps the inputs that a ReLU passes and blocks.
pub(super) fn mean_square(activation: Activation) -> (f64, bool) {
    match activation {
        Activation::Relu => (0.5, true),
        Activation::LeakyRelu(slope) => ((1.0 + slope.powi(2)) / 2.0, true),
        // Their derivatives depend on the input's scale. A constant factor of any size leaves a
        // chain's map unchanged up to scale.
        Activation::Gelu
        | Activation::Tanh
        | Activation::Sigmoid
        | Activation::HardSigmoid
        | Activation::Clip(_) => (1.0, false),
        // Half of the inputs, ignoring those above 6.
        Activation::Relu6 => (0.5, false),
        // The mean of ((2x + 3) / 6)^2 for standard normal inputs, ignoring those beyond ±3.
        Activation::HardSwish => (13.0 / 36.0, false),
        // The mean square of the derivative for standard normal inputs, by quadrature.
        Activation::Silu => (0.379_482, false),
        Activation::Mish => (0.479_084, false),
        // The derivative is 1 for half of the inputs; the mean of `exp(2x)` over the others
        // contributes 0.168.
        Activation::Elu(alpha) => (0.5 + 0.168_102 * alpha.powi(2), false),
    }
}

/// The derivative for positive inputs, and whether it is constant there.
pub(super) fn on_positive(activation: Activation) -> (f64, bool) {
    match activation {
        Activation::Relu | Activation::LeakyRelu(_) | Activation::Elu(_) => (1.0, true),
        Activation::Gelu
        | Activation::Tanh
        | Activation::Sigmoid
        | Activation::Relu6
        | Activation::HardSwish
        | Activation::HardSigmoid
        | Activation::Silu
        | Activation::Mish
        | Activation::Clip(_) => (1.0, false),
    }
}
