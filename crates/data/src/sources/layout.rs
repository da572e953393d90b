//! Telling the splits and the classes among the subfolders of a folder.

use crate::error::DataError;
use crate::names::enumerate;
use crate::sources::walk::{files, subfolders, walk};
use receptive_core::text::Printable;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Where the class folders are.
pub(crate) struct Layout {
    /// The folder whose class folders hold the training images. `None` only if a trained model
    /// brings the classes.
    pub(crate) train: Option<PathBuf>,
    pub(crate) val: Option<PathBuf>,
    pub(crate) test: Option<PathBuf>,
    /// Whether `train` is the folder itself, with nothing that is a test split.
    pub(crate) cut_test: bool,
    pub(crate) notes: Vec<String>,
}

/// A split, and what its folder may be called, in upper or lower case.
struct SplitNames {
    name: &'static str,
    folders: &'static [&'static str],
}

const TRAIN: SplitNames = SplitNames {
    name: "training",
    folders: &["train", "training"],
};
const VAL: SplitNames = SplitNames {
    name: "validation",
    folders: &["val", "valid", "validation", "dev"],
};
const TEST: SplitNames = SplitNames {
    name: "test",
    folders: &["test", "testing", "eval", "evaluation"],
};
const KINDS: [SplitNames; 3] = [TRAIN, VAL, TEST];

impl SplitNames {
    fn is_named(&self, name: &OsStr) -> bool {
        self.folders.iter().any(|f| name.eq_ignore_ascii_case(f))
    }
}

fn is_split_name(name: &OsStr) -> bool {
    KINDS.iter().any(|kind| kind.is_named(name))
}

/// Which split is called like this: training, validation or test, 0, 1 or 2.
pub(super) fn split_named(name: &OsStr) -> Option<usize> {
    KINDS.iter().position(|kind| kind.is_named(name))
}

/// A folder with the name of a split.
struct SplitFolder {
    folder: PathBuf,
    /// A class may well be called `train` or `test`: only folders inside make it a split.
    has_folders: bool,
}

/// Looks at the names of the folders in `root`, and of the folders in those.
///
/// `classes_given`: the classes are a trained model's, so that no training split is needed.
pub(crate) fn layout(root: &Path, classes_given: bool) -> Result<Layout, DataError> {
    let folders = subfolders(root)?;
    if folders.is_empty() {
        let (images, others) = files(root)?;
        return Err(DataError::layout(
            root,
            format!(
                "it has no class folders (found {} images and {} other files); put the images of \
                 each class into a folder of its own, named after the class",
                images.len(),
                others.len()
            ),
        ));
    }
    let train = find(root, &folders, &TRAIN)?;
    let val = find(root, &folders, &VAL)?;
    let test = find(root, &folders, &TEST)?;
    let is_split =
        |split: &Option<SplitFolder>| split.as_ref().is_some_and(|split| split.has_folders);
    let only_splits = folders.iter().map(name).all(|name| is_split_name(&name));
    let evaluation_only = only_splits && classes_given && (is_split(&val) || is_split(&test));
    if is_split(&train) || evaluation_only {
        let train = train.filter(|train| train.has_folders);
        return Ok(splits(&folders, [train, val, test]));
    }
    if only_splits {
        let problem = match &train {
            Some(train) => format!(
                "its `{}` folder has no class folders; put the images of each class into a \
                 folder of its own in it, named after the class",
                name(&train.folder).to_string_lossy().printable()
            ),
            None => "it has no `train` folder beside its validation or test folder; \
                     the class list comes from `train`"
                .to_string(),
        };
        return Err(DataError::layout(root, problem));
    }
    refuse_splits_beside_classes(root, &folders, [&val, &test])?;
    refuse_unknown_splits(root, &folders)?;
    Ok(Layout {
        train: Some(root.to_path_buf()),
        val: None,
        test: None,
        cut_test: true,
        notes: Vec::new(),
    })
}

fn splits(folders: &[PathBuf], found: [Option<SplitFolder>; 3]) -> Layout {
    let [train, val, test] = found.map(|split| split.map(|split| split.folder));
    let taken = [&train, &val, &test];
    let others: Vec<String> = folders
        .iter()
        .filter(|folder| !taken.contains(&&Some((*folder).clone())))
        .map(|folder| name(folder).to_string_lossy().into_owned())
        .collect();
    let mut notes = Vec::new();
    if !others.is_empty() {
        notes.push(format!(
            "passed over what lies beside the splits: {}",
            enumerate(&others)
        ));
    }
    Layout {
        train,
        val,
        test,
        cut_test: false,
        notes,
    }
}

/// The folder of a split: the one with folders inside, else the first of that name.
fn find(
    root: &Path,
    folders: &[PathBuf],
    kind: &SplitNames,
) -> Result<Option<SplitFolder>, DataError> {
    let mut found: Option<SplitFolder> = None;
    for folder in folders.iter().filter(|f| kind.is_named(&name(f))) {
        let has_folders = !subfolders(folder)?.is_empty();
        match &found {
            Some(first) if first.has_folders && has_folders => {
                return Err(DataError::layout(
                    root,
                    format!(
                        "both {} and {} could be the {} split; rename or remove one",
                        first.folder.printable(),
                        folder.printable(),
                        kind.name
                    ),
                ));
            }
            Some(first) if first.has_folders || !has_folders => {}
            _ => {
                found = Some(SplitFolder {
                    folder: folder.clone(),
                    has_folders,
                });
            }
        }
    }
    Ok(found)
}

/// A class may be called `val` or `test`, but not hold the other classes.
fn refuse_splits_beside_classes(
    root: &Path,
    folders: &[PathBuf],
    splits: [&Option<SplitFolder>; 2],
) -> Result<(), DataError> {
    for split in splits.into_iter().flatten() {
        let inner = subfolders(&split.folder)?;
        let twice = inner
            .iter()
            .find(|inner| folders.iter().any(|f| f.file_name() == inner.file_name()));
        if let Some(twice) = twice {
            return Err(DataError::layout(
                root,
                format!(
                    "it has class folders, and {} is one of the same name in a split; \
                     move the class folders into a folder `train`",
                    twice.printable()
                ),
            ));
        }
    }
    Ok(())
}

/// Folders without images of their own which share the names of two folders or more are splits
/// with names of their own (`a/cat`, `a/dog`, `b/cat`, `b/dog`): as classes they would silently
/// teach to tell the splits apart. One shared name is no sign (`cat/images`, `dog/images`).
fn refuse_unknown_splits(root: &Path, folders: &[PathBuf]) -> Result<(), DataError> {
    let mut seen: Vec<(&PathBuf, Vec<OsString>)> = Vec::new();
    for folder in folders {
        let inner: Vec<OsString> = subfolders(folder)?.iter().map(name).collect();
        if inner.len() < 2 || !files(folder)?.0.is_empty() {
            continue;
        }
        for (other, others) in &seen {
            let mut shared = Vec::new();
            for inner in inner.iter().filter(|inner| others.contains(inner)) {
                // Masks or notes beside the images are no classes.
                let holds = |folder: &Path| walk(&folder.join(inner)).map(|w| !w.images.is_empty());
                if holds(folder)? && holds(other)? {
                    shared.push(inner.clone());
                }
            }
            if shared.len() > 1 {
                return Err(DataError::layout(
                    root,
                    unknown_splits(other, folder, &shared),
                ));
            }
        }
        seen.push((folder, inner));
    }
    Ok(())
}

fn unknown_splits(one: &Path, two: &Path, shared: &[OsString]) -> String {
    let text = |name: &OsString| name.to_string_lossy().into_owned();
    let list = |names: Vec<String>| enumerate(&names);
    let pair = list(
        [one, two]
            .iter()
            .map(|folder| text(&name(folder)))
            .collect(),
    );
    let inside = list(shared.iter().map(text).collect());
    if shared.iter().all(|name| is_split_name(name)) {
        return format!(
            "its class folders {pair} hold splits ({inside}), but a split must hold the class \
             folders; move the images to {} and so on",
            list(
                shared
                    .iter()
                    .map(|s| text(&Path::new(s).join(name(one)).into()))
                    .collect()
            )
        );
    }
    let [train, val, test] = KINDS.map(|kind| {
        kind.folders
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(" or ")
    });
    format!(
        "its folders {pair} hold no images, but folders of the same names ({inside}), so they look \
         like splits, not classes; name splits {train}, {val}, {test}, or if they are classes put \
         their images directly into them"
    )
}

fn name(folder: impl AsRef<Path>) -> OsString {
    folder.as_ref().file_name().unwrap_or_default().to_owned()
}
