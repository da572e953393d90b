//! Common names of the columns of label lists.

/// Names of a column of files, in lower case and without `_`, `-` and blanks.
pub(super) const FILE: &[&str] = &[
    "file",
    "filename",
    "filepath",
    "files",
    "id",
    "image",
    "imagefile",
    "imageid",
    "imagename",
    "imagepath",
    "images",
    "img",
    "imgid",
    "imgname",
    "imgpath",
    "path",
    "photo",
    "picture",
];
/// Names of a column of classes.
pub(super) const CLASS: &[&str] = &[
    "breed",
    "breeds",
    "category",
    "categoryid",
    "categoryname",
    "class",
    "classes",
    "classid",
    "classname",
    "diagnosis",
    "dx",
    "label",
    "labelid",
    "labelname",
    "labels",
    "species",
    "target",
    "targets",
    "variety",
];
/// Names of a column of splits.
pub(super) const SPLIT: &[&str] = &[
    "datasplit",
    "fold",
    "partition",
    "phase",
    "set",
    "split",
    "subset",
    "traintest",
    "traintestsplit",
    "usage",
];
/// Names of columns that are true for training, validation or test images.
pub(super) const FLAGS: [&[&str]; 3] = [
    &["istrain", "istraining", "istrainingimage", "istrainingset"],
    &[
        "isdev",
        "isval",
        "isvalid",
        "isvalidation",
        "isvalidationset",
    ],
    &["iseval", "istest", "istesting", "istestset"],
];
/// Names of such columns that could also be classes, to be confirmed by their values and the other columns.
pub(super) const PLAIN_FLAGS: [&[&str]; 3] = [
    &["train", "training"],
    &["dev", "val", "valid", "validation"],
    &["eval", "evaluation", "test", "testing"],
];
/// Names of a column of groups.
pub(super) const GROUP: &[&str] = &[
    "group",
    "groupid",
    "individual",
    "individualid",
    "lesion",
    "lesionid",
    "patient",
    "patientid",
    "plant",
    "plantid",
    "subject",
    "subjectid",
    "video",
    "videoid",
];

/// The value of a cell that means true or false.
pub(super) fn flag(cell: &str) -> Option<bool> {
    match cell.to_ascii_lowercase().as_str() {
        "1" | "1.0" | "true" | "yes" | "y" => Some(true),
        "0" | "0.0" | "false" | "no" | "n" => Some(false),
        _ => None,
    }
}

/// A column's name in the form in which names are compared.
pub(super) fn plain(name: &str) -> String {
    let name = name.chars().filter(|c| !matches!(c, '_' | '-' | ' '));
    name.flat_map(char::to_lowercase).collect()
}
