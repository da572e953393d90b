//! Formatting of numbers: few digits, a true minus sign, powers of ten for very large and small
//! ones.

use receptive_core::text::grouped;

/// `value` with enough decimals to distinguish multiples of `step`.
pub(crate) fn stepped(value: f64, step: f64) -> String {
    if value == 0.0 || value.abs() < step.abs() * 1e-9 {
        return "0".to_owned();
    }
    let step_exponent = exponent(step);
    if value.abs() >= 1e6 || step_exponent < -4 {
        let decimals = exponent(value).saturating_sub(step_exponent).clamp(0, 6);
        return scientific(value, decimals as usize);
    }
    minus(&format!(
        "{value:.*}",
        step_exponent.saturating_neg().clamp(0, 6) as usize
    ))
}

/// A count with thin spaces between thousands: `60 000`.
pub(crate) fn count(value: u64) -> String {
    match usize::try_from(value) {
        // Four digits are readable without a separator.
        Ok(value @ 10_000..) => grouped(value).replace(',', "\u{2009}"),
        _ => value.to_string(),
    }
}

/// A share as a percentage with one decimal, or `–` if `whole` is 0.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    format!("{:.1} %", part as f64 / whole as f64 * 100.0)
}

/// The exponent of the power of ten at or below a magnitude; 0 for zero and for values that are not
/// finite.
pub(crate) fn exponent(value: f64) -> i32 {
    let power = (value.abs().log10() + 1e-9).floor();
    if power.is_finite() { power as i32 } else { 0 }
}

/// `value` as a short multiple of a power of ten; 1 stays 1.
pub(crate) fn ten_to(value: f64) -> String {
    if value == 1.0 {
        "1".to_owned()
    } else {
        scientific(value, 0)
    }
}

fn scientific(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$e}");
    let Some((mantissa, power)) = text.split_once('e') else {
        return minus(&text);
    };
    let power: String = power.chars().map(superscript).collect();
    match trimmed(mantissa).as_str() {
        "1" => format!("10{power}"),
        "-1" => format!("−10{power}"),
        mantissa => format!("{}×10{power}", minus(mantissa)),
    }
}

fn superscript(c: char) -> char {
    match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        '9' => '⁹',
        _ => '⁰',
    }
}

fn trimmed(text: &str) -> String {
    if !text.contains('.') {
        return text.to_owned();
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn minus(text: &str) -> String {
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_readers() {
        let cases = [
            (stepped(0.30000000000000004, 0.1), "0.3"),
            (stepped(-2.5, 0.5), "−2.5"),
            (stepped(60.0, 20.0), "60"),
            (stepped(2e-5, 1e-5), "2×10⁻⁵"),
            (stepped(1e-5, 1e-5), "10⁻⁵"),
            (stepped(2_500_000.0, 500_000.0), "2.5×10⁶"),
            (count(60_000), "60\u{2009}000"),
            (count(1234), "1234"),
            (percent(1, 3), "33.3 %"),
            (percent(0, 0), "–"),
        ];
        for (found, expected) in cases {
            assert_eq!(found, expected);
        }
    }
}
