//! Splits that a run inherits from the run that it starts from.

use crate::config::RunConfig;
use crate::run::RunDirectory;
use receptive_core::text::counted;
use receptive_data::{DataOptions, DataSet};

/// A note if split fractions were set although the images were already split by the run that this one starts
/// from.
pub(crate) fn idle_fractions(config: &RunConfig, data: &DataSet) -> Option<String> {
    let comparison = data.comparison.as_ref()?;
    let start = config.start.as_ref()?;
    let parent = RunDirectory::around(&start.from)?.config().ok()?.data;
    let own = &config.data;
    if comparison.known == 0 || own.fold.is_some() {
        return None;
    }
    let shares = [
        ("data.val_fraction", own.val_fraction, parent.val_fraction),
        (
            "data.test_fraction",
            own.test_fraction,
            parent.test_fraction,
        ),
    ];
    // Fractions inherited from the parent's config were not set for this run, and those without effect because
    // of the data's own splits already have a note.
    let is_noted = |name: &str| data.notes.iter().any(|note| note.starts_with(name));
    let set: Vec<&str> = shares
        .iter()
        .filter(|(_, own, parent)| *own != DataOptions::DEFAULT_FRACTION && own != parent)
        .map(|(name, ..)| *name)
        .filter(|name| !is_noted(name))
        .collect();
    let have = match set.len() {
        0 => return None,
        1 => "has",
        _ => "have",
    };
    let names = set.join(" and ");
    let kept = "the images of the run that this one starts from keep their splits";
    Some(match comparison.new {
        0 => format!("{names} {have} no effect: {kept}"),
        new => format!(
            "{names} only {have} an effect on {}: {kept}",
            counted(new, "new image")
        ),
    })
}
