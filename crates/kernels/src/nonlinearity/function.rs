//! The nonlinearities as types, so that the compiler knows them in the loops that call them. Rectifiers share one, with
//! bounds that are read at run time.

use super::arithmetic::{exp, exp_m1, hard_sigmoid, normal_density, normal_share, sigmoid, tanh};
use crate::rectifier::Rectifier;
use crate::simd::select;

/// A function of a single value.
pub(crate) trait Function: Copy + Send + Sync {
    fn of(self, x: f32) -> f32;

    /// The derivative; at a corner the one that PyTorch takes, for `Clip` as in `torch.clamp`.
    fn slope(self, x: f32) -> f32;

    /// The gradient before the function at `x`, given the one after it. Functions that are constant somewhere return 0
    /// there even if the gradient is infinite, which a product would turn into NaN.
    #[inline(always)]
    fn gradient_at(self, x: f32, grad: f32) -> f32 {
        grad * self.slope(x)
    }
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
    fn slope(self, x: f32) -> f32 {
        Self::gradient(self, 1.0, Self::of(self, x))
    }

    #[inline(always)]
    fn gradient_at(self, x: f32, grad: f32) -> f32 {
        Self::gradient(self, grad, Self::of(self, x))
    }
}

#[derive(Clone, Copy)]
pub(crate) struct LeakyRelu(pub(crate) f32);

impl Function for LeakyRelu {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        x * self.slope(x)
    }

    #[inline(always)]
    fn slope(self, x: f32) -> f32 {
        if x > 0.0 { 1.0 } else { self.0 }
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
    fn slope(self, x: f32) -> f32 {
        normal_share(x) + x * normal_density(x)
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
    fn slope(self, x: f32) -> f32 {
        let y = tanh(x);
        1.0 - y * y
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
    fn slope(self, x: f32) -> f32 {
        let y = sigmoid(x);
        y * (1.0 - y)
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
    fn slope(self, x: f32) -> f32 {
        let between = x * (1.0 / 3.0) + 0.5;
        let above = if x > 3.0 { 1.0 } else { between };
        if x < -3.0 { 0.0 } else { above }
    }

    #[inline(always)]
    fn gradient_at(self, x: f32, grad: f32) -> f32 {
        select(grad * self.slope(x), x >= -3.0)
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
    fn slope(self, x: f32) -> f32 {
        self.gradient_at(x, 1.0)
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
    fn slope(self, x: f32) -> f32 {
        let share = sigmoid(x);
        share + x * share * (1.0 - share)
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
    fn slope(self, x: f32) -> f32 {
        let [e, n] = Self::terms(x);
        let factor = 1.0 / (n + 2.0);
        let change = 4.0 * (n + 1.0) * factor * factor * (e / (1.0 + e));
        n * factor + x * change
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
    fn slope(self, x: f32) -> f32 {
        let below = self.0 * exp(x);
        if x > 0.0 { 1.0 } else { below }
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
    fn slope(self, x: f32) -> f32 {
        self.gradient_at(x, 1.0)
    }

    #[inline(always)]
    fn gradient_at(self, x: f32, grad: f32) -> f32 {
        let [low, high] = self.0;
        select(grad, (x >= low) & (x <= high))
    }
}
