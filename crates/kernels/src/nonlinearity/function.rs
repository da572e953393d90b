//! The nonlinearities as types, so that the compiler knows them in the loops that call them. Rectifiers share one, with
//! bounds that are read at run time.

use super::arithmetic::{exp, exp_m1, hard_sigmoid, normal_density, normal_share, sigmoid, tanh};
use crate::rectifier::Rectifier;
use crate::simd::select;

/// A function of a single value.
pub(crate) trait Function: Copy + Send + Sync {
    fn of(self, x: f32) -> f32;

    /// The gradient before the function at `x`, given the one after it; at a corner as in PyTorch 2.15. Functions with
    /// constant parts return 0 there even if the gradient is infinite, which a product would turn into NaN.
    fn gradient_at(self, x: f32, grad: f32) -> f32;
}

/// Evaluates an expression in which `$function` is the nonlinearity as a [`Function`] of its own type.
macro_rules! with_function {
    ($nonlinearity:expr, $function:ident => $work:expr) => {{
        use $crate::nonlinearity::{Nonlinearity, function};
        match $nonlinearity {
            Nonlinearity::Rectifier($function) => $work,
            Nonlinearity::LeakyRelu(slope) => {
                let $function = function::LeakyRelu(slope);
                $work
            }
            Nonlinearity::Gelu => {
                let $function = function::Gelu;
                $work
            }
            Nonlinearity::Tanh => {
                let $function = function::Tanh;
                $work
            }
            Nonlinearity::Sigmoid => {
                let $function = function::Sigmoid;
                $work
            }
            Nonlinearity::HardSwish => {
                let $function = function::HardSwish;
                $work
            }
            Nonlinearity::HardSigmoid => {
                let $function = function::HardSigmoid;
                $work
            }
            Nonlinearity::Silu => {
                let $function = function::Silu;
                $work
            }
            Nonlinearity::Mish => {
                let $function = function::Mish;
                $work
            }
            Nonlinearity::Elu(alpha) => {
                let $function = function::Elu(alpha);
                $work
            }
            Nonlinearity::Clip(bounds) => {
                let $function = function::Clip(bounds);
                $work
            }
        }
    }};
}
pub(crate) use with_function;

impl Function for Rectifier {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        Self::of(self, x)
    }

    #[inline(always)]
    fn gradient_at(self, x: f32, grad: f32) -> f32 {
        self.gradient(grad, Self::of(self, x))
    }
}

#[derive(Clone, Copy)]
pub(crate) struct LeakyRelu(pub(crate) f32);

impl Function for LeakyRelu {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        if x > 0.0 { x } else { self.0 * x }
    }

    #[inline(always)]
    fn gradient_at(self, x: f32, grad: f32) -> f32 {
        if x > 0.0 { grad } else { self.0 * grad }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Gelu;

impl Function for Gelu {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        x * normal_share(x)
    }

    #[inline(always)]
    fn gradient_at(self, x: f32, grad: f32) -> f32 {
        grad * (normal_share(x) + x * normal_density(x))
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Tanh;

impl Function for Tanh {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        tanh(x)
    }

    #[inline(always)]
    fn gradient_at(self, x: f32, grad: f32) -> f32 {
        let y = tanh(x);
        grad * (1.0 - y * y)
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Sigmoid;

impl Function for Sigmoid {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        sigmoid(x)
    }

    #[inline(always)]
    fn gradient_at(self, x: f32, grad: f32) -> f32 {
        let y = sigmoid(x);
        grad * (y * (1.0 - y))
    }
}

#[derive(Clone, Copy)]
pub(crate) struct HardSwish;

impl Function for HardSwish {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        x * hard_sigmoid(x)
    }

    #[inline(always)]
    fn gradient_at(self, x: f32, grad: f32) -> f32 {
        let between = grad * (x * (1.0 / 3.0) + 0.5);
        let inside = if x >= 3.0 { grad } else { between };
        // NaN is not below.
        if x <= -3.0 { 0.0 } else { inside }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct HardSigmoid;

impl Function for HardSigmoid {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        hard_sigmoid(x)
    }

    #[inline(always)]
    fn gradient_at(self, x: f32, grad: f32) -> f32 {
        select(grad * (1.0 / 6.0), (x > -3.0) & (x < 3.0))
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Silu;

impl Function for Silu {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        x * sigmoid(x)
    }

    #[inline(always)]
    fn gradient_at(self, x: f32, grad: f32) -> f32 {
        let share = sigmoid(x);
        grad * (share + x * share * (1.0 - share))
    }
}

/// With `e = exp(x)` and `n = e^2 + 2 e` the hyperbolic tangent is `n / (n + 2)`.
#[derive(Clone, Copy)]
pub(crate) struct Mish;

impl Mish {
    /// `e`, and `n`; above 20 the quotient is 1 and the square may overflow.
    #[inline(always)]
    fn terms(x: f32) -> [f32; 2] {
        let e = exp(x.min(20.0));
        [e, e * (e + 2.0)]
    }
}

impl Function for Mish {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        let [_, n] = Self::terms(x);
        x * (n / (n + 2.0))
    }

    /// The derivative of `ln(1 + e)` is `e / (1 + e)`, and `1 - tanh^2` is `4 (n + 1) / (n + 2)^2`.
    #[inline(always)]
    fn gradient_at(self, x: f32, grad: f32) -> f32 {
        let [e, n] = Self::terms(x);
        let factor = 1.0 / (n + 2.0);
        let change = 4.0 * (n + 1.0) * factor * factor * (e / (1.0 + e));
        grad * (n * factor + x * change)
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Elu(pub(crate) f32);

impl Function for Elu {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        let below = self.0 * exp_m1(x);
        if x > 0.0 { x } else { below }
    }

    #[inline(always)]
    fn gradient_at(self, x: f32, grad: f32) -> f32 {
        let below = grad * (self.0 * exp(x));
        if x > 0.0 { grad } else { below }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Clip(pub(crate) [f32; 2]);

impl Function for Clip {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        let [low, high] = self.0;
        // NaN stays NaN.
        let x = if x < low { low } else { x };
        if x > high { high } else { x }
    }

    #[inline(always)]
    fn gradient_at(self, x: f32, grad: f32) -> f32 {
        let [low, high] = self.0;
        select(grad, (x > low) & (x < high))
    }
}
