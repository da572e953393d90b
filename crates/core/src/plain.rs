//! Error messages of serde's parsers in plain English, without the names of Rust types.

/// serde's names of kinds of values, with plain ones.
const KINDS: [(&str, &str); 17] = [
    ("usize", "a whole number, 0 or more"),
    ("u64", "a whole number, 0 or more"),
    ("u32", "a whole number, 0 or more"),
    ("u16", "a whole number, 0 or more"),
    ("u8", "a whole number from 0 to 255"),
    ("i64", "a whole number"),
    ("i32", "a whole number"),
    ("f64", "a number"),
    ("f32", "a number"),
    ("a boolean", "true or false"),
    ("a string", "a text"),
    ("string or map", "a text or a table"),
    ("path string", "a path"),
    ("a sequence", "a list"),
    ("a map", "a table"),
    ("map", "a table"),
    ("sequence", "a list"),
];

/// Rephrases the message of a TOML or JSON parser for users who do not know Rust: `invalid type: string "many",
/// expected usize` becomes `expected a whole number, 0 or more, found the text "many"`.
pub fn plain(message: &str) -> String {
    let lines: Vec<String> = message.lines().map(line).collect();
    lines.join("\n")
}

fn line(line: &str) -> String {
    for start in ["invalid type: ", "invalid value: "] {
        if let Some((before, rest)) = line.split_once(start)
            && let Some((found, expected)) = rest.rsplit_once(", expected ")
        {
            // JSON errors end with the position in the text.
            let (expected, place) = match expected.find(" at line ") {
                Some(at) => expected.split_at(at),
                None => (expected, ""),
            };
            return format!(
                "{before}expected {}, found {}{place}",
                kind(expected),
                value(found)
            );
        }
    }
    line.replace("unknown field", "unknown setting")
        .replace("missing field", "missing setting")
        .replace("duplicate field", "a duplicate setting")
        .replace("unknown variant", "unknown value")
}

fn kind(expected: &str) -> String {
    if expected.starts_with("struct ") {
        return "a table of settings".into();
    }
    if expected.starts_with("enum ") {
        return "one of the known kinds".into();
    }
    let known = KINDS.iter().find(|(name, _)| *name == expected);
    known.map_or(expected, |(_, plain)| plain).into()
}

/// `string "many"` as `the text "many"`.
fn value(found: &str) -> String {
    for (name, plain) in [
        ("string ", "the text "),
        ("integer ", "the whole number "),
        ("floating point ", "the number "),
        ("boolean ", ""),
    ] {
        if let Some(value) = found.strip_prefix(name) {
            return format!("{plain}{value}");
        }
    }
    let known = KINDS.iter().find(|(name, _)| *name == found);
    known.map_or(found, |(_, plain)| plain).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_type_is_left() {
        for (message, expected) in [
            (
                "invalid type: string \"many\", expected usize",
                "expected a whole number, 0 or more, found the text \"many\"",
            ),
            (
                "invalid value: integer `-3`, expected u64",
                "expected a whole number, 0 or more, found the whole number `-3`",
            ),
            (
                "invalid type: floating point `0.5`, expected a boolean",
                "expected true or false, found the number `0.5`",
            ),
            (
                "invalid type: map, expected f64 at line 3 column 7",
                "expected a number, found a table at line 3 column 7",
            ),
            (
                "invalid type: integer `7`, expected a sequence",
                "expected a list, found the whole number `7`",
            ),
            (
                "TOML parse error at line 1\nunknown field `epoch`, expected `epochs`",
                "TOML parse error at line 1\nunknown setting `epoch`, expected `epochs`",
            ),
            (
                "unknown variant `conv3d`, expected one of `conv2d`",
                "unknown value `conv3d`, expected one of `conv2d`",
            ),
            ("anything else", "anything else"),
        ] {
            assert_eq!(plain(message), expected);
        }
    }
}
