//! The traits that burn-train's `Learner` requires of a model.

use super::Classifier;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::{Int, Tensor};
use burn::train::{ClassificationOutput, InferenceStep, TrainOutput, TrainStep};

/// Labelled images, as burn-train passes them to a model.
#[derive(Debug, Clone)]
pub struct ImageBatch {
    /// `[batch, channels, height, width]`, normalised according to the artifact's input spec.
    pub images: Tensor<4>,
    /// The class of each image, from 0: `[batch]`.
    pub targets: Tensor<1, Int>,
}

impl Classifier {
    /// Logits and their mean cross entropy, in the form that burn-train's metrics expect.
    ///
    /// # Shapes
    /// - output: loss `[1]`, logits `[batch, classes]`, targets `[batch]`
    pub fn forward_classification(&self, batch: ImageBatch) -> ClassificationOutput {
        let ImageBatch { images, targets } = batch;
        let logits = self.forward(images);
        let loss = CrossEntropyLossConfig::new()
            .init(&logits.device())
            .forward(logits.clone(), targets.clone());
        ClassificationOutput::new(loss, logits, targets)
    }
}

impl TrainStep for Classifier {
    type Input = ImageBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: ImageBatch) -> TrainOutput<ClassificationOutput> {
        let output = self.forward_classification(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Classifier {
    type Input = ImageBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: ImageBatch) -> ClassificationOutput {
        self.forward_classification(batch)
    }
}
