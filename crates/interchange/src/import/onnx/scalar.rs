//! Operations on single numbers, in double precision.

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Unary {
    Relu,
    Sigmoid,
    Tanh,
    Erf,
    Exp,
    Log,
    Sqrt,
    Abs,
    Softplus,
    Reciprocal,
    /// Clips to these bounds.
    Clip(f64, f64),
    /// `x` if positive, else a multiple of it.
    Leaky(f64),
    /// `x` if positive, else `a (exp(x) - 1)`.
    Elu(f64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Min,
    Max,
}

pub(super) fn unary(rule: Unary, x: f64) -> f64 {
    match rule {
        Unary::Relu => x.max(0.0),
        Unary::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Unary::Tanh => x.tanh(),
        Unary::Erf => erf(x),
        Unary::Exp => x.exp(),
        Unary::Log => x.ln(),
        Unary::Sqrt => x.sqrt(),
        Unary::Abs => x.abs(),
        Unary::Softplus => x.exp().ln_1p(),
        Unary::Reciprocal => 1.0 / x,
        // Not `clamp`, which panics if the bounds are out of order.
        Unary::Clip(low, high) => x.max(low).min(high),
        Unary::Leaky(slope) => {
            if x > 0.0 {
                x
            } else {
                slope * x
            }
        }
        Unary::Elu(scale) => {
            if x > 0.0 {
                x
            } else {
                scale * x.exp_m1()
            }
        }
    }
}

pub(super) fn binary(rule: Binary, a: f64, b: f64) -> f64 {
    match rule {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        Binary::Pow => a.powf(b),
        Binary::Min => a.min(b),
        Binary::Max => a.max(b),
    }
}

/// The error function, by its series for small arguments, otherwise by the continued fraction of
/// its complement (Abramowitz and Stegun 1964, 7.1.6 and 7.1.14).
pub(super) fn erf(x: f64) -> f64 {
    let (square, size) = (x * x, x.abs());
    let root = std::f64::consts::PI.sqrt();
    if size < 3.0 {
        let (mut term, mut sum) = (x, x);
        for n in 1..60 {
            term *= 2.0 * square / f64::from(2 * n + 1);
            sum += term;
        }
        return 2.0 / root * (-square).exp() * sum;
    }
    let fraction = (1..60)
        .rev()
        .fold(size, |rest, n| size + f64::from(n) / 2.0 / rest);
    x.signum() * (1.0 - (-square).exp() / (root * fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_function_is_right_on_both_sides_of_its_seam() {
        // Abramowitz and Stegun, table 7.1.
        for (x, expected) in [
            (0.0, 0.0),
            (0.5, 0.520_499_877_8),
            (-1.0, -0.842_700_792_9),
            (2.0, 0.995_322_265_0),
            (2.9999, 0.999_977_896_6),
            (3.0001, 0.999_977_923_9),
        ] {
            assert!((erf(x) - expected).abs() < 2e-9, "erf({x}) = {}", erf(x));
        }
    }
}
