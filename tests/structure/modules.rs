//! The modules of a crate with their definitions and references, and which module defines the end
//! of a path.

use crate::tokens::{Token, tokens};
use std::collections::{BTreeMap, BTreeSet};

/// Keywords that precede an item's name.
const ITEMS: [&str; 9] = [
    "fn",
    "struct",
    "enum",
    "union",
    "trait",
    "type",
    "const",
    "static",
    "macro_rules",
];

/// Reads a file's text; `None` if there is no such file.
type Read<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A path as written, such as `crate::plan::Shape`.
#[derive(Debug)]
pub(crate) struct Reference {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

/// A name that a `use` imports into a module; `*` for all names of another.
#[derive(Debug)]
struct Import {
    name: String,
    path: Vec<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Module {
    /// Without `crate`, joined by `::`; empty for the crate's root.
    pub(crate) path: String,
    pub(crate) file: String,
    pub(crate) parent: Option<usize>,
    pub(crate) references: Vec<Reference>,
    children: BTreeMap<String, usize>,
    definitions: BTreeSet<String>,
    imports: Vec<Import>,
}

/// What a path refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Module(usize),
    /// An item that this module defines.
    Item(usize),
    /// An item of another crate.
    Foreign,
}

/// All modules of a crate, the root first.
#[derive(Debug)]
pub(crate) struct Modules(pub(crate) Vec<Module>);

impl Modules {
    /// Reads a crate from its root file; `None` if that is missing.
    pub(crate) fn read(root: &str, read: Read<'_>) -> Option<Self> {
        let source = read(root)?;
        let directory = root.rsplit_once('/').map_or("", |(directory, _)| directory);
        let mut modules = Self(vec![Module {
            file: root.to_owned(),
            ..Module::default()
        }]);
        modules.body(0, &tokens(&source), directory, read);
        Some(modules)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The module and all modules that contain it, beginning with the root.
    pub(crate) fn ancestry(&self, module: usize) -> Vec<usize> {
        let mut path = vec![module];
        while let Some(parent) = self.0[path[0]].parent {
            path.insert(0, parent);
        }
        path
    }

    /// The module that defines what a path in `from` refers to; `None` if that is in another crate.
    pub(crate) fn definer(&self, from: usize, path: &[String]) -> Option<usize> {
        match self.resolve(from, path, 0)? {
            Target::Module(module) | Target::Item(module) => Some(module),
            Target::Foreign => None,
        }
    }

    fn resolve(&self, from: usize, path: &[String], depth: usize) -> Option<Target> {
        let (first, rest) = path.split_first()?;
        let mut target = match first.as_str() {
            "crate" => Target::Module(0),
            "self" => Target::Module(from),
            "super" => Target::Module(self.0[from].parent?),
            name => self.lookup(from, name, depth)?,
        };
        for name in rest {
            let Target::Module(module) = target else {
                return Some(target);
            };
            target = match name.as_str() {
                "self" => target,
                "super" => Target::Module(self.0[module].parent?),
                // Items from macros and re-exports from other crates count as the module's own.
                name => match self.lookup(module, name, depth) {
                    None | Some(Target::Foreign) => Target::Item(module),
                    Some(target) => target,
                },
            };
        }
        Some(target)
    }

    fn lookup(&self, module: usize, name: &str, depth: usize) -> Option<Target> {
        // Re-exports may form a circle that only the compiler can resolve.
        if depth > 16 {
            return None;
        }
        let here = &self.0[module];
        if let Some(&child) = here.children.get(name) {
            return Some(Target::Module(child));
        }
        if here.definitions.contains(name) {
            return Some(Target::Item(module));
        }
        if let Some(import) = here.imports.iter().find(|import| import.name == name) {
            let target = self.resolve(module, &import.path, depth + 1);
            return Some(target.unwrap_or(Target::Foreign));
        }
        here.imports
            .iter()
            .filter(|import| import.name == "*")
            .find_map(
                |import| match self.resolve(module, &import.path, depth + 1)? {
                    Target::Module(other) => self.lookup(other, name, depth + 1),
                    _ => None,
                },
            )
    }

    /// Reads a module's tokens until its end.
    fn body(&mut self, module: usize, tokens: &[Token], directory: &str, read: Read<'_>) {
        let text = |index: usize| tokens.get(index).map_or("", |token| token.text.as_str());
        let (mut index, mut depth) = (0, 0_usize);
        let mut file = None;
        while index < tokens.len() {
            match text(index) {
                "#" if text(index + 1) == "[" || text(index + 2) == "[" => {
                    let end = group_end(tokens, index + 1 + usize::from(text(index + 1) == "!"));
                    let attribute: Vec<&str> = (index..end).map(text).collect();
                    index = end;
                    if attribute.get(2) == Some(&"path") {
                        file = attribute[4].strip_prefix('"').map(str::to_owned);
                    } else if is_test(&attribute) {
                        index = item_end(tokens, index, depth > 0);
                        file = None;
                    }
                    continue;
                }
                "pub"
                    if text(index + 1) == "("
                        && (text(index + 2) == "in" || text(index + 3) == ")") =>
                {
                    index = group_end(tokens, index + 1);
                    continue;
                }
                "use" => {
                    let line = tokens[index].line;
                    index += 1;
                    let mut imports = Vec::new();
                    use_tree(tokens, &mut index, &[], &mut imports);
                    for import in imports {
                        let path = import.path.clone();
                        self.0[module].references.push(Reference { path, line });
                        if depth == 0 {
                            self.0[module].imports.push(import);
                        }
                    }
                    continue;
                }
                "mod" if depth == 0 && text(index + 2) == ";" => {
                    self.file_module(module, text(index + 1), directory, file.take(), read);
                    index += 3;
                    continue;
                }
                "mod" if depth == 0 && text(index + 2) == "{" => {
                    let name = text(index + 1);
                    let end = group_end(tokens, index + 2);
                    let file = self.0[module].file.clone();
                    let child = self.add(module, name, file);
                    let directory = format!("{directory}/{name}");
                    self.body(child, &tokens[index + 3..end - 1], &directory, read);
                    index = end;
                    continue;
                }
                word if depth == 0 && ITEMS.contains(&word) => {
                    let name = index + 1 + usize::from(word == "macro_rules");
                    if tokens.get(name).is_some_and(Token::is_word) && !ITEMS.contains(&text(name))
                    {
                        self.0[module].definitions.insert(text(name).to_owned());
                    }
                }
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                _ if tokens[index].is_word() && text(index + 1) == "::" => {
                    let line = tokens[index].line;
                    let mut path = vec![text(index).to_owned()];
                    while text(index + 1) == "::"
                        && tokens.get(index + 2).is_some_and(Token::is_word)
                    {
                        path.push(text(index + 2).to_owned());
                        index += 2;
                    }
                    self.0[module].references.push(Reference { path, line });
                }
                _ => {}
            }
            index += 1;
        }
    }

    fn add(&mut self, parent: usize, name: &str, file: String) -> usize {
        let above = &self.0[parent].path;
        let path = if above.is_empty() {
            name.to_owned()
        } else {
            format!("{above}::{name}")
        };
        self.0.push(Module {
            path,
            file,
            parent: Some(parent),
            ..Module::default()
        });
        let child = self.0.len() - 1;
        self.0[parent].children.insert(name.to_owned(), child);
        child
    }

    /// A module in its own file: `x.rs` or `x/mod.rs`, or the path in an attribute.
    fn file_module(
        &mut self,
        parent: usize,
        name: &str,
        directory: &str,
        file: Option<String>,
        read: Read<'_>,
    ) {
        let below = format!("{directory}/{name}");
        let places = match file {
            Some(file) => vec![format!("{directory}/{file}")],
            None => vec![format!("{below}.rs"), format!("{below}/mod.rs")],
        };
        let (file, source) = places
            .iter()
            .find_map(|place| Some((place.clone(), read(place)?)))
            .unwrap_or_else(|| panic!("found none of {places:?}"));
        let child = self.add(parent, name, file);
        self.body(child, &tokens(&source), &below, read);
    }
}

/// Whether an attribute restricts the following item to test builds.
fn is_test(attribute: &[&str]) -> bool {
    let is = |word: &str| attribute.contains(&word);
    is("cfg") && is("test") && !is("not") || attribute == ["#", "[", "test", "]"]
}

/// The index after the bracket that closes the one at `start`.
fn group_end(tokens: &[Token], start: usize) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate().skip(start) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    tokens.len()
}

/// The index after the item at `start`; inside a body it may be a field or a statement.
fn item_end(tokens: &[Token], start: usize, within: bool) -> usize {
    let mut index = start;
    let mut is_item = !within;
    while let Some(token) = tokens.get(index) {
        match token.text.as_str() {
            "use" => is_item = true,
            "{" if tokens[start..index].iter().any(|token| token.text == "use") => {}
            "{" => return group_end(tokens, index),
            "(" | "[" => {
                index = group_end(tokens, index);
                continue;
            }
            ";" => return index + 1,
            "," if !is_item => return index + 1,
            "}" | ")" | "]" if !is_item => return index,
            word if ITEMS.contains(&word) => is_item = true,
            _ => {}
        }
        index += 1;
    }
    index
}

/// Reads `a::{b, c as d, e::*}` from `index` on; `before` is the path in front of it.
fn use_tree(tokens: &[Token], index: &mut usize, before: &[String], imports: &mut Vec<Import>) {
    let text = |index: usize| tokens.get(index).map_or("", |token| token.text.as_str());
    let mut path = before.to_vec();
    loop {
        match text(*index) {
            "::" => {}
            "{" => {
                *index += 1;
                while !matches!(text(*index), "}" | "") {
                    use_tree(tokens, index, &path, imports);
                }
                *index += 1;
                break;
            }
            "*" => {
                let name = "*".to_owned();
                imports.push(Import { name, path });
                *index += 1;
                break;
            }
            // `a::{self}` means `a`.
            "self" if !path.is_empty() => {}
            word if tokens.get(*index).is_some_and(Token::is_word) && word != "as" => {
                path.push(word.to_owned());
            }
            next => {
                if next == "as" {
                    *index += 2;
                }
                let name = if next == "as" {
                    text(*index - 1)
                } else {
                    path.last().map_or("", String::as_str)
                };
                let name = name.to_owned();
                imports.push(Import { name, path });
                break;
            }
        }
        *index += 1;
    }
    if matches!(text(*index), "," | ";") {
        *index += 1;
    }
}
