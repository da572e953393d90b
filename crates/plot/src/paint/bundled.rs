//! The bundled font in two weights, and the glyphs of texts for which it has all characters.

use std::sync::OnceLock;

use ttf_parser::gpos::PositioningSubtable;
use ttf_parser::{Face, GlyphId};

use crate::error::PlotError;

/// The weight of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Weight {
    /// For labels and values.
    Regular,
    /// For titles.
    Medium,
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

    /// Whether the font has a character.
    pub(crate) fn has(self, c: char) -> bool {
        self.face().is_ok_and(|face| face.glyph_index(c).is_some())
    }

    /// The glyphs of `text` with their positions, and the total width, in font units.
    pub(crate) fn kerned(self, text: &str) -> Result<(Vec<(GlyphId, f64)>, f64), PlotError> {
        let face = self.face()?;
        let mut placed: Vec<(GlyphId, f64)> = Vec::with_capacity(text.len());
        let mut x = 0.0;
        for c in text.chars() {
            let glyph = face.glyph_index(c).unwrap_or(GlyphId(0));
            if let Some((before, _)) = placed.last() {
                x += f64::from(kern(face, *before, glyph));
            }
            placed.push((glyph, x));
            x += f64::from(face.glyph_hor_advance(glyph).unwrap_or(0));
        }
        Ok((placed, x))
    }
}

/// The kerning between `left` and `right`, from the font's pair adjustments.
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
    fn the_signs_this_crate_writes_are_in_both_weights() {
        for weight in [Weight::Regular, Weight::Medium] {
            for c in "−×⁰¹²³⁴⁵⁶⁷⁸⁹⁻…–—%°µσΩ±≤≥≈∞←↑→↓✓✗éßŁд".chars()
            {
                assert!(weight.has(c), "{c} is missing");
            }
        }
    }
}
