//! Common names of the folders of splits.

use std::ffi::OsStr;

/// A split, and the names that its folder may have, in upper or lower case.
pub(crate) struct SplitNames {
    pub(crate) name: &'static str,
    pub(crate) folders: &'static [&'static str],
}

pub(crate) const TRAIN: SplitNames = SplitNames {
    name: "training",
    folders: &["train", "training"],
};
pub(crate) const VAL: SplitNames = SplitNames {
    name: "validation",
    folders: &["val", "valid", "validation", "dev"],
};
pub(crate) const TEST: SplitNames = SplitNames {
    name: "test",
    folders: &["test", "testing", "eval", "evaluation"],
};
pub(crate) const KINDS: [SplitNames; 3] = [TRAIN, VAL, TEST];

impl SplitNames {
    pub(crate) fn is_named(&self, name: &OsStr) -> bool {
        self.folders.iter().any(|f| name.eq_ignore_ascii_case(f))
    }
}

pub(crate) fn is_split_name(name: &OsStr) -> bool {
    KINDS.iter().any(|kind| kind.is_named(name))
}

/// Names of a folder of images without labels, next to the splits.
const UNLABELLED: [&str; 6] = [
    "pred",
    "prediction",
    "unlabeled",
    "unlabelled",
    "unsup",
    "submission",
];

/// What a folder of images may be, other than a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    /// 0 for training, 1 for validation, 2 for test.
    Split(usize),
    Unlabelled,
}

/// The part that a word of the name stands for, as in `train_images` and `test1`.
pub(crate) fn part_in(name: &OsStr) -> Option<Part> {
    let name = name.to_string_lossy();
    let mut words = name.split(|c: char| !c.is_ascii_alphabetic());
    words.find_map(|word| {
        let is_unlabelled = UNLABELLED.iter().any(|u| word.eq_ignore_ascii_case(u));
        let unlabelled = is_unlabelled.then_some(Part::Unlabelled);
        split_named(OsStr::new(word))
            .map(Part::Split)
            .or(unlabelled)
    })
}

/// The split with this name: 0 for training, 1 for validation, 2 for test.
pub(crate) fn split_named(name: &OsStr) -> Option<usize> {
    KINDS.iter().position(|kind| kind.is_named(name))
}
