//! Axes: the scale of a quantity, the range shown, its round ticks, and the positions of values.

use crate::number::{exponent, stepped, ten_to};
use crate::paint::scene::{Area, Point};

/// The scale of an axis or a colour map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scale {
    /// Equal differences have equal lengths.
    #[default]
    Linear,
    /// Equal ratios have equal lengths; values that are not positive are left out.
    Log,
    /// Square root, which shows faint values better than linear; the sign is kept.
    Sqrt,
}

impl Scale {
    /// The value in the space in which the axis is linear; `None` if the scale cannot show it.
    pub(crate) fn forward(self, value: f64) -> Option<f64> {
        // Beyond this, the difference of two values would overflow.
        const MAX: f64 = 1e150;
        if !value.is_finite() || value.abs() > MAX {
            return None;
        }
        match self {
            Self::Linear => Some(value),
            Self::Log => (value > 0.0).then(|| value.ln()),
            Self::Sqrt => Some(value.abs().sqrt().copysign(value)),
        }
    }

    /// The relative position of `value` between `low` and `high`, unclamped.
    pub(crate) fn share(self, value: f64, (low, high): (f64, f64)) -> Option<f64> {
        let (from, to) = (self.forward(low)?, self.forward(high)?);
        let at = self.forward(value)?;
        (to > from).then(|| (at - from) / (to - from))
    }
}

/// `value` clamped to two limits; the lower one for NaN.
pub(crate) fn clamped(value: f64, low: f64, high: f64) -> f64 {
    if value.is_nan() {
        low
    } else {
        value.clamp(low, high)
    }
}

/// The smallest and the largest value that the scale can show, if any.
pub(crate) fn extent(values: impl Iterator<Item = f64>, scale: Scale) -> Option<(f64, f64)> {
    let mut found: Option<(f64, f64)> = None;
    for value in values.filter(|v| scale.forward(*v).is_some()) {
        let (low, high) = found.unwrap_or((value, value));
        found = Some((low.min(value), high.max(value)));
    }
    found
}

/// The extent, or a range around it if all values are equal, or 0 to 1 if there are none.
pub(crate) fn widened(extent: Option<(f64, f64)>, scale: Scale) -> (f64, f64) {
    let (low, high) = match (extent, scale) {
        (Some(extent), _) => extent,
        (None, Scale::Log) => return (0.1, 1.0),
        (None, _) => return (0.0, 1.0),
    };
    // Values closer than this cannot be distinguished by ticks with six digits.
    if high - low > low.abs().max(high.abs()) * 1e-9 {
        return (low, high);
    }
    match scale {
        Scale::Log => (low / 2.0, high * 2.0),
        _ => {
            let half = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
            (low - half, high + half)
        }
    }
}

/// Adds a margin to a range; one that begins near zero then begins at zero.
pub(crate) fn padded((low, high): (f64, f64), scale: Scale) -> (f64, f64) {
    if scale == Scale::Log {
        let air = (high / low).powf(0.05);
        return (low / air, high * air);
    }
    let air = (high - low) * 0.05;
    let start = if low >= 0.0 && low <= high * 0.3 {
        0.0
    } else {
        low - air
    };
    (start, high + air)
}

/// A tick: the value and its text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    pub(crate) value: f64,
    pub(crate) label: String,
}

/// About `wanted` round ticks within `range`; only whole numbers when `whole`.
pub(crate) fn ticks(range: (f64, f64), scale: Scale, wanted: usize, whole: bool) -> Vec<Tick> {
    let (low, high) = range;
    if scale == Scale::Log && low > 0.0 && high / low > 5.0 {
        return decades(low, high, wanted.max(2));
    }
    let mut step = round_step((high - low) / wanted.max(1) as f64);
    if whole {
        step = step.max(1.0);
    }
    if !(step.is_finite() && step > 0.0) {
        return Vec::new();
    }
    let (first, last) = ((low / step - 1e-6).ceil(), (high / step + 1e-6).floor());
    // A range that is far from zero and narrower than the spacing of floats there has no ticks.
    let count = (last - first + 1.0).clamp(0.0, 100.0) as u32;
    let round = (0..count).map(|i| (first + f64::from(i)) * step);
    // The first epoch is 1, which readers look for.
    let begins = whole && low == low.round() && first * step - low >= step * 0.5;
    let start = begins.then_some(low);
    start
        .into_iter()
        .chain(round)
        .map(|value| Tick {
            value,
            label: stepped(value, step),
        })
        .collect()
}

/// The round number (1, 2 or 5 times a power of ten) at or above `step`.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powi(exponent(step));
    let lead = step / power;
    let round = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|round| lead <= round * 1.000_001)
        .unwrap_or(10.0);
    round * power
}

fn decades(low: f64, high: f64, wanted: usize) -> Vec<Tick> {
    let (first, last) = (exponent(low), exponent(high));
    let span = (last - first + 1).unsigned_abs() as usize;
    // With few decades there is room for ticks in between; with many, some are left out.
    let between: &[f64] = if span <= 2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let every = span.div_ceil(wanted).max(1);
    (first..=last)
        .filter(|power| every == 1 || power.rem_euclid(every as i32) == 0)
        .flat_map(|power| {
            between
                .iter()
                .map(move |lead| (lead * 10_f64.powi(power), power))
        })
        .filter(|(value, _)| (low * 0.999_999..=high * 1.000_001).contains(value))
        .map(|(value, power)| {
            // All labels of an axis are powers of ten, or none.
            let label = if first < -4 || last > 5 {
                ten_to(value)
            } else {
                stepped(value, 10_f64.powi(power))
            };
            Tick { value, label }
        })
        .collect()
}

/// Converts values to positions in the plot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) plot: Area,
    /// The values at the left and the right.
    pub(crate) x: (f64, f64),
    /// The values at the bottom and the top.
    pub(crate) y: (f64, f64),
    pub(crate) scales: (Scale, Scale),
}

impl Frame {
    pub(crate) fn x(&self, value: f64) -> Option<f64> {
        Some(self.plot.x + self.plot.w * self.scales.0.share(value, self.x)?)
    }
    pub(crate) fn y(&self, value: f64) -> Option<f64> {
        Some(self.plot.bottom() - self.plot.h * self.scales.1.share(value, self.y)?)
    }
    pub(crate) fn at(&self, (x, y): (f64, f64)) -> Option<Point> {
        Some((self.x(x)?, self.y(y)?))
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

    #[test]
    fn what_cannot_be_shown_does_not_stretch_the_axis() {
        let values = [f64::NAN, 2.0, f64::INFINITY, 5.0, -1e300];
        assert_eq!(extent(values.into_iter(), Scale::Linear), Some((2.0, 5.0)));
        assert_eq!(extent([0.0, -3.0].into_iter(), Scale::Log), None);
    }

    #[test]
    fn equal_values_get_a_range_about_them() {
        for value in [0.0, 1.0, -7.5, 1e140, 1e-300] {
            let (low, high) = widened(Some((value, value)), Scale::Linear);
            assert!(low < value && value < high, "{low} {value} {high}");
        }
    }

    #[test]
    fn a_range_that_starts_near_zero_starts_at_zero() {
        assert_eq!(padded((0.2, 1.0), Scale::Linear).0, 0.0);
        assert!(padded((0.7, 1.0), Scale::Linear).0 > 0.6);
    }

    fn labels(range: (f64, f64), scale: Scale, wanted: usize, whole: bool) -> Vec<String> {
        ticks(range, scale, wanted, whole)
            .into_iter()
            .map(|tick| tick.label)
            .collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(
            labels((0.0, 1.05), Scale::Linear, 5, false).join(" "),
            "0 0.5 1.0"
        );
        assert_eq!(
            labels((0.0, 0.93), Scale::Linear, 5, false).join(" "),
            "0 0.2 0.4 0.6 0.8"
        );
        assert_eq!(
            labels((68.0, 94.0), Scale::Linear, 6, false).join(" "),
            "70 75 80 85 90"
        );
        assert_eq!(
            labels((-1.1, 1.1), Scale::Linear, 4, false).join(" "),
            "−1 0 1"
        );
    }

    #[test]
    fn an_epoch_axis_has_whole_ticks() {
        assert_eq!(labels((0.5, 1.5), Scale::Linear, 8, true), ["1"]);
        assert_eq!(labels((1.0, 3.0), Scale::Linear, 8, true), ["1", "2", "3"]);
        assert_eq!(
            labels((1.0, 20.0), Scale::Linear, 8, true),
            ["1", "5", "10", "15", "20"]
        );
    }

    #[test]
    fn a_logarithmic_axis_has_powers_of_ten() {
        assert_eq!(
            labels((1e-4, 1.0), Scale::Log, 5, false).join(" "),
            "0.0001 0.001 0.01 0.1 1"
        );
        assert_eq!(
            labels((1e-6, 1e-3), Scale::Log, 6, false).join(" "),
            "10⁻⁶ 10⁻⁵ 10⁻⁴ 10⁻³"
        );
        assert_eq!(
            labels((0.1, 1.0), Scale::Log, 5, false).join(" "),
            "0.1 0.2 0.5 1"
        );
        assert!(labels((1e-100, 1e100), Scale::Log, 5, false).len() <= 6);
    }

    #[test]
    fn odd_ranges_give_few_ticks_within_them() {
        let ranges = [
            (0.0, 0.0),
            (1.0, 1.0 + 1e-15),
            (1e15, 1e15 + 1.0),
            (-1e150, 1e150),
            (0.0, 1e-300),
        ];
        for (low, high) in ranges {
            for scale in [Scale::Linear, Scale::Sqrt, Scale::Log] {
                let found = ticks((low, high), scale, 5, false);
                assert!(found.len() < 12, "{low} to {high}: {found:?}");
                assert!(found.iter().all(|tick| tick.value.is_finite()));
            }
        }
    }
}
