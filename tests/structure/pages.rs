//! The Markdown pages: their links, and the paths, names and Rust snippets they contain.

use crate::tokens::tokens;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Directories with which a path in backticks may begin, relative to the root or to `crates/`.
const TOP: &[&str] = &[
    "crates/",
    "docs/",
    "tests/",
    "examples/",
    "bench/",
    "fuzz/",
    ".ci/",
];

/// A Markdown page.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) path: PathBuf,
    /// The lines outside fenced code, with their numbers from 1.
    lines: Vec<(usize, String)>,
    /// The lines of fenced Rust code, with their numbers from 1.
    rust: Vec<(usize, String)>,
}

impl Page {
    pub(crate) fn new(path: PathBuf, text: &str) -> Self {
        let mut fence = None;
        let (mut lines, mut rust) = (Vec::new(), Vec::new());
        for (index, line) in text.lines().enumerate() {
            let numbered = (index + 1, line.to_string());
            if let Some(language) = line.trim_start().strip_prefix("```") {
                fence = match fence {
                    None => Some(language),
                    Some(_) => None,
                };
            } else if fence.is_none() {
                lines.push(numbered);
            } else if fence.is_some_and(|language| language.starts_with("rust")) {
                rust.push(numbered);
            }
        }
        Self { path, lines, rust }
    }

    /// The texts between `open` and `close` on the same line, with their line numbers.
    fn between(&self, open: &str, close: char) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for (number, line) in &self.lines {
            let mut rest = line.as_str();
            while let Some((_, after)) = rest.split_once(open) {
                let Some((inner, after)) = after.split_once(close) else {
                    break;
                };
                found.push((*number, inner.to_string()));
                rest = after;
            }
        }
        found
    }

    fn headings(&self) -> BTreeSet<String> {
        let titles = self.lines.iter().filter(|(_, line)| line.starts_with('#'));
        titles.map(|(_, line)| anchor(line)).collect()
    }
}

/// The anchor that GitHub generates for a heading.
fn anchor(heading: &str) -> String {
    let title = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = title
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Links to files or headings that do not exist, one sentence each.
pub(crate) fn broken_links(page: &Page) -> Vec<String> {
    let folder = page.path.parent().unwrap_or(Path::new(""));
    let mut problems = Vec::new();
    for (line, link) in page.between("](", ')') {
        if link.contains("://") {
            continue;
        }
        let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
        let target = folder.join(file);
        let leads = if file.is_empty() {
            page.headings().contains(heading)
        } else if heading.is_empty() {
            target.exists()
        } else {
            fs::read_to_string(&target)
                .is_ok_and(|text| Page::new(target, &text).headings().contains(heading))
        };
        if !leads {
            problems.push(format!(
                "{}:{line}: the link `{link}` leads nowhere",
                page.path.display()
            ));
        }
    }
    problems
}

/// Paths in backticks that do not exist in the root or in `crates/`.
pub(crate) fn missing_paths(page: &Page, root: &Path, crates: &[String]) -> Vec<String> {
    let mut problems = Vec::new();
    for (line, code) in page.between("`", '`') {
        let of_crate = crates.iter().any(|name| {
            ["src", "tests"]
                .iter()
                .any(|part| code.starts_with(&format!("{name}/{part}/")))
        });
        let is_path = of_crate || TOP.iter().any(|top| code.starts_with(top));
        if !is_path || code.contains([' ', '*', '<', '$']) {
            continue;
        }
        if !root.join(&code).exists() && !root.join("crates").join(&code).exists() {
            problems.push(format!(
                "{}:{line}: there is no `{code}`",
                page.path.display()
            ));
        }
    }
    problems
}

/// Rust names in backticks (`Type`, `function`, `module::Type`) that no source file contains.
pub(crate) fn unknown_names(page: &Page, known: &BTreeSet<String>) -> Vec<String> {
    let mut problems = Vec::new();
    for (line, code) in page.between("`", '`') {
        // A single lower-case word may belong to a config or a command line.
        let is_name = code.contains(|c: char| c.is_ascii_uppercase() || "_:".contains(c))
            && code.starts_with(|c: char| c.is_ascii_alphabetic())
            && code
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_:".contains(c));
        if !is_name {
            continue;
        }
        for part in code.split("::").filter(|part| !part.is_empty()) {
            if !known.contains(part) {
                problems.push(format!(
                    "{}:{line}: no source file contains the name `{part}`",
                    page.path.display()
                ));
            }
        }
    }
    problems
}

/// Types, functions and methods in Rust snippets that no source file contains: they have been
/// renamed.
pub(crate) fn stale_snippets(page: &Page, known: &BTreeSet<String>) -> Vec<String> {
    let mut problems = Vec::new();
    for (line, code) in &page.rust {
        let tokens = tokens(code);
        let is = |index: Option<usize>, signs: &[&str]| {
            let text = index
                .and_then(|index| tokens.get(index))
                .map(|token| token.text.as_str());
            text.is_some_and(|text| signs.contains(&text))
        };
        for (index, token) in tokens.iter().enumerate() {
            let is_item = token.text.starts_with(char::is_uppercase)
                || is(Some(index + 1), &["(", "::"])
                || is(index.checked_sub(1), &[".", "::"])
                || is(Some(0), &["use"]);
            if is_item && token.is_word() && !known.contains(&token.text) {
                problems.push(format!(
                    "{}:{line}: no source file contains `{}`",
                    page.path.display(),
                    token.text
                ));
            }
        }
    }
    problems
}
