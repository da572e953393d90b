//! The bundled font: which glyphs a text takes, and how wide it is.

use std::sync::OnceLock;

use ttf_parser::gpos::PositioningSubtable;
use ttf_parser::{Face, GlyphId};

use crate::PlotError;

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
pub(crate) struct Placed {
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
    pub(crate) fn place(self, text: &str) -> Result<(Vec<Placed>, f64), PlotError> {
        let face = self.face()?;
        let mut placed: Vec<Placed> = Vec::with_capacity(text.len());
        let mut x = 0.0;
        for c in text.chars() {
            let glyph = face.glyph_index(c).unwrap_or(GlyphId(0));
            if let Some(before) = placed.last() {
                x += f64::from(kern(face, before.glyph, glyph));
            }
            placed.push(Placed { glyph, x });
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
}
