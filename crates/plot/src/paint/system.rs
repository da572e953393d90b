//! The system's fonts, for characters that the bundled font lacks. They are searched once, when the
//! first such character is drawn.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use fontdb::{Database, FaceInfo, ID, Source, Stretch, Style};
use ttf_parser::{Face, GlyphId, OutlineBuilder};

use super::bundled::Weight;

/// The largest number of fonts that are examined.
const MAX_FONTS: usize = 5000;
/// The largest font file that is used, in bytes.
const MAX_FILE_BYTES: u64 = 256 << 20;
/// The number of Unicode blocks of 256 characters.
const BLOCKS: usize = 0x11_0000 / 256;
/// Fonts that have a placeholder glyph for every character.
const BLANK: [&str; 3] = ["lastresort", "adobe blank", "adobe notdef"];

/// The regional form of the characters shared by Chinese, Japanese and Korean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Region {
    Chinese,
    Japanese,
    Korean,
}

impl Region {
    /// The region of a text: Japanese if it contains kana, Korean if it contains Hangul, otherwise
    /// Chinese.
    pub(crate) fn of(text: &str) -> Self {
        if text.chars().any(|c| matches!(c, '\u{3040}'..='\u{30ff}')) {
            Self::Japanese
        } else if text
            .chars()
            .any(|c| matches!(c, '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7a3}'))
        {
            Self::Korean
        } else {
            Self::Chinese
        }
    }

    /// How badly a font of this family fits: one for another region is the last choice.
    fn distance(self, family: &str) -> usize {
        let own = match self {
            Self::Chinese => " SC",
            Self::Japanese => " JP",
            Self::Korean => " KR",
        };
        let is_of = |tag: &str| family.ends_with(tag) || family.contains(&format!("{tag} "));
        if is_of(own) {
            0
        } else if [" SC", " TC", " HK", " JP", " KR"].into_iter().any(is_of) {
            2
        } else {
            1
        }
    }
}

/// A font that may have a character.
struct Candidate {
    id: ID,
    family: String,
    /// The number of these properties: slanted, serif, monospaced, condensed. The fewer, the better
    /// it fits the bundled font.
    oddness: usize,
    weight: u16,
    /// One bit for each block of Unicode, set if the font has a character of it.
    blocks: Vec<u64>,
}

/// The fonts that were found.
struct Fonts {
    database: Database,
    candidates: Vec<Candidate>,
    known: Mutex<FontCache>,
}

/// The results of previous look-ups.
#[derive(Default)]
struct FontCache {
    characters: HashMap<(char, Weight, Region), Option<usize>>,
    faces: HashMap<usize, Option<&'static rustybuzz::Face<'static>>>,
    files: HashMap<PathBuf, Option<&'static [u8]>>,
}

static FONTS: OnceLock<Fonts> = OnceLock::new();

fn fonts() -> &'static Fonts {
    FONTS.get_or_init(|| {
        let mut database = Database::new();
        database.load_system_fonts();
        let mut candidates: Vec<Candidate> = database
            .faces()
            .take(MAX_FONTS)
            .filter_map(|info| candidate(&database, info))
            .collect();
        // The result must not depend on the order in which a directory lists its files.
        candidates.sort_by(|a, b| {
            (a.oddness, &a.family, a.weight).cmp(&(b.oddness, &b.family, b.weight))
        });
        Fonts {
            database,
            candidates,
            known: Mutex::default(),
        }
    })
}

fn candidate(database: &Database, info: &FaceInfo) -> Option<Candidate> {
    let family = info
        .families
        .first()
        .map_or("", |(name, _)| name)
        .to_owned();
    let lower = family.to_lowercase();
    if BLANK.iter().any(|blank| lower.contains(blank)) {
        return None;
    }
    let blocks = database.with_face_data(info.id, |data, index| {
        let face = Face::parse(data, index).ok()?;
        let tables = face.tables();
        // Colour bitmaps cannot be drawn in a text's colour and size.
        if tables.glyf.is_none() && tables.cff.is_none() {
            return None;
        }
        let mut blocks = vec![0; BLOCKS.div_ceil(64)];
        for subtable in tables
            .cmap?
            .subtables
            .into_iter()
            .filter(|table| table.is_unicode())
        {
            subtable.codepoints(|c| {
                let block = c as usize / 256;
                if let Some(bits) = blocks.get_mut(block / 64) {
                    *bits |= 1_u64 << (block % 64);
                }
            });
        }
        Some(blocks)
    })??;
    let is_serif = ["serif", "myeongjo", "batang", "mincho", "song", "ming"]
        .iter()
        .any(|word| lower.contains(word) && !lower.contains("sans"));
    let odd = [
        info.style != Style::Normal,
        is_serif,
        info.monospaced || lower.contains("mono") || lower.contains("coding"),
        info.stretch != Stretch::Normal,
    ];
    Some(Candidate {
        id: info.id,
        family,
        oddness: odd.into_iter().filter(|odd| *odd).count(),
        weight: info.weight.0,
        blocks,
    })
}

impl Candidate {
    fn may_have(&self, c: char) -> bool {
        let block = c as usize / 256;
        let bits = self.blocks.get(block / 64).copied().unwrap_or(0);
        bits >> (block % 64) & 1 == 1
    }
}

impl Fonts {
    /// A poisoned lock is harmless: nothing panics while it is held.
    fn known(&self) -> MutexGuard<'_, FontCache> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, c: char, weight: Weight, region: Region) -> Option<usize> {
        let wanted = match weight {
            Weight::Regular => 400,
            Weight::Medium => 600_u16,
        };
        let mut order: Vec<(usize, usize, u16, usize)> = self
            .candidates
            .iter()
            .enumerate()
            .filter(|(_, font)| font.may_have(c))
            .map(|(number, font)| {
                let weight = font.weight.abs_diff(wanted);
                (region.distance(&font.family), font.oddness, weight, number)
            })
            .collect();
        order.sort_unstable();
        let fonts = order.into_iter().map(|(.., number)| number);
        fonts.into_iter().find(|number| {
            let has = self.candidates.get(*number).and_then(|font| {
                self.database.with_face_data(font.id, |data, index| {
                    Face::parse(data, index).is_ok_and(|face| has_outline(&face, c))
                })
            });
            has == Some(true)
        })
    }

    /// Reads a font's file, which stays in memory.
    fn open(
        &self,
        number: usize,
        known: &mut FontCache,
    ) -> Option<&'static rustybuzz::Face<'static>> {
        let id = self.candidates.get(number)?.id;
        let (source, index) = self.database.face_source(id)?;
        let path = match source {
            Source::File(path) | Source::SharedFile(path, _) => path,
            Source::Binary(_) => return None,
        };
        let file = known.files.entry(path).or_insert_with_key(|path| {
            let is_small = path.metadata().ok()?.len() <= MAX_FILE_BYTES;
            let bytes = is_small.then(|| std::fs::read(path).ok())??;
            Some(Box::leak(bytes.into_boxed_slice()))
        });
        let face = rustybuzz::Face::from_slice((*file)?, index)?;
        Some(Box::leak(Box::new(face)))
    }
}

/// The number of a font that has the character, if there is one.
pub(crate) fn find(c: char, weight: Weight, region: Region) -> Option<usize> {
    let fonts = fonts();
    let key = (c, weight, region);
    if let Some(number) = fonts.known().characters.get(&key) {
        return *number;
    }
    let found = fonts.find(c, weight, region);
    let number = found.filter(|number| face(*number).is_some());
    fonts.known().characters.insert(key, number);
    number
}

/// The font with a number returned by [`find`].
pub(crate) fn face(number: usize) -> Option<&'static rustybuzz::Face<'static>> {
    let fonts = fonts();
    let mut known = fonts.known();
    if let Some(face) = known.faces.get(&number) {
        return *face;
    }
    let face = fonts.open(number, &mut known);
    known.faces.insert(number, face);
    face
}

/// Whether a font can draw a character: some have empty outlines for colour bitmaps.
pub(crate) fn has_outline(face: &Face<'_>, c: char) -> bool {
    let glyph = face.glyph_index(c).filter(|glyph| *glyph != GlyphId(0));
    glyph.is_some_and(|glyph| face.outline_glyph(glyph, &mut Nowhere).is_some())
}

/// Draws nothing.
struct Nowhere;

impl OutlineBuilder for Nowhere {
    fn move_to(&mut self, _: f32, _: f32) {}
    fn line_to(&mut self, _: f32, _: f32) {}
    fn quad_to(&mut self, _: f32, _: f32, _: f32, _: f32) {}
    fn curve_to(&mut self, _: f32, _: f32, _: f32, _: f32, _: f32, _: f32) {}
    fn close(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_font_of_another_region_is_the_last_choice() {
        let distance = |text: &str, family: &str| Region::of(text).distance(family);
        for (text, family) in [("고양이", "KR"), ("ねこ", "JP"), ("猫", "SC")] {
            assert_eq!(
                distance(text, &format!("Noto Sans CJK {family}")),
                0,
                "{text}"
            );
            assert_eq!(distance(text, "NanumGothic"), 1);
            assert_eq!(distance(text, "Noto Sans CJK HK"), 2);
        }
        assert_eq!(Region::of("猫はねこ"), Region::Japanese);
        assert_eq!(distance("고양이", "Noto Sans JP Medium"), 2);
    }
}
