//! Public types with the same name in crates that are used together.

use crate::tokens::{Token, tokens};
use std::collections::{BTreeMap, BTreeSet};

/// Words that begin the declaration of a type.
const TYPES: &[&str] = &["struct", "enum", "trait", "type", "union"];

/// Names that two crates may declare, each with the reason.
const EXCEPTIONS: &[(&str, &str)] = &[(
    "KernelThreads",
    "without the flex backend, model declares an empty one in place of that of kernels",
)];

/// A public type's declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declaration {
    pub(crate) name: String,
    /// The crate that declares it.
    pub(crate) owner: String,
    /// The file, and the line from 1.
    pub(crate) place: String,
}

/// The types that a source file declares as `pub`. The lint `unreachable_pub` makes sure that other
/// crates can reach them; `pub(crate)` and the like do not count.
pub(crate) fn declarations(owner: &str, path: &str, source: &str) -> Vec<Declaration> {
    let is_name = |token: &Token| token.is_word() && !TYPES.contains(&token.text.as_str());
    tokens(source)
        .windows(3)
        .filter(|three| three[0].text == "pub" && TYPES.contains(&three[1].text.as_str()))
        .filter(|three| is_name(&three[2]))
        .map(|three| Declaration {
            name: three[2].text.clone(),
            owner: owner.to_owned(),
            place: format!("{path}:{}", three[2].line),
        })
        .collect()
}

/// The crate itself and all that it uses, directly or through others.
fn reach<'a>(name: &'a str, uses: &BTreeMap<&'a str, &[&'a str]>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut rest = vec![name];
    while let Some(next) = rest.pop() {
        if reached.insert(next) {
            rest.extend_from_slice(uses.get(next).copied().unwrap_or_default());
        }
    }
    reached
}

/// One line for each name that two crates declare of which one uses the other, or that a third crate uses both,
/// and for each exception without such a name.
pub(crate) fn problems(
    declarations: &[Declaration],
    uses: &BTreeMap<&str, &[&str]>,
) -> Vec<String> {
    let reaches: Vec<BTreeSet<&str>> = uses.keys().map(|name| reach(name, uses)).collect();
    let mut by_name: BTreeMap<&str, Vec<&Declaration>> = BTreeMap::new();
    for declaration in declarations {
        let same_name = by_name.entry(&declaration.name).or_default();
        same_name.push(declaration);
    }
    by_name.retain(|_, all| {
        all.iter().enumerate().any(|(i, one)| {
            let is_ambiguous = |other: &&Declaration| {
                let [one, other] = [&*one.owner, &*other.owner];
                one != other
                    && reaches
                        .iter()
                        .any(|reach| reach.contains(one) && reach.contains(other))
            };
            all[..i].iter().any(is_ambiguous)
        })
    });
    let stale = EXCEPTIONS
        .iter()
        .filter(|(name, _)| !by_name.contains_key(name))
        .map(|(name, _)| format!("`{name}`: an exception that is not needed"));
    let stale: Vec<String> = stale.collect();
    by_name
        .into_iter()
        .filter(|(name, _)| EXCEPTIONS.iter().all(|(exception, _)| exception != name))
        .map(|(name, all)| {
            let places: Vec<&str> = all.iter().map(|one| one.place.as_str()).collect();
            format!(
                "`{name}` means {} things in crates that are used together: {}; give them distinct names",
                places.len(),
                places.join(", ")
            )
        })
        .chain(stale)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The problems of crates with these sources, of which `top` uses `left` and `right`, which uses `base`.
    fn found(sources: &[(&str, &str)]) -> Vec<String> {
        let uses: BTreeMap<&str, &[&str]> = BTreeMap::from([
            ("base", &[] as &[&str]),
            ("left", &[]),
            ("right", &["base"]),
            ("top", &["left", "right"]),
            ("alone", &[]),
        ]);
        // Otherwise the exceptions count as not needed.
        let exceptions = EXCEPTIONS.iter().flat_map(|(name, _)| {
            ["left", "top"].map(|owner| (owner, format!("pub struct {name};")))
        });
        let sources = sources.iter().map(|(owner, text)| (*owner, (*text).into()));
        let all: Vec<Declaration> = sources
            .chain(exceptions)
            .flat_map(|(owner, text)| declarations(owner, &format!("{owner}.rs"), &text))
            .collect();
        problems(&all, &uses)
    }

    #[test]
    fn a_name_of_two_crates_that_are_used_together_is_found() {
        let direct = found(&[
            ("base", "\npub struct Role;"),
            ("right", "pub enum Role {}"),
        ]);
        assert_eq!(direct.len(), 1, "{direct:?}");
        assert!(direct[0].starts_with("`Role` means 2 things"), "{direct:?}");
        assert!(direct[0].contains("base.rs:2, right.rs:1"), "{direct:?}");
        let indirect = found(&[
            ("base", "pub trait Role {}"),
            ("top", "pub type Role = u8;"),
        ]);
        assert_eq!(indirect.len(), 1, "{indirect:?}");
        let by_a_third = found(&[("base", "pub struct Role;"), ("left", "pub struct Role;")]);
        assert_eq!(by_a_third.len(), 1, "{by_a_third:?}");
    }

    #[test]
    fn other_names_crates_and_visibilities_are_no_problem() {
        for sources in [
            [("base", "pub struct Role;"), ("alone", "pub struct Role;")],
            [
                ("base", "pub struct Role;"),
                ("right", "pub(crate) struct Role;"),
            ],
            [("base", "pub struct Role;"), ("right", "struct Role;")],
            [("base", "pub struct Role;"), ("right", "pub struct Roles;")],
            [
                ("base", "pub struct Role;"),
                ("right", "pub use base::Role;"),
            ],
            [
                ("base", "pub struct Role;"),
                ("right", "pub fn role() -> Role {}"),
            ],
            [
                ("base", "pub struct Role;"),
                ("right", "// pub struct Role;\n\"pub struct Role;\""),
            ],
        ] {
            assert!(found(&sources).is_empty(), "{:?}", found(&sources));
        }
    }

    #[test]
    fn an_exception_that_is_not_needed_is_found() {
        let stale = problems(&[], &BTreeMap::new());
        assert_eq!(stale.len(), EXCEPTIONS.len(), "{stale:?}");
    }
}
