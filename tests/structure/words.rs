//! The words of user-visible text: finds phrases in strings and documentation for which
//! `CONTRIBUTING.md` has better words.

use crate::tokens;

/// A phrase, in lower case, and what to write instead.
const PHRASES: &[(&str, &str)] = &[
    ("a class each", "one class per"),
    ("a row each", "one row per"),
    ("asked for", "requested, enabled"),
    ("at hand", "available"),
    ("by heart", "overfit"),
    ("flies off", "diverges"),
    ("flew off", "diverged"),
    ("go on", "continue, resume"),
    ("goes on", "continues, resumes"),
    ("held against", "compared with"),
    ("is wanted", "expected"),
    ("left the numbers", "became NaN or infinite"),
    ("mended", "fixed"),
    (
        "nobody",
        "no setting, no argument, or a sentence without it",
    ),
    ("passed over", "skipped, ignored"),
    ("refuse", "reject"),
    ("refused", "rejected"),
    ("refuses", "rejects"),
    ("speak for", "support"),
    ("speaks for", "supports"),
    ("taken for", "treated as, predicted as, mistaken for"),
    ("the very", "exactly this"),
    ("to be had", "available"),
    ("went on", "continued, resumed"),
    ("without a word", "silently"),
    ("work out", "compute"),
    ("worked out", "computed"),
    ("works out", "computes"),
];

/// Units in phrases like "a byte a channel", which should be one byte per channel.
const UNITS: &[&str] = &[
    "channel", "class", "epoch", "file", "image", "layer", "line", "pixel", "position", "row",
    "side", "step", "thread",
];

/// What is counted in such phrases.
const COUNTED: &[&str] = &[
    "byte", "bytes", "class", "folder", "image", "images", "line", "number", "page", "pixels",
    "row", "slope", "value",
];

/// Words that may follow "is no": comparisons, and "is no longer".
const COMPARISONS: &[&str] = &[
    "better", "fewer", "larger", "less", "longer", "more", "slower", "smaller", "wider", "worse",
];

/// A text and the line on which it begins.
#[derive(Debug)]
struct Text {
    line: usize,
    words: Vec<String>,
}

impl Text {
    fn new(line: usize, text: &str) -> Self {
        // A line break in a literal, escaped or not, counts as a space.
        let text = text.replace("\\n", " ").replace('\\', " ");
        let mut words = Vec::new();
        for word in text.split_whitespace() {
            let trimmed = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '`');
            words.push(trimmed.to_lowercase());
            // Phrases do not extend across punctuation.
            if word.ends_with(['.', ',', ';', ':', '?']) {
                words.push(String::new());
            }
        }
        Self { line, words }
    }

    /// The phrases in the text, with the better words.
    fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        for start in 0..self.words.len() {
            let words = &self.words[start..];
            for (phrase, better) in PHRASES {
                let mut parts = phrase.split(' ').enumerate();
                if parts.all(|(place, part)| words.get(place).is_some_and(|word| word == part)) {
                    problems.push((phrase.to_string(), better.to_string()));
                }
            }
            let is = |place: usize, known: &[&str]| {
                words
                    .get(place)
                    .is_some_and(|word| known.contains(&word.as_str()))
            };
            let follows_there = start > 0 && self.words[start - 1] == "there";
            if is(0, &["is", "are"]) && is(1, &["no"]) && !follows_there && !is(2, COMPARISONS) {
                problems.push((words[..2].join(" "), "is not a".to_string()));
            }
            if is(0, COUNTED) && is(1, &["a", "an"]) && is(2, UNITS) {
                problems.push((words[..3].join(" "), format!("per {}", words[2])));
            }
        }
        problems
    }
}

/// The strings and the documentation in a source file, without the tests at its end.
fn texts(source: &str) -> Vec<Text> {
    let end = ["\n#[cfg(test)]\nmod ", "\n#[cfg(all(test"]
        .iter()
        .filter_map(|tests| source.find(tests))
        .min();
    let source = &source[..end.unwrap_or(source.len())];
    let mut texts: Vec<Text> = tokens::tokens(source)
        .iter()
        .filter_map(|token| Some(Text::new(token.line, token.text.strip_prefix('"')?)))
        .collect();
    let mut documentation: Option<(usize, String)> = None;
    for (line, text) in (1..).zip(source.lines().chain([""])) {
        let text = text.trim_start();
        match text.strip_prefix("///").or(text.strip_prefix("//!")) {
            Some(more) => {
                let (_, all) = documentation.get_or_insert((line, String::new()));
                all.push_str(more);
                all.push(' ');
            }
            None => texts.extend(
                documentation
                    .take()
                    .map(|(line, all)| Text::new(line, &all)),
            ),
        }
    }
    texts
}

/// All phrases in a source file as `LINE: PHRASE; write BETTER`.
pub(crate) fn problems(source: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for text in texts(source) {
        for (phrase, better) in text.problems() {
            problems.push(format!("{}: `{phrase}`; write: {better}", text.line));
        }
    }
    problems
}

#[test]
fn phrases_are_found_in_strings_and_documentation() {
    let source = "/// Trains, and then goes\n/// on.\nfn f() {\n    // by heart\n    \
                  let a = \"`{}` is no image, \\\n             one byte a channel\";\n}\n\
                  \n#[cfg(test)]\nmod tests { const B: &str = \"passed over\"; }\n";
    let found = problems(source);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.iter().any(|one| one.starts_with("1: `goes on`")));
    assert!(found.iter().any(|one| one.starts_with("5: `is no`")));
    assert!(found.iter().any(|one| one.contains("per channel")));
}

#[test]
fn plain_text_has_no_problems() {
    let source = "//! There is no layer here, the map is no larger, and the file is no longer read.\n\
                  const A: &str = \"one value per channel; names a class\";\n";
    assert_eq!(problems(source), Vec::<String>::new());
}
