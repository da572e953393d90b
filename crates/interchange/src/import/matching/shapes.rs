//! Matches layers with unknown names, provided their shapes, or their shapes and the order of the
//! file, allow only one assignment.

use super::layers::{Layer, counted, listed, outline, words};
use super::names::mismatch;
use crate::InterchangeError;

const REMEDY: &str = "use the config of the network of these weights, or give a table of layer \
                      names";

/// Matches the layers of the network and the file; an error if more than one assignment fits.
///
/// `is_ordered` means that the file's layers are in the order of definition. That order decides
/// between layers of equal shape if all shapes match the network's in order, and if the names do
/// not indicate another order.
pub(super) fn by_shape(
    wanted: &[Layer],
    found: &[Layer],
    is_ordered: bool,
) -> Result<Vec<(String, String)>, InterchangeError> {
    let groups = groups(wanted, found)?;
    let ambiguous: Vec<&Group> = groups.iter().filter(|group| group.ours.len() > 1).collect();
    if ambiguous.is_empty() {
        let pairs = groups.iter().map(|group| {
            let first = |names: &[String]| names.first().cloned().unwrap_or_default();
            (first(&group.ours), first(&group.theirs))
        });
        return Ok(pairs.collect());
    }
    let why = if !is_ordered {
        "the file does not store the order of its layers"
    } else if !is_same_sequence(wanted, found) {
        "its layers are in a different order than the network's"
    } else if !is_definition_order(found) {
        "its layers are not in the order of the numbers in their names"
    } else {
        let names = |layers: &[Layer]| {
            let names: Vec<String> = layers.iter().map(|(name, _)| name.clone()).collect();
            names
        };
        return Ok(names(wanted).into_iter().zip(names(found)).collect());
    };
    let shown: Vec<String> = ambiguous.iter().map(|group| group.words()).collect();
    Err(mismatch(
        format!(
            "the file's layer names are unknown, {why}, and more than one mapping fits the \
             shapes: {}",
            shown.join("; ")
        ),
        "give a table of layer names, with one line per layer, such as conv2d_1 = \"features.0\""
            .into(),
    ))
}

/// Layers with equal shapes.
struct Group {
    shapes: String,
    ours: Vec<String>,
    theirs: Vec<String>,
}

impl Group {
    fn words(&self) -> String {
        format!(
            "{} may be {} ({})",
            listed(&self.ours),
            listed(&self.theirs),
            self.shapes
        )
    }
}

/// The layers of both sides grouped by shape, in the network's order.
fn groups(wanted: &[Layer], found: &[Layer]) -> Result<Vec<Group>, InterchangeError> {
    let named = |layers: &[Layer], shape: &[(&str, &[usize])]| -> Vec<String> {
        let same = layers.iter().filter(|(_, parts)| outline(parts) == shape);
        same.map(|(name, _)| name.clone()).collect()
    };
    let mut groups: Vec<Group> = Vec::new();
    for (name, parts) in wanted {
        if groups.iter().any(|group| group.ours.contains(name)) {
            continue;
        }
        let shape = outline(parts);
        let (ours, theirs) = (named(wanted, &shape), named(found, &shape));
        if ours.len() != theirs.len() {
            return Err(mismatch(
                format!(
                    "the network has {} with {} but the file {}",
                    counted(&ours),
                    words(parts),
                    counted(&theirs)
                ),
                REMEDY.into(),
            ));
        }
        groups.push(Group {
            shapes: words(parts),
            ours,
            theirs,
        });
    }
    Ok(groups)
}

/// Whether the shapes are equal layer by layer.
fn is_same_sequence(wanted: &[Layer], found: &[Layer]) -> bool {
    wanted.len() == found.len()
        && wanted
            .iter()
            .zip(found)
            .all(|((_, ours), (_, theirs))| outline(ours) == outline(theirs))
}

/// Whether a program can have defined layers with these names in this order: a state dict lists the
/// layers of a module together, and names that differ only in numbers count upwards.
fn is_definition_order(found: &[Layer]) -> bool {
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    is_depth_first(&names) && counts_upwards(&names)
}

/// Whether the layers of each module are adjacent.
fn is_depth_first(names: &[&str]) -> bool {
    let mut closed = std::collections::HashSet::new();
    let mut open: Vec<&str> = Vec::new();
    for name in names {
        let modules: Vec<&str> = name
            .match_indices('.')
            .map(|(end, _)| &name[..end])
            .collect();
        let shared = open
            .iter()
            .zip(&modules)
            .take_while(|(a, b)| a == b)
            .count();
        closed.extend(open.drain(shared..));
        if modules[shared..]
            .iter()
            .any(|module| closed.contains(module))
        {
            return false;
        }
        open.extend(&modules[shared..]);
    }
    true
}

/// Whether names that differ only in numbers are in increasing order.
fn counts_upwards(names: &[&str]) -> bool {
    let mut last = std::collections::HashMap::new();
    names.iter().all(|name| {
        let (words, numbers) = template(name);
        match last.insert(words, numbers.clone()) {
            Some(before) => before < numbers,
            None => true,
        }
    })
}

/// A name with its numbers replaced, and the numbers.
fn template(name: &str) -> (String, Vec<u64>) {
    let (mut words, mut numbers) = (String::new(), Vec::new());
    let mut digits = String::new();
    for c in name.chars().chain(['.']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        if !digits.is_empty() {
            numbers.push(digits.parse().unwrap_or(u64::MAX));
            words.push('#');
            digits.clear();
        }
        words.push(c);
    }
    (words, numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_in_which_modules_are_torn_apart_or_count_downwards_is_no_definition_order() {
        assert!(is_depth_first(&["conv", "a.0.x", "a.0.y", "a.1.x", "b"]));
        assert!(!is_depth_first(&["a.0.x", "conv", "a.0.y"]));
        assert!(!is_depth_first(&["a.0.x", "a.1.x", "a.0.y"]));
        assert!(counts_upwards(&["a.9.x", "a.10.x", "b.0.x", "a10"]));
        assert!(!counts_upwards(&["a.10.x", "a.9.x"]));
        assert!(!counts_upwards(&["a.1.x", "a.1.x"]));
    }
}
