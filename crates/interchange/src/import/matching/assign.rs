//! Fills layers under given names and checks that they fit.

use super::layers::{Layer, Parts, join, layers, names_of, same_values, split, words};
use super::names::{Contents, Match, Matches, OTHER_NETWORK, Shaped, mismatch};
use super::roots::{is_other_entry, roots};
use crate::InterchangeError;
use std::collections::{HashMap, HashSet};

/// The prefix with which all layers are found under these names; `None` if there is none.
pub(super) fn root(
    wanted: &[Layer],
    found: &Contents,
    names: &[String],
) -> Result<Option<String>, InterchangeError> {
    let index = Index::new(found);
    let mut fitting = roots(found.tensors.iter().map(|tensor| tensor.name.as_str()));
    fitting.retain(|root| {
        let mut layers = wanted.iter().zip(names);
        layers.all(|((_, parts), name)| index.has(&format!("{root}{name}"), parts))
    });
    if fitting.len() > 1 {
        let roots: Vec<String> = fitting.iter().map(|root| format!("`{root}`")).collect();
        return Err(InterchangeError::Setting {
            setting: "key",
            problem: format!(
                "the file contains these weights more than once, in {}; choose one entry",
                roots.join(" and ")
            ),
        });
    }
    Ok(fitting.pop())
}

/// A file's tensors by name and by layer.
pub(super) struct Index<'a> {
    tensors: HashMap<&'a str, &'a [usize]>,
    layers: HashMap<&'a str, Vec<&'a str>>,
}

impl<'a> Index<'a> {
    pub(super) fn new(found: &'a Contents) -> Self {
        let mut layers: HashMap<&str, Vec<&str>> = HashMap::new();
        for tensor in &found.tensors {
            let (layer, part) = split(&tensor.name);
            layers.entry(layer).or_default().push(part);
        }
        let shaped = |tensor: &'a Shaped| (tensor.name.as_str(), tensor.shape.as_slice());
        Self {
            tensors: found.tensors.iter().map(shaped).collect(),
            layers,
        }
    }

    /// Whether there is a layer with this name or, for a layer with one tensor, a tensor with it.
    pub(super) fn has(&self, name: &str, parts: &Parts) -> bool {
        self.layers.contains_key(name) || parts.len() <= 1 && self.tensors.contains_key(name)
    }

    /// The tensor for a part of a layer, by the part's name. For a layer with one tensor this may
    /// also be the only tensor of the file's layer, or the one that has the layer's own name
    /// (`gamma`).
    fn tensor(&self, layer: &str, part: &str, is_only: bool) -> Option<(String, &'a [usize])> {
        let exact = join(layer, part);
        let name = match self.layers.get(layer).map(Vec::as_slice) {
            Some(_) if self.tensors.contains_key(exact.as_str()) => exact,
            // A bias or a statistic is never a layer's only parameter.
            Some([only]) if is_only && *only != "bias" && !only.starts_with("running_") => {
                join(layer, only)
            }
            None if is_only => layer.to_string(),
            _ => return None,
        };
        let shape = self.tensors.get(name.as_str())?;
        Some((name, shape))
    }
}

/// Fills the network's layers from the file's layers with these names after `root`. Checks that
/// shapes fit and that no tensor is left that might belong to the network.
pub(super) fn assign(
    wanted: &[Layer],
    found: &Contents,
    root: &str,
    names: &[String],
    auxiliary: &[String],
) -> Result<Matches, InterchangeError> {
    let index = Index::new(found);
    let all = layers(&found.tensors);
    let mut matches = Vec::new();
    let mut used = HashSet::new();
    for ((ours, parts), name) in wanted.iter().zip(names) {
        let theirs = format!("{root}{name}");
        if !index.has(&theirs, parts) {
            return Err(mismatch(
                format!("the file has no layer `{theirs}` for {ours}"),
                format!("it has {}", names_of(&all)),
            ));
        }
        let misfit = || {
            let has = all.iter().find(|(layer, _)| *layer == theirs);
            let has = has.map_or("a tensor of another shape".into(), |(_, parts)| {
                words(parts)
            });
            mismatch(
                format!("{ours} needs {} but `{theirs}` has {has}", words(parts)),
                OTHER_NETWORK.into(),
            )
        };
        // Otherwise an extra part, such as a bias, would be dropped silently.
        let has = index.layers.get(theirs.as_str()).map_or(1, Vec::len);
        if has != parts.len() {
            return Err(misfit());
        }
        for (part, shape) in parts {
            let tensor = index.tensor(&theirs, part, parts.len() == 1);
            let Some((from, _)) = tensor.filter(|(_, has)| same_values(shape, has)) else {
                return Err(misfit());
            };
            if !used.insert(from.clone()) {
                return Err(mismatch(
                    format!("`{from}` would be used for two layers, {ours} being the second"),
                    "choose another one".into(),
                ));
            }
            matches.push(Match {
                name: join(ours, part),
                from,
            });
        }
    }
    let is_left_out = |name: &str| {
        let is_auxiliary = |start: &String| name.starts_with(&format!("{root}{start}"));
        auxiliary.iter().any(is_auxiliary) || is_other_entry(name, root)
    };
    let unused = found
        .tensors
        .iter()
        .filter(|tensor| !used.contains(&tensor.name));
    let (left_out, left): (Vec<&Shaped>, Vec<&Shaped>) =
        unused.partition(|tensor| is_left_out(&tensor.name));
    if left.is_empty() {
        let left_out = left_out.iter().map(|tensor| tensor.name.clone()).collect();
        Ok(Matches {
            matches,
            left_out,
            is_by_order: false,
        })
    } else {
        Err(mismatch(
            format!(
                "the network has no matching parameter for {}",
                names_of(&layers(left))
            ),
            OTHER_NETWORK.into(),
        ))
    }
}
