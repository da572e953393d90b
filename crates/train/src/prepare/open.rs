//! Opening the data set of a run.

use super::same_images::check_same_images;
use super::{KnownImages, set_absolute_paths};
use crate::config::{OpenSettings, RunConfig, ScheduleKind};
use crate::error::TrainError;
use crate::run::RunDirectory;
use receptive_core::text::counted;
use receptive_data::{BadImages, DataOptions, DataSet, NO_VALIDATION, Progress, RecordUse};

/// Opens the data set and makes its path absolute, because the run directory must work from anywhere.
pub(super) fn open_data(
    config: &mut RunConfig,
    known: KnownImages,
    progress: &dyn Progress,
) -> Result<DataSet, TrainError> {
    set_absolute_paths(config);
    let inherits_group = inherits_group(config);
    let KnownImages { record, classes } = known;
    let is_followed = matches!(record, Some((_, RecordUse::Follow)));
    let mut options = DataOptions {
        record,
        group_is_inherited: inherits_group,
        ..config.data.options(config.train.seed, classes)
    };
    if is_followed {
        // Damage to the run's own images is an error, checked below; other images do not matter.
        options.bad_images = BadImages::Skip;
    }
    let mut data = receptive_data::open(&config.data.source, &options, progress)?;
    if is_followed {
        check_same_images(config, &data)?;
    }
    if inherits_group && !data.has_groups() {
        config.data.group = None;
    }
    if data.train.is_empty() {
        return Err(TrainError::setting(
            "data.source",
            format!("{} has no training images", config.data.source),
        ));
    }
    if data.val.is_empty() && config.train.early_stopping.is_some() {
        return Err(TrainError::setting(
            "train.early_stopping",
            format!(
                "early stopping needs validation images; {}, or disable early stopping",
                config.data.no_val_remedy()
            ),
        ));
    }
    if data.val.is_empty() && config.train.schedule.kind == ScheduleKind::Plateau {
        return Err(TrainError::setting(
            "train.schedule.kind",
            format!(
                "this schedule needs validation images; {}, or use another schedule",
                config.data.no_val_remedy()
            ),
        ));
    }
    data.notes.extend(data.remarks());
    data.notes
        .extend(data.imbalance(config.train.balances_classes()));
    Ok(data)
}

/// Opens the data set; if the images that `data.val_fraction` holds out serve nothing, without holding any out.
pub(super) fn open_all_that_train(
    config: &mut RunConfig,
    open: OpenSettings,
    classes: Option<&[String]>,
    progress: &dyn Progress,
) -> Result<DataSet, TrainError> {
    let known = || KnownImages {
        record: None,
        classes: classes.map(<[String]>::to_vec),
    };
    let data = open_data(config, known(), progress)?;
    let held_out = data.val.len();
    if !open.holds_out_in_vain(config, held_out) {
        return Ok(data);
    }
    let fraction = std::mem::replace(&mut config.data.val_fraction, 0.0);
    let mut all = open_data(config, known(), progress)?;
    if !all.val.is_empty() {
        // The data have a validation split of their own.
        config.data.val_fraction = fraction;
        return Ok(data);
    }
    // It would read like a fault of the data.
    all.notes.retain(|note| note != NO_VALIDATION);
    all.notes.push(format!(
        "no images are held out for validation (data.val_fraction = 0), since {} could neither select an epoch nor \
         calibrate: all are used for training, and the last epoch is kept",
        counted(held_out, "image")
    ));
    Ok(all)
}

/// Whether the setting of groups comes from the run that this one starts from, and may not apply.
fn inherits_group(config: &RunConfig) -> bool {
    let start = config.start.as_ref();
    let run = start.and_then(|start| RunDirectory::around(&start.from));
    let own = run.and_then(|run| run.config().ok());
    config.data.group.is_some() && own.is_some_and(|own| own.data.group == config.data.group)
}
