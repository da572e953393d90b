//! Whether the network can learn a few images by heart: one that can't will learn nothing else
//! either (Karpathy 2019, "A Recipe for Training Neural Networks").

use crate::config::{ClassWeights, ScheduleKind, TrainConfig};
use crate::evaluate::logits;
use crate::train::Learner;
use crate::{Prepared, RunConfig, TrainError, Workers};
use burn::module::Module;
use burn::tensor::Device;
use receptive_data::{Augment, Batch, Loader, LoaderOptions, order};
use receptive_inspect::top;
use receptive_model::LayerConfig;
use serde::Serialize;
use std::sync::Arc;
use std::time::Instant;

/// How it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverfitOptions {
    /// Training images, drawn by the run's seed; all where there are not so many.
    pub images: usize,
    /// Passes over them before giving up.
    pub passes: usize,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overfit {
    /// Images that were to be learnt.
    pub images: usize,
    /// How many classes they have.
    pub classes: usize,
    /// Passes over them.
    pub passes: usize,
    /// Steps.
    pub steps: u64,
    /// Images whose own class got the largest logit in the end, batch norm working as in training.
    pub right: usize,
    /// The same, with batch norm's running statistics: what a saved model would answer.
    pub right_evaluated: usize,
    /// The mean loss over the first pass.
    pub first_loss: f64,
    /// The mean loss over the last one.
    pub last_loss: f64,
    /// Whether all are right.
    pub learnt: bool,
    /// How long it took.
    pub seconds: f64,
}

/// The same run with nothing that keeps a network from learning images by heart: no augmentation,
/// dropout, weight decay or label smoothing, every class counting the same, one learning rate
/// throughout.
pub fn unregularised(mut config: RunConfig) -> RunConfig {
    let train = &mut config.train;
    train.augment = Augment::default();
    train.label_smoothing = 0.0;
    train.class_weights = ClassWeights::default();
    train.early_stopping = None;
    train.schedule.kind = ScheduleKind::Constant;
    train.schedule.warmup_epochs = 0.0;
    train.optimizer = train.optimizer.without_decay();
    drop_nothing(&mut config.model.layers);
    config
}

fn drop_nothing(layers: &mut [LayerConfig]) {
    for layer in layers {
        match layer {
            LayerConfig::Dropout(dropout) => dropout.rate = 0.0,
            other => {
                for layers in other.branches_mut() {
                    drop_nothing(layers);
                }
            }
        }
    }
}

/// Trains on the same few images until all are right, or there were enough passes. The config is
/// one of [`unregularised`]; `progress` is told passes, steps, right answers and the loss.
///
/// # Errors
/// When an image can't be read, or a thread gives up. That nothing was learnt is no error.
pub fn overfit(
    prepared: &Prepared,
    options: OverfitOptions,
    device: &Device, // without autodiff
    on_cpu: bool,
    progress: &mut dyn FnMut(&Overfit),
) -> Result<Overfit, TrainError> {
    if options.images == 0 || options.passes == 0 {
        return Err(TrainError::setting(
            "--overfit",
            "use 1 image and 1 pass (--epochs), or more",
        ));
    }
    let began = Instant::now();
    let config = &prepared.config.train;
    let workers = Workers::new(prepared.config.machine.compute_threads(on_cpu))?;
    let mut learner = Learner::new(prepared, device, on_cpu, &workers)?;
    let batches = batches(prepared, options.images)?;
    let images: usize = batches.iter().map(|batch| batch.labels.len()).sum();
    let mut found = Overfit {
        images,
        classes: classes(&batches),
        passes: 0,
        steps: 0,
        right: 0,
        right_evaluated: 0,
        first_loss: f64::NAN,
        last_loss: f64::NAN,
        learnt: false,
        seconds: 0.0,
    };
    while found.passes < options.passes && !found.learnt {
        let (mut loss, mut right) = (0.0, 0);
        for batch in &batches {
            let gradients = learner.gradients(batch, found.steps)?;
            loss += batch.labels.len() as f64 * read(gradients.loss.clone());
            right += read(gradients.correct.clone()) as usize;
            learner = learner.update(gradients, config.optimizer.learning_rate());
            found.steps += 1;
        }
        found.passes += 1;
        found.right = right;
        found.last_loss = loss / images as f64;
        if found.passes == 1 {
            found.first_loss = found.last_loss;
        }
        if !found.last_loss.is_finite() {
            break;
        }
        if right == images {
            // Each batch was counted before the steps on those that follow it: count again, with
            // weights that stand still.
            found.right = 0;
            for batch in &batches {
                found.right += read(learner.gradients(batch, found.steps)?.correct) as usize;
            }
            found.learnt = found.right == images;
        }
        found.seconds = began.elapsed().as_secs_f64();
        progress(&found);
    }
    let model = learner.model.valid();
    for batch in &batches {
        let rows = logits(&model, batch, device);
        let rows = rows.chunks(model.classes()).zip(&batch.labels);
        found.right_evaluated += rows.filter(|(row, label)| top(row, 1) == [**label]).count();
    }
    found.seconds = began.elapsed().as_secs_f64();
    Ok(found)
}

fn read(value: burn::tensor::Tensor<1>) -> f64 {
    f64::from(value.into_scalar::<f32>())
}

/// The images, in the order of the first epoch.
fn batches(prepared: &Prepared, images: usize) -> Result<Vec<Batch>, TrainError> {
    let TrainConfig {
        seed, batch_size, ..
    } = prepared.config.train;
    let mut indices = order(prepared.train.len(), seed, 1);
    indices.truncate(images);
    let options = LoaderOptions {
        batch_size,
        workers: 0,
        mean: prepared.input.mean.clone(),
        std: prepared.input.std.clone(),
        ..LoaderOptions::default()
    };
    let loader = Loader::new(Arc::clone(&prepared.train), indices, options);
    Ok(loader.collect::<Result<_, _>>()?)
}

fn classes(batches: &[Batch]) -> usize {
    let labels = batches.iter().flat_map(|batch| &batch.labels);
    labels.collect::<std::collections::BTreeSet<_>>().len()
}

impl Overfit {
    /// What to try where not all were learnt; `None` where they were.
    pub fn advice(&self) -> Option<&'static str> {
        // Below this share of its fall to nothing, a loss has not moved.
        const MOVED: f64 = 0.1;
        if self.learnt {
            None
        } else if !self.last_loss.is_finite() {
            Some("the loss left the numbers: try a smaller --set train.optimizer.learning_rate=...")
        } else if self.last_loss > (1.0 - MOVED) * self.first_loss {
            Some(
                "the loss hardly moved: find a learning rate with `receptive lr-find`, and look for \
                 layers that let nothing through with `receptive summary`",
            )
        } else {
            Some(
                "the loss fell, but not far enough: try a larger network, more passes with \
                 --epochs N, or another learning rate, and look whether the same picture stands in \
                 two classes",
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use receptive_model::{DropoutLayer, ModelConfig, ResidualLayer};

    #[test]
    fn nothing_that_regularises_is_left() {
        let residual = ResidualLayer {
            layers: vec![DropoutLayer { rate: 0.5 }.into()],
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
