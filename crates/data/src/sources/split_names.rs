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

/// The split with this name: 0 for training, 1 for validation, 2 for test.
pub(crate) fn split_named(name: &OsStr) -> Option<usize> {
    KINDS.iter().position(|kind| kind.is_named(name))
}
