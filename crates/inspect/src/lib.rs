//! Inspecting a trained network: its predictions for an image, its layers' feature maps, its first
//! layer's filters, Grad-CAM, and the gradients of a logit with respect to the pixels.
//!
//! ```text
//! InputImage   --predict------> Prediction   the most probable classes
//!              --feature_maps-> FeatureMaps  what a layer outputs
//!              --attribute----> Attribution  Grad-CAM, gradients and SmoothGrad of each class
//! Artifact     --filters------> Grid         the filters of its first convolution
//! TrainingView --batch-------> Grid         images as training sees them, augmented
//! ```
//!
//! Each result contains its values; `draw` converts it to a [`Grid`](receptive_plot::Grid), which
//! can be written as PNG or SVG.
//!
//! ```
//! # fn main() -> Result<(), receptive_inspect::InspectError> {
//! # #[cfg(feature = "flex")] {
//! use receptive_inspect::{AttributionOptions, InputImage, attribute, feature_maps};
//! use receptive_model::{Artifact, ImageSize, InputSpec, presets};
//! use receptive_plot::Draw;
//!
//! let device = burn::tensor::Device::flex();
//! // As `Artifact::load("runs/001/model".as_ref(), &device)` gives it.
//! let size = ImageSize { channels: 1, height: 28, width: 28 };
//! let plan = presets::preset("tutorial", size)?.with_classes(2).plan()?;
//! let artifact = Artifact {
//!     model: plan.init(&device),
//!     classes: vec!["bag".into(), "coat".into()],
//!     input: InputSpec::new(size).with_normalization([0.5], [0.25]),
//!     temperature: None,
//! };
//!
//! // `InputImage::read` takes a file.
//! let image = InputImage::from_pixels(vec![128; 28 * 28], &artifact.input)?;
//! let maps = feature_maps(&artifact, &image, &["1".into()], &device)?;
//! assert_eq!(maps[0].size, [28, 28]);
//!
//! let attribution = attribute(&artifact, &image, &AttributionOptions::default(), &device)?;
//! assert_eq!(attribution.classes.len(), 2);
//! let png = attribution.draw("Where the network looks", &image)?.to_png()?;
//! assert!(png.starts_with(b"\x89PNG"));
//! # }
//! # Ok(())
//! # }
//! ```
#![recursion_limit = "256"]

mod attribution;
mod batch;
mod cam;
mod class_maps;
mod error;
mod features;
mod filters;
mod input;

pub use attribution::{Attribution, AttributionOptions, ClassAttribution, attribute, attribute_by};
pub use batch::{TrainingView, augmentation_summary, sample_tile};
pub use cam::{default_cam_layer, over_image};
pub use class_maps::{ClassMaps, SMOOTH_COPIES, class_maps};
pub use error::InspectError;
pub use features::{FeatureMaps, Strength, default_feature_layer, feature_maps, map_layers};
pub use filters::filters;
pub use input::{InputImage, Prediction, probabilities, softmax, top};
