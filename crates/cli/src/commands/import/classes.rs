//! Class names: given on the command line, or defaults.

use super::TEXT_BYTES;
use crate::error::CliError;
use receptive_core::text::{Printable, counted};
use receptive_model::presets::imagenet_classes;
use receptive_model::store::read_text;
use std::collections::HashMap;
use std::path::Path;

/// Number of classes of ImageNet.
pub(super) const IMAGENET: usize = 1000;

/// Default names for classes that neither an argument nor the file names, with a note.
pub(super) fn unnamed_classes(count: usize, notes: &mut Vec<String>) -> Vec<String> {
    if count == IMAGENET {
        notes.push("1,000 classes: ImageNet's names are used; --classes FILE sets others".into());
        return imagenet_classes();
    }
    notes.push(format!(
        "the file has no usable names for its {}, so they are numbered; --classes FILE sets names",
        counted(count, "class")
    ));
    (0..count).map(|class| class.to_string()).collect()
}

/// The class names: from a file, or numbers from 0 if `text` is a count.
pub(super) fn read_classes(text: &str) -> Result<Vec<String>, CliError> {
    if let Ok(count) = text.parse::<usize>() {
        if !(2..=1 << 20).contains(&count) {
            let problem = format!("expected 2 to {} classes, found {count}", 1 << 20);
            return Err(CliError::argument("--classes", problem));
        }
        return Ok((0..count).map(|class| class.to_string()).collect());
    }
    let names = read_text(Path::new(text), TEXT_BYTES)?;
    class_list(&names)
        .map_err(|problem| CliError::argument(&format!("--classes {}", text.shell_word()), problem))
}

/// The names in a text with one name per line, without byte order mark, blank lines and surrounding spaces.
/// Errors name the line.
fn class_list(text: &str) -> Result<Vec<String>, String> {
    let mut lines: HashMap<&str, usize> = HashMap::new();
    let mut names = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (line, name) in (1..).zip(text.lines().map(str::trim)) {
        if name.is_empty() {
            continue;
        }
        if name.contains(char::is_control) {
            return Err(format!(
                "line {line}: expected a class name, found control characters in `{}`",
                name.printable()
            ));
        }
        if let Some(first) = lines.insert(name, line) {
            return Err(format!(
                "expected different class names, found `{}` on lines {first} and {line}",
                name.printable()
            ));
        }
        names.push(name.to_string());
    }
    if names.len() < 2 {
        let found = names.len();
        return Err(format!(
            "expected 2 class names or more, one per line, found {found}"
        ));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_classes_is_what_an_editor_or_a_spreadsheet_saves() {
        for text in [
            "cat\ndog",
            "\u{feff}cat\r\ndog\r\n",
            "\n cat\t\n\n  \ndog \n\n",
        ] {
            assert_eq!(class_list(text).unwrap(), ["cat", "dog"], "{text:?}");
        }
        for (text, expected) in [
            ("cat\n\ndog\n cat", "`cat` on lines 1 and 4"),
            (
                "cat\nd\u{1b}[31mog",
                r"line 2: expected a class name, found control characters in `d\u{1b}[31mog`",
            ),
            ("a\tb\nc", "line 1"),
            ("\u{feff}\n\n", "found 0"),
            ("cat", "found 1"),
        ] {
            let problem = class_list(text).unwrap_err();
            assert!(problem.contains(expected), "{text:?}: {problem}");
        }
    }
}
