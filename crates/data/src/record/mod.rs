//! A run's use of each image of a data set, so that later commands use the same splits.

mod differences;
mod table;

use crate::image::equal::{ImageIdentity, PixelHash};
use receptive_core::hash::ContentHash;
use std::collections::{HashMap, HashSet};
use std::fmt;

/// What a run used an image for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The weights were trained on it.
    Train,
    /// The best epoch was selected on it.
    Val,
    /// It was held out until the end.
    Test,
    /// The pretrained model, or one of its ancestors, was trained on it.
    Before,
    /// The best epoch of the pretrained model was selected on it; it is not among the run's own images.
    ValBefore,
    /// The pretrained model was tested on it, so it must stay unseen; it is not a test image of the run itself.
    TestBefore,
}

impl Role {
    const ALL: [Self; 6] = [
        Self::Train,
        Self::Val,
        Self::Test,
        Self::Before,
        Self::ValBefore,
        Self::TestBefore,
    ];

    /// Whether the weights were trained on it.
    pub fn is_trained_on(self) -> bool {
        matches!(self, Self::Train | Self::Before)
    }

    /// Whether it is a role in the run itself, not in an ancestor.
    pub fn is_own(self) -> bool {
        matches!(self, Self::Train | Self::Val | Self::Test)
    }

    /// Its name in a record: `train`, `val`, `test`, `before`, `val_before` or `test_before`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
            Self::Before => "before",
            Self::ValBefore => "val_before",
            Self::TestBefore => "test_before",
        }
    }

    /// The role with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Of two roles, the one with more influence on the weights.
    pub(crate) fn more_learned(self, other: Self) -> Self {
        if other.rank() < self.rank() {
            other
        } else {
            self
        }
    }

    /// The order of influence on the weights, for several images with the same content; 0 is the most.
    fn rank(self) -> usize {
        match self {
            Self::Train => 0,
            Self::Before => 1,
            Self::Val => 2,
            Self::Test => 3,
            Self::ValBefore => 4,
            Self::TestBefore => 5,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One image of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// What the run used it for.
    pub role: Role,
    /// Its class.
    pub class: String,
    /// Its path within the data set, or `t10k-images-idx3-ubyte[17]`.
    pub path: String,
    /// Its identity.
    pub identity: ImageIdentity,
    /// The group it belongs to, such as a patient; empty if it has none.
    pub group: String,
}

/// The images of a run with their splits: the content of `split.csv` in the run directory.
///
/// Images are recognised by their bytes or pixels, and therefore under any name and in any folder. Images with
/// equal pixels count as one, identified by [`content`](Self::content).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SplitRecord {
    members: Vec<Member>,
    /// For files with equal pixels, all but the first: the content of the first.
    firsts: HashMap<ContentHash, ContentHash>,
    /// The content of the first file with these pixels.
    looks: HashMap<PixelHash, ContentHash>,
    roles: HashMap<ContentHash, Role>,
    groups: HashMap<String, Role>,
    /// What this run or one of its ancestors was tested on.
    tested: HashSet<ContentHash>,
}

/// The path of the row that stands for unrecorded images.
const UNKNOWN: &str = "(unknown)";

impl SplitRecord {
    /// A record of these images.
    pub fn new(members: Vec<Member>) -> Self {
        let mut record = Self::default();
        for member in &members {
            record.add_look(&member.identity);
        }
        let first = |known: &mut Role, role: Role| *known = known.more_learned(role);
        for member in &members {
            let content = record.content(&member.identity);
            let known = record.roles.entry(content).or_insert(member.role);
            first(known, member.role);
            if matches!(member.role, Role::Test | Role::TestBefore) {
                record.tested.insert(content);
            }
            if !member.group.is_empty() {
                let groups = &mut record.groups;
                let known = groups.entry(member.group.clone()).or_insert(member.role);
                first(known, member.role);
            }
        }
        record.members = members;
        record
    }

    /// Registers the pixel hashes of an image under the first content that has them.
    fn add_look(&mut self, identity: &ImageIdentity) {
        let content = self.firsts.get(&identity.content);
        let mut first = content.copied().unwrap_or(identity.content);
        let looks = [identity.pixels, identity.stored];
        let known = looks.iter().filter(|look| look.is_known());
        if let Some(earlier) = known.clone().find_map(|look| self.looks.get(look)) {
            first = *earlier;
        }
        if first != identity.content {
            self.firsts.insert(identity.content, first);
        }
        for look in known {
            self.looks.entry(*look).or_insert(first);
        }
    }

    /// The content of the recorded image that equals this one in bytes or pixels, or else its own content.
    pub fn content(&self, identity: &ImageIdentity) -> ContentHash {
        let own = identity.content;
        if let Some(first) = self.firsts.get(&own) {
            return *first;
        }
        if self.roles.contains_key(&own) {
            return own;
        }
        let looks = [identity.pixels, identity.stored];
        let known = looks.iter().filter(|look| look.is_known());
        let first = known.clone().find_map(|look| self.looks.get(look));
        first.copied().unwrap_or(own)
    }

    /// This record for a run whose pretrained model has none: the training images of that model are unknown.
    pub fn with_unknown_start(self) -> Self {
        let mut members = self.members;
        members.push(Member {
            role: Role::Before,
            class: String::new(),
            path: UNKNOWN.into(),
            identity: ImageIdentity::default(),
            group: String::new(),
        });
        Self::new(members)
    }

    /// Whether the weights were also trained on images without a record.
    pub fn is_incomplete(&self) -> bool {
        let mut before = self.members.iter().filter(|m| m.role == Role::Before);
        before.any(|member| member.path == UNKNOWN)
    }

    /// This record extended by that of the run whose model this one starts from: what that run was trained on
    /// counts as trained on, and what it was tested on stays unseen, whether or not it is in this run's data.
    /// Its record includes those of its own ancestors.
    pub fn with_start(self, start: &Self) -> Self {
        let before = start.members.iter().filter_map(|member| {
            let content = self.content(&member.identity);
            let own = self.roles.get(&content);
            let role = match member.role {
                Role::Train | Role::Before => (own != Some(&Role::Train)).then_some(Role::Before),
                Role::Val | Role::ValBefore => own.is_none().then_some(Role::ValBefore),
                Role::Test | Role::TestBefore => {
                    (!self.tested.contains(&content)).then_some(Role::TestBefore)
                }
            }?;
            Some(Member {
                role,
                ..member.clone()
            })
        });
        let before: Vec<Member> = before.collect();
        let mut members = self.members;
        members.extend(before);
        Self::new(members)
    }

    /// All images, in the order of the record.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// What an image was used for, by its [`content`](Self::content) in this record; `None` if it is not in the
    /// record.
    pub fn role(&self, content: &ContentHash) -> Option<Role> {
        self.roles.get(content).copied()
    }

    /// What the images of this group were used for: the use with the most influence.
    pub(crate) fn group_role(&self, group: &str) -> Option<Role> {
        self.groups.get(group).copied()
    }

    /// Whether this run or an ancestor was tested on this content.
    pub(crate) fn is_tested(&self, content: &ContentHash) -> bool {
        self.tested.contains(content)
    }

    /// Whether the images have groups.
    pub fn has_groups(&self) -> bool {
        self.own().any(|member| !member.group.is_empty())
    }

    /// The images of the run's own data.
    fn own(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|m| m.role.is_own())
    }

    /// The paths of the images in the run's own data.
    pub(crate) fn paths(&self) -> HashSet<&str> {
        self.own().map(|member| member.path.as_str()).collect()
    }

    /// The images of the run's own data whose [`content`](Self::content) is not in `found`.
    pub(crate) fn missing<'a>(
        &'a self,
        found: &'a HashSet<ContentHash>,
    ) -> impl Iterator<Item = &'a Member> {
        self.own()
            .filter(|member| !found.contains(&self.content(&member.identity)))
    }

    /// The fraction of the run's own images whose content is in `found`.
    pub(crate) fn share_found(&self, found: &HashSet<ContentHash>) -> f64 {
        let own = self.own().count();
        let missing = self.missing(found).count();
        (own - missing) as f64 / own.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(role: Role, path: &str, content: &str) -> Member {
        Member {
            role,
            class: "a, \"quoted\"\nclass".into(),
            path: path.into(),
            identity: ImageIdentity {
                content: ContentHash::of(content.as_bytes()),
                pixels: PixelHash::of([content.len(), 1, 1], content.as_bytes()),
                stored: PixelHash::default(),
            },
            group: "p, 1".into(),
        }
    }

    #[test]
    fn a_record_reads_back_whatever_the_names_hold() {
        let record = SplitRecord::new(vec![
            member(Role::Train, "a/1.png", "one"),
            member(Role::Test, "b;\t,\r\n.png", "two"),
            member(Role::Before, "c.png", "three"),
            member(Role::ValBefore, "d.png", "four"),
            member(Role::TestBefore, "e.png", "five"),
        ]);
        let csv = String::from_utf8(record.to_csv()).unwrap();
        assert_eq!(SplitRecord::from_csv(&csv, "split.csv").unwrap(), record);
    }

    #[test]
    fn a_damaged_record_is_rejected_by_line() {
        let good = SplitRecord::new(vec![member(Role::Train, "a", "one")]);
        let text = String::from_utf8(good.to_csv()).unwrap();
        for (from, to, says) in [
            ("split,", "part,", "first line"),
            ("train,", "learn,", "learn"),
            ("a,", "b,", "truncated or edited"),
            ("end,", "", "not a split"),
        ] {
            let broken = text.replacen(from, to, 1);
            let error = SplitRecord::from_csv(&broken, "split.csv").unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
    }

    #[test]
    fn a_record_cut_at_a_line_is_rejected() {
        let record = SplitRecord::new(vec![
            member(Role::Train, "a/1.png", "one"),
            member(Role::Test, "b.png", "two"),
        ]);
        let text = String::from_utf8(record.to_csv()).unwrap();
        let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
        for end in &ends[..ends.len() - 1] {
            assert!(
                SplitRecord::from_csv(&text[..*end], "split.csv").is_err(),
                "{end}"
            );
        }
        assert!(SplitRecord::from_csv(&text, "split.csv").is_ok());
        let unknown = record.with_unknown_start();
        assert!(unknown.is_incomplete());
        let text = String::from_utf8(unknown.to_csv()).unwrap();
        assert!(
            SplitRecord::from_csv(&text, "split.csv")
                .unwrap()
                .is_incomplete()
        );
    }

    #[test]
    fn what_an_ancestor_used_is_kept_over_generations() {
        let own = |role, content: &str| {
            let path = format!("{content}.png");
            SplitRecord::new(vec![member(role, &path, content)])
        };
        let first = SplitRecord::new(vec![
            member(Role::Train, "1.png", "learnt"),
            member(Role::Val, "2.png", "chosen by"),
            member(Role::Test, "3.png", "tested"),
        ]);
        let second = own(Role::Train, "second").with_start(&first);
        // The third run validates on what the first was tested on: it must still stay out of training.
        let third = own(Role::Val, "tested").with_start(&second);
        let role = |content: &str| third.role(&ContentHash::of(content.as_bytes()));
        assert_eq!(role("learnt"), Some(Role::Before));
        assert_eq!(role("second"), Some(Role::Before));
        assert_eq!(role("chosen by"), Some(Role::ValBefore));
        assert_eq!(role("tested"), Some(Role::Val));
        assert!(third.is_tested(&ContentHash::of(b"tested")));
        let csv = String::from_utf8(third.to_csv()).unwrap();
        assert_eq!(SplitRecord::from_csv(&csv, "split.csv").unwrap(), third);
        assert_eq!(third.own().count(), 1);
    }

    #[test]
    fn images_of_equal_pixels_are_one_whatever_their_files() {
        let saved = |role, path: &str, bytes: &str, looks: [&[u8]; 2]| {
            let mut saved = member(role, path, bytes);
            let look = |at: usize| match looks[at] {
                [] => PixelHash::default(),
                pixels => PixelHash::of([pixels.len(), 1, 1], pixels),
            };
            (saved.identity.pixels, saved.identity.stored) = (look(0), look(1));
            saved
        };
        let record = SplitRecord::new(vec![
            saved(Role::Test, "a.png", "deflated", [b"ab", b""]),
            saved(Role::Train, "a.bmp", "plain", [b"ab", b""]),
            saved(Role::Val, "turned.jpg", "turned", [b"cd", b"dc"]),
        ]);
        let role = |bytes: &str, looks| {
            let other = saved(Role::Test, "other", bytes, looks);
            record.role(&record.content(&other.identity))
        };
        // For two files with equal pixels, the role with more influence.
        for bytes in ["deflated", "plain", "saved again"] {
            assert_eq!(role(bytes, [b"ab", b""]), Some(Role::Train), "{bytes}");
        }
        // Without EXIF data, with the pixels rotated accordingly, and with EXIF data of another program.
        for looks in [[&b"dc"[..], b""], [b"cd", b""], [b"xx", b"dc"]] {
            assert_eq!(role("turned again", looks), Some(Role::Val));
        }
        // Recognised by its bytes, whatever its decoded pixels are.
        assert_eq!(role("turned", [b"zz", b""]), Some(Role::Val));
        assert_eq!(role("new", [b"xx", b""]), None);
        assert_eq!(role("new", [b"", b""]), None);
    }

    #[test]
    fn content_that_was_trained_on_once_counts_as_trained_on() {
        let record = SplitRecord::new(vec![
            member(Role::Test, "a", "same"),
            member(Role::Train, "b", "same"),
        ]);
        let role = record.role(&ContentHash::of(b"same"));
        assert_eq!(role, Some(Role::Train));
    }
}
