//! The bundled font: which glyphs a text takes, how wide it is, and how it is cut or broken to fit.

use std::sync::OnceLock;

use ttf_parser::gpos::PositioningSubtable;
use ttf_parser::{Face, GlyphId};

use receptive_core::text::is_unprintable;

use crate::error::PlotError;

/// How heavy a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Labels and values.
    Regular,
    /// Titles.
    Medium,
}

/// A glyph and where it stands, in font units from the start of the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GlyphPosition {
    pub(crate) glyph: GlyphId,
    pub(crate) x: f64,
}

static REGULAR: OnceLock<Option<Face<'static>>> = OnceLock::new();
static MEDIUM: OnceLock<Option<Face<'static>>> = OnceLock::new();

impl Weight {
    pub(crate) fn face(self) -> Result<&'static Face<'static>, PlotError> {
        let (cell, bytes, file): (_, &'static [u8], _) = match self {
            Self::Regular => (
                &REGULAR,
                include_bytes!("../../assets/Roboto-Regular-subset.ttf"),
                "Roboto-Regular-subset.ttf",
            ),
            Self::Medium => (
                &MEDIUM,
                include_bytes!("../../assets/Roboto-Medium-subset.ttf"),
                "Roboto-Medium-subset.ttf",
            ),
        };
        cell.get_or_init(|| Face::parse(bytes, 0).ok())
            .as_ref()
            .ok_or(PlotError::Font { file })
    }

    /// The glyphs of `text` and its whole width, in font units.
    pub(crate) fn place(self, text: &str) -> Result<(Vec<GlyphPosition>, f64), PlotError> {
        let face = self.face()?;
        let mut placed: Vec<GlyphPosition> = Vec::with_capacity(text.len());
        let mut x = 0.0;
        for c in text.chars() {
            let glyph = face.glyph_index(c).unwrap_or(GlyphId(0));
            if let Some(before) = placed.last() {
                x += f64::from(kern(face, before.glyph, glyph));
            }
            placed.push(GlyphPosition { glyph, x });
            x += f64::from(face.glyph_hor_advance(glyph).unwrap_or(0));
        }
        Ok((placed, x))
    }

    /// The width of `text` in points; a guess should the font be damaged, which drawing reports.
    pub(crate) fn width(self, text: &str, size: f64) -> f64 {
        match (self.face(), self.place(text)) {
            (Ok(face), Ok((_, width))) => width * size / f64::from(face.units_per_em()),
            _ => text.chars().count() as f64 * size * 0.5,
        }
    }
}

/// How far the font moves `right` towards `left`, from its pair adjustments.
fn kern(face: &Face<'_>, left: GlyphId, right: GlyphId) -> i16 {
    let Some(table) = face.tables().gpos else {
        return 0;
    };
    for lookup in table.lookups {
        for subtable in lookup.subtables.into_iter::<PositioningSubtable<'_>>() {
            let PositioningSubtable::Pair(pair) = subtable else {
                continue;
            };
            let Some(index) = pair.coverage().get(left) else {
                continue;
            };
            let value = match pair {
                ttf_parser::gpos::PairAdjustment::Format1 { sets, .. } => {
                    sets.get(index).and_then(|set| set.get(right))
                }
                ttf_parser::gpos::PairAdjustment::Format2 {
                    classes, matrix, ..
                } => matrix.get((classes.0.get(left), classes.1.get(right))),
            };
            if let Some((first, _)) = value {
                return first.x_advance;
            }
        }
    }
    0
}

/// `text` on one line: line breaks and tabs become spaces, other control characters go, as do those
/// that change the order in which their neighbours are shown.
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

/// `text` if it is no wider than `width`, else as much of it as fits before an ellipsis.
pub(crate) fn cut(text: &str, size: f64, weight: Weight, width: f64) -> String {
    // No line is longer than this: measuring a label of megabytes would take forever.
    const MAX_LENGTH: usize = 400;
    let mut text: String = text.chars().take(MAX_LENGTH + 1).collect();
    if text.chars().count() <= MAX_LENGTH && weight.width(&text, size) <= width {
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

/// `text` broken at spaces into at most `max_lines` lines no wider than `width`; the last is cut.
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
    fn the_signs_this_crate_writes_are_in_both_weights() {
        for weight in [Weight::Regular, Weight::Medium] {
            let face = weight.face().unwrap();
            for c in "−×⁰¹²³⁴⁵⁶⁷⁸⁹⁻…–—%°µσΩ±≤≥≈∞←↑→↓✓✗éßŁд".chars()
            {
                assert!(face.glyph_index(c).is_some(), "{c} is missing");
            }
        }
    }

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
        assert_eq!(clean("a\tb\nc\u{7}\u{0}\u{9b}\u{202e}d "), "a b cd");
    }
}
