//! Matching a file's tensors to the network's parameters.

use crate::InterchangeError;
use std::collections::BTreeMap;

/// How a file's names are understood.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Names {
    /// As they are, where the file has the network's own; else by shape and order: of the layers
    /// with tensors of the same shapes, the first in the file's natural order (`9.weight` before
    /// `10.weight`) is the first in the network.
    #[default]
    Auto,
    /// The network's layer (`conv2d_1`) to the file's (`features.0`), all of them.
    Given(BTreeMap<String, String>),
}

/// A tensor of the network and the one of the file that fills it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The network's name.
    pub name: String,
    /// The file's.
    pub from: String,
}

/// A name and a shape in PyTorch's layout.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shaped {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
}

/// The tensors of one layer: what is called `weight`, `bias` ... and how large it is.
type Parts = BTreeMap<String, Vec<usize>>;

pub(super) fn match_names(
    wanted: &[Shaped],
    found: &[Shaped],
    names: &Names,
) -> Result<Vec<Match>, InterchangeError> {
    let (wanted, found) = (layers(wanted), layers(found));
    let pairs = match names {
        Names::Given(given) => by_table(&wanted, given)?,
        Names::Auto => match by_name(&wanted, &found) {
            Some(pairs) => pairs,
            None => by_shape(&wanted, &found)?,
        },
    };
    let mut matches = Vec::new();
    for (ours, theirs) in &pairs {
        let wanted = parts(&wanted, ours);
        let Some(found) = found.iter().find(|(name, _)| name == theirs) else {
            return Err(mismatch(
                format!("the file has no layer `{theirs}` for {ours}"),
                format!("it has {}", names_of(&found)),
            ));
        };
        if wanted != found.1 {
            return Err(mismatch(
                format!(
                    "{ours} needs {} but `{theirs}` has {}",
                    words(&wanted),
                    words(&found.1)
                ),
                "use the config of the network these weights were trained in".into(),
            ));
        }
        matches.extend(wanted.keys().map(|part| Match {
            name: format!("{ours}.{part}"),
            from: if theirs.is_empty() {
                part.clone()
            } else {
                format!("{theirs}.{part}")
            },
        }));
    }
    let left: Vec<(String, Parts)> = found
        .into_iter()
        .filter(|(name, _)| !pairs.iter().any(|(_, theirs)| theirs == name))
        .collect();
    if left.is_empty() {
        Ok(matches)
    } else {
        Err(mismatch(
            format!("the network has no place for {}", names_of(&left)),
            "use the config of the network these weights were trained in".into(),
        ))
    }
}

/// Tensors grouped by layer, in their order.
fn layers(tensors: &[Shaped]) -> Vec<(String, Parts)> {
    let mut layers: Vec<(String, Parts)> = Vec::new();
    for tensor in tensors {
        let (layer, part) = tensor.name.rsplit_once('.').unwrap_or(("", &tensor.name));
        let place = layers.iter().position(|(name, _)| name == layer);
        let place = place.unwrap_or_else(|| {
            layers.push((layer.into(), Parts::new()));
            layers.len() - 1
        });
        layers[place].1.insert(part.into(), tensor.shape.clone());
    }
    layers
}

fn parts(layers: &[(String, Parts)], name: &str) -> Parts {
    let layer = layers.iter().find(|(layer, _)| layer == name);
    layer.map(|(_, parts)| parts.clone()).unwrap_or_default()
}

/// Wrappers of PyTorch that put a word before every name.
const PREFIXES: [&str; 4] = ["", "module.", "_orig_mod.", "model."];

/// The file's layers that are called as the network's; `None` unless all are.
fn by_name(wanted: &[(String, Parts)], found: &[(String, Parts)]) -> Option<Vec<(String, String)>> {
    PREFIXES.iter().find_map(|prefix| {
        wanted
            .iter()
            .map(|(ours, _)| {
                let theirs = format!("{prefix}{ours}");
                let is_there = found.iter().any(|(name, _)| *name == theirs);
                is_there.then(|| (ours.clone(), theirs))
            })
            .collect()
    })
}

fn by_table(
    wanted: &[(String, Parts)],
    given: &BTreeMap<String, String>,
) -> Result<Vec<(String, String)>, InterchangeError> {
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
            let theirs = given.get(ours).ok_or_else(|| {
                mismatch(
                    format!("the table of names leaves {ours} out"),
                    "name all layers".into(),
                )
            })?;
            Ok((ours.clone(), theirs.clone()))
        })
        .collect()
}

fn by_shape(
    wanted: &[(String, Parts)],
    found: &[(String, Parts)],
) -> Result<Vec<(String, String)>, InterchangeError> {
    let mut in_order: Vec<&(String, Parts)> = found.iter().collect();
    in_order.sort_by_key(|(name, _)| natural(name));
    let same = |layers: &[&(String, Parts)], parts: &Parts| {
        let names = layers.iter().filter(|(_, others)| others == parts);
        names.map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    let ordered: Vec<&(String, Parts)> = wanted.iter().collect();
    let mut pairs = Vec::new();
    for (ours, parts) in wanted {
        let (mine, theirs) = (same(&ordered, parts), same(&in_order, parts));
        if mine.len() != theirs.len() {
            return Err(mismatch(
                format!(
                    "the network has {} with {} but the file {}",
                    counted(&mine),
                    words(parts),
                    counted(&theirs)
                ),
                "use the config of the network these weights were trained in, or give a \
                 table of layer names"
                    .into(),
            ));
        }
        let place = mine.iter().position(|name| name == ours).unwrap_or(0);
        pairs.push((ours.clone(), theirs[place].clone()));
    }
    Ok(pairs)
}

/// Runs of digits compare as numbers.
fn natural(name: &str) -> Vec<(u64, String)> {
    let mut parts: Vec<(u64, String)> = Vec::new();
    for part in name.split(|c: char| !c.is_ascii_alphanumeric()) {
        let digits: String = part
            .chars()
            .rev()
            .take_while(char::is_ascii_digit)
            .collect();
        let word = part.len() - digits.len();
        let number = part[word..].parse().unwrap_or(0);
        parts.push((0, part[..word].into()));
        parts.push((number, String::new()));
    }
    parts
}

fn counted(names: &[String]) -> String {
    let s = if names.len() == 1 { "" } else { "s" };
    if names.is_empty() {
        return "none".into();
    }
    format!("{} layer{s} ({})", names.len(), names.join(", "))
}

fn names_of(layers: &[(String, Parts)]) -> String {
    let names: Vec<String> = layers
        .iter()
        .map(|(name, parts)| format!("{name} ({})", words(parts)))
        .collect();
    names.join(", ")
}

fn words(parts: &Parts) -> String {
    let words: Vec<String> = parts
        .iter()
        .map(|(part, shape)| {
            let sides: Vec<String> = shape.iter().map(ToString::to_string).collect();
            format!("{part} {}", sides.join("x"))
        })
        .collect();
    words.join(", ")
}

fn mismatch(problem: String, remedy: String) -> InterchangeError {
    InterchangeError::Mismatch { problem, remedy }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shaped(tensors: &[(&str, &[usize])]) -> Vec<Shaped> {
        let one = |(name, shape): &(&str, &[usize])| Shaped {
            name: (*name).into(),
            shape: shape.to_vec(),
        };
        tensors.iter().map(one).collect()
    }

    fn network() -> Vec<Shaped> {
        shaped(&[
            ("conv2d_1.weight", &[8, 1, 3, 3]),
            ("conv2d_2.weight", &[8, 8, 3, 3]),
            ("conv2d_3.weight", &[8, 8, 3, 3]),
            ("linear_1.weight", &[10, 8]),
            ("linear_1.bias", &[10]),
        ])
    }

    fn from(matches: &[Match], name: &str) -> String {
        let found = matches.iter().find(|found| found.name == name);
        found.unwrap().from.clone()
    }

    #[test]
    fn equal_shapes_are_matched_in_natural_order() {
        let file = shaped(&[
            ("classifier.1.bias", &[10]),
            ("classifier.1.weight", &[10, 8]),
            ("features.0.weight", &[8, 1, 3, 3]),
            ("features.10.weight", &[8, 8, 3, 3]),
            ("features.9.weight", &[8, 8, 3, 3]),
        ]);
        let matches = match_names(&network(), &file, &Names::Auto).unwrap();
        assert_eq!(from(&matches, "conv2d_2.weight"), "features.9.weight");
        assert_eq!(from(&matches, "conv2d_3.weight"), "features.10.weight");
        assert_eq!(from(&matches, "linear_1.bias"), "classifier.1.bias");
    }

    #[test]
    fn own_names_are_found_behind_a_wrapper() {
        let wrapped: Vec<Shaped> = network()
            .into_iter()
            .rev() // any order
            .map(|tensor| Shaped {
                name: format!("module.{}", tensor.name),
                ..tensor
            })
            .collect();
        let matches = match_names(&network(), &wrapped, &Names::Auto).unwrap();
        assert_eq!(from(&matches, "conv2d_3.weight"), "module.conv2d_3.weight");
    }

    #[test]
    fn what_is_missing_left_over_or_of_another_shape_is_named() {
        let mut file = network();
        file[4].shape = vec![11];
        let error = match_names(&network(), &file, &Names::Auto).unwrap_err();
        let words = error.to_string();
        assert!(
            words.contains("linear_1 needs bias 10, weight 10x8"),
            "{words}"
        );
        let mut file = network();
        file.push(shaped(&[("extra.weight", &[3])]).remove(0));
        let words = match_names(&network(), &file, &Names::Auto)
            .unwrap_err()
            .to_string();
        assert!(words.contains("no place for extra (weight 3)"), "{words}");
        let file = shaped(&[("a.weight", &[8, 1, 3, 3])]);
        let words = match_names(&network(), &file, &Names::Auto)
            .unwrap_err()
            .to_string();
        assert!(
            words.contains("2 layers (conv2d_2, conv2d_3) with weight 8x8x3x3 but the file none"),
            "{words}"
        );
    }

    #[test]
    fn a_table_decides_where_order_would_not() {
        let file = shaped(&[
            ("a.weight", &[8, 8, 3, 3]),
            ("b.weight", &[8, 8, 3, 3]),
            ("c.weight", &[8, 1, 3, 3]),
            ("d.weight", &[10, 8]),
            ("d.bias", &[10]),
        ]);
        let mut table: BTreeMap<String, String> = [
            ("conv2d_1", "c"),
            ("conv2d_2", "b"),
            ("conv2d_3", "a"),
            ("linear_1", "d"),
        ]
        .map(|(ours, theirs)| (ours.to_string(), theirs.to_string()))
        .into();
        let matches = match_names(&network(), &file, &Names::Given(table.clone())).unwrap();
        assert_eq!(from(&matches, "conv2d_2.weight"), "b.weight");
        table.remove("linear_1");
        let error = match_names(&network(), &file, &Names::Given(table)).unwrap_err();
        assert!(error.to_string().contains("leaves linear_1 out"));
    }
}
