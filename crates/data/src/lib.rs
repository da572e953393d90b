//! Image data sets for training: from a name or a path to seeded, reproducible batches.
//!
//! The steps, with their types and folders:
//!
//! ```text
//! name or path -> open -> sources/ (images and names in files) -> split/ DataSet { classes, train, val, test }
//!     Split -> batch/ Samples (one size, cached bytes [height, width, channels]) + order(len, seed, epoch)
//!           -> Loader (worker threads): image/ decode, resize -> augment/ augment, normalise
//!           -> Batch { f32 [n, channels, height, width], labels }
//! ```
//!
//! The crate does not depend on models or tensors.
//!
//! ```
//! use std::sync::Arc;
//! use receptive_data::{
//!     DataOptions, ImageSize, Loader, LoaderOptions, NoProgress, Resize, Samples, open, order,
//! };
//!
//! let data = open("fashion-mini", &DataOptions::default(), &NoProgress)?;
//! assert_eq!((data.train.len(), data.val.len()), (9_000, 1_000));
//! assert_eq!(data.classes[9], "Ankle boot");
//!
//! let size = ImageSize::new(1, 28, 28);
//! let samples = Samples::new(data.train.clone(), size, Resize::Stretch, Samples::CACHE_BYTES);
//! let (mean, std) = samples.mean_std(&NoProgress, 2)?;
//!
//! let samples = Arc::new(samples);
//! let (seed, epoch) = (42, 0);
//! let options = LoaderOptions { mean, std, seed, epoch, ..LoaderOptions::default() };
//! let mut loader = Loader::new(samples.clone(), order(samples.len(), seed, epoch), options);
//! let batch = loader.next().expect("an epoch has batches")?;
//! assert_eq!(batch.shape, [64, 1, 28, 28]);
//! # Ok::<(), receptive_data::DataError>(())
//! ```
//!
//! Guarantees:
//!
//! * **Labels are matched by name.** The class list comes from the training split alone (or from a
//!   trained model, [`DataOptions::classes`]); a class that is missing or unknown elsewhere
//!   never shifts a label.
//! * **Randomness is an argument.** Splits, orders and augmentations are pure functions of seeds,
//!   epochs and indices, by a generator that is part of this crate and will not change. The number of
//!   worker threads changes nothing.
//! * **Bad input is an error that names it.** Sizes in headers are checked against the actual data before
//!   memory is allocated; files, images and decompressed data are limited in size; pipes and devices are never
//!   opened; truncated JPEGs are detected; archives are read in place, never extracted.
//! * **A download is complete or absent**: verified by SHA-256, then renamed into place.
//!
//! Not guaranteed: anything about image files that change while a run reads them. A file that can no longer be
//! decoded is an error that names it; changed pixels are not detected.

mod augment;
mod batch;
mod download;
mod error;
mod image;
mod names;
mod open;
mod options;
mod progress;
mod random;
mod record;
mod remarks;
mod sources;
mod split;

pub use crate::augment::batch::{BatchAugment, SoftTargets};
pub use crate::augment::changes::{
    Fill, GaussianBlur, Posterize, RandAugment, RandomAffine, Sharpness, Solarize, TrivialAugment,
};
pub use crate::augment::mix::Mix;
pub use crate::augment::normalize::Normalize;
pub use crate::augment::settings::Augment;
pub use crate::batch::Batch;
pub use crate::batch::draws::{Draws, balanced_order};
pub use crate::batch::images::{ByteImages, Images};
pub use crate::batch::loader::Loader;
pub use crate::batch::options::{BatchRows, LoaderOptions};
pub use crate::batch::samples::{Sample, Samples};
pub use crate::download::{Hub, HubFiles, HubRepository};
pub use crate::error::DataError;
pub use crate::image::decode::{DecodeLimits, decode, decode_file, identify, identify_file};
pub use crate::image::equal::{ImageIdentity, PixelHash};
pub use crate::image::resize::{check_size, fit};
pub use crate::image::{Picture, photos};
pub use crate::names::{enumerate, near as did_you_mean, same_name};
pub use crate::open::{open, open_unlabelled};
pub use crate::options::{BadImages, DataOptions, Fold, RecordUse};
pub use crate::progress::{NoProgress, Progress};
pub use crate::random::order;
pub use crate::record::{Member, Role, SplitRecord};
pub use crate::remarks::NO_VALIDATION;
pub use crate::sources::known::KNOWN_NAMES;
pub use crate::sources::walk::image_files;
pub use crate::split::Split;
pub use crate::split::assign::Duplicates;
pub use crate::split::dataset::{DataSet, SizeRange, Sizes};
pub use crate::split::follow::{Comparison, UnavailableImages};
pub use crate::split::verify::DamagedImage;
pub use receptive_core::{Fit, ImageSize, Interpolation, Resize};
