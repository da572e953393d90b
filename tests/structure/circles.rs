//! Circles among sibling modules: modules that use each other, directly or through others.

use crate::modules::Modules;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Siblings each of which uses every other, directly or through the rest.
#[derive(Debug)]
pub(crate) struct Circle {
    pub(crate) members: Vec<String>,
    /// For each pair of them, the places where the first uses the second, with the names used.
    uses: Vec<(String, String, Vec<String>)>,
}

/// For each pair of siblings, the places where the first uses the second: by line, and as text.
type Uses = BTreeMap<(usize, usize), BTreeSet<(usize, String)>>;

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = if std::env::var_os("STRUCTURE_CRATE").is_some() {
            usize::MAX
        } else {
            1
        };
        writeln!(f, "a circle of modules: {}", self.members.join(", "))?;
        for (user, used, places) in &self.uses {
            writeln!(f, "  {user} uses {used} ({} times):", places.len())?;
            for place in places.iter().take(shown) {
                writeln!(f, "    {place}")?;
            }
        }
        Ok(())
    }
}

/// All circles in a crate, at every level of its modules.
pub(crate) fn find(modules: &Modules) -> Vec<Circle> {
    // Grouped by the module that contains both.
    let mut levels: BTreeMap<usize, Uses> = BTreeMap::new();
    for (user, module) in modules.0.iter().enumerate() {
        for reference in &module.references {
            let Some(definer) = modules.definer(user, &reference.path) else {
                continue;
            };
            let (from, to) = (modules.ancestry(user), modules.ancestry(definer));
            let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
            // One contains the other: a module may use its parent, and a parent its modules.
            let (Some(&from), Some(&to)) = (from.get(shared), to.get(shared)) else {
                continue;
            };
            let level = modules.0[from].parent.unwrap_or(0);
            let place = format!(
                "{}:{}: `{}`, defined in {}",
                module.file,
                reference.line,
                reference.path.join("::"),
                modules.0[definer].file
            );
            let uses = levels
                .entry(level)
                .or_default()
                .entry((from, to))
                .or_default();
            uses.insert((reference.line, place));
        }
    }
    levels
        .values()
        .flat_map(|uses| circles_of(modules, uses))
        .collect()
}

fn circles_of(modules: &Modules, uses: &Uses) -> Vec<Circle> {
    let reach = |start: usize| {
        let (mut reached, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(module) = open.pop() {
            let next = uses
                .keys()
                .filter(|(from, _)| *from == module)
                .map(|(_, to)| *to);
            open.extend(next.filter(|to| reached.insert(*to)));
        }
        reached
    };
    let nodes: BTreeSet<usize> = uses.keys().map(|(from, _)| *from).collect();
    let reached: BTreeMap<usize, BTreeSet<usize>> =
        nodes.iter().map(|&node| (node, reach(node))).collect();
    let mut groups = BTreeSet::new();
    for (node, to) in &reached {
        if to.contains(node) {
            let mutual =
                |other: &&usize| reached.get(other).is_some_and(|back| back.contains(node));
            groups.insert(to.iter().filter(mutual).copied().collect::<Vec<usize>>());
        }
    }
    let name = |module: usize| modules.0[module].path.clone();
    let mut circles = Vec::new();
    for group in groups {
        let mut inner: Vec<_> = uses
            .iter()
            .filter(|((from, to), _)| group.contains(from) && group.contains(to))
            .map(|(&(from, to), places)| {
                let places = places
                    .iter()
                    .map(|(_, place)| place.clone())
                    .collect::<Vec<String>>();
                (name(from), name(to), places)
            })
            .collect();
        // The easiest ones to remove come first.
        inner.sort_by_key(|(from, to, places)| (places.len(), from.clone(), to.clone()));
        circles.push(Circle {
            members: group.iter().map(|&module| name(module)).collect(),
            uses: inner,
        });
    }
    circles
}

#[cfg(test)]
mod tests {
    use super::{Circle, find};
    use crate::modules::Modules;

    fn circles(files: &[(&str, &str)]) -> Vec<Circle> {
        let read = |path: &str| {
            let file = files.iter().find(|(name, _)| format!("src/{name}") == path);
            file.map(|(_, source)| (*source).to_owned())
        };
        find(&Modules::read("src/lib.rs", &read).expect("a root file"))
    }

    fn members(files: &[(&str, &str)]) -> Vec<String> {
        let circles = circles(files);
        circles
            .iter()
            .map(|circle| circle.members.join(" "))
            .collect()
    }

    #[test]
    fn a_circle_that_the_root_hides_is_found_with_its_places() {
        let found = circles(&[
            (
                "lib.rs",
                "//! Doc.\nmod plan;\nmod module;\npub use module::Classifier;\npub use plan::Plan;",
            ),
            ("plan.rs", "use crate::Classifier;\npub struct Plan;"),
            ("module/mod.rs", "mod build;\npub use build::Classifier;"),
            (
                "module/build.rs",
                "\npub struct Classifier;\nfn f() { let _ = crate::Plan; }",
            ),
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].members, ["plan", "module"]);
        let message = found[0].to_string();
        let place = "src/plan.rs:1: `crate::Classifier`, defined in src/module/build.rs";
        assert!(message.contains("plan uses module (1 times)"), "{message}");
        assert!(message.contains(place), "{message}");
        assert!(
            message.contains("src/module/build.rs:3: `crate::Plan`"),
            "{message}"
        );
    }

    #[test]
    fn siblings_in_a_folder_form_a_circle_over_their_parent() {
        let files = [
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod b;\nmod c;\nuse b::B;\nuse c::C as Other;"),
            ("a/b.rs", "use super::Other;\npub struct B;"),
            ("a/c.rs", "pub struct C(pub(in crate::a) super::B);"),
        ];
        assert_eq!(members(&files), ["a::b a::c"]);
    }

    #[test]
    fn parents_and_children_may_use_each_other() {
        let files = [
            (
                "lib.rs",
                "mod a;\nmod c;\npub struct Top;\nfn f() { a::g(); c::h() }",
            ),
            (
                "a/mod.rs",
                "mod b;\npub struct A;\npub fn g() { b::f(); crate::c::h() }",
            ),
            ("a/b.rs", "use super::A;\nuse crate::Top;\npub fn f() {}"),
            ("c.rs", "use crate::Top;\npub(in crate::a) fn h() {}"),
        ];
        assert!(members(&files).is_empty());
    }

    #[test]
    fn tests_and_comments_do_not_count_and_bodies_do() {
        let a = "pub fn f() {}\n// crate::b::g();\n/// [`crate::b::g`]\n#[cfg(test)]\nmod tests {\n\
                 use crate::b::g;\n}\n#[cfg(test)]\nuse crate::b::{self, g};";
        let clean = [
            ("lib.rs", "mod a;\nmod b;"),
            ("a.rs", a),
            ("b.rs", "pub fn g() { crate::a::f() }"),
        ];
        assert!(members(&clean).is_empty());
        let body = format!("{a}\nfn h() {{ use crate::b; if true {{ b::g() }} }}");
        let circle = [clean[0], ("a.rs", body.as_str()), clean[2]];
        assert_eq!(members(&circle), ["a b"]);
    }

    #[test]
    fn a_name_through_a_whole_module_or_all_of_one_is_followed() {
        let files = [
            (
                "lib.rs",
                "mod a;\nmod b;\nmod prelude { pub use crate::b::*; }",
            ),
            ("a.rs", "pub struct A;\nfn f() { crate::prelude::g() }"),
            ("b.rs", "use crate::a;\npub fn g() { let _ = a::A; }"),
        ];
        assert_eq!(members(&files), ["a b"]);
    }
}
