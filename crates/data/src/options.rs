//! Options for opening a data set.

use crate::error::DataError;
use crate::image::decode::DecodeLimits;
use crate::names::key;
use crate::record::SplitRecord;
use std::path::PathBuf;
use std::sync::Arc;

/// What to do about images that cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum BadImages {
    /// Refuse the data set with an error that names them. The default: a damaged file usually means
    /// an interrupted copy, and then more is missing than what is seen to be damaged.
    #[default]
    #[cfg_attr(feature = "clap", value(help = "Stop with an error that lists them"))]
    Fail,
    /// Leave them out; [`DataSet::damaged`](crate::DataSet::damaged) lists them. Also the way to
    /// list them without failing.
    #[cfg_attr(feature = "clap", value(help = "Leave them out"))]
    Skip,
}

/// How a run's record decides the splits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordUse {
    /// The data are the run's own: every image is in its recorded split, and one that was not there
    /// is in [`DataSet::new`](crate::DataSet::new).
    Follow,
    /// A run that starts from the recorded one: its images keep their splits and new ones are split
    /// as usual. What it was tested on is not trained on, and what it was trained on is not tested.
    Extend,
    /// Any data: as `Follow` if half of the run's images are among them, by content; else other data,
    /// of which what the run was trained on is left out.
    Recognize,
}

/// One of the parts that a cross-validation divides the data into.
///
/// All images but those of the data's own test split, which is left out, are divided into `of` folds,
/// every class evenly, equal images and images of one group together. Fold `number` is the test split;
/// of the others `val_fraction` becomes the validation split, and what is left is trained on. Which
/// fold an image is in depends on the images' content, their groups and the seed, not on their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fold {
    /// Which of them is tested, from 1.
    pub number: usize,
    /// How many there are, 2 or more.
    pub of: usize,
}

/// How [`open`](crate::open) finds, splits and checks a data set.
#[derive(Clone, Debug)]
pub struct DataOptions {
    /// The folder where data sets known by name are looked for first, and downloaded to.
    pub data_dir: Option<PathBuf>,
    /// The share of the training images, in `0.0..1.0`, that becomes the validation split when the
    /// source has none, about the same of every class. Which images these are depends on each
    /// image's content and the seed alone. Default 0.1.
    pub val_fraction: f64,
    /// The share of all images, in `0.0..1.0`, that becomes the test split; only used for one
    /// folder of class folders, which has no split of its own. Default 0.1.
    pub test_fraction: f64,
    /// The part of a cross-validation that is tested; `None` for splits as the data have them or as
    /// the shares say.
    pub fold: Option<Fold>,
    /// The seed of the split and of `limit`. Default 0.
    pub seed: u64,
    /// At most this many training images, a stratified and seeded choice. Validation and test
    /// splits shrink in the same proportion, to at least one image each. Without training images
    /// it is the number for the largest split.
    pub limit: Option<usize>,
    /// A label list: a CSV file with the class of each image, and optionally its split and group.
    /// Then the names of folders say nothing about classes.
    pub labels: Option<PathBuf>,
    /// The column of the label list that has the classes, by its name or its number counted from 1;
    /// found by name and content if not given.
    pub label_column: Option<String>,
    /// What images belong together, such as those of one patient, and must not be separated by a
    /// split: a column of the label list, or a regular expression of which the part in brackets is
    /// the group. It is compared with file names, or with paths below the folder if it has a `/`. Empty:
    /// images are not grouped.
    pub group: Option<String>,
    /// Whether `group` is that of another run, which may fit these images or not: where it does not, a note
    /// says so. Default false.
    pub group_is_inherited: bool,
    /// What to do about images that cannot be read.
    pub bad_images: BadImages,
    /// Whether to open a set although no training image of some class, or none at all, can be read.
    /// With [`BadImages::Skip`], to list everything that is damaged; training on such a set makes
    /// no sense. Default false.
    pub allow_empty_classes: bool,
    /// The class list of a trained model. Labels are then positions in this list, found by name;
    /// a class that it does not have is an error, and one class is enough. A folder may then have a
    /// validation or test split alone; its training split is empty.
    pub classes: Option<Vec<String>>,
    /// Other names of those classes, one for each: a folder of such a name has images of that class.
    pub class_ids: Option<Vec<String>>,
    /// The record of a trained run, and what it is for here. Default `None`.
    pub record: Option<(Arc<SplitRecord>, RecordUse)>,
    /// Whether a data set known by name may be downloaded. Default true.
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
                    format!("it is {value}; use a fraction from 0 to below 1, such as 0.1"),
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
                format!("it is number {number} of {of}; use 2 or more folds, counted from 1"),
            ));
        }
        if self.limit == Some(0) {
            return Err(DataError::setting(
                "data.limit",
                "it is 0; use 1 or more images, or leave it out",
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
        options.check().expect_err("must be refused").to_string()
    }

    #[test]
    fn fractions_outside_0_to_1_are_refused() {
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
