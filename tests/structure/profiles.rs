//! Cargo's profiles `dev` and `release`, which share what they build as long as they agree.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The lines of a section of a manifest, as sorted names and values.
fn settings(manifest: &str, section: &str) -> BTreeMap<String, String> {
    let header = format!("[{section}]");
    manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != header)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.trim().to_string(), value.trim().to_string()))
        .collect()
}

/// Where the profiles `dev` and `release` differ: in what both set, or in their packages.
fn profile_problems(manifest: &str) -> Vec<String> {
    let of = |section: &str| settings(manifest, section);
    let (dev, release) = (of("profile.dev"), of("profile.release"));
    let (packages, others) = (of("profile.dev.package"), of("profile.release.package"));
    let mut problems = Vec::new();
    for (name, value) in &dev {
        if let Some(other) = release.get(name).filter(|other| *other != value) {
            problems.push(format!(
                "Cargo.toml: {name} is {value} in [profile.dev] and {other} in [profile.release]"
            ));
        }
    }
    let names: BTreeSet<&String> = packages.keys().chain(others.keys()).collect();
    for name in names {
        let (value, other) = (packages.get(name), others.get(name));
        if value != other {
            problems.push(format!(
                "Cargo.toml: {name} is {value:?} in [profile.dev.package] and {other:?} in \
                 [profile.release.package]"
            ));
        }
    }
    problems
}

#[test]
fn the_default_profile_builds_as_release_does() {
    let manifest = fs::read_to_string(crate::root().join("Cargo.toml")).unwrap();
    assert!(!settings(&manifest, "profile.dev").is_empty());
    assert!(!settings(&manifest, "profile.dev.package").is_empty());
    crate::report(&profile_problems(&manifest).join("\n"));
}

#[test]
fn a_difference_between_the_profiles_is_found() {
    let manifest = "[profile.dev]\nopt-level = 3\nincremental = false\n\n\
                    [profile.dev.package]\n# a comment\na = { opt-level = 1 }\nb = { opt-level = 1 }\n\n\
                    [profile.release]\nopt-level = 2\n\n\
                    [profile.release.package]\na = { opt-level = 1 }\n";
    let problems = profile_problems(manifest);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].contains("opt-level is 3"), "{problems:?}");
    assert!(problems[1].contains("b is Some"), "{problems:?}");
}
