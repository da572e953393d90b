//! The words of user-visible text: finds phrases in strings and documentation for which
//! `CONTRIBUTING.md` has better words.

use crate::tokens;

/// A phrase, in lower case, and what to write instead.
const PHRASES: &[(&str, &str)] = &[
    ("a class each", "one class per"),
    ("a picture", "an image (input), a figure (output)"),
    ("a row each", "one row per"),
    ("are gone", "are missing, were deleted"),
    ("as it comes", "by default"),
    ("as they come", "by default"),
    ("as usual", "by default"),
    ("asked for", "requested, enabled"),
    ("asks for", "requests, enables"),
    ("at hand", "available"),
    ("bad file", "damaged or invalid file"),
    ("bad files", "damaged or invalid files"),
    ("bad image", "damaged image"),
    ("bad images", "damaged images"),
    ("begin anew", "start again"),
    ("beside", "next to, compared with"),
    ("broken file", "damaged file"),
    ("broken files", "damaged files"),
    ("broken image", "damaged image"),
    ("broken images", "damaged images"),
    ("by heart", "overfit"),
    ("by turns", "interleaved"),
    ("flew off", "diverged"),
    ("flies off", "diverges"),
    ("fly off", "diverge"),
    ("go on", "continue, resume"),
    ("goes on", "continues, resumes"),
    ("going on", "continuing, resuming"),
    ("held against", "compared with"),
    ("in its stead", "instead"),
    ("in their stead", "instead"),
    ("in words", "as text"),
    ("is gone", "is missing, was deleted"),
    ("is wanted", "expected"),
    ("learn by", "overfit, learn from"),
    ("left the numbers", "became NaN or infinite"),
    ("mended", "fixed"),
    ("newest whole", "latest valid"),
    ("no longer there", "missing, no longer exists"),
    (
        "nobody",
        "no setting, no argument, or a sentence without it",
    ),
    ("not there", "missing, not available"),
    ("passed over", "skipped, ignored"),
    ("pictures", "images (input), figures (output)"),
    ("refuse", "reject"),
    ("refused", "rejected"),
    ("refuses", "rejects"),
    ("same bits", "bit-identical"),
    ("same place", "same position, same path"),
    ("speak for", "support"),
    ("speaks for", "supports"),
    ("taken for", "treated as, predicted as, mistaken for"),
    ("the picture", "the image (input), the figure (output)"),
    ("the usual", "the default, the standard"),
    ("the very", "exactly this"),
    ("time left", "remaining time"),
    ("to be had", "available"),
    ("went on", "continued, resumed"),
    ("without a word", "silently"),
    ("work out", "compute"),
    ("worked out", "computed"),
    ("working out", "computing"),
    ("works out", "computes"),
];

/// Words that stand for one of a kind in "a byte a channel", which is one byte per channel.
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
    "better", "faster", "fewer", "larger", "less", "longer", "more", "slower", "smaller", "wider",
    "worse",
];

/// A text and the line on which it begins.
#[derive(Debug)]
struct Text {
    line: usize,
    words: Vec<String>,
}

impl Text {
    fn new(line: usize, text: &str) -> Self {
        // A line break within a literal, escaped or not, is a space.
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

/// A source file without the module of tests at its end. A `mod tests;` is in another file, and what
/// follows it is no test.
fn without_tests(source: &str) -> String {
    let lines: Vec<&str> = source.lines().collect();
    let opens_tests = |at: &usize| {
        let of_tests = ["#[cfg(test)]", "#[cfg(all(test"];
        let item = lines[*at..].iter().find(|line| !line.starts_with("#["));
        of_tests.iter().any(|start| lines[*at].starts_with(start))
            && item.is_some_and(|item| item.starts_with("mod ") && item.contains('{'))
    };
    let end = (0..lines.len()).find(opens_tests).unwrap_or(lines.len());
    lines[..end].join("\n")
}

/// The strings and the documentation of a source file, its tests at the end left out.
fn texts(source: &str) -> Vec<Text> {
    let source = &without_tests(source);
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

/// The paragraphs, list items and table rows of a page, without code and the targets of links. No phrase
/// crosses the cells of a table.
fn paragraphs(page: &str) -> Vec<Text> {
    let mut paragraphs: Vec<(usize, String)> = Vec::new();
    let (mut is_code, mut is_open) = (false, false);
    for (line, text) in (1..).zip(page.lines()) {
        let is_fence = text.trim_start().starts_with("```");
        is_code ^= is_fence;
        if is_code || is_fence || text.trim().is_empty() {
            is_open = false;
            continue;
        }
        let begins = ["* ", "- ", "|"]
            .iter()
            .any(|mark| text.trim_start().starts_with(mark));
        match paragraphs.last_mut().filter(|_| is_open && !begins) {
            Some((_, paragraph)) => *paragraph += &format!(" {text}"),
            None => paragraphs.push((line, text.into())),
        }
        is_open = true;
    }
    let prose = |text: &str| {
        // Every second part is code.
        let parts = text.split('`').step_by(2).collect::<Vec<_>>().join(" `.` ");
        let mut rest = parts.replace('|', " . ");
        while let Some(start) = rest.find("](") {
            let end = rest[start..]
                .find(')')
                .map_or(rest.len(), |end| start + end + 1);
            rest.replace_range(start..end, "");
        }
        rest
    };
    let text = |(line, paragraph): &(usize, String)| Text::new(*line, &prose(paragraph));
    paragraphs.iter().map(text).collect()
}

/// Every phrase of a source file as `LINE: PHRASE; write BETTER`.
pub(crate) fn problems(source: &str) -> Vec<String> {
    of_texts(texts(source))
}

/// Every phrase of a page, likewise.
pub(crate) fn page_problems(page: &str) -> Vec<String> {
    of_texts(paragraphs(page))
}

fn of_texts(texts: Vec<Text>) -> Vec<String> {
    let mut problems = Vec::new();
    for text in texts {
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

#[test]
fn a_declared_module_of_tests_ends_no_file() {
    let source = "#[cfg(test)]\nmod tests;\n\nconst A: &str = \"refused\";\n\
                  \n#[cfg(test)]\n#[allow(unused)]\nmod more { const B: &str = \"refused\"; }\n";
    let found = problems(source);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("4: `refused`"), "{found:?}");
}

#[test]
fn raw_strings_are_read() {
    let source = "const A: &str = r\"goes on\";\nconst B: &str = r#\"\"he\" goes on\"#;\n";
    let found = problems(source);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[1].starts_with("2: `goes on`"), "{found:?}");
}

#[test]
fn pages_are_read_without_their_code() {
    let page = "# Title\n\nIt goes\non.\n\n```sh\ngoes on\n```\n\n* `goes on`, [files](bad images)\n\
                * a file that\n  is gone\n\n| it goes | on | beside |\n";
    let found = page_problems(page);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].starts_with("3: `goes on`"), "{found:?}");
    assert!(found[1].starts_with("11: `is gone`"), "{found:?}");
    assert!(found[2].starts_with("14: `beside`"), "{found:?}");
}
