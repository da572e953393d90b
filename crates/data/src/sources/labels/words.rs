//! What the columns of label lists are called.

/// What a column of file names may be called, in lower case and without `_`, `-` and blanks.
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
/// The same of a column of classes.
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
/// The same of a column of splits.
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
/// The same of a column that is true for training, validation or test images.
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
/// The same, if its values and the other columns confirm that it is not a class.
pub(super) const PLAIN_FLAGS: [&[&str]; 3] = [
    &["train", "training"],
    &["dev", "val", "valid", "validation"],
    &["eval", "evaluation", "test", "testing"],
];
/// The same of a column of groups.
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

/// Whether a cell says yes or no.
pub(super) fn flag(cell: &str) -> Option<bool> {
    match cell.to_ascii_lowercase().as_str() {
        "1" | "1.0" | "true" | "yes" | "y" => Some(true),
        "0" | "0.0" | "false" | "no" | "n" => Some(false),
        _ => None,
    }
}

/// The name of a column as it is compared.
pub(super) fn plain(name: &str) -> String {
    let name = name.chars().filter(|c| !matches!(c, '_' | '-' | ' '));
    name.flat_map(char::to_lowercase).collect()
}
