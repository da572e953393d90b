//! The settings of a checkpoint, and which of them may change on resume.

use crate::config::{CheckpointConfig, DataConfig, MachineConfig, RunConfig};
use crate::error::{SettingChange, TrainError};
use receptive_core::hash::sha256;
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// Settings that may change between epochs: they do not affect existing weights, the optimizer's
/// state, the images or their order. (The images are compared with the run's record, whatever the
/// policy for damaged ones.) A name ending in a dot is a whole table.
const APPLIED: [&str; 25] = [
    "data.bad_images",
    "data.max_pixels",
    "track_erf.",
    "train.augment.",
    "train.average.",
    "train.class_weights",
    "train.clip_norm",
    "train.clip_value",
    "train.decay_norm_and_bias",
    "train.early_stopping.",
    "train.ema.",
    "train.epochs",
    "train.exact_convolutions",
    "train.label_smoothing",
    "train.monitor",
    "train.optimizer.alpha",
    "train.optimizer.beta_1",
    "train.optimizer.beta_2",
    "train.optimizer.epsilon",
    "train.optimizer.learning_rate",
    "train.optimizer.nesterov",
    "train.optimizer.weight_decay",
    "train.precision",
    "train.sampling",
    "train.schedule.",
];
/// Paths of data, devices, threads and recording, which do not affect the weights and may always change.
const EXECUTION: [&str; 8] = [
    "checkpoint.",
    "data.cache_mb",
    "data.data_dir",
    "data.labels",
    "data.source",
    "machine.",
    "tensorboard",
    "train.checkpointing",
];
const KIND: &str = "train.optimizer.kind";
const MOMENTUM: &str = "train.optimizer.momentum";

/// The settings that affect the weights, as TOML. The path of the images is not included: a fingerprint
/// identifies them.
pub(crate) fn settings(config: &RunConfig) -> Result<String, TrainError> {
    let mut config = comparable(config);
    config.data.source = String::new();
    config.data.labels = None;
    config.to_toml()
}

/// The settings that [`settings`] leaves out, by name with their values as TOML.
pub(crate) fn execution(config: &RunConfig) -> Result<BTreeMap<String, String>, TrainError> {
    let mut all = flat(&config.to_toml()?).map_err(|reason| TrainError::Config {
        origin: "(TOML)".into(),
        reason,
    })?;
    all.retain(|name, _| is_any(name, &EXECUTION));
    Ok(all)
}

/// The hash of [`settings`], also stored in checkpoints.
pub(crate) fn settings_sha256(settings: &str) -> String {
    sha256(settings.as_bytes())
}

/// The hash of the settings as in checkpoints of versions that did not store the settings themselves.
pub(super) fn hash_alone(config: &RunConfig) -> Result<String, TrainError> {
    Ok(sha256(comparable(config).to_toml()?.as_bytes()))
}

fn comparable(config: &RunConfig) -> RunConfig {
    RunConfig {
        tensorboard: false,
        machine: MachineConfig::default(),
        checkpoint: CheckpointConfig::default(),
        data: DataConfig {
            data_dir: None,
            cache_mb: 0,
            ..config.data.clone()
        },
        ..config.clone()
    }
}

/// The differences between two texts of [`settings`].
pub(crate) fn changes(old: &str, new: &str) -> Result<Vec<SettingChange>, String> {
    let mut changes = differences(&flat(old)?, &flat(new)?);
    // Settings that only follow from another changed setting are not listed.
    if has_any(&changes, KIND) {
        changes.retain(|change| {
            change.setting == KIND || !change.setting.starts_with("train.optimizer.")
        });
    }
    let of_network = ["data.image_size", "data.grey", "train.stochastic_depth"];
    if of_network.iter().any(|name| has_any(&changes, name)) {
        changes.retain(|change| !change.setting.starts_with("model."));
    }
    Ok(changes)
}

/// The differences between two lists of settings with values as TOML.
pub(super) fn differences(
    old: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
) -> Vec<SettingChange> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| SettingChange {
            setting: name.clone(),
            old: old.get(name).cloned(),
            new: new.get(name).cloned(),
        })
        .collect()
}

fn has_any(changes: &[SettingChange], name: &str) -> bool {
    changes
        .iter()
        .any(|change| change.setting.starts_with(name))
}

/// Whether a run can be resumed with this change.
pub(super) fn is_applied(change: &SettingChange) -> bool {
    // Without momentum there is no optimizer state, so momentum cannot be enabled or disabled.
    let is_zero = |value: &Option<String>| {
        value
            .as_ref()
            .and_then(|value| value.parse::<f64>().ok())
            .is_none_or(|value| value == 0.0)
    };
    if change.setting == MOMENTUM {
        return !is_zero(&change.old) && !is_zero(&change.new);
    }
    is_any(&change.setting, &APPLIED)
}

/// Whether a setting is in this list, in which a name ending in a dot is a whole table.
fn is_any(setting: &str, names: &[&str]) -> bool {
    names.iter().any(|name| match name.strip_suffix('.') {
        Some(_) => setting.starts_with(name),
        None => setting == *name,
    })
}

/// Every setting by its dotted path, with its value as TOML.
fn flat(settings: &str) -> Result<BTreeMap<String, String>, String> {
    let table: Table = toml::from_str(settings).map_err(|error| error.message().to_string())?;
    let mut all = BTreeMap::new();
    collect("", &Value::Table(table), &mut all);
    Ok(all)
}

fn collect(path: &str, value: &Value, all: &mut BTreeMap<String, String>) {
    let below = |name: &str| match path {
        "" => name.to_string(),
        path => format!("{path}.{name}"),
    };
    match value {
        Value::Table(table) => {
            for (name, value) in table {
                collect(&below(name), value, all);
            }
        }
        Value::Array(list) if list.iter().any(Value::is_table) => {
            for (index, value) in list.iter().enumerate() {
                collect(&below(&index.to_string()), value, all);
            }
        }
        value => {
            all.insert(path.into(), value.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{EarlyStopping, Monitor, with_overrides};
    use receptive_model::{LinearLayer, ModelConfig};

    fn change(overrides: &[&str]) -> Vec<SettingChange> {
        let model = ModelConfig::new(1, 8, 8).layer(LinearLayer::classes());
        let old = RunConfig::new(model);
        let overrides: Vec<String> = overrides.iter().map(|text| (*text).into()).collect();
        let new = with_overrides(&old, &overrides).unwrap();
        changes(&settings(&old).unwrap(), &settings(&new).unwrap()).unwrap()
    }

    #[test]
    fn each_change_is_named_and_either_applied_or_not() {
        for (written, applied) in [
            ("train.epochs=9", true),
            ("train.optimizer.learning_rate=0.5", true),
            ("train.optimizer.momentum=0.5", true),
            ("train.optimizer.momentum=0", false),
            ("train.schedule.kind=constant", true),
            ("train.augment.shift=3", true),
            ("train.monitor=val_top1", true),
            ("train.clip_norm=1", true),
            ("train.clip_value=1", true),
            ("train.decay_norm_and_bias=false", true),
            ("train.precision=bf16", true),
            ("train.accumulate=2", false),
            ("train.stochastic_depth=0.1", false),
            ("train.seed=3", false),
            ("train.batch_size=3", false),
            ("train.micro_batch=3", false),
            ("data.limit=3", false),
            ("data.resize=crop", false),
            ("model.layers.0.units=7", false),
        ] {
            let found = change(&[written]);
            let [found] = &found[..] else {
                panic!("{written}: {found:?}")
            };
            assert_eq!(found.setting, written.split('=').next().unwrap());
            assert_eq!(is_applied(found), applied, "{written}");
        }
        // A table also sets its other settings, to their defaults.
        for written in ["train.ema.decay=0.99", "train.average.epochs=3"] {
            let found = change(&[written]);
            assert!(
                found.len() == 2 && found.iter().all(is_applied),
                "{found:?}"
            );
        }
        let found = change(&["train.optimizer.kind=adamw"]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].old.as_deref(), Some("\"sgd\""));
        assert!(!is_applied(&found[0]));
    }

    #[test]
    fn where_and_how_it_runs_is_not_compared() {
        let found = change(&[
            "data.source=elsewhere",
            "data.labels=/l.csv",
            "data.data_dir=/d",
            "data.cache_mb=1",
            "machine.threads=3",
            "checkpoint.keep=5",
            "tensorboard=true",
        ]);
        assert_eq!(found, []);
    }

    /// A config with every setting set: the commented lines of `config.toml`, uncommented.
    fn full() -> RunConfig {
        let model = ModelConfig::new(1, 8, 8).layer(LinearLayer::classes());
        let text = RunConfig::new(model).to_commented_toml().unwrap();
        let uncommented: Vec<&str> = text
            .lines()
            .map(|line| line.strip_prefix("# ").unwrap_or(line))
            .collect();
        toml::from_str(&uncommented.join("\n")).unwrap()
    }

    #[test]
    fn every_setting_is_compared_as_one_of_the_weights_or_of_the_execution() {
        let full = full();
        let all = flat(&full.to_toml().unwrap()).unwrap();
        let weights = flat(&settings(&full).unwrap()).unwrap();
        let execution = execution(&full).unwrap();
        for (name, value) in &all {
            let is_compared = weights.get(name) == Some(value) || execution.contains_key(name);
            assert!(is_compared, "{name}");
        }
    }

    /// The table of docs/training.md lists every setting in the right column.
    #[test]
    fn the_manual_names_every_setting_that_may_change_or_not() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/training.md");
        let manual = std::fs::read_to_string(path).unwrap();
        let mut rows = manual
            .lines()
            .skip_while(|line| !line.starts_with("| may change"));
        let row = rows.nth(2).unwrap();
        let [_, applied, rejected, _] = row.split('|').collect::<Vec<_>>()[..] else {
            panic!("{row}")
        };
        for (name, value) in flat(&full().to_toml().unwrap()).unwrap() {
            let change = SettingChange {
                setting: name.clone(),
                old: Some(value.clone()),
                new: Some(value),
            };
            let may_change = is_applied(&change) || is_any(&name, &EXECUTION);
            let column = if may_change { applied } else { rejected };
            let mut named = name.as_str();
            while !column.contains(&format!("`{named}`")) {
                let shorter = named.rsplit_once('.').map(|(table, _)| table);
                named = shorter.unwrap_or_else(|| panic!("{name} in {column}"));
            }
        }
    }

    #[test]
    fn a_setting_that_was_not_set_has_no_old_value() {
        let model = ModelConfig::new(1, 8, 8).layer(LinearLayer::classes());
        let old = RunConfig::new(model);
        let mut new = old.clone();
        new.train.early_stopping = Some(EarlyStopping {
            metric: Monitor::ValLoss,
            patience: 4,
        });
        let found = changes(&settings(&old).unwrap(), &settings(&new).unwrap()).unwrap();
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(
            found[1].to_string(),
            "train.early_stopping.patience: not set -> 4"
        );
    }
}
