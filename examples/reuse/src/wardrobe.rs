//! A network around a classifier from receptive.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use burn::train::{ClassificationOutput, InferenceStep, TrainOutput, TrainStep};
use receptive_model::{Classifier, Features, ImageBatch};

/// The parts of the body on which the ten kinds of clothes are worn.
pub const PLACES: [&str; 4] = ["body", "legs", "feet", "hand"];
const PLACE_OF: [usize; 10] = [0, 1, 0, 0, 0, 2, 0, 2, 3, 2];

/// Where a class of Fashion-MNIST is worn.
pub fn place_of(class: usize) -> usize {
    PLACE_OF[class]
}

const FILTERS: usize = 16;

/// Predicts where a piece of clothing is worn: the first layers of a trained classifier, frozen,
/// followed by a trainable convolution and linear layer.
#[derive(Module, Debug)]
pub struct Wardrobe {
    clothes: Classifier,
    layers: usize,
    look: Conv2d,
    place: Linear,
}

impl Wardrobe {
    /// Builds it on top of the classifier's first `layers` layers.
    pub fn new(clothes: Classifier, layers: usize, device: &Device) -> Self {
        let below = clothes.plan().layers.iter().take(layers).last();
        let channels = below.map_or(clothes.input().channels, |layer| layer.output.dims()[0]);
        Self {
            clothes: clothes.freeze(),
            layers,
            look: Conv2dConfig::new([channels, FILTERS], [3, 3])
                .with_padding(PaddingConfig2d::Same)
                .init(device),
            place: LinearConfig::new(FILTERS, PLACES.len()).init(device),
        }
    }

    /// `[batch, 1, 28, 28]` to `[batch, 16, height, width]`: this project's convolution applied to
    /// the classifier's feature maps.
    pub fn maps(&self, images: Tensor<4>) -> Tensor<4> {
        let maps = match self.clothes.forward_first(images, self.layers) {
            Features::Map(maps) => maps,
            Features::Flat(rows) => rows.unsqueeze_dims(&[2, 3]),
        };
        relu(self.look.forward(maps))
    }

    /// `[batch, 1, 28, 28]` to logits `[batch, places]`.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let means = self.maps(images).mean_dims(&[2, 3]).flatten(1, 3);
        self.place.forward(means)
    }

    fn classify(&self, batch: ImageBatch) -> ClassificationOutput {
        let logits = self.forward(batch.images);
        let loss = CrossEntropyLossConfig::new()
            .init(&logits.device())
            .forward(logits.clone(), batch.targets.clone());
        ClassificationOutput::new(loss, logits, batch.targets)
    }
}

impl TrainStep for Wardrobe {
    type Input = ImageBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: ImageBatch) -> TrainOutput<ClassificationOutput> {
        let output = self.classify(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Wardrobe {
    type Input = ImageBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: ImageBatch) -> ClassificationOutput {
        self.classify(batch)
    }
}
