//! `config.toml` with every setting in it: those that are not set are comments.

use super::RunConfig;
use crate::error::TrainError;

/// A setting that a config may leave out, and the line that stands for it then: what would set it,
/// with a value as an example, and what happens without it.
struct Unset {
    /// The table it belongs to; empty for the top of the file.
    table: &'static str,
    name: &'static str,
    example: &'static str,
    without: &'static str,
}

const fn unset(
    table: &'static str,
    name: &'static str,
    example: &'static str,
    without: &'static str,
) -> Unset {
    Unset {
        table,
        name,
        example,
        without,
    }
}

/// All of them. A test holds it complete.
const UNSET: &[Unset] = &[
    unset("", "tensorboard", "true", "no event files"),
    unset(
        "",
        "track_erf",
        "{ layer = \"4\", times = 6, samples = 400 }",
        "the receptive field is not measured",
    ),
    unset(
        "",
        "start",
        "{ from = \"runs/001/model\", freeze = 0 }",
        "weights are initialized from the seed",
    ),
    unset(
        "start",
        "head",
        "\"fitted\"",
        "a new head starts with random weights",
    ),
    unset(
        "start",
        "freeze_statistics",
        "true",
        "batch norm's statistics are trained",
    ),
    unset("start", "body_rate", "0.1", "the head's learning rate"),
    unset("start", "stem_rate", "0.01", "the head's learning rate"),
    unset("start", "weights_sha256", "\"...\"", "filled in by a run"),
    unset("track_erf", "layer", "\"4\"", "the last map"),
    unset("data", "data_dir", "\"DIR\"", "the usual places"),
    unset("data", "labels", "\"labels.csv\"", "classes are folders"),
    unset(
        "data",
        "label_column",
        "\"class\"",
        "found by its name and content",
    ),
    unset(
        "data",
        "group",
        "\"(.*)_\"",
        "every image is a group of its own",
    ),
    unset(
        "data",
        "fold",
        "{ number = 1, of = 5 }",
        "no cross-validation",
    ),
    unset("data", "limit", "1000", "all training images"),
    unset(
        "data",
        "image_size",
        "[64, 64]",
        "the data's own size, or 64 for photos",
    ),
    unset("data", "grey", "true", "colours as the images have them"),
    unset(
        "data",
        "interpolation",
        "\"bicubic\"",
        "pixels are resized bilinearly",
    ),
    unset(
        "data",
        "crop_fraction",
        "0.875",
        "images are cut to their proportions only",
    ),
    unset("data", "max_pixels", "1000000000", "268435456 (2^28)"),
    unset(
        "train",
        "sampling",
        "\"balanced\"",
        "every image once an epoch",
    ),
    unset("train", "accumulate", "4", "a step is one batch"),
    unset(
        "train",
        "decay_norm_and_bias",
        "false",
        "weight decay applies to them too",
    ),
    unset("train", "clip_norm", "1.0", "gradients are not clipped"),
    unset("train", "clip_value", "0.5", "gradients are not clipped"),
    unset(
        "train",
        "ema",
        "{ decay = 0.9998, warmup = true }",
        "no moving average of the weights",
    ),
    unset(
        "train",
        "average",
        "{ epochs = 5, statistics = \"recompute\" }",
        "no mean of the last epochs' weights",
    ),
    unset(
        "train",
        "stochastic_depth",
        "0.1",
        "as the network's layers have it",
    ),
    unset(
        "train",
        "early_stopping",
        "{ metric = \"val_loss\", patience = 10 }",
        "all epochs are trained",
    ),
    unset(
        "train.average",
        "rate",
        "0.5",
        "the schedule's learning rate",
    ),
    unset(
        "train.schedule",
        "milestones",
        "[30.0, 60.0]",
        "multi_step has none",
    ),
    unset(
        "train.schedule",
        "one_cycle",
        "{ pct_start = 0.3, div_factor = 25.0, final_div_factor = 10000.0, cycle_momentum = true, \
         base_momentum = 0.85, max_momentum = 0.95 }",
        "these",
    ),
    unset(
        "train.schedule",
        "plateau",
        "{ factor = 0.1, patience = 10, threshold = 0.0001, cooldown = 0, min_fraction = 0.0 }",
        "these",
    ),
    unset("train.augment", "crop", "0.5", "images are taken whole"),
    unset(
        "train.augment",
        "vertical_flip",
        "true",
        "top and bottom stay",
    ),
    unset(
        "train.augment",
        "affine",
        "{ degrees = 10.0, translate = [0.1, 0.1], scale = [0.9, 1.1], shear = 5.0 }",
        "no such change",
    ),
    unset(
        "train.augment",
        "randaugment",
        "{ num_ops = 2, magnitude = 9, num_magnitude_bins = 31 }",
        "no RandAugment",
    ),
    unset(
        "train.augment",
        "trivialaugment",
        "{ num_magnitude_bins = 31 }",
        "no TrivialAugment",
    ),
    unset("train.augment", "saturation", "0.2", "colours keep it"),
    unset("train.augment", "hue", "0.05", "colours keep it"),
    unset("train.augment", "autocontrast", "0.5", "never"),
    unset("train.augment", "equalize", "0.5", "never"),
    unset("train.augment", "invert", "0.5", "never"),
    unset(
        "train.augment",
        "posterize",
        "{ bits = 4, p = 0.5 }",
        "never",
    ),
    unset(
        "train.augment",
        "solarize",
        "{ threshold = 128.0, p = 0.5 }",
        "never",
    ),
    unset("train.augment", "grayscale", "0.1", "never"),
    unset(
        "train.augment",
        "sharpness",
        "{ sharpness_factor = 2.0, p = 0.5 }",
        "never",
    ),
    unset(
        "train.augment",
        "blur",
        "{ kernel_size = 9, sigma = [0.1, 2.0], p = 0.5 }",
        "never",
    ),
    unset(
        "train.augment",
        "fill",
        "\"black\"",
        "the nearest pixel of the edge",
    ),
    unset("train.augment", "mixup", "0.2", "images are not blended"),
    unset("train.augment", "cutmix", "1.0", "images are not cut"),
    unset(
        "train.augment",
        "exclude",
        "{ flip = [\"b\", \"d\"] }",
        "all classes are changed alike",
    ),
];

/// Settings that `KEY=none` takes out again.
pub(super) fn can_be_unset(key: &str) -> bool {
    UNSET.iter().any(|unset| match unset.table {
        "" => key == unset.name,
        table => {
            key.strip_prefix(table)
                .and_then(|key| key.strip_prefix('.'))
                == Some(unset.name)
        }
    })
}

impl RunConfig {
    /// As [`to_toml`](Self::to_toml), with a comment for each setting that is not set.
    ///
    /// # Errors
    /// As [`to_toml`](Self::to_toml).
    pub fn to_commented_toml(&self) -> Result<String, TrainError> {
        let text = self.to_toml()?;
        let table: toml::Table = toml::from_str(&text).map_err(super::config_error("(TOML)"))?;
        let mut commented = String::new();
        for unset in UNSET.iter().filter(|unset| unset.table.is_empty()) {
            if !table.contains_key(unset.name) {
                commented += &unset.line();
            }
        }
        for line in text.lines() {
            commented += line;
            commented.push('\n');
            let Some(name) = line
                .strip_prefix('[')
                .and_then(|line| line.strip_suffix(']'))
            else {
                continue;
            };
            let mut within = name.split('.');
            let section = within.try_fold(&table, |table, part| table.get(part)?.as_table());
            let Some(section) = section else { continue };
            for unset in UNSET.iter().filter(|unset| unset.table == name) {
                if !section.contains_key(unset.name) {
                    commented += &unset.line();
                }
            }
        }
        Ok(commented)
    }
}

impl Unset {
    fn line(&self) -> String {
        format!(
            "# {} = {} # not set: {}\n",
            self.name, self.example, self.without
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{
        AverageConfig, AverageStatistics, DataConfig, EarlyStopping, EmaConfig, FieldConfig,
        Monitor, OneCycle, Plateau, Sampling, Schedule, StartConfig, TrainConfig,
    };
    use receptive_data::{
        Augment, Fill, GaussianBlur, Posterize, RandAugment, RandomAffine, Sharpness, Solarize,
        TrivialAugment,
    };
    use receptive_model::{LinearLayer, ModelConfig, Pair};
    use std::collections::BTreeSet;

    fn least() -> RunConfig {
        RunConfig::new(ModelConfig::new(1, 8, 8).layer(LinearLayer::classes()))
    }

    /// Everything set, to something that is not skipped. No `..`: a new field must be added here.
    fn full() -> RunConfig {
        let RunConfig {
            data,
            train,
            machine,
            checkpoint,
            model,
            ..
        } = least();
        RunConfig {
            tensorboard: true,
            data: DataConfig {
                data_dir: Some("/d".into()),
                labels: Some("l".into()),
                label_column: Some("c".into()),
                group: Some("g".into()),
                limit: Some(1),
                image_size: Some(Pair {
                    height: 1,
                    width: 2,
                }),
                grey: true,
                resize: receptive_data::Resize::Crop,
                interpolation: receptive_data::Interpolation::Bicubic,
                crop_fraction: Some(0.9),
                max_pixels: 1,
                ..data
            },
            train: TrainConfig {
                sampling: Sampling::Balanced,
                accumulate: 2,
                decay_norm_and_bias: false,
                clip_norm: Some(1.0),
                clip_value: Some(1.0),
                ema: Some(EmaConfig::default()),
                average: Some(AverageConfig {
                    epochs: 2,
                    statistics: AverageStatistics::Mean,
                    rate: Some(0.5),
                }),
                stochastic_depth: Some(0.1),
                schedule: Schedule {
                    milestones: vec![2.0],
                    one_cycle: OneCycle {
                        pct_start: 0.4,
                        ..OneCycle::default()
                    },
                    plateau: Plateau {
                        patience: 3,
                        ..Plateau::default()
                    },
                    ..Schedule::default()
                },
                early_stopping: Some(EarlyStopping {
                    metric: Monitor::ValTop1,
                    patience: 3,
                }),
                augment: Augment {
                    crop: 0.5,
                    vertical_flip: true,
                    affine: Some(RandomAffine::default()),
                    randaugment: Some(RandAugment::default()),
                    trivialaugment: Some(TrivialAugment::default()),
                    saturation: 0.2,
                    hue: 0.05,
                    autocontrast: 0.5,
                    equalize: 0.5,
                    invert: 0.5,
                    posterize: Some(Posterize::default()),
                    solarize: Some(Solarize::default()),
                    grayscale: 0.1,
                    sharpness: Some(Sharpness::default()),
                    blur: Some(GaussianBlur::default()),
                    fill: Fill::Black,
                    mixup: 0.2,
                    cutmix: 1.0,
                    exclude: [("flip".to_string(), vec!["b".to_string()])].into(),
                    ..train.augment
                },
                ..train
            },
            machine,
            checkpoint,
            start: Some(StartConfig {
                weights_sha256: Some("0".into()),
                ..StartConfig::fine_tuning("m")
            }),
            track_erf: Some(FieldConfig {
                layer: Some("1".into()),
                ..FieldConfig::default()
            }),
            model,
        }
    }

    fn names(value: &toml::Value, path: &str, all: &mut BTreeSet<String>) {
        if let toml::Value::Table(table) = value {
            for (name, value) in table {
                let below = format!("{path}.{name}");
                all.insert(below.trim_start_matches('.').into());
                names(value, &below, all);
            }
        }
    }

    fn settings(text: &str) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        names(
            &toml::Value::Table(toml::from_str(text).unwrap()),
            "",
            &mut all,
        );
        all
    }

    #[test]
    fn every_setting_is_in_the_file_and_its_comments_can_be_uncommented() {
        let text = least().to_commented_toml().unwrap();
        // The comments made lines, each with what explains it after `#`.
        let uncommented: Vec<&str> = text
            .lines()
            .map(|line| line.strip_prefix("# ").unwrap_or(line))
            .collect();
        let there = settings(&uncommented.join("\n"));
        let wanted = settings(&full().to_toml().unwrap());
        let of_start = |name: &&String| {
            !(name.starts_with("start.") || name.starts_with("train.average.rate"))
        };
        let missing: Vec<&String> = wanted.difference(&there).filter(of_start).collect();
        assert!(missing.is_empty(), "{missing:?} in {text}");
        toml::from_str::<RunConfig>(&uncommented.join("\n")).unwrap();
        assert_eq!(toml::from_str::<RunConfig>(&text).unwrap(), least());
    }

    #[test]
    fn what_is_set_has_no_comment() {
        let full = full();
        assert_eq!(full.to_commented_toml().unwrap(), full.to_toml().unwrap());
    }
}
