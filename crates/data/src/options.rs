//! Options for opening a data set.

use crate::error::DataError;
use crate::image::decode::DecodeLimits;
use crate::names::key;
use crate::record::SplitRecord;
use std::path::PathBuf;
use std::sync::Arc;

/// How to handle images that cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum BadImages {
    /// Reject the data set with an error that lists them. The default, because a damaged file usually means an
    /// interrupted copy, so more files may be missing.
    #[default]
    #[cfg_attr(feature = "clap", value(help = "Stop with an error that lists them"))]
    Fail,
    /// Leave them out; [`DataSet::damaged`](crate::DataSet::damaged) lists them. Also useful to list them
    /// without an error.
    #[cfg_attr(feature = "clap", value(help = "Leave them out"))]
    Skip,
}

/// How a run's record determines the splits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordUse {
    /// The data are the run's own: every image is in its recorded split, and added ones are in
    /// [`DataSet::new`](crate::DataSet::new).
    Follow,
    /// The data are for a run that starts from the recorded one: images keep their splits, and added ones are
    /// split by default. Test images of the record are never trained on, and its training images never tested
    /// on.
    Extend,
    /// The data may be any: handled as by `Follow` if they contain half of the run's images (by content), else
    /// as another data set, without the run's training images.
    Recognize,
}

/// One fold of a cross-validation.
///
/// All images except those of the data's own test split, which is left out, are divided into `of` folds, evenly
/// within every class; equal images and images of one group stay together. Fold `number` is the test split; of
/// the others, the fraction `val_fraction` becomes the validation split and the rest the training split. The
/// folds depend on the images' content, their groups and the seed, not on file names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fold {
    /// The fold to test, from 1.
    pub number: usize,
    /// The number of folds, 2 or more.
    pub of: usize,
}

/// How [`open`](crate::open) finds, splits and checks a data set.
#[derive(Clone, Debug)]
pub struct DataOptions {
    /// The folder for named data sets: searched first, and the target of downloads.
    pub data_dir: Option<PathBuf>,
    /// The fraction of the training images, in `0.0..1.0`, that becomes the validation split if the source has
    /// none, stratified by class. Which images depends only on their content and the seed. Default 0.1.
    pub val_fraction: f64,
    /// The fraction of all images, in `0.0..1.0`, that becomes the test split; only used for a
    /// folder of class folders without splits. Default 0.1.
    pub test_fraction: f64,
    /// The fold of a cross-validation to test; `None` uses the data's own splits or the fractions above.
    pub fold: Option<Fold>,
    /// The seed of the split and of `limit`. Default 0.
    pub seed: u64,
    /// Maximum number of training images, a stratified and seeded choice. Validation and test splits shrink in
    /// proportion, to at least one image each. Without training images it applies to the largest split.
    pub limit: Option<usize>,
    /// A label list: a CSV file with the class of each image, and optionally its split and group. Folder names
    /// are then ignored.
    pub labels: Option<PathBuf>,
    /// The column of the label list that has the classes, by name or by number from 1; found by name and
    /// content if `None`.
    pub label_column: Option<String>,
    /// The groups of images, such as those of one patient, that splits must not separate: a column of the label
    /// list, or a regular expression whose first capture group is the group. It is matched against file names,
    /// or against paths below the folder if it contains a `/`. Empty: images are not grouped.
    pub group: Option<String>,
    /// Whether `group` comes from another run and may not apply to these images, which is then only noted.
    /// Default false.
    pub group_is_inherited: bool,
    /// Whether the run of [`record`](Self::record) used only part of its images; then none of them counts as
    /// new. Default false.
    pub record_is_limited: bool,
    /// How to handle images that cannot be read.
    pub bad_images: BadImages,
    /// Whether to open a data set even if no training image of some class, or none at all, can be read. For
    /// listing all damaged files with [`BadImages::Skip`], not for training. Default false.
    pub allow_empty_classes: bool,
    /// The class list of a trained model. Labels are then indices into this list, matched by name; an unknown
    /// class is an error, and one class is enough. A folder may then have only a validation or test split; its
    /// training split is empty.
    pub classes: Option<Vec<String>>,
    /// Alternative names of those classes, one per class: a folder with such a name contains images of that
    /// class.
    pub class_ids: Option<Vec<String>>,
    /// The record of a trained run, and how it is used. Default `None`.
    pub record: Option<(Arc<SplitRecord>, RecordUse)>,
    /// Whether known data sets may be downloaded. Default true.
    pub download: bool,
    /// Limits on decoding an image file.
    pub decode: DecodeLimits,
}

impl Default for DataOptions {
    fn default() -> Self {
        Self {
            data_dir: None,
            val_fraction: Self::DEFAULT_FRACTION,
            test_fraction: Self::DEFAULT_FRACTION,
            fold: None,
            seed: 0,
            limit: None,
            labels: None,
            label_column: None,
            group: None,
            group_is_inherited: false,
            record_is_limited: false,
            bad_images: BadImages::Fail,
            allow_empty_classes: false,
            classes: None,
            class_ids: None,
            record: None,
            download: true,
            decode: DecodeLimits::default(),
        }
    }
}

impl DataOptions {
    /// The default of `val_fraction` and `test_fraction`.
    pub const DEFAULT_FRACTION: f64 = 0.1;

    /// Checks the fractions, the limit and the class list.
    ///
    /// # Errors
    /// [`DataError::Setting`].
    pub fn check(&self) -> Result<(), DataError> {
        for (setting, value) in [
            ("data.val_fraction", self.val_fraction),
            ("data.test_fraction", self.test_fraction),
        ] {
            if !(0.0..1.0).contains(&value) {
                return Err(DataError::setting(
                    setting,
                    format!("it is {value}; expected at least 0 and less than 1, such as 0.1"),
                ));
            }
        }
        if self.val_fraction + self.test_fraction >= 1.0 {
            return Err(DataError::setting(
                "data.val_fraction",
                format!(
                    "{} for validation and {} for test leave nothing to train on: their sum must \
                     be below 1",
                    self.val_fraction, self.test_fraction
                ),
            ));
        }
        if let Some(Fold { number, of }) = self.fold
            && (of < 2 || !(1..=of).contains(&number))
        {
            return Err(DataError::setting(
                "data.fold",
                format!("it is fold {number} of {of}; use 2 or more folds, numbered from 1"),
            ));
        }
        if self.limit == Some(0) {
            return Err(DataError::setting(
                "data.limit",
                "it is 0; expected at least 1 image (leave it unset for no limit)",
            ));
        }
        if self.label_column.is_some() && self.labels.is_none() {
            return Err(DataError::setting(
                "data.label_column",
                "it names a column of a label list, but there is none; set data.labels too",
            ));
        }
        if let Some(classes) = &self.classes {
            if classes.is_empty() {
                return Err(DataError::setting(
                    "classes",
                    "the list is empty; give at least one",
                ));
            }
            let mut seen = std::collections::HashSet::new();
            if let Some(twice) = classes.iter().find(|class| !seen.insert(key(class))) {
                return Err(DataError::setting(
                    "classes",
                    format!("`{twice}` is listed twice; name each class once"),
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(change: impl FnOnce(&mut DataOptions)) -> String {
        let mut options = DataOptions::default();
        change(&mut options);
        options.check().expect_err("must be rejected").to_string()
    }

    #[test]
    fn fractions_outside_0_to_1_are_rejected() {
        assert!(problem(|o| o.val_fraction = 1.0).contains("data.val_fraction"));
        assert!(problem(|o| o.val_fraction = f64::NAN).contains("data.val_fraction"));
        assert!(problem(|o| o.test_fraction = -0.1).contains("data.test_fraction"));
        assert!(problem(|o| (o.val_fraction, o.test_fraction) = (0.5, 0.5)).contains("below 1"));
        assert!(problem(|o| o.limit = Some(0)).contains("data.limit"));
        for (number, of) in [(1, 1), (0, 5), (6, 5)] {
            let fold = Some(Fold { number, of });
            assert!(problem(|o| o.fold = fold).contains("data.fold"));
        }
        assert!(problem(|o| o.classes = Some(vec!["a".into(), "a".into()])).contains("twice"));
    }
}
