//! Numbers as people read them.

/// A share as a percentage with one digit; the space does not break.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1}\u{a0}%", 100.0 * share)
}

/// The same where there may be none.
pub(crate) fn percent_or_dash(share: Option<f64>) -> String {
    share.map_or("–".into(), percent)
}

/// `6.1 M`, `503.9 k`.
pub(crate) fn short(number: usize) -> String {
    let value = number as f64;
    match number {
        0..1_000 => number.to_string(),
        1_000..1_000_000 => format!("{:.1}\u{a0}k", value / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1}\u{a0}M", value / 1e6),
        _ => format!("{:.1}\u{a0}G", value / 1e9),
    }
}

/// `2 min 7 s`.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    match (hours, minutes) {
        (0, 0) if seconds < 9.95 => format!("{seconds:.1}\u{a0}s"),
        (0, 0) => format!("{rest}\u{a0}s"),
        (0, _) => format!("{minutes}\u{a0}min {rest}\u{a0}s"),
        _ => format!("{hours}\u{a0}h {minutes}\u{a0}min"),
    }
}

/// Milliseconds since 1970 as a date and a time of day (UTC).
pub(crate) fn date(ms: u64) -> Option<String> {
    let time = jiff::Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()?;
    Some(time.strftime("%Y-%m-%d %H:%M\u{a0}UTC").to_string())
}

/// An argument as a shell takes it.
pub(crate) fn quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+=:@%,".contains(c);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        return argument.into();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            [percent(0.9056), percent_or_dash(None)],
            ["90.6\u{a0}%", "–"]
        );
        assert_eq!(
            [short(999), short(6_120_000)],
            ["999".to_string(), "6.1\u{a0}M".into()]
        );
        assert_eq!(
            [4.21, 59.6, 127.4, 7_322.0].map(duration),
            [
                "4.2\u{a0}s",
                "1\u{a0}min 0\u{a0}s",
                "2\u{a0}min 7\u{a0}s",
                "2\u{a0}h 2\u{a0}min"
            ]
        );
        assert_eq!(
            date(1_795_640_168_397).as_deref(),
            Some("2026-11-25 20:56\u{a0}UTC")
        );
    }

    #[test]
    fn a_path_is_one_argument_whatever_it_holds() {
        assert_eq!(quoted("runs/001"), "runs/001");
        assert_eq!(quoted("my runs/$(rm)'s"), r"'my runs/$(rm)'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
