//! `config.toml` with every setting; those that are not set are comments.

use super::RunConfig;
use super::unset::UNSET;
use crate::error::TrainError;

/// Settings that `KEY=none` removes.
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
    /// Like [`to_toml`](Self::to_toml), with a comment for each setting that is not set.
    ///
    /// # Errors
    /// As [`to_toml`](Self::to_toml).
    pub(crate) fn to_commented_toml(&self) -> Result<String, TrainError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{
        AverageConfig, AverageStatistics, DataConfig, EarlyStopping, EmaConfig, FieldConfig,
        MachineConfig, Monitor, OneCycle, Plateau, Sampling, Schedule, StartConfig, TrainConfig,
    };
    use receptive_data::{
        Augment, Fill, Fold, GaussianBlur, Posterize, RandAugment, RandomAffine, Sharpness,
        Solarize, TrivialAugment,
    };
    use receptive_model::{LinearLayer, ModelConfig, Pair};
    use std::collections::BTreeSet;

    fn least() -> RunConfig {
        RunConfig::new(ModelConfig::new(1, 8, 8).layer(LinearLayer::classes()))
    }

    /// Every optional setting set, to a value that is serialised. No `..`, so that new fields must be added
    /// here.
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
                fold: Some(Fold { number: 1, of: 5 }),
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
                precision: receptive_model::Precision::Bf16,
                checkpointing: true,
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
            machine: MachineConfig {
                devices: vec!["flex".into(); 2],
                ..machine
            },
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
        // The comments as lines, without the explanations after `#`.
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
