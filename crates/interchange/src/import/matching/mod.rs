//! Matches a file's tensors with the network's parameters, correctly or not at all.
//!
//! Tensors are matched by name if the names are known: the network's own, those of a scheme, or
//! those of a table. Otherwise they are matched by shape if only one assignment fits, helped by the
//! order in which the file's program defined its layers if the file preserves it.

mod assign;
mod layers;
mod names;
mod roots;
mod shapes;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trials;

pub(super) use names::{Contents, Matches, Shaped};
pub use names::{KnownNames, Match, Names};

use crate::InterchangeError;
use assign::{Index, assign, root};
use layers::{Layer, Parts, layers, listed, names_of};
use names::{OTHER_NETWORK, mismatch};
use roots::roots;
use shapes::by_shape;
use std::collections::{BTreeMap, HashMap};

pub(super) fn match_names(
    wanted: &[Shaped],
    found: &Contents,
    names: &Names,
) -> Result<Matches, InterchangeError> {
    let wanted = layers(wanted);
    let own: Vec<String> = wanted.iter().map(|(name, _)| name.clone()).collect();
    match names {
        Names::Given(given) => {
            let theirs = by_table(&wanted, given)?;
            let root = root(&wanted, found, &theirs)?.unwrap_or_default();
            assign(&wanted, found, &root, &theirs, &[])
        }
        Names::Known(known) => {
            if known.layers.len() != wanted.len() {
                return Err(mismatch(
                    format!(
                        "{} names {} layers, but the network has {} layers with weights",
                        known.scheme,
                        known.layers.len(),
                        wanted.len()
                    ),
                    OTHER_NETWORK.into(),
                ));
            }
            if let Some(root) = root(&wanted, found, &known.layers)? {
                return assign(&wanted, found, &root, &known.layers, &known.auxiliary);
            }
            match root(&wanted, found, &own)? {
                Some(root) => assign(&wanted, found, &root, &own, &[]),
                None => Err(lacking(&wanted, found, known)),
            }
        }
        Names::Auto => match root(&wanted, found, &own)? {
            Some(root) => assign(&wanted, found, &root, &own, &[]),
            None => unnamed(&wanted, found),
        },
    }
}

/// Whether the file has a tensor for every layer under these names, whatever their shapes.
pub(super) fn has_names(wanted: &[String], found: &Contents) -> bool {
    let layers: Vec<Layer> = wanted
        .iter()
        .map(|name| (name.clone(), Parts::new()))
        .collect();
    // Several roots are fine here; choosing among them is a separate step.
    !matches!(root(&layers, found, wanted), Ok(None))
}

/// Whether the file has exactly these layers except the last: a network without its head.
pub(super) fn has_names_but_last(wanted: &[String], found: &Contents) -> bool {
    let body = wanted.split_last().map_or(&[][..], |(_, body)| body);
    !body.is_empty() && layers(&found.tensors).len() == body.len() && has_names(body, found)
}

/// The error for a file that lacks some or all names of the scheme.
fn lacking(wanted: &[Layer], found: &Contents, known: &KnownNames) -> InterchangeError {
    let index = Index::new(found);
    let missing = |root: &String| -> Vec<String> {
        let names = wanted.iter().zip(&known.layers);
        names
            .map(|((_, parts), name)| (format!("{root}{name}"), parts))
            .filter(|(name, parts)| !index.has(name, parts))
            .map(|(name, _)| format!("`{name}`"))
            .collect()
    };
    let names = found.tensors.iter().map(|tensor| tensor.name.as_str());
    let fewest = roots(names).iter().map(missing).min_by_key(Vec::len);
    let fewest = fewest.unwrap_or_default();
    let scheme = &known.scheme;
    if fewest.len() == wanted.len() {
        return mismatch(
            format!(
                "the file has none of the layer names of {scheme}; it has {}",
                names_of(&layers(&found.tensors))
            ),
            "give a table of layer names".into(),
        );
    }
    mismatch(
        format!(
            "the file lacks {} of the {} layers of {scheme}: {}",
            fewest.len(),
            wanted.len(),
            listed(&fewest)
        ),
        OTHER_NETWORK.into(),
    )
}

fn by_table(
    wanted: &[Layer],
    given: &BTreeMap<String, String>,
) -> Result<Vec<String>, InterchangeError> {
    if let Some(unknown) = given
        .keys()
        .find(|name| !wanted.iter().any(|(ours, _)| ours == *name))
    {
        return Err(mismatch(
            format!("the table of names has `{unknown}`, which is not a layer with weights"),
            format!("the layers are {}", names_of(wanted)),
        ));
    }
    wanted
        .iter()
        .map(|(ours, _)| {
            given.get(ours).cloned().ok_or_else(|| {
                mismatch(
                    format!("the table of names lacks {ours}"),
                    "list all layers".into(),
                )
            })
        })
        .collect()
}

/// Matches by shape, among all tensors or among those after a wrapper's prefix; an error if more
/// than one of these sets fits.
fn unnamed(wanted: &[Layer], found: &Contents) -> Result<Matches, InterchangeError> {
    let names = found.tensors.iter().map(|tensor| tensor.name.as_str());
    let mut sets: Vec<(String, Vec<&Shaped>)> = Vec::new();
    for root in roots(names) {
        let within = found
            .tensors
            .iter()
            .filter(|tensor| tensor.name.starts_with(&root));
        let set: Vec<&Shaped> = within.collect();
        // If all names have the wrapper's prefix, this is the same set again.
        if sets
            .iter()
            .all(|(_, other)| other.len() != set.len() || *other != set)
        {
            sets.push((root, set));
        }
    }
    let mut fitting = Vec::new();
    let mut first_error = None;
    for (root, set) in sets {
        match by_shape(wanted, &layers(set), found.is_ordered) {
            Ok(pairs) => fitting.push((root, pairs)),
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    let Some((root, pairs)) = fitting.pop() else {
        let none = || mismatch("the file has no tensors".into(), OTHER_NETWORK.into());
        return Err(first_error.unwrap_or_else(none));
    };
    if let Some((other, _)) = fitting.first() {
        return Err(InterchangeError::Setting {
            setting: "key",
            problem: format!(
                "the file contains such weights more than once, in `{other}` and `{root}`; choose \
                 one entry"
            ),
        });
    }
    let theirs: HashMap<&str, &str> = pairs
        .iter()
        .map(|(ours, theirs)| (ours.as_str(), theirs.as_str()))
        .collect();
    let names: Vec<String> = wanted
        .iter()
        .map(|(ours, _)| theirs.get(ours.as_str()).copied().unwrap_or_default())
        .map(|name| name.strip_prefix(&root).unwrap_or(name).to_string())
        .collect();
    let matches = assign(wanted, found, &root, &names, &[])?;
    Ok(Matches {
        is_by_order: true,
        ..matches
    })
}
