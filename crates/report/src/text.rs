//! Formatting numbers, dates and missing parts for a page.

use maud::{Markup, html};
use std::fmt::Display;

/// A fraction as a percentage with one decimal and a non-breaking space.
pub(crate) fn percent(share: f64) -> String {
    receptive_core::text::percent(share).replace(' ', "\u{a0}")
}

/// An optional fraction as a percentage, or a dash.
pub(crate) fn percent_or_dash(share: Option<f64>) -> String {
    share.map_or("–".into(), percent)
}

/// Such as `6.1 M` or `503.9 k`.
pub(crate) fn short(number: usize) -> String {
    let value = number as f64;
    match number {
        0..1_000 => number.to_string(),
        1_000..1_000_000 => format!("{:.1}\u{a0}k", value / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1}\u{a0}M", value / 1e6),
        _ => format!("{:.1}\u{a0}G", value / 1e9),
    }
}

/// Such as `2 min 7 s`, with a non-breaking space between number and unit.
pub(crate) fn duration(seconds: f64) -> String {
    let text = receptive_core::text::duration(seconds.max(0.0));
    ["h", "min", "s"].iter().fold(text, |text, unit| {
        text.replace(&format!(" {unit}"), &format!("\u{a0}{unit}"))
    })
}

/// Milliseconds since 1970 as a date and time (UTC).
pub(crate) fn date(ms: u64) -> Option<String> {
    let time = jiff::Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()?;
    Some(time.strftime("%Y-%m-%d %H:%M\u{a0}UTC").to_string())
}

/// A part of a report, or a sentence saying why it is missing.
pub(crate) type Part<T> = Result<T, String>;

/// An error as the sentence shown instead of a part.
pub(crate) fn sentence(error: impl Display) -> String {
    let mut text = error.to_string();
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}

/// The sentence shown instead of the part.
pub(crate) fn missing(sentence: &str) -> Markup {
    html! { p.missing { (sentence) } }
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
}
