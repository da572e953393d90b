//! The glyphs of any text: from the bundled font; from the system's fonts for characters it lacks,
//! shaped and in reading order; and codes such as U+AC00 for characters that no font has.

use rustybuzz::{Direction, UnicodeBuffer};
use ttf_parser::{Face, GlyphId};
use unicode_bidi::{BidiInfo, Level};

use super::bundled::Weight;
use super::system::{self, Region, has_outline};
use crate::error::PlotError;

/// The font of a glyph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Font {
    Bundled(Weight),
    /// A system font.
    System(usize),
}

impl Font {
    pub(crate) fn face(self) -> Result<&'static Face<'static>, PlotError> {
        match self {
            Self::Bundled(weight) => weight.face(),
            Self::System(number) => match system::face(number) {
                Some(face) => Ok(face),
                // `place` returns only fonts that were opened.
                None => Weight::Regular.face(),
            },
        }
    }

    /// The size of its units in units of the bundled font.
    pub(crate) fn scale(self) -> Result<f64, PlotError> {
        match self {
            Self::Bundled(_) => Ok(1.0),
            Self::System(_) => {
                let em = f64::from(Weight::Regular.face()?.units_per_em());
                Ok(em / f64::from(self.face()?.units_per_em()))
            }
        }
    }
}

/// A glyph and its position, in units of the bundled font from the start of the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GlyphPosition {
    pub(crate) font: Font,
    pub(crate) glyph: GlyphId,
    pub(crate) x: f64,
    pub(crate) y: f64,
}

/// The glyphs of `text` and its total width, in units of the bundled font.
pub(crate) fn place(text: &str, weight: Weight) -> Result<(Vec<GlyphPosition>, f64), PlotError> {
    let mut line = Line {
        weight,
        glyphs: Vec::with_capacity(text.len()),
        x: 0.0,
    };
    if text.chars().all(|c| weight.has(c)) {
        line.bundled(text)?;
        return Ok((line.glyphs, line.x));
    }
    // Left to right, whatever comes first: names are part of English sentences.
    let bidi = BidiInfo::new(text, Some(Level::ltr()));
    let region = Region::of(text);
    for paragraph in &bidi.paragraphs {
        let (levels, runs) = bidi.visual_runs(paragraph, paragraph.range.clone());
        for run in runs {
            let is_rtl = levels.get(run.start).is_some_and(Level::is_rtl);
            let mut pieces = pieces(text.get(run).unwrap_or_default(), weight, region);
            if is_rtl {
                pieces.reverse();
            }
            let texts = || pieces.iter().map(|piece| piece.text.as_str());
            let before = std::iter::once("").chain(texts());
            let after = texts().skip(1).chain([""]);
            for ((piece, before), after) in pieces.iter().zip(before).zip(after) {
                match piece.source {
                    Source::Missing => line.codes(&piece.text, before, after)?,
                    _ => line.piece(piece, is_rtl)?,
                }
            }
        }
    }
    Ok((line.glyphs, line.x))
}

/// The characters of `text` that no font has.
pub(crate) fn missing(text: &str, weight: Weight) -> Vec<char> {
    if text.chars().all(|c| weight.has(c)) {
        return Vec::new();
    }
    let pieces = pieces(text, weight, Region::of(text)).into_iter();
    let missing = pieces.filter(|piece| piece.source == Source::Missing);
    missing
        .flat_map(|piece| piece.text.chars().collect::<Vec<_>>())
        .collect()
}

/// The source of a character's glyph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Bundled,
    System(usize),
    Missing,
}

/// Consecutive characters drawn with the same font.
#[derive(Debug)]
struct Piece {
    source: Source,
    text: String,
}

/// Splits `text` by font, in its original order.
fn pieces(text: &str, weight: Weight, region: Region) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for c in text.chars() {
        let before = pieces.last().map(|piece| piece.source);
        let source = if weight.has(c) {
            Source::Bundled
        } else if is_invisible(c) {
            match before {
                // Joiners and variation selectors modify the letter before them.
                Some(Source::System(number)) => Source::System(number),
                _ => continue,
            }
        } else if let Some(Source::System(number)) = before
            && system::face(number).is_some_and(|face| has_outline(face, c))
        {
            Source::System(number)
        } else {
            system::find(c, weight, region).map_or(Source::Missing, Source::System)
        };
        match pieces.last_mut() {
            Some(piece) if piece.source == source => piece.text.push(c),
            _ => pieces.push(Piece {
                source,
                text: c.into(),
            }),
        }
    }
    pieces
}

/// Invisible characters: those with the property Default_Ignorable_Code_Point.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// A line of glyphs, from left to right.
struct Line {
    weight: Weight,
    glyphs: Vec<GlyphPosition>,
    x: f64,
}

impl Line {
    fn piece(&mut self, piece: &Piece, is_rtl: bool) -> Result<(), PlotError> {
        match piece.source {
            Source::Bundled if is_rtl => {
                let turned: String = piece.text.chars().rev().map(mirrored).collect();
                self.bundled(&turned)
            }
            Source::Bundled => self.bundled(&piece.text),
            Source::System(number) => self.shaped(number, &piece.text, is_rtl),
            Source::Missing => self.codes(&piece.text, "", ""),
        }
    }

    /// Appends the codes of the characters, separated from each other and from adjacent letters.
    fn codes(&mut self, text: &str, before: &str, after: &str) -> Result<(), PlotError> {
        let codes: Vec<String> = text
            .chars()
            .map(|c| format!("U+{:04X}", u32::from(c)))
            .collect();
        let gap = |beside: Option<char>| match beside.is_some_and(char::is_alphanumeric) {
            true => " ",
            false => "",
        };
        let (left, right) = (gap(before.chars().last()), gap(after.chars().next()));
        self.bundled(&format!("{left}{}{right}", codes.join(" ")))
    }

    fn bundled(&mut self, text: &str) -> Result<(), PlotError> {
        let (glyphs, width) = self.weight.kerned(text)?;
        let start = self.x;
        self.glyphs
            .extend(glyphs.into_iter().map(|(glyph, x)| GlyphPosition {
                font: Font::Bundled(self.weight),
                glyph,
                x: start + x,
                y: 0.0,
            }));
        self.x += width;
        Ok(())
    }

    fn shaped(&mut self, number: usize, text: &str, is_rtl: bool) -> Result<(), PlotError> {
        let (font, Some(face)) = (Font::System(number), system::face(number)) else {
            return Ok(());
        };
        let scale = font.scale()?;
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.set_direction(match is_rtl {
            true => Direction::RightToLeft,
            false => Direction::LeftToRight,
        });
        buffer.guess_segment_properties();
        let shaped = rustybuzz::shape(face, &[], buffer);
        for (info, position) in shaped.glyph_infos().iter().zip(shaped.glyph_positions()) {
            self.glyphs.push(GlyphPosition {
                font,
                glyph: GlyphId(info.glyph_id as u16),
                x: self.x + f64::from(position.x_offset) * scale,
                y: f64::from(position.y_offset) * scale,
            });
            self.x += f64::from(position.x_advance) * scale;
        }
        Ok(())
    }
}

/// The mirror image of a bracket, for text from right to left.
fn mirrored(c: char) -> char {
    match c {
        '(' => ')',
        ')' => '(',
        '[' => ']',
        ']' => '[',
        '{' => '}',
        '}' => '{',
        '<' => '>',
        '>' => '<',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No font has these: they are permanently noncharacters.
    const NONE: &str = "\u{fdd0}\u{fdd1}";

    #[test]
    fn a_character_that_no_font_has_is_written_as_its_code() {
        let width = |text: &str| place(text, Weight::Regular).unwrap().1;
        let glyphs = |text: &str| -> Vec<u16> {
            let (glyphs, _) = place(text, Weight::Regular).unwrap();
            glyphs.iter().map(|position| position.glyph.0).collect()
        };
        assert_eq!(glyphs(NONE), glyphs("U+FDD0 U+FDD1"));
        assert_eq!(glyphs("is \u{fdd0}, "), glyphs("is U+FDD0, "));
        assert_eq!(glyphs("a\u{fdd0}b"), glyphs("a U+FDD0 b"));
        assert_eq!(width("\u{fdd0}"), width("U+FDD0"));
        assert_eq!(
            missing(&format!("cat {NONE}"), Weight::Medium),
            ['\u{fdd0}', '\u{fdd1}']
        );
        assert_eq!(missing("cat", Weight::Regular), []);
    }

    #[test]
    fn invisible_characters_leave_no_trace() {
        let glyphs = |text: &str| place(text, Weight::Regular).unwrap().0.len();
        assert_eq!(glyphs("a\u{2060}b\u{fe0f}\u{2069}"), 2);
        assert_eq!(missing("\u{200e}\u{2060}", Weight::Regular), []);
    }
}
