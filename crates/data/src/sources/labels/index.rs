//! Finding the image that a label list names.

use crate::names::key;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Component, Path};

/// The image files of a data set, by name.
pub(super) struct Index {
    images: Vec<Names>,
    /// Hashes of every image's path and file name in lower case, with and without the extension; sorted. A map
    /// of strings would take several times the memory.
    hashes: Vec<(u64, u32)>,
    /// The name of the data set's folder.
    root: String,
    /// The folder of the list below that of the data set, if it is inside.
    list_folder: Option<String>,
}

/// The path of one image below the data set's folder, separated by `/`.
struct Names {
    path: String,
    /// The length of the path without the file's extension.
    stem: usize,
}

/// The result of looking up a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    Image(usize),
    Missing,
    /// Several images in different folders have this name.
    Ambiguous(Vec<usize>),
}

impl Index {
    /// `images` are below `root`; `list` is the path of the label list.
    pub(super) fn new<'a>(
        root: &Path,
        images: impl Iterator<Item = &'a Path>,
        list: &Path,
    ) -> Self {
        let absolute = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let (whole, list) = (absolute(root), absolute(list));
        let folder = list.parent().and_then(|f| f.strip_prefix(&whole).ok());
        let mut index = Self {
            images: Vec::new(),
            hashes: Vec::new(),
            root: last(&slashed(&whole)).to_string(),
            list_folder: folder.map(slashed).filter(|folder| !folder.is_empty()),
        };
        for image in images {
            let path = slashed(image.strip_prefix(root).unwrap_or(image));
            let extension = last(&path).rfind('.').filter(|dot| *dot > 0);
            let stem = extension.map_or(path.len(), |dot| path.len() - last(&path).len() + dot);
            let names = Names { path, stem };
            let number = index.images.len() as u32;
            let mut hashes = [names.path(), names.stem()]
                .map(|path| [hash(path), hash(last(path))])
                .concat();
            hashes.sort_unstable();
            hashes.dedup();
            index
                .hashes
                .extend(hashes.into_iter().map(|hash| (hash, number)));
            index.images.push(names);
        }
        index.hashes.sort_unstable();
        index
    }

    /// The number of images.
    pub(super) fn len(&self) -> usize {
        self.images.len()
    }

    /// The path of an image below the data set's folder.
    pub(super) fn path(&self, image: usize) -> &str {
        self.images.get(image).map_or("", Names::path)
    }

    /// The image with this name: a path below the folder of the data set or of the list, or the end of such a
    /// path if only one image has it; with or without the extension.
    pub(super) fn find(&self, name: &str) -> Lookup {
        let Some(name) = normalized(name) else {
            return Lookup::Missing;
        };
        let mut wholes = vec![name.clone()];
        wholes.extend(
            self.list_folder
                .as_ref()
                .map(|folder| format!("{folder}/{name}")),
        );
        wholes.extend(self.below_root(&name));
        let kinds = [Names::path, Names::stem];
        for fold in [str::to_string, str::to_lowercase] {
            for (whole, kind) in wholes.iter().flat_map(|w| kinds.map(|kind| (w, kind))) {
                let found = self.all(whole, |path| fold(kind(path)) == fold(whole));
                if let Some(found) = found {
                    return found;
                }
            }
            for kind in kinds {
                let found = self.all(last(&name), |path| {
                    ends_with(&fold(kind(path)), &fold(&name))
                });
                if let Some(found) = found {
                    return found;
                }
            }
        }
        Lookup::Missing
    }

    /// The images with this path or file name that satisfy `matches`.
    fn all(&self, key: &str, matches: impl Fn(&Names) -> bool) -> Option<Lookup> {
        let key = hash(key);
        let first = self.hashes.partition_point(|(hash, _)| *hash < key);
        let same = self.hashes[first..]
            .iter()
            .take_while(|(hash, _)| *hash == key);
        let found: Vec<usize> = same
            .map(|(_, image)| *image as usize)
            .filter(|image| self.images.get(*image).is_some_and(&matches))
            .collect();
        match found.as_slice() {
            [] => None,
            [image] => Some(Lookup::Image(*image)),
            _ => Some(Lookup::Ambiguous(found)),
        }
    }

    /// The path after a folder named like the data set's: `cat/1.png` in `photos/cat/1.png`, or in
    /// `/home/me/photos/cat/1.png` from another machine.
    fn below_root(&self, name: &str) -> Vec<String> {
        let parts: Vec<&str> = name.split('/').collect();
        let is_root = |part: &str| part.to_lowercase() == self.root.to_lowercase();
        (1..parts.len())
            .filter(|at| is_root(parts[at - 1]))
            .map(|at| parts[at..].join("/"))
            .collect()
    }
}

impl Names {
    fn path(&self) -> &str {
        &self.path
    }

    fn stem(&self) -> &str {
        self.path.get(..self.stem).unwrap_or(&self.path)
    }
}

fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.to_lowercase().hash(&mut hasher);
    hasher.finish()
}

fn ends_with(path: &str, name: &str) -> bool {
    let before = path.strip_suffix(name);
    before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A path on this machine, separated by `/`.
fn slashed(path: &Path) -> String {
    let parts: Vec<_> = path
        .components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_string_lossy()),
            _ => None,
        })
        .collect();
    key(&parts.join("/"))
}

/// A path from any machine, separated by `/` and without `.` and `..`; `None` if nothing is left.
pub(super) fn normalized(name: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in name.split(['/', '\\']) {
        match part.trim() {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| key(&parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(list: &str, images: &[&str]) -> Index {
        let root = Path::new("/data/photos");
        let paths: Vec<_> = images.iter().map(|image| root.join(image)).collect();
        Index::new(
            root,
            paths.iter().map(|path| path.as_path()),
            Path::new(list),
        )
    }

    #[test]
    fn a_name_is_a_path_below_the_folder_or_its_unambiguous_end() {
        let index = index(
            "/data/labels.csv",
            &[
                "cat/1.png",
                "dog/1.png",
                "dog/a.b.JPG",
                "dog/x/2.png",
                "3.png",
            ],
        );
        for (name, image) in [
            ("cat/1.png", 0),
            ("./cat\\1.png", 0),
            ("photos/dog/1.png", 1),
            ("../photos/dog/1.png", 1),
            ("C:\\Users\\me\\photos\\dog\\1.png", 1),
            ("/home/me/photos/cat/1", 0),
            ("cat/1", 0),
            ("a.b.jpg", 2),
            ("a.b", 2),
            ("DOG/A.B.JPG", 2),
            ("2.png", 3),
            ("x/2", 3),
            ("3", 4),
        ] {
            assert_eq!(index.find(name), Lookup::Image(image), "{name}");
        }
        assert_eq!(index.find("1.png"), Lookup::Ambiguous(vec![0, 1]));
        assert_eq!(index.find("1"), Lookup::Ambiguous(vec![0, 1]));
        for name in [
            "4.png",
            "",
            "/",
            "..",
            "fox/1.png",
            "g/2.png",
            "cat/1.jpg",
            "other/3.png",
        ] {
            assert_eq!(index.find(name), Lookup::Missing, "{name}");
        }
    }

    /// A list for two folders must not label images of one by the names of the other.
    #[test]
    fn a_file_of_another_folder_is_not_taken_for_one_of_this() {
        let index = index("/data/list.csv", &["1.png"]);
        assert_eq!(index.find("test/1.png"), Lookup::Missing);
        assert_eq!(index.find("photos/1.png"), Lookup::Image(0));
    }

    #[test]
    fn the_folder_of_the_list_and_the_case_of_letters_decide_between_equal_ends() {
        let images = ["a/1.png", "b/1.png", "b/X.png", "b/x.png"];
        let index = index("/data/photos/b/list.csv", &images);
        assert_eq!(index.find("1.png"), Lookup::Image(1));
        assert_eq!(index.find("X.png"), Lookup::Image(2));
        assert_eq!(index.find("x.png"), Lookup::Image(3));
    }
}
