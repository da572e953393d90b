//! Whether a network can overfit a few images: if not, it cannot learn anything else (Karpathy 2019, "A Recipe
//! for Training Neural Networks").

use crate::compute::Compute;
use crate::config::{ClassWeights, RunConfig, Sampling, ScheduleKind, TrainConfig};
use crate::error::TrainError;
use crate::evaluate::forward::logits;
use crate::fit::Learner;
use crate::prepare::RunSetup;
use burn::module::Module;
use burn::tensor::Tensor;
use receptive_data::{Augment, Batch, Loader, LoaderOptions, order};
use receptive_inspect::top;
use receptive_model::LayerConfig;
use serde::Serialize;
use std::sync::Arc;
use std::time::Instant;

/// Settings of an overfitting trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverfitOptions {
    /// Number of training images, drawn by the run's seed; all of them if there are fewer.
    pub images: usize,
    /// Maximum number of passes over them.
    pub passes: usize,
}

/// Result of an overfitting trial.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OverfitResult {
    /// Number of images.
    pub images: usize,
    /// Number of their classes.
    pub classes: usize,
    /// Passes over them.
    pub passes: usize,
    /// Training steps.
    pub steps: u64,
    /// Images classified correctly at the end, with batch norm as in training.
    pub correct: usize,
    /// Images classified correctly with batch norm's running statistics, as by a saved model.
    pub correct_evaluated: usize,
    /// The mean loss over the first pass.
    pub first_loss: f64,
    /// The mean loss over the last pass.
    pub last_loss: f64,
    /// Whether all images are classified correctly.
    pub overfit: bool,
    /// Elapsed time in seconds.
    pub seconds: f64,
}

/// The config without regularisation: no augmentation, dropout, stochastic depth, weight decay, label
/// smoothing, class weights, balanced sampling, weight averages, gradient accumulation or early stopping, and a
/// constant learning rate.
pub fn unregularised(mut config: RunConfig) -> RunConfig {
    let train = &mut config.train;
    train.augment = Augment::default();
    train.label_smoothing = 0.0;
    train.class_weights = ClassWeights::default();
    train.early_stopping = None;
    train.sampling = Sampling::All;
    (train.ema, train.average, train.stochastic_depth) = (None, None, None);
    train.accumulate = 1;
    train.schedule.kind = ScheduleKind::Constant;
    train.schedule.warmup_epochs = 0.0;
    train.optimizer = train.optimizer.without_decay();
    drop_nothing(&mut config.model.layers);
    config
}

/// A prepared run without everything that slows down overfitting. Its preset is already adapted to the image
/// size, unlike that of a config.
///
/// # Errors
/// The network cannot be planned, although it could before.
pub fn unregularised_setup(setup: RunSetup) -> Result<RunSetup, TrainError> {
    let config = unregularised(setup.config);
    let plan = config.model.plan()?;
    Ok(RunSetup {
        config,
        plan,
        ..setup
    })
}

fn drop_nothing(layers: &mut [LayerConfig]) {
    for layer in layers {
        match layer {
            LayerConfig::Dropout(dropout) => dropout.rate = 0.0,
            LayerConfig::StochasticDepth(depth) => depth.rate = 0.0,
            other => {
                for layers in other.branches_mut() {
                    drop_nothing(layers);
                }
            }
        }
    }
}

/// Trains on the same few images until all are classified correctly, or the passes are done. The config must
/// come from [`unregularised`]; `progress` is called after every pass with the result so far.
///
/// # Errors
/// An image cannot be read, or a thread panics. A network that cannot overfit the images is not an error.
pub fn overfit(
    setup: &RunSetup,
    options: OverfitOptions,
    compute: &Compute,
    progress: &mut dyn FnMut(&OverfitResult),
) -> Result<OverfitResult, TrainError> {
    if options.images == 0 || options.passes == 0 {
        return Err(TrainError::setting(
            "overfit",
            format!(
                "it is {} images and {} passes; use 1 or more of each",
                options.images, options.passes
            ),
        ));
    }
    let began = Instant::now();
    let config = &setup.config.train;
    let mut learner = Learner::from_setup(setup, compute)?;
    let batches = batches(setup, options.images)?;
    let images: usize = batches.iter().map(|batch| batch.labels.len()).sum();
    let mut result = OverfitResult {
        images,
        classes: classes(&batches),
        passes: 0,
        steps: 0,
        correct: 0,
        correct_evaluated: 0,
        first_loss: f64::NAN,
        last_loss: f64::NAN,
        overfit: false,
        seconds: 0.0,
    };
    while result.passes < options.passes && !result.overfit {
        let (mut loss, mut correct) = (0.0, 0);
        for batch in &batches {
            let gradients = learner.gradients(batch, result.steps)?;
            loss += batch.labels.len() as f64 * read(gradients.loss.clone());
            correct += read(gradients.correct.clone()) as usize;
            learner = learner.update(gradients, config.optimizer.learning_rate());
            result.steps += 1;
        }
        result.passes += 1;
        result.correct = correct;
        result.last_loss = loss / images as f64;
        if result.passes == 1 {
            result.first_loss = result.last_loss;
        }
        if !result.last_loss.is_finite() {
            break;
        }
        if correct == images {
            // Each batch was evaluated before the later steps of the pass, so all are evaluated again with
            // fixed weights.
            result.correct = 0;
            for batch in &batches {
                result.correct += read(learner.gradients(batch, result.steps)?.correct) as usize;
            }
            result.overfit = result.correct == images;
        }
        result.seconds = began.elapsed().as_secs_f64();
        progress(&result);
    }
    let model = learner.model.valid();
    for batch in &batches {
        let network = model.prepare(compute.device());
        let rows = logits(&network, batch, compute.device());
        let rows = rows.chunks(model.classes()).zip(&batch.labels);
        result.correct_evaluated += rows.filter(|(row, label)| top(row, 1) == [**label]).count();
    }
    result.seconds = began.elapsed().as_secs_f64();
    Ok(result)
}

fn read(value: Tensor<1>) -> f64 {
    f64::from(value.into_scalar::<f32>())
}

/// The images, in the order of the first epoch.
fn batches(setup: &RunSetup, images: usize) -> Result<Vec<Batch>, TrainError> {
    let TrainConfig {
        seed, batch_size, ..
    } = setup.config.train;
    let mut indices = order(setup.train.len(), seed, 1);
    indices.truncate(images);
    let options = LoaderOptions {
        batch_size,
        workers: 0,
        mean: setup.input.mean.clone(),
        std: setup.input.std.clone(),
        ..LoaderOptions::default()
    };
    let loader = Loader::new(Arc::clone(&setup.train), indices, options);
    Ok(loader.collect::<Result<_, _>>()?)
}

fn classes(batches: &[Batch]) -> usize {
    let labels = batches.iter().flat_map(|batch| &batch.labels);
    labels.collect::<std::collections::BTreeSet<_>>().len()
}

impl OverfitResult {
    /// Advice if the images were not overfit; `None` if they were.
    pub fn advice(&self) -> Option<&'static str> {
        // Minimum relative decrease of a loss that is learning.
        const MOVED: f64 = 0.1;
        if self.overfit {
            None
        } else if !self.last_loss.is_finite() {
            Some("the loss became NaN or infinite: try a smaller train.optimizer.learning_rate")
        } else if self.last_loss > (1.0 - MOVED) * self.first_loss {
            Some(
                "the loss hardly changed: find a learning rate by a range test, and check the \
                 network's summary for dead layers",
            )
        } else {
            Some(
                "the loss fell, but not far enough: try a larger network, more passes \
                 (train.epochs), or another learning rate, and check whether the same image is in two \
                 classes",
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use receptive_model::{DropoutLayer, ModelConfig, ResidualLayer, StochasticDepthLayer};

    #[test]
    fn nothing_that_regularises_is_left() {
        let residual = ResidualLayer {
            layers: vec![StochasticDepthLayer { rate: 0.5 }.into()],
            ..ResidualLayer::new()
        };
        let model = ModelConfig::new(1, 8, 8)
            .layer(residual)
            .layer(DropoutLayer { rate: 0.2 });
        let config = unregularised(RunConfig::new(model));
        assert!(config.train.augment.is_off());
        assert_eq!(config.train.label_smoothing, 0.0);
        assert_eq!(config.train.schedule.share(0, 100, 10), 1.0);
        let text = config.to_toml().unwrap();
        assert!(text.contains("weight_decay = 0.0"), "{text}");
        let rates = text.lines().filter(|line| line.starts_with("rate = "));
        assert_eq!(rates.collect::<Vec<_>>(), ["rate = 0.0"; 2], "{text}");
    }
}
