//! Characters of a figure that no font has, and what to do about them.

use std::collections::{BTreeMap, BTreeSet};

/// The characters of a figure that no font has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Missing {
    characters: BTreeSet<char>,
    /// Classes whose numbers are written instead of their names.
    numbered: BTreeMap<usize, String>,
}

/// The maximum number of those classes named in the note.
const MAX_NAMED: usize = 10;

impl Missing {
    pub(crate) fn add(&mut self, characters: impl IntoIterator<Item = char>) {
        self.characters.extend(characters);
    }

    /// Adds a class whose number is written instead of its name.
    pub(crate) fn add_class(&mut self, number: usize, name: &str, characters: Vec<char>) {
        self.add(characters);
        self.numbered.insert(number, name.into());
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.characters.extend(&other.characters);
        self.numbered.extend(other.numbered.clone());
    }

    /// A note on what is missing, what is drawn instead, and what to install.
    pub(crate) fn sentence(&self) -> Option<String> {
        let first = u32::from(*self.characters.first()?);
        let scripts: BTreeSet<Script> = self.characters.iter().map(|c| Script::of(*c)).collect();
        let names: Vec<&str> = scripts.iter().map(|script| script.name()).collect();
        let packages: BTreeSet<&str> = scripts.iter().map(|script| script.package()).collect();
        let packages: Vec<&str> = packages.into_iter().collect();
        let mut classes: Vec<String> = (self.numbered.iter().take(MAX_NAMED))
            .map(|(number, name)| format!("#{number} is {name}"))
            .collect();
        let more = self.numbered.len() - classes.len();
        if more > 0 {
            classes.push(format!("and {more} more"));
        }
        let instead = if classes.is_empty() {
            format!("they are written as codes such as U+{first:04X}")
        } else {
            format!(
                "classes with such names are written as numbers, counted from 0 ({})",
                classes.join(", ")
            )
        };
        Some(format!(
            "no installed font has some characters used here ({}), so {instead}; install a font \
             that has them, such as Debian's {}",
            names.join(", "),
            packages.join(" and ")
        ))
    }
}

/// Scripts with font packages of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Script {
    Hangul,
    Kana,
    Han,
    Arabic,
    Hebrew,
    Devanagari,
    Thai,
    Symbols,
    Other,
}

impl Script {
    fn of(c: char) -> Self {
        match u32::from(c) {
            0x1100..=0x11ff | 0x3130..=0x318f | 0xa960..=0xa97f | 0xac00..=0xd7ff => Self::Hangul,
            0x3040..=0x30ff | 0x31f0..=0x31ff | 0xff66..=0xff9f => Self::Kana,
            0x2e80..=0x303f
            | 0x3400..=0x4dbf
            | 0x4e00..=0x9fff
            | 0xf900..=0xfaff
            | 0x20000..=0x3ffff => Self::Han,
            0x600..=0x77f | 0x8a0..=0x8ff | 0xfb50..=0xfdcf | 0xfdf0..=0xfdff | 0xfe70..=0xfefe => {
                Self::Arabic
            }
            0x590..=0x5ff | 0xfb1d..=0xfb4f => Self::Hebrew,
            0x900..=0x97f => Self::Devanagari,
            0xe00..=0xe7f => Self::Thai,
            0x2190..=0x2bff | 0x1f000..=0x1faff => Self::Symbols,
            _ => Self::Other,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Hangul => "Hangul",
            Self::Kana => "kana",
            Self::Han => "Han",
            Self::Arabic => "Arabic",
            Self::Hebrew => "Hebrew",
            Self::Devanagari => "Devanagari",
            Self::Thai => "Thai",
            Self::Symbols => "symbols and emoji",
            Self::Other => "other scripts",
        }
    }

    fn package(self) -> &'static str {
        match self {
            Self::Hangul => "fonts-nanum",
            Self::Kana | Self::Han => "fonts-noto-cjk",
            // Colour emoji are bitmaps, with which text cannot be drawn.
            Self::Symbols => "fonts-symbola",
            Self::Arabic | Self::Hebrew | Self::Devanagari | Self::Thai | Self::Other => {
                "fonts-noto-core"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_names_the_script_what_is_drawn_and_what_to_install() {
        let mut missing = Missing::default();
        assert_eq!(missing.sentence(), None);
        missing.add("가나".chars());
        let sentence = missing.sentence().unwrap();
        for part in ["(Hangul)", "codes such as U+AC00", "Debian's fonts-nanum"] {
            assert!(sentence.contains(part), "{sentence}");
        }
        missing.add_class(3, "猫🙂", "猫🙂".chars().collect());
        let sentence = missing.sentence().unwrap();
        for part in [
            "(Hangul, Han, symbols and emoji)",
            "numbers, counted from 0 (#3 is 猫🙂)",
            "fonts-nanum and fonts-noto-cjk and fonts-symbola",
        ] {
            assert!(sentence.contains(part), "{sentence}");
        }
    }
}
