//! Comparing the images of two runs.

use super::SplitRecord;
use crate::names::enumerate;
use receptive_core::hash::ContentHash;
use receptive_core::text::counted;
use std::collections::{HashMap, HashSet};

impl SplitRecord {
    /// How the images of another run's data differ from this run's, regardless of splits: one sentence each for
    /// missing images, added ones, and those in another class or group. Empty if they are the same.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut known: HashMap<ContentHash, HashSet<(&str, &str)>> = HashMap::new();
        for member in self.own() {
            let places = known.entry(self.content(&member.identity)).or_default();
            places.insert((&member.class, &member.group));
        }
        let mut found = HashSet::new();
        let (mut added, mut relabelled, mut regrouped) = (vec![], vec![], vec![]);
        for member in other.own() {
            let content = self.content(&member.identity);
            found.insert(content);
            let list = match known.get(&content) {
                None => &mut added,
                Some(places) if !places.iter().any(|(class, _)| *class == member.class) => {
                    &mut relabelled
                }
                Some(places) if !places.contains(&(&member.class, &member.group)) => &mut regrouped,
                Some(_) => continue,
            };
            list.push(member.path.clone());
        }
        let missing: Vec<String> = self
            .missing(&found)
            .map(|missing| missing.path.clone())
            .collect();
        [
            (missing, "is missing", "are missing"),
            (added, "was added", "were added"),
            (relabelled, "is in another class", "are in another class"),
            (regrouped, "is in another group", "are in another group"),
        ]
        .into_iter()
        .filter(|(paths, ..)| !paths.is_empty())
        .map(|(mut paths, one, several)| {
            paths.sort();
            let verb = if paths.len() == 1 { one } else { several };
            format!(
                "{} {verb}: {}",
                counted(paths.len(), "image"),
                enumerate(&paths)
            )
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::equal::{ImageIdentity, PixelHash};
    use crate::record::{Member, Role};

    fn record(members: &[(&str, &str, &str, &str)]) -> SplitRecord {
        let member = |(path, pixels, class, group): &(&str, &str, &str, &str)| Member {
            role: Role::Train,
            class: (*class).into(),
            path: (*path).into(),
            identity: ImageIdentity {
                content: ContentHash::of(path.as_bytes()),
                pixels: PixelHash::of([pixels.len(), 1, 1], pixels.as_bytes()),
                stored: PixelHash::default(),
            },
            group: (*group).into(),
        };
        SplitRecord::new(members.iter().map(member).collect())
    }

    #[test]
    fn images_are_the_same_by_their_pixels_class_and_group() {
        let one = record(&[
            ("a", "1", "x", ""),
            ("b", "2", "x", "p"),
            ("c", "3", "y", ""),
        ]);
        let renamed = record(&[
            ("d", "2", "x", "p"),
            ("c", "3", "y", ""),
            ("e", "1", "x", ""),
        ]);
        assert_eq!(one.differences(&renamed), [""; 0]);
        let other = record(&[
            ("b", "2", "x", "q"),
            ("c", "3", "x", ""),
            ("f", "4", "y", ""),
        ]);
        assert_eq!(
            one.differences(&other),
            [
                "1 image is missing: `a`",
                "1 image was added: `f`",
                "1 image is in another class: `c`",
                "1 image is in another group: `b`",
            ]
        );
    }
}
