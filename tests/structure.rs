//! Properties of the workspace as a whole: no circles between the modules of a crate, no file that
//! is too long, `unsafe` in one crate only, dependencies in one direction, two profiles that build the
//! same, distinct names for public types, and the words of messages and documentation. Reads source text
//! only, so it can also be run alone, in a few seconds:
//!
//! ```text
//! rustc --edition 2024 --test tests/structure.rs -o /tmp/structure && /tmp/structure
//! STRUCTURE_CRATE=model /tmp/structure no_modules    # one crate, every use of every circle
//! ```
// The lint exempts test functions only, not the functions they call.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "structure/circles.rs"]
mod circles;
#[path = "structure/modules.rs"]
mod modules;
#[path = "structure/names.rs"]
mod names;
#[path = "structure/pages.rs"]
mod pages;
#[path = "structure/profiles.rs"]
mod profiles;
#[path = "structure/tokens.rs"]
mod tokens;
#[path = "structure/words.rs"]
mod words;

use modules::Modules;
use pages::Page;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Longer files contain more than one idea.
const MAX_LINES: usize = 450;

/// The crates of this workspace that each crate may use, and whether it may use burn.
const MAY_USE: &[(&str, &[&str], bool)] = &[
    ("core", &[], false),
    ("kernels", &[], true),
    ("plot", &["core"], false),
    ("data", &["core"], false),
    ("model", &["core", "kernels"], true),
    ("interchange", &["core", "model"], true),
    ("erf", &["core", "model", "plot"], true),
    (
        "train",
        &["core", "data", "erf", "inspect", "kernels", "model", "plot"],
        true,
    ),
    ("inspect", &["core", "data", "erf", "model", "plot"], true),
    (
        "report",
        &["core", "data", "erf", "inspect", "model", "plot", "train"],
        true,
    ),
    (
        "cli",
        &[
            "core",
            "data",
            "erf",
            "inspect",
            "interchange",
            "kernels",
            "model",
            "plot",
            "report",
            "train",
        ],
        true,
    ),
];

/// The nearest directory above this package, or above the working directory, that contains
/// `crates`.
fn root() -> PathBuf {
    let start = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env::current_dir().unwrap(), PathBuf::from);
    let root = start.ancestors().find(|path| path.join("crates").is_dir());
    root.expect("run this within the workspace").to_path_buf()
}

/// The names of the crates to check: all, or the one in `STRUCTURE_CRATE`.
fn crates(root: &Path) -> Vec<String> {
    let only = env::var("STRUCTURE_CRATE").ok();
    let mut names: Vec<String> = fs::read_dir(root.join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| only.as_ref().is_none_or(|only| only == name))
        .collect();
    names.sort();
    assert!(!names.is_empty(), "no such crate: {only:?}");
    names
}

/// Whether a crate is skipped because another one was selected.
fn exempt(name: &str) -> bool {
    env::var("STRUCTURE_CRATE").is_ok_and(|only| name != only)
}

/// All Rust files in a directory, sorted, without build outputs.
fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = fs::read_dir(directory) else {
        return files;
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name != "target" && !name.starts_with('.') {
                files.extend(rust_files(&path));
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The pages whose words are checked: `docs`, `README.md`, `CHANGELOG.md` and `SECURITY.md`, as far as
/// they are in English. `CONTRIBUTING.md` lists what not to write.
fn english_pages(root: &Path) -> Vec<PathBuf> {
    let is_english = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.ends_with(".md") && !name.ends_with(".ko.md") && name != "CONTRIBUTING.md"
    };
    let files = [root.to_path_buf(), root.join("docs")].map(|folder| fs::read_dir(folder).unwrap());
    let paths = files
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = paths.filter(is_english).collect();
    pages.sort();
    pages
}

/// The Markdown pages at the root, in `docs`, in `bench` and of the crates.
fn pages(root: &Path) -> Vec<Page> {
    let mut folders = vec![root.to_path_buf(), root.join("docs"), root.join("bench")];
    folders.extend(
        crates(root)
            .iter()
            .map(|name| root.join("crates").join(name)),
    );
    let mut pages = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(&path).unwrap();
                pages.push(Page::new(path, &text));
            }
        }
    }
    pages
}

/// Fails with a list of all problems.
fn report(problems: &str) {
    assert!(problems.is_empty(), "\n{problems}");
}

#[test]
fn no_modules_of_a_crate_form_a_circle() {
    let root = root();
    let mut problems = String::new();
    for name in crates(&root) {
        for file in ["lib.rs", "main.rs"] {
            let path = format!("crates/{name}/src/{file}");
            let read = |path: &str| fs::read_to_string(root.join(path)).ok();
            let Some(modules) = Modules::read(&path, &read) else {
                continue;
            };
            let circles = circles::find(&modules);
            let members: usize = circles.iter().map(|circle| circle.members.len()).sum();
            println!(
                "{path}: {} modules, {} circles of {members} modules",
                modules.len(),
                circles.len()
            );
            for circle in circles {
                writeln!(problems, "crate {name}: {circle}").unwrap();
            }
        }
    }
    report(&problems);
}

#[test]
fn no_source_file_is_too_long() {
    let root = root();
    let mut problems = String::new();
    for file in rust_files(&root) {
        let path = file.strip_prefix(&root).unwrap();
        let mut parts = path.iter().map(|part| part.to_string_lossy());
        let exempt = parts.next().is_some_and(|first| first == "crates")
            && parts.next().is_some_and(|name| exempt(&name));
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        if lines > MAX_LINES && !exempt {
            writeln!(
                problems,
                "{}: {lines} lines, expected at most {MAX_LINES}; move one of its ideas to a file of its own",
                path.display()
            )
            .unwrap();
        }
    }
    report(&problems);
}

#[test]
fn unsafe_code_is_in_the_kernels_only() {
    let root = root();
    let mut problems = String::new();
    for file in rust_files(&root) {
        let path = file.strip_prefix(&root).unwrap();
        if path.starts_with("crates/kernels") {
            continue;
        }
        let source = fs::read_to_string(&file).unwrap();
        if let Some(token) = tokens::tokens(&source)
            .iter()
            .find(|token| token.text == "unsafe")
        {
            writeln!(
                problems,
                "{}:{}: `unsafe`, which belongs in crates/kernels",
                path.display(),
                token.line
            )
            .unwrap();
        }
    }
    report(&problems);
}

#[test]
fn messages_and_documentation_use_plain_words() {
    let root = root();
    let mut problems = String::new();
    for name in crates(&root) {
        for file in rust_files(&root.join("crates").join(&name).join("src")) {
            let path = file.strip_prefix(&root).unwrap().to_string_lossy();
            if path.contains("tests") {
                continue;
            }
            for problem in words::problems(&fs::read_to_string(&file).unwrap()) {
                writeln!(problems, "{path}:{problem}").unwrap();
            }
        }
    }
    for page in english_pages(&root) {
        let path = page.strip_prefix(&root).unwrap().to_string_lossy();
        for problem in words::page_problems(&fs::read_to_string(&page).unwrap()) {
            writeln!(problems, "{path}:{problem}").unwrap();
        }
    }
    report(&problems);
}

/// Whether the crate's own documentation, before any item, has an example that rustdoc runs.
fn opens_with_an_example(source: &str) -> bool {
    let docs = source.lines().take_while(|line| line.starts_with("//!"));
    let fences: Vec<&str> = docs
        .filter_map(|line| line.trim_start_matches("//!").trim().strip_prefix("```"))
        .collect();
    // Every second fence opens a block.
    fences
        .iter()
        .step_by(2)
        .any(|language| ["", "rust"].contains(language))
}

#[test]
fn every_library_opens_with_an_example_that_runs() {
    let root = root();
    let mut problems = String::new();
    for name in crates(&root) {
        let path = root.join("crates").join(&name).join("src/lib.rs");
        let Ok(source) = fs::read_to_string(path) else {
            continue;
        };
        if !opens_with_an_example(&source) {
            writeln!(
                problems,
                "crates/{name}/src/lib.rs: expected a `//!` example in a ``` block without `no_run` or `ignore`"
            )
            .unwrap();
        }
    }
    report(&problems);
}

#[test]
fn an_example_that_does_not_run_is_none() {
    assert!(opens_with_an_example(
        "//! Text.\n//!\n//! ```\n//! f();\n//! ```\nmod a;"
    ));
    assert!(!opens_with_an_example(
        "//! ```no_run\n//! f();\n//! ```\nmod a;"
    ));
    assert!(!opens_with_an_example(
        "//! Text.\n/// ```\n/// f();\n/// ```\nfn f() {}"
    ));
}

/// The problems in the `[dependencies]` of a manifest.
fn dependency_problems(name: &str, manifest: &str) -> Vec<String> {
    let Some((_, allowed, burn)) = MAY_USE.iter().find(|(known, _, _)| *known == name) else {
        return vec![format!(
            "crate {name} is not listed in MAY_USE: add what it may use"
        )];
    };
    let mut section = "";
    let mut problems = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        }
        let key = line.split(['=', '.']).next().unwrap_or("").trim();
        if section != "[dependencies]" {
            continue;
        }
        if let Some(sister) = key.strip_prefix("receptive-")
            && !allowed.contains(&sister)
        {
            problems.push(format!(
                "crate {name} uses crate {sister}, expected at most {allowed:?}"
            ));
        }
        if !burn && (key == "burn" || key.starts_with("burn-")) {
            problems.push(format!(
                "crate {name} uses {key}, expected no tensors there"
            ));
        }
    }
    problems
}

#[test]
fn crates_depend_on_each_other_in_one_direction() {
    let root = root();
    let problems: Vec<String> = crates(&root)
        .iter()
        .flat_map(|name| {
            let manifest = root.join("crates").join(name).join("Cargo.toml");
            dependency_problems(name, &fs::read_to_string(manifest).unwrap())
        })
        .collect();
    report(&problems.join("\n"));
}

#[test]
fn crates_that_are_used_together_give_their_public_types_distinct_names() {
    let root = root();
    let mut declarations = Vec::new();
    // All crates, even if one was selected.
    for (name, ..) in MAY_USE {
        for file in rust_files(&root.join("crates").join(name).join("src")) {
            let path = file.strip_prefix(&root).unwrap().display().to_string();
            let source = fs::read_to_string(&file).unwrap();
            declarations.extend(names::declarations(name, &path, &source));
        }
    }
    let uses: BTreeMap<&str, &[&str]> = MAY_USE
        .iter()
        .map(|(name, used, _)| (*name, *used))
        .collect();
    report(&names::problems(&declarations, &uses).join("\n"));
}

#[test]
fn pages_mention_only_what_exists() {
    let root = root();
    let crates = crates(&root);
    let mut names = BTreeSet::new();
    for file in rust_files(&root) {
        let source = fs::read_to_string(&file).unwrap();
        names.extend(tokens::tokens(&source).into_iter().map(|token| token.text));
    }
    let mut problems = Vec::new();
    for page in pages(&root) {
        problems.extend(pages::broken_links(&page));
        problems.extend(pages::missing_paths(&page, &root, &crates));
        problems.extend(pages::stale_snippets(&page, &names));
        if page.path.ends_with("docs/architecture.md") {
            problems.extend(pages::unknown_names(&page, &names));
        }
    }
    report(&problems.join("\n"));
}

#[test]
fn a_page_that_mentions_what_is_gone_is_found() {
    let root = root();
    let text = "# Here it is\n[a](#here-it-is) [b](#there) [c](gone.md)\n\
                `crates/gone.rs` `tests/structure.rs` `Page` `Gone` `gone::Page`\n\
                ```text\n`crates/code.rs`\n```\n\n```rust\nlet page = Gone::new();\n```\n";
    let page = Page::new(root.join("page.md"), text);
    let links = pages::broken_links(&page);
    assert_eq!(links.len(), 2, "{links:?}");
    let missing = pages::missing_paths(&page, &root, &[]);
    assert_eq!(missing.len(), 1, "{missing:?}");
    let names: BTreeSet<String> = ["Page", "new"].map(String::from).into();
    assert_eq!(pages::unknown_names(&page, &names).len(), 2);
    assert_eq!(pages::stale_snippets(&page, &names).len(), 1);
}

#[test]
fn a_dependency_against_the_direction_is_found() {
    let manifest = "[dependencies]\nreceptive-model = { workspace = true }\nburn.workspace = true\n\
                    [dev-dependencies]\nreceptive-train = \"1\"\n";
    let problems = dependency_problems("data", manifest);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems[0].contains("data uses crate model"),
        "{problems:?}"
    );
    assert!(dependency_problems("train", manifest).is_empty());
    assert_eq!(dependency_problems("unknown", "").len(), 1);
}
