//! Estimates of a training step's memory, compared with the available memory beforehand.

use crate::compute::backend::is_cpu;
use crate::config::RunConfig;
use crate::error::TrainError;
use receptive_core::memory::available_bytes;
use receptive_core::text::counted;
use receptive_model::{InferenceDevice, Plan, PlannedLayer};

/// Batches in memory: those that the loader has prepared, and the current one.
const BATCHES: u64 = 5;
/// Measured on CPU: each output is in memory once, since its gradient replaces it, and kernels need about a
/// tenth more as work space.
const WORK_SPACE: f64 = 1.1;

/// An estimate of the memory in bytes of a training step on `images` images: weights, gradients, the
/// optimizer's moments, batches, and the outputs of all layers for the images computed at the same time.
pub(crate) fn step_bytes(
    config: &RunConfig,
    plan: &Plan,
    images: usize,
) -> Result<u64, TrainError> {
    let devices = config.machine.devices()?;
    let batch = config.train.batch_size.min(images).max(1);
    let shard = config.train.shard_size(devices.hardware()).min(batch);
    let shards = batch.div_ceil(shard);
    let threads = devices.threads(config.machine.thread_count());
    let at_a_time = threads.min(shards).saturating_mul(shard).min(batch);

    let bytes = |values: usize, times: u64| (values as u64).saturating_mul(4).saturating_mul(times);
    let kept = match config.train.checkpointing {
        true => plan.total.activations.saturating_sub(recomputed(plan)),
        false => plan.total.activations,
    };
    let outputs = bytes(kept, at_a_time as u64);
    let outputs = match devices.are_cpus() {
        true => (outputs as f64 * WORK_SPACE) as u64,
        false => outputs.saturating_mul(2),
    };
    // Weights, two optimizer moments and their sum; averaged weights, and their replacements; the gradients of
    // the shards being computed, and of the partial sums that wait for their siblings.
    let averages = config.train.ema.is_some() || config.train.average.is_some();
    let averages = if averages { 2 } else { 0 };
    let all = shards.saturating_mul(config.train.accumulate);
    let sums = (threads + all.ilog2() as usize + 1).min(all);
    let weights = bytes(plan.total.params, 4 + averages + sums as u64)
        + bytes(plan.total.buffers, 1 + averages);
    let in_use = config.train.accumulate as u64;
    let batches = (BATCHES - 1)
        .saturating_add(in_use)
        .min(images.div_ceil(batch) as u64);
    let inputs = bytes(plan.input().len(), batch as u64).saturating_mul(batches);
    Ok(outputs.saturating_add(weights).saturating_add(inputs))
}

/// Number of values of an image that `train.checkpointing` does not keep.
fn recomputed(plan: &Plan) -> usize {
    let rows = plan.rows();
    let again = rows
        .iter()
        .filter(|row| ["batch_norm", "activation"].contains(&row.kind));
    again.map(|row| row.output.values()).sum()
}

/// Rejects a step that does not fit in this machine's memory. Returns the memory left for decoded images;
/// `None` if the system does not report it. The memory of GPUs is not known.
///
/// # Errors
/// [`TrainError::Memory`] with the estimate and the available memory.
pub fn check(config: &RunConfig, plan: &Plan, images: usize) -> Result<Option<u64>, TrainError> {
    let devices = config.machine.devices()?;
    let Some(available) = available_bytes().filter(|_| devices.are_cpus()) else {
        return Ok(None);
    };
    let needed = step_bytes(config, plan, images)?;
    if needed <= available {
        return Ok(Some(available - needed));
    }
    let input = plan.input();
    Err(TrainError::Memory {
        needed,
        available,
        height: input.height,
        width: input.width,
        batch: config.train.batch_size.min(images),
        threads: devices.threads(config.machine.thread_count()),
    })
}

/// A pass of a network outside training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass<'a> {
    /// Outputs only: those of at most two consecutive layers are in memory at once.
    Forward,
    /// Gradients of a layer's outputs (`None`: the network's) with respect to the image: all preceding outputs
    /// are in memory.
    Backward(Option<&'a str>),
}

/// A lower bound of the memory in bytes of a pass on `images` images at a time: weights, images and the outputs
/// in memory at once.
fn pass_bytes(plan: &Plan, pass: Pass<'_>, images: usize) -> Result<u64, TrainError> {
    let outputs = |layers: &[&PlannedLayer]| -> Vec<u64> {
        let input = plan.input().len() as u64;
        let all = layers.iter().map(|layer| layer.output.values() as u64);
        std::iter::once(input).chain(all).collect()
    };
    let values: u64 = match pass {
        Pass::Forward => {
            let outputs = outputs(&plan.rows());
            let pairs = outputs
                .windows(2)
                .map(|pair| pair[0].saturating_add(pair[1]));
            pairs.max().unwrap_or(0)
        }
        Pass::Backward(Some(layer)) => outputs(&plan.path(layer)?)
            .into_iter()
            .fold(0, u64::saturating_add),
        Pass::Backward(None) => {
            (plan.total.activations as u64).saturating_add(plan.input().len() as u64)
        }
    };
    let weights = plan.total.params as u64 + plan.total.buffers as u64;
    Ok(values
        .saturating_mul(images.max(1) as u64)
        .saturating_add(weights)
        .saturating_mul(4))
}

/// Rejects a pass of a network that does not fit in this machine's memory, because a failed allocation would
/// end the process. `what` describes the pass, and `remedy` how to reduce it. The memory of GPUs is not known.
///
/// # Errors
/// [`TrainError::PassMemory`] with the lower bound and the available memory, or the plan does not have the
/// layer.
pub fn check_pass(
    plan: &Plan,
    pass: Pass<'_>,
    images: usize,
    device: &InferenceDevice,
    what: &str,
    remedy: &str,
) -> Result<(), TrainError> {
    if !is_cpu(device) {
        return Ok(());
    }
    let input = plan.input();
    let what = format!(
        "{what} for {} of {}x{} pixels at once",
        counted(images.max(1), "image"),
        input.height,
        input.width
    );
    check_bytes(pass_bytes(plan, pass, images)?, &what, remedy)
}

/// Rejects any computation that needs more bytes than are available.
///
/// # Errors
/// [`TrainError::PassMemory`] if less is available.
pub fn check_bytes(needed: u64, what: &str, remedy: &str) -> Result<(), TrainError> {
    match available_bytes() {
        Some(available) if needed > available => Err(TrainError::PassMemory {
            what: what.into(),
            needed,
            available,
            remedy: remedy.into(),
        }),
        _ => Ok(()),
    }
}

/// Notes on steps that are smaller than set, or in which batch norm sees single values.
///
/// # Errors
/// A batch norm gets one value per channel in every step: its output is then constant, and nothing before it is
/// trained.
pub(crate) fn step_notes(
    config: &RunConfig,
    plan: &Plan,
    images: usize,
) -> Result<Vec<String>, TrainError> {
    let devices = config.machine.devices()?;
    let (train, mut notes) = (&config.train, Vec::new());
    if train.batch_size > images {
        let all = counted(images, "training image");
        notes.push(format!(
            "train.batch_size is {}, but there {} {all}: each step takes all of them",
            train.batch_size,
            if images == 1 { "is" } else { "are" },
        ));
    }
    let Some(layer) = pointwise_norm(config, plan) else {
        return Ok(notes);
    };
    let shard = train.shard_size(devices.hardware());
    let what = format!(
        "layer {layer} (batch_norm) normalises over the batch only, since its input has one value \
         per channel"
    );
    if shard == 1 && images > 1 {
        let setting = match train.batch_size {
            1 => "train.batch_size",
            _ => "train.micro_batch",
        };
        return Err(TrainError::setting(
            setting,
            format!(
                "it is 1, but {what}: with one image per shard the output is constant, so nothing \
                 is learnt; use 2 or more (preferably 8), or leave that layer out"
            ),
        ));
    }
    if images == 1 {
        notes.push(format!(
            "{what}, and there is one training image: the output is constant, so nothing is \
             learnt; add images, or leave that layer out"
        ));
        return Ok(notes);
    }
    let batch = train.batch_size.min(images);
    let (last_batch, full) = (images % batch, images / batch);
    let single = |batch: usize| batch % shard == 1;
    if (full > 0 && single(batch)) || single(last_batch) {
        let how_many = if single(batch) {
            "every step"
        } else {
            "the last step of an epoch"
        };
        notes.push(format!(
            "{what}, and the last shard of {how_many} is one image, from which nothing is learnt \
             (batches of {batch} in shards of {shard}); change train.batch_size to avoid that"
        ));
    }
    Ok(notes)
}

/// The first trained batch norm with one value per channel as its input.
fn pointwise_norm(config: &RunConfig, plan: &Plan) -> Option<String> {
    let frozen = config.start.as_ref().map_or(0, |start| start.freeze);
    let trained: Vec<&str> = plan
        .layers
        .iter()
        .skip(frozen)
        .map(|layer| &*layer.number)
        .collect();
    let top = |number: &str| number.split('.').next().map(str::to_string);
    plan.rows()
        .into_iter()
        .find(|row| {
            row.kind == "batch_norm"
                && row.output.map_size() == [1, 1]
                && top(&row.number).is_some_and(|number| trained.contains(&&*number))
        })
        .map(|row| row.number.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::backend::default_device;
    use crate::config::MicroBatch;
    use receptive_model::{
        BatchNormLayer, Conv2dLayer, GlobalAvgPool2dLayer, LayerConfig, LinearLayer, ModelConfig,
        presets,
    };

    fn setup(side: usize, batch_size: usize) -> (RunConfig, Plan) {
        let input = receptive_core::ImageSize::new(3, side, side);
        let mut config = RunConfig::new(presets::preset("small", input).unwrap());
        config.train.batch_size = batch_size;
        config.machine.threads = 2;
        let plan = config.model.clone().with_classes(3).plan().unwrap();
        (config, plan)
    }

    #[test]
    fn the_estimate_grows_with_the_images_that_there_are() {
        let bytes = |side, batch, images| {
            let (config, plan) = setup(side, batch);
            step_bytes(&config, &plan, images).unwrap()
        };
        assert_eq!(bytes(64, 100_000, 33), bytes(64, 33, 33));
        assert!(bytes(128, 32, 100) > 3 * bytes(64, 32, 100) / 2);
        // 1.1 times the outputs of the 32 images that two threads compute at the same time.
        let (_, plan) = setup(256, 64);
        let outputs = 32 * 4 * plan.total.activations as u64;
        assert!((outputs..2 * outputs).contains(&bytes(256, 64, 100)));
    }

    /// A batch norm after global pooling, or before it.
    fn normed(after: bool, batch_size: usize, micro_batch: usize) -> (RunConfig, Plan) {
        let mut model = ModelConfig::new(1, 8, 8).layer(Conv2dLayer::new(2, 3));
        if !after {
            model = model.layer(BatchNormLayer::default());
        }
        model = model.layer(LayerConfig::GlobalAvgPool2d(GlobalAvgPool2dLayer {}));
        if after {
            model = model.layer(BatchNormLayer::default());
        }
        let mut config = RunConfig::new(model.layer(LinearLayer::classes()));
        config.train.batch_size = batch_size;
        config.train.micro_batch = MicroBatch::Images(micro_batch);
        let plan = config.model.clone().with_classes(3).plan().unwrap();
        (config, plan)
    }

    #[test]
    fn a_batch_norm_over_one_value_is_rejected_and_a_single_last_image_is_told() {
        let notes = |after, batch, micro, images| {
            let (config, plan) = normed(after, batch, micro);
            step_notes(&config, &plan, images).map_err(|error| error.to_string())
        };
        for (batch, micro, setting) in [(1, 16, "train.batch_size"), (8, 1, "train.micro_batch")] {
            let error = notes(true, batch, micro, 33).unwrap_err();
            assert!(
                error.contains(setting) && error.contains("batch_norm"),
                "{error}"
            );
            assert_eq!(notes(false, batch, micro, 33), Ok(Vec::new()));
        }
        let said =
            |batch, micro, images: usize| notes(true, batch, micro, images).unwrap().join("");
        assert!(said(17, 16, 34).contains("every step"));
        assert!(said(16, 16, 33).contains("the last step of an epoch"));
        assert!(said(16, 16, 1).contains("there is one training image"));
        assert_eq!(said(16, 16, 32), "");
        assert_eq!(said(8, 4, 22), "");
        assert!(said(64, 16, 20).contains("64, but there are 20 training images"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_no_machine_has_is_rejected_and_what_is_small_leaves_the_rest() {
        let (config, plan) = setup(8_000, 64);
        let error = check(&config, &plan, 1 << 20).unwrap_err();
        assert!(error.is_usage());
        let error = error.to_string();
        for wanted in [
            "GiB",
            "available",
            "8000x8000",
            "data.image_size",
            "train.batch_size",
        ] {
            assert!(error.contains(wanted), "{wanted}: {error}");
        }
        let (config, plan) = setup(32, 2);
        assert!(check(&config, &plan, 10).unwrap().unwrap() > 0);
    }
    #[test]
    fn a_pass_takes_at_least_its_layers_outputs() {
        let (_, plan) = setup(64, 1);
        let values = |pass, images| pass_bytes(&plan, pass, images).unwrap();
        let (one, two) = (values(Pass::Forward, 1), values(Pass::Forward, 2));
        let weights = 4 * (plan.total.params + plan.total.buffers) as u64;
        assert_eq!(two - weights, 2 * (one - weights));
        let whole = values(Pass::Backward(None), 1);
        assert!(whole > one);
        assert!(values(Pass::Backward(Some("1")), 1) < whole);
        assert!(pass_bytes(&plan, Pass::Backward(Some("99")), 1).is_err());
    }

    #[cfg(all(target_os = "linux", feature = "flex"))]
    #[test]
    fn a_pass_that_no_machine_can_hold_is_rejected() {
        let (_, plan) = setup(8_000, 1);
        let device = default_device().unwrap();
        let check = |images| {
            let what = "a test";
            check_pass(&plan, Pass::Forward, images, &device, what, "use fewer")
        };
        let error = check(1 << 20).unwrap_err();
        assert!(error.is_usage());
        let error = error.to_string();
        for wanted in [
            "a test",
            "1048576 images of 8000x8000",
            "available",
            "use fewer",
        ] {
            assert!(error.contains(wanted), "{wanted}: {error}");
        }
        let (_, plan) = setup(32, 1);
        check_pass(&plan, Pass::Backward(None), 2, &device, "a test", "").unwrap();
    }
}
