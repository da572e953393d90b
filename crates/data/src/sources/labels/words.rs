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
pub(super) const SPLIT: &[&str] = &["fold", "partition", "set", "split", "subset"];
/// The same of a column that is true for validation images.
pub(super) const VALID: &[&str] = &["isval", "isvalid", "isvalidation"];
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

/// The name of a column as it is compared.
pub(super) fn plain(name: &str) -> String {
    let name = name.chars().filter(|c| !matches!(c, '_' | '-' | ' '));
    name.flat_map(char::to_lowercase).collect()
}
