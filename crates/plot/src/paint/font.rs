//! The width of texts, and how they are truncated or wrapped to fit.

pub(crate) use super::bundled::Weight;
use super::shape::{missing, place};
use receptive_core::text::is_unprintable;

impl Weight {
    /// The width of `text` in points; an estimate if the font is damaged, which drawing reports.
    pub(crate) fn width(self, text: &str, size: f64) -> f64 {
        match (self.face(), place(text, self)) {
            (Ok(face), Ok((_, width))) => width * size / f64::from(face.units_per_em()),
            _ => text.chars().count() as f64 * size * 0.5,
        }
    }
}

/// The name of a class, or its number if no font has all characters of the name: codes for several
/// characters would be too long, and look alike once truncated.
pub(crate) fn class_label(name: &str, number: usize) -> (String, Vec<char>) {
    let name = clean(name);
    let missing = missing(&name, Weight::Regular);
    match missing.is_empty() {
        true => (name, missing),
        false => (format!("#{number}"), missing),
    }
}

/// `text` on one line: line breaks and tabs become spaces; other control characters are removed,
/// and so are those that change the direction of their neighbours.
pub(crate) fn clean(text: &str) -> String {
    let spaced = text.chars().map(|c| {
        if c.is_whitespace() && c != '\u{a0}' {
            ' '
        } else {
            c
        }
    });
    let kept: String = spaced
        .filter(|c| !is_unprintable(*c) && !matches!(c, '\u{fffe}' | '\u{ffff}'))
        .collect();
    kept.trim().to_owned()
}

/// `text` if it is no wider than `width`, otherwise as much of its beginning and end as fits, with
/// an ellipsis in between: names often differ only at the end.
pub(crate) fn cut(text: &str, size: f64, weight: Weight, width: f64) -> String {
    // No line is longer than this, and measuring a label of megabytes would take too long.
    const MAX_LENGTH: usize = 400;
    let is_short = text.chars().nth(MAX_LENGTH).is_none();
    if is_short && weight.width(text, size) <= width {
        return text.to_owned();
    }
    let length = text.chars().take(MAX_LENGTH).count();
    for kept in (0..length).rev() {
        let tail = kept / 3;
        let head: String = text.chars().take(kept - tail).collect();
        let tail: String = {
            let end: Vec<char> = text.chars().rev().take(tail).collect();
            end.into_iter().rev().collect()
        };
        let shorter = format!("{}…{}", head.trim_end(), tail.trim_start());
        if weight.width(&shorter, size) <= width {
            return shorter;
        }
    }
    String::new()
}

/// `text` wrapped at spaces into at most `max_lines` lines no wider than `width`; the last is
/// truncated.
pub(crate) fn lines(
    text: &str,
    size: f64,
    weight: Weight,
    width: f64,
    max_lines: usize,
) -> Vec<String> {
    let text = clean(text);
    let words: Vec<&str> = text
        .split(' ')
        .filter(|word| !word.is_empty())
        .take(400)
        .collect();
    let mut lines = Vec::new();
    let mut rest = words.as_slice();
    while !rest.is_empty() && lines.len() < max_lines {
        let mut taken = if lines.len() + 1 == max_lines {
            rest.len()
        } else {
            1
        };
        while taken < rest.len() && weight.width(&join(rest, taken + 1), size) <= width {
            taken += 1;
        }
        lines.push(cut(&join(rest, taken), size, weight, width));
        rest = rest.get(taken..).unwrap_or_default();
    }
    lines
}

fn join(words: &[&str], count: usize) -> String {
    words
        .iter()
        .take(count)
        .copied()
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_all_as_wide_and_pairs_are_kerned() {
        let regular = Weight::Regular;
        assert_eq!(regular.width("1111", 12.0), regular.width("8888", 12.0));
        assert!(regular.width("AV", 12.0) < regular.width("A", 12.0) + regular.width("V", 12.0));
    }

    #[test]
    fn a_long_text_is_cut_to_the_width() {
        let label = cut("electroencephalography", 12.0, Weight::Regular, 60.0);
        assert!(label.starts_with("el") && label.ends_with('y'), "{label}");
        assert!(label.contains('…'), "{label}");
        let other = cut("electroencephalographs", 12.0, Weight::Regular, 60.0);
        assert_ne!(
            label, other,
            "names that differ at their end look different"
        );
        assert!(Weight::Regular.width(&label, 12.0) <= 60.0);
        assert_eq!(cut("boot", 12.0, Weight::Regular, 60.0), "boot");
        assert_eq!(cut("boot", 12.0, Weight::Regular, 0.0), "");
    }

    #[test]
    fn lines_break_at_spaces_and_the_last_is_cut() {
        let broken = lines(
            "one two three four five six",
            12.0,
            Weight::Regular,
            55.0,
            2,
        );
        assert_eq!(broken.len(), 2);
        assert_eq!(broken.first().map(String::as_str), Some("one two"));
        assert!(
            broken
                .iter()
                .all(|line| Weight::Regular.width(line, 12.0) <= 55.0)
        );
    }

    #[test]
    fn control_characters_do_not_reach_the_picture() {
        assert_eq!(clean("a\tb\nc\u{7}\u{0}\u{9b}\u{202e}d "), "a b cd");
    }
}
