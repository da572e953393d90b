//! The range an axis shows, from the values on it.

use super::scale::Scale;

/// `value` held within two limits; the lower one for a NaN.
pub(crate) fn held(value: f64, low: f64, high: f64) -> f64 {
    if value.is_nan() {
        low
    } else {
        value.clamp(low, high)
    }
}

/// The least and the greatest value that the scale can show, if any.
pub(crate) fn extent(values: impl Iterator<Item = f64>, scale: Scale) -> Option<(f64, f64)> {
    let mut found: Option<(f64, f64)> = None;
    for value in values.filter(|v| scale.forward(*v).is_some()) {
        let (low, high) = found.unwrap_or((value, value));
        found = Some((low.min(value), high.max(value)));
    }
    found
}

/// The extent, or a range about it where all values are equal, or 0 to 1 where there are none.
pub(crate) fn widened(extent: Option<(f64, f64)>, scale: Scale) -> (f64, f64) {
    let (low, high) = match (extent, scale) {
        (Some(extent), _) => extent,
        (None, Scale::Log) => return (0.1, 1.0),
        (None, _) => return (0.0, 1.0),
    };
    // Values closer than this cannot be told apart by ticks of six digits.
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

/// A little air around a range; one that starts near zero starts at zero. Never past `limits`.
pub(crate) fn padded(range: (f64, f64), scale: Scale, limits: Option<(f64, f64)>) -> (f64, f64) {
    let (mut low, mut high) = range;
    match scale {
        Scale::Log => {
            let air = (high / low).powf(0.05);
            (low, high) = (low / air, high * air);
        }
        _ => {
            let air = (high - low) * 0.05;
            low = if low >= 0.0 && low <= high * 0.3 {
                0.0
            } else {
                low - air
            };
            high += air;
        }
    }
    if let Some((least, most)) = limits {
        // Only air is taken away: values beyond the limits are still shown.
        low = low.max(least.min(range.0));
        high = high.min(most.max(range.1));
    }
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn air_stops_at_the_limits_but_values_do_not() {
        assert_eq!(
            padded((70.0, 99.0), Scale::Linear, Some((0.0, 100.0))).1,
            100.0
        );
        assert_eq!(
            padded((70.0, 110.0), Scale::Linear, Some((0.0, 100.0))).1,
            110.0
        );
        assert_eq!(padded((0.2, 1.0), Scale::Linear, None).0, 0.0);
    }
}
