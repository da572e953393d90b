//! Where the weights are in a checkpoint: after the prefixes of wrappers, or in one of several
//! entries.

use std::collections::BTreeSet;

/// Prefixes that wrappers and training programs add to every name of a state dict.
const WRAPPERS: [&str; 17] = [
    "_orig_mod",
    "ema",
    "ema_model",
    "ema_state_dict",
    "model",
    "model_ema",
    "model_state_dict",
    "module",
    "net",
    "network",
    "params",
    "params_ema",
    "state_dict",
    "state_dict_ema",
    "student",
    "teacher",
    "weights",
];

/// How many of them may be combined, as in `state_dict.module._orig_mod.`.
const MAX_WRAPPERS: usize = 3;

/// The prefixes that the weights may have, the empty one first: `""`, `model.`, `state_dict.`.
pub(super) fn roots<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut roots = BTreeSet::from([String::new()]);
    for name in names {
        let mut end = 0;
        for word in name.split('.').take(MAX_WRAPPERS) {
            if !WRAPPERS.contains(&word) {
                break;
            }
            end += word.len() + 1;
            if end >= name.len() {
                break;
            }
            roots.insert(name[..end].into());
        }
    }
    roots.into_iter().collect()
}

/// Whether a name has another wrapper's prefix than this root: a second copy of the weights, such
/// as their moving average.
pub(super) fn is_other_entry(name: &str, root: &str) -> bool {
    let first = |name: &str| name.split('.').next().unwrap_or_default().to_string();
    let word = first(name);
    !root.is_empty() && word != first(root) && WRAPPERS.contains(&word.as_str())
}
