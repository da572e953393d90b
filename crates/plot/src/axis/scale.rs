//! How a quantity is spread along an axis or over a colour map.

/// How a quantity is spread along an axis or over a colour map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scale {
    /// Equal differences are equally far apart.
    #[default]
    Linear,
    /// Equal ratios are equally far apart; values that are not positive are left out.
    Log,
    /// By square root, which shows faint values better than linear; the sign is kept.
    Sqrt,
}

impl Scale {
    /// The value in the space where the axis is even, unless the scale cannot show it.
    pub(crate) fn forward(self, value: f64) -> Option<f64> {
        // Beyond this, differences of two values overflow.
        const MOST: f64 = 1e150;
        if !value.is_finite() || value.abs() > MOST {
            return None;
        }
        match self {
            Self::Linear => Some(value),
            Self::Log => (value > 0.0).then(|| value.ln()),
            Self::Sqrt => Some(value.abs().sqrt().copysign(value)),
        }
    }

    /// The share of the way from `low` to `high` at which `value` stands; not held within 0 and 1.
    pub(crate) fn share(self, value: f64, (low, high): (f64, f64)) -> Option<f64> {
        let (from, to) = (self.forward(low)?, self.forward(high)?);
        let at = self.forward(value)?;
        (to > from).then(|| (at - from) / (to - from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_the_scale() {
        assert_eq!(Scale::Linear.share(2.5, (0.0, 10.0)), Some(0.25));
        assert_eq!(Scale::Sqrt.share(25.0, (0.0, 100.0)), Some(0.5));
        assert!((Scale::Log.share(0.1, (0.01, 1.0)).unwrap() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn what_a_scale_cannot_show_is_left_out() {
        for value in [f64::NAN, f64::INFINITY, -1e200] {
            assert_eq!(Scale::Linear.forward(value), None);
        }
        assert_eq!(Scale::Log.forward(0.0), None);
        assert_eq!(Scale::Linear.share(1.0, (1.0, 1.0)), None);
    }
}
