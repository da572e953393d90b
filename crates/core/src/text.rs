//! Numbers as people read them.

/// A share of 0 to 1 as a percentage with one decimal: `90.6 %`.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Seconds with the units that matter: `4.2 s`, `45 s`, `12 min 5 s`, `3 h 20 min`; `?` where they
/// are negative, infinite or NaN.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "?".into();
    }
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, _) if seconds < 9.95 => format!("{seconds:.1} s"),
        (0, 0, s) => format!("{s} s"),
        (0, min, s) => format!("{min} min {s} s"),
        (h, min, _) => format!("{h} h {min} min"),
    }
}

/// A count with commas between thousands: `1,234,567`.
pub fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A noun as it stands after its count: `image` after 1, `images` after any other.
pub fn plural(count: usize, noun: &str) -> String {
    match (count, noun.ends_with('s')) {
        (1, _) => noun.into(),
        (_, false) => format!("{noun}s"),
        (_, true) => format!("{noun}es"),
    }
}

/// A count with its noun: `1 image`, `0 images`, `2 classes`.
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {}", plural(count, noun))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noun_agrees_with_its_count() {
        for (count, noun, text) in [
            (1, "image", "1 image"),
            (0, "image", "0 images"),
            (1, "class", "1 class"),
            (10, "class", "10 classes"),
            (2, "complete epoch", "2 complete epochs"),
        ] {
            assert_eq!(counted(count, noun), text);
        }
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(percent(0.9056), "90.6 %");
        for (seconds, text) in [
            (0.04, "0.0 s"),
            (4.21, "4.2 s"),
            (9.96, "10 s"),
            (59.7, "1 min 0 s"),
            (725.0, "12 min 5 s"),
            (12_000.0, "3 h 20 min"),
            (f64::NAN, "?"),
        ] {
            assert_eq!(duration(seconds), text);
        }
        for (count, text) in [
            (7, "7"),
            (1234, "1,234"),
            (503_914, "503,914"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(count), text);
        }
    }
}
