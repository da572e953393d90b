//! What the folder of a split may be called.

use std::ffi::OsStr;

/// A split, and what its folder may be called, in upper or lower case.
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

/// Which split is called like this: training, validation or test, 0, 1 or 2.
pub(crate) fn split_named(name: &OsStr) -> Option<usize> {
    KINDS.iter().position(|kind| kind.is_named(name))
}
