//! Settings near the given ones whose division is even.

use super::SlidingAxis;
use crate::geometry::Padding;
use serde::Serialize;

/// One setting changed so that every pixel is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Nearest {
    /// The setting: `input`, `padding`, `kernel` or `stride`.
    pub setting: &'static str,
    /// Its new value.
    pub value: usize,
    /// The resulting output size.
    pub output: usize,
}

/// The largest change that is tried for a setting.
const REACH: usize = 64;

impl SlidingAxis {
    /// For each setting, the nearest smaller and the nearest larger value with which every pixel is
    /// read; empty if that is so already. Even kernels are skipped, since no padding centres them.
    pub fn nearest(&self) -> Vec<Nearest> {
        if self.is_even() {
            return Vec::new();
        }
        let with = |setting: &'static str, value: usize| -> Option<Nearest> {
            let (mut input, mut kernel, mut stride, mut padding) =
                (self.input, self.kernel, self.stride, self.before);
            match setting {
                "input" => input = value,
                "kernel" => kernel = value,
                "stride" => stride = value,
                _ => padding = value,
            }
            let axis = Self::new(input, kernel, stride, self.dilation, Padding::from(padding))?;
            axis.is_even().then_some(Nearest {
                setting,
                value,
                output: axis.output,
            })
        };
        let mut found = Vec::new();
        for (setting, given) in [
            ("input", self.input),
            ("padding", self.before),
            ("kernel", self.kernel),
            ("stride", self.stride),
        ] {
            let fits = |value: &usize| setting != "kernel" || value % 2 == 1;
            let below = (1..=REACH.min(given)).map(|step| given - step);
            let above = (1..=REACH).map(|step| given + step);
            found.extend(below.filter(fits).find_map(|value| with(setting, value)));
            found.extend(above.filter(fits).find_map(|value| with(setting, value)));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uneven_division_has_even_neighbours() {
        // (6 - 3)/2 leaves one pixel over.
        let axis = SlidingAxis::new(6, 3, 2, 1, Padding::Valid).unwrap();
        assert_eq!(axis.unread, 1);
        let found: Vec<_> = axis
            .nearest()
            .into_iter()
            .map(|near| (near.setting, near.value, near.output))
            .collect();
        assert!(found.contains(&("input", 5, 2)) && found.contains(&("input", 7, 3)));
        assert!(found.contains(&("stride", 1, 4)) && found.contains(&("stride", 3, 2)));
        // Every suggestion divides evenly.
        for near in axis.nearest() {
            assert!(near.output > 0, "{near:?}");
        }
        let even = SlidingAxis::new(5, 3, 1, 1, Padding::Same).unwrap();
        assert_eq!(even.nearest(), []);
    }
}
