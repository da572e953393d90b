//! Round ticks.

use super::number::{exponent, stepped, ten_to};
use super::scale::Scale;

/// A tick: the value and how it is written.
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
    // A range far from zero and narrower than the numbers there can tell apart has no ticks.
    let count = (last - first + 1.0).clamp(0.0, 100.0) as u32;
    let round = (0..count).map(|i| (first + f64::from(i)) * step);
    // The first epoch is 1, and readers look for it.
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
    // A few decades leave room for ticks between them; many need some left out.
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
            // Powers of ten all along the axis, or nowhere on it.
            let label = if first < -4 || last > 5 {
                ten_to(value)
            } else {
                stepped(value, 10_f64.powi(power))
            };
            Tick { value, label }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
