//! Fitting a text into a width: cleaned, cut, or broken into lines.

use super::font::Weight;

/// `text` on one line: line breaks and tabs become spaces, other control characters go.
pub(crate) fn clean(text: &str) -> String {
    let spaced = text.chars().map(|c| {
        if c.is_whitespace() && c != '\u{a0}' {
            ' '
        } else {
            c
        }
    });
    let kept: String = spaced
        .filter(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'))
        .collect();
    kept.trim().to_owned()
}

/// `text` if it is no wider than `width`, else as much of it as fits before an ellipsis.
pub(crate) fn cut(text: &str, size: f64, weight: Weight, width: f64) -> String {
    // No line is longer than this: measuring a label of megabytes would take for ever.
    const LONGEST: usize = 400;
    let mut text: String = text.chars().take(LONGEST + 1).collect();
    if text.chars().count() <= LONGEST && weight.width(&text, size) <= width {
        return text;
    }
    while text.pop().is_some() {
        let shorter = format!("{}…", text.trim_end());
        if weight.width(&shorter, size) <= width {
            return if text.is_empty() {
                "…".to_owned()
            } else {
                shorter
            };
        }
    }
    String::new()
}

/// `text` broken at spaces into at most `most` lines no wider than `width`; the last is cut.
pub(crate) fn lines(text: &str, size: f64, weight: Weight, width: f64, most: usize) -> Vec<String> {
    let text = clean(text);
    let words: Vec<&str> = text
        .split(' ')
        .filter(|word| !word.is_empty())
        .take(400)
        .collect();
    let mut lines = Vec::new();
    let mut rest = words.as_slice();
    while !rest.is_empty() && lines.len() < most {
        let mut taken = if lines.len() + 1 == most {
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
    fn a_long_text_is_cut_to_the_width() {
        let label = cut("electroencephalography", 12.0, Weight::Regular, 60.0);
        assert!(label.ends_with('…'), "{label}");
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
        assert_eq!(clean("a\tb\nc\u{7}\u{0}d "), "a b cd");
    }
}
