//! Image data sets for `receptive`: from a name or a path to seeded, reproducible batches.
//!
//! One type an arrow:
//!
//! ```text
//! name or path -> open -> DataSet { classes, train, val, test }
//!     Split -> Samples (one size, cached bytes [h, w, c]) + order(len, seed, epoch)
//!           -> Loader (worker threads) -> Batch { f32 [n, c, h, w], labels }
//! ```
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
//! let size = ImageSize { channels: 1, height: 28, width: 28 };
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
//! What is promised:
//!
//! * **Labels go by name.** The class list comes from the training split alone (or from a trained
//!   model, [`DataOptions::classes`]); a class missing or unknown elsewhere never shifts a label.
//! * **Randomness is an argument.** Splits, orders and augmentations are pure functions of seeds,
//!   epochs and indices, by a generator that is part of this crate and will not change. The number of
//!   worker threads changes nothing.
//! * **Bad input is an error that names it.** Sizes in headers are compared with what is there
//!   before memory is taken; files, images and decompression are capped; pipes and devices are
//!   refused unopened; a truncated JPEG is noticed; archives are read in memory, never extracted.
//! * **A download is whole or absent**: checked by SHA-256, then renamed into place.
//!
//! What is not: image files that change while a run reads them (an error names the file if it can no
//! longer be decoded; other pixels are not noticed).

mod augment;
mod augmented;
mod batch;
mod cifar;
mod cifar_names;
mod classes;
mod dataset;
mod decode;
mod download;
mod error;
mod fit;
mod folder;
mod idx;
mod images;
mod inflate;
mod jpeg;
mod known;
mod layout;
mod loader;
mod mini;
mod named;
mod normalise;
mod open;
mod options;
pub mod photos;
mod picture;
mod progress;
mod random;
mod samples;
mod source;
mod spare;
mod split;
mod stats;
mod stratify;
mod verify;
mod walk;

pub use augment::Augment;
pub use augmented::augmented;
pub use batch::Batch;
pub use dataset::{Damaged, DataSet, Range, Sizes};
pub use decode::{DecodeLimits, decode, decode_file};
pub use error::DataError;
pub use fit::{check_size, fit};
pub use images::Images;
pub use known::KNOWN_NAMES;
pub use loader::{Loader, LoaderOptions};
pub use normalise::Normalise;
pub use open::open;
pub use options::{BadImages, DataOptions};
pub use picture::Picture;
pub use progress::{NoProgress, Progress};
pub use random::order;
pub use samples::{Sample, Samples};
pub use split::Split;
pub use walk::image_files;

pub use receptive_core::{ImageSize, Resize};
