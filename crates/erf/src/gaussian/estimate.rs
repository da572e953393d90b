//! A number with its error bar.

use serde::{Deserialize, Serialize};

/// A number with its 95 % confidence interval; without noise all three are equal.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Estimate {
    /// A number without noise.
    pub const fn exact(value: f64) -> Self {
        Self {
            value,
            low: value,
            high: value,
        }
    }

    /// In words: `0.031 ±0.004`, half of what the interval spans; the number alone where it spans
    /// nothing.
    pub fn within(&self, digits: usize) -> String {
        let spread = (self.high - self.low) / 2.0;
        if spread == 0.0 {
            return format!("{:.digits$}", self.value);
        }
        format!("{:.digits$} ±{spread:.digits$}", self.value)
    }

    /// The same of the absolute value.
    #[must_use]
    pub(super) fn magnitude(&self) -> Self {
        let (low, high) = (self.low.abs(), self.high.abs());
        Self {
            value: self.value.abs(),
            low: if self.low <= 0.0 && self.high >= 0.0 {
                0.0
            } else {
                low.min(high)
            },
            high: low.max(high),
        }
    }

    /// The same of an increasing function of the number.
    #[must_use]
    pub(crate) fn map(&self, change: impl Fn(f64) -> f64) -> Self {
        Self {
            value: change(self.value),
            low: change(self.low),
            high: change(self.high),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_without_noise_stands_alone() {
        let found = Estimate {
            value: 4.452,
            low: 4.40,
            high: 4.50,
        };
        assert_eq!(found.within(2), "4.45 ±0.05");
        assert_eq!(Estimate::exact(4.452).within(1), "4.5");
    }
}
