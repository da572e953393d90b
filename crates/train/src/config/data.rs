//! The data of a run, and how images are converted to inputs.

use crate::error::TrainError;
use receptive_data::{BadImages, DataOptions, DecodeLimits, Fit, Fold, Interpolation, Resize};
use receptive_model::Pair;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One tebibyte.
const MAX_CACHE_MB: u64 = 1 << 20;

/// The data, and how they are converted to inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// A name such as `fashion-mini`, or a path.
    pub source: String,
    /// A CSV file with the class of each image, and optionally its split and group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<PathBuf>,
    /// The column of the label list that has the classes; found by name and content if not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_column: Option<String>,
    /// The groups of images, such as those of one patient, that splits must not separate: a column of the label
    /// list, or a regular expression on file names whose first capture group is the group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The directory in which named data sets are searched first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// The fraction of the training images used for validation if there is no such split.
    pub val_fraction: f64,
    /// The fraction used for testing if a folder has no splits.
    pub test_fraction: f64,
    /// The fold of a cross-validation to test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fold: Option<Fold>,
    /// Maximum number of training images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// How damaged images are handled.
    pub bad_images: BadImages,
    /// Height and width of the input; by default those of the data, or 64 for photos.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_size: Option<Pair>,
    /// Whether images are converted to greyscale (one input channel).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub grey: bool,
    /// Resize mode for images of another size.
    pub resize: Resize,
    /// Interpolation when resizing.
    #[serde(skip_serializing_if = "Interpolation::is_default")]
    pub interpolation: Interpolation,
    /// The crop fraction, for `crop` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crop_fraction: Option<f64>,
    /// Memory for decoded images, in MiB.
    pub cache_mb: u64,
    /// Maximum number of pixels of an image file; larger ones count as unreadable.
    #[serde(skip_serializing_if = "is_default_pixels")]
    pub max_pixels: u64,
}

/// The default is not written, as in earlier versions.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
fn is_default_pixels(pixels: &u64) -> bool {
    *pixels == DecodeLimits::DEFAULT_PIXELS
}

impl DataConfig {
    /// Checks the settings that `receptive-data` does not check.
    pub(super) fn check(&self) -> Result<(), TrainError> {
        if self.cache_mb > MAX_CACHE_MB {
            return Err(TrainError::setting(
                "data.cache_mb",
                format!("it is {}; use at most {MAX_CACHE_MB} MiB", self.cache_mb),
            ));
        }
        self.fit()
            .check()
            .map_err(|problem| TrainError::setting("data.crop_fraction", problem))
    }

    /// How images of another size are resized.
    pub fn fit(&self) -> Fit {
        Fit {
            resize: self.resize,
            interpolation: self.interpolation,
            crop_fraction: self.crop_fraction,
        }
    }

    /// Sets the resizing of a trained model.
    pub fn set_fit(&mut self, fit: Fit) {
        self.resize = fit.resize;
        self.interpolation = fit.interpolation;
        self.crop_fraction = fit.crop_fraction;
    }
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            source: "fashion-mini".into(),
            labels: None,
            label_column: None,
            group: None,
            data_dir: None,
            val_fraction: 0.1,
            test_fraction: 0.1,
            fold: None,
            limit: None,
            bad_images: BadImages::Fail,
            image_size: None,
            grey: false,
            resize: Resize::Stretch,
            interpolation: Interpolation::Bilinear,
            crop_fraction: None,
            cache_mb: 2048,
            max_pixels: DecodeLimits::DEFAULT_PIXELS,
        }
    }
}

impl DataConfig {
    /// How to get validation images.
    pub(crate) fn no_val_remedy(&self) -> String {
        match self.val_fraction > 0.0 {
            true => format!(
                "there are too few images for a data.val_fraction of {}: increase it, or add \
                 images",
                self.val_fraction
            ),
            false => "set a data.val_fraction above 0".into(),
        }
    }

    /// The options for opening the data set. `classes` are a trained model's.
    pub fn options(&self, seed: u64, classes: Option<Vec<String>>) -> DataOptions {
        DataOptions {
            data_dir: self.data_dir.clone(),
            val_fraction: self.val_fraction,
            test_fraction: self.test_fraction,
            fold: self.fold,
            seed,
            limit: self.limit,
            labels: self.labels.clone(),
            label_column: self.label_column.clone(),
            group: self.group.clone(),
            bad_images: self.bad_images,
            classes,
            decode: DecodeLimits {
                pixels: self.max_pixels,
                ..DecodeLimits::default()
            },
            ..DataOptions::default()
        }
    }
}
