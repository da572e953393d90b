//! An ONNX file's metadata: class names, and how images are prepared.

use crate::Spec;
use crate::proto::ModelProto;
use crate::spec::SPEC;

/// The largest number of classes.
const MAX_CLASSES: usize = 1 << 20;

/// The metadata that the file has.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    /// The spec written by `receptive export`.
    pub(super) spec: Option<Spec>,
    pub(super) classes: Option<Vec<String>>,
    /// Mean and standard deviation of pixels in 0..1, per channel or one for all.
    pub(super) scale: Option<[Vec<f32>; 2]>,
}

impl Metadata {
    pub(super) fn from_model(model: &ModelProto) -> Result<Self, String> {
        let entry = |key: &str| {
            let found = model.metadata_props.iter().find(|entry| entry.key == key);
            found.map(|entry| entry.value.as_str())
        };
        let spec: Option<Spec> = entry(SPEC)
            .map(|text| {
                serde_json::from_str(text)
                    .map_err(|error| format!("could not read its `{SPEC}` entry: {error}"))
            })
            .transpose()?;
        let classes = match (&spec, entry("classes"), entry("names")) {
            (Some(spec), ..) => Some(spec.classes.clone()),
            (None, Some(lines), _) => Some(lines.lines().map(String::from).collect()),
            (None, None, Some(names)) => numbered(names),
            (None, None, None) => None,
        };
        let is_ultralytics = entry("author") == Some("Ultralytics");
        let numbers = |key: &str| -> Option<Vec<f32>> { serde_json::from_str(entry(key)?).ok() };
        let scale = match (numbers("mean"), numbers("std")) {
            (Some(mean), Some(std)) => Some([mean, std]),
            // Its classifiers take pixels in 0..1.
            _ if is_ultralytics => Some([vec![0.0], vec![1.0]]),
            _ => None,
        };
        Ok(Self {
            spec,
            classes: classes.filter(|classes| classes.len() <= MAX_CLASSES),
            scale,
        })
    }
}

/// Parses a Python dictionary from 0, 1, 2 ... to strings, as written by Ultralytics: `{0: 'cat',
/// 1: "dog"}`. `None` if it is not one.
fn numbered(text: &str) -> Option<Vec<String>> {
    let mut rest = text
        .trim()
        .strip_prefix('{')?
        .strip_suffix('}')?
        .trim_start();
    let mut names = Vec::new();
    while !rest.is_empty() {
        let (number, after) = rest.split_once(':')?;
        if number.trim().parse() != Ok(names.len()) || names.len() >= MAX_CLASSES {
            return None;
        }
        let after = after.trim_start();
        let quote = after
            .chars()
            .next()
            .filter(|quote| ['\'', '"'].contains(quote))?;
        let mut name = String::new();
        let mut characters = after[1..].char_indices();
        let end = loop {
            match characters.next()? {
                (at, character) if character == quote => break at,
                (_, '\\') => name.push(characters.next()?.1),
                (_, character) => name.push(character),
            }
        };
        names.push(name);
        rest = after[end + 2..].trim_start();
        rest = match rest.strip_prefix(',') {
            Some(more) => more.trim_start(),
            None if rest.is_empty() => rest,
            None => return None,
        };
    }
    (!names.is_empty()).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_s_dictionaries_of_names_are_read() {
        let names =
            numbered(r#"{0: 'tench', 1: "crow's nest", 2: 'jack-o\'-lantern', 3: 'Ä, b: c'}"#);
        assert_eq!(
            names.unwrap(),
            ["tench", "crow's nest", "jack-o'-lantern", "Ä, b: c"]
        );
        for text in [
            "",
            "{}",
            "{1: 'a'}",
            "{0: 'a' 1: 'b'}",
            "{0: 'a",
            "{0: a}",
            "[0]",
            "{0: 'a', 2: 'b'}",
            "{0:",
            "{0: 'a\\",
        ] {
            assert_eq!(numbered(text), None, "{text}");
        }
    }
}
