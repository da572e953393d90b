//! Where a network looks in one picture to find a class: Grad-CAM (Selvaraju et al. 2017) and the
//! gradient of the logit with respect to the pixels (Simonyan et al. 2013), plain and as the mean
//! over noisy copies (SmoothGrad, Smilkov et al. 2017).

mod draw;
mod gradients;
mod layer;
mod place;

pub use gradients::{ClassMaps, class_maps};
pub use layer::usual_layer;
pub use place::placed;

use crate::evaluate::logits;
use crate::look::maps_only;
use crate::metrics::{softmax, top};
use crate::predict::Input;
use crate::{Prediction, TrainError};
use burn::tensor::Device;
use receptive_erf::{Map, Region};
use receptive_model::Artifact;
use std::path::Path;

/// What is asked of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct AttendOptions {
    /// Grad-CAM's layer, by number or name; by default [`usual_layer`].
    pub layer: Option<String>,
    /// For how many of the most probable classes.
    pub classes: usize,
    /// Noisy copies that SmoothGrad averages over; 0 leaves it out.
    pub smooth: usize,
}

impl Default for AttendOptions {
    fn default() -> Self {
        Self {
            layer: None,
            classes: 3,
            smooth: 16,
        }
    }
}

/// A picture as the network saw it, and where it looked for each class.
#[derive(Debug, Clone)]
pub struct Attended {
    /// The picture's bytes, resized, channels last.
    pub pixels: Vec<u8>,
    /// Its height, width and channels.
    pub size: [usize; 3],
    /// Number and name of Grad-CAM's layer.
    pub layer: [String; 2],
    /// Rows and columns of pixels that a unit of this layer can depend on.
    pub field: [i64; 2],
    /// The most probable classes, the most probable first.
    pub classes: Vec<Attention>,
}

/// Where the network looked for one class.
#[derive(Debug, Clone)]
pub struct Attention {
    /// The class and its probability.
    pub answer: Prediction,
    /// The class's index.
    pub class: usize,
    /// Its logit and maps.
    pub maps: ClassMaps,
    /// Grad-CAM over the picture's pixels: each unit at the centre of what it sees, linear between.
    pub cam: Map,
}

/// Asks the network where it looks in a picture.
///
/// # Errors
/// When the file is no image, the layer is not there or gives no maps, or `classes` is 0.
pub fn attend(
    artifact: &Artifact,
    path: &Path,
    options: &AttendOptions,
    device: &Device, // without autodiff
) -> Result<Attended, TrainError> {
    if options.classes == 0 {
        return Err(TrainError::setting("--classes", "it is 0; use 1 or more"));
    }
    let plan = artifact.model.plan();
    let layer = match &options.layer {
        Some(layer) => layer.clone(),
        None => usual_layer(plan)?,
    };
    let planned = plan.find(&layer)?;
    maps_only(artifact, planned)?;
    let input = Input::read(path, &artifact.input)?;
    let [_, channels, height, width] = input.batch.shape;
    let answers = logits(&artifact.model, &input.batch, device);
    let probabilities = softmax(&answers);
    let classes = top(&answers, options.classes)
        .into_iter()
        .map(|class| {
            let maps = class_maps(
                &artifact.model,
                &input.batch.images,
                &planned.number,
                class,
                options.smooth,
                device,
            )?;
            Ok(Attention {
                answer: Prediction {
                    class: artifact.classes.get(class).cloned().unwrap_or_default(),
                    probability: probabilities[class],
                },
                class,
                cam: placed(&maps.cam, planned.trf, Region::image(height, width)),
                maps,
            })
        })
        .collect::<Result<_, TrainError>>()?;
    Ok(Attended {
        pixels: input.pixels,
        size: [height, width, channels],
        layer: [planned.number.clone(), planned.name.clone()],
        field: planned.trf.map(|field| field.size()),
        classes,
    })
}
