//! The style of verdicts and numbers in all figures.

use crate::gaussian::{Estimate, Verdict};
use receptive_plot::{Color, LineStyle, Mark};

/// The verdict's colour: distinguishable with any common colour blindness, and dark enough for text
/// on white. The verdict's name is always next to it.
pub(super) fn colour(verdict: &Verdict) -> Color {
    match verdict {
        Verdict::Gaussian => Color::new(0, 114, 178),
        Verdict::NotGaussian => Color::new(205, 84, 0),
        Verdict::Borderline => Color::new(158, 112, 0),
        _ => Color::new(95, 95, 95),
    }
}

/// The verdict's mark in a chart.
pub(super) fn mark(verdict: &Verdict) -> Mark {
    match verdict {
        Verdict::Gaussian => Mark::Dot,
        Verdict::NotGaussian => Mark::Triangle,
        Verdict::Borderline => Mark::Diamond,
        _ => Mark::Ring,
    }
}

/// The line style for this index: the palette has seven colours, and the next seven lines are
/// dashed.
pub(super) fn nth_style(index: usize) -> LineStyle {
    match index / 7 % 3 {
        0 => LineStyle::Solid,
        1 => LineStyle::Dashed,
        _ => LineStyle::Dotted,
    }
}

/// About three significant digits; `n/a` for NaN and infinity.
pub(super) fn number(value: f64) -> String {
    let magnitude = value.abs();
    if !value.is_finite() {
        "n/a".to_owned()
    } else if magnitude != 0.0 && !(1e-3..1e5).contains(&magnitude) {
        format!("{value:.1e}")
    } else {
        let decimals = match magnitude {
            m if m >= 99.95 => 0,
            m if m >= 9.995 => 1,
            m if m >= 0.9995 => 2,
            _ => 3,
        };
        format!("{value:.decimals$}").replace('-', "−")
    }
}

/// The interval of an estimate; empty if it has no width.
pub(super) fn interval(estimate: &Estimate) -> String {
    let (low, high) = (number(estimate.low), number(estimate.high));
    if low == high {
        String::new()
    } else {
        format!("{low} to {high}")
    }
}

/// The verdicts in order of first appearance, each with the indices of its items: one series of
/// marks per verdict.
pub(super) fn by_verdict(verdicts: impl Iterator<Item = Verdict>) -> Vec<(Verdict, Vec<usize>)> {
    let mut groups: Vec<(Verdict, Vec<usize>)> = Vec::new();
    for (index, verdict) in verdicts.enumerate() {
        match groups.iter_mut().find(|(known, _)| *known == verdict) {
            Some((_, indices)) => indices.push(index),
            None => groups.push((verdict, vec![index])),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_about_three_digits() {
        let cases = [
            (0.03142, "0.031"),
            (-1.5, "−1.50"),
            (26.456, "26.5"),
            (435.0, "435"),
            (f64::NAN, "n/a"),
            (0.0, "0.000"),
            (2.5e-7, "2.5e-7"),
        ];
        for (value, expected) in cases {
            assert_eq!(number(value), expected);
        }
        let exact = Estimate {
            value: 1.0,
            low: 1.0,
            high: 1.0,
        };
        assert_eq!(interval(&exact), "");
    }
}
