//! Overriding any setting by its path: `key=value`.

use super::commented::can_be_unset;
use super::{RunConfig, config_error};
use crate::error::TrainError;
use receptive_core::{did_you_mean, nearest, plain};
use toml::{Table, Value};

/// The config with each `key=value` applied. A key is a dotted path such as `train.optimizer.learning_rate` or
/// `model.layers.0.filters` (list indices start at 0); a value is TOML or plain text. `none` unsets an optional
/// setting, such as `train.early_stopping=none`.
///
/// # Errors
/// An override has no `=`, an unknown key or an invalid value; the error names it.
pub fn with_overrides(config: &RunConfig, overrides: &[String]) -> Result<RunConfig, TrainError> {
    if overrides.is_empty() {
        return Ok(config.clone());
    }
    let rejected = match built(config, overrides)? {
        Ok(config) => return Ok(config),
        Err(rejected) => rejected,
    };
    let (written, error) = at_fault(config, overrides).unwrap_or((&overrides[0], rejected));
    let key = written.split_once('=').map_or("", |(key, _)| key.trim());
    Err(explain(key, error.message()))
}

/// The config with all overrides applied, or why it is invalid.
fn built(
    config: &RunConfig,
    overrides: &[String],
) -> Result<Result<RunConfig, toml::de::Error>, TrainError> {
    let mut table = Table::try_from(config).map_err(config_error("(in memory)"))?;
    for written in overrides {
        let (key, value) = written.split_once('=').ok_or_else(|| {
            TrainError::setting(written, "expected key=value, such as train.epochs=5")
        })?;
        let (key, value) = (key.trim(), value.trim());
        if value == "none" && can_be_unset(key) {
            take_out(&mut table, key);
            continue;
        }
        // `none` may be a value of a text setting, but of no other.
        if value == "none" && get(&table, key).is_some_and(|old| !old.is_str()) {
            return Err(TrainError::setting(
                key,
                "it cannot be left out, so `none` is not a valid value",
            ));
        }
        put(&mut table, key, parse(value))?;
    }
    Ok(Value::Table(table).try_into())
}

/// The override to name in the error for an invalid config. For each table: the last override without which the
/// table's others are valid, or else the first that is invalid together with those before it.
fn at_fault<'a>(
    config: &RunConfig,
    overrides: &'a [String],
) -> Option<(&'a String, toml::de::Error)> {
    let parent = |written: &str| {
        let key = written.split_once('=').map_or("", |(key, _)| key.trim());
        key.rsplit_once('.')
            .map_or("", |(parent, _)| parent)
            .to_string()
    };
    let rejected = |some: &[String]| built(config, some).ok()?.err();
    overrides.iter().find_map(|one| {
        let table = overrides
            .iter()
            .filter(|other| parent(other) == parent(one));
        let (places, table): (Vec<&String>, Vec<String>) =
            table.map(|written| (written, written.clone())).unzip();
        let error = rejected(&table)?;
        let without = |at: &usize| {
            let mut others = table.clone();
            others.remove(*at);
            rejected(&others).is_none()
        };
        if let Some(at) = (0..table.len()).rev().find(without) {
            return Some((places[at], error));
        }
        (0..table.len()).find_map(|at| Some((places[at], rejected(&table[..=at])?)))
    })
}

/// The parser's message as an error of the setting.
fn explain(key: &str, message: &str) -> TrainError {
    let (parent, last) = key.rsplit_once('.').unwrap_or(("", key));
    let message = plain(message.trim());
    let name = |text: &str, start: &str| {
        let rest = text.strip_prefix(start)?;
        Some(rest.split_once('`')?.0.to_string())
    };
    if let Some(missing) = name(&message, "missing setting `") {
        let dot = if parent.is_empty() { "" } else { "." };
        return TrainError::Needs {
            setting: key.into(),
            needs: format!("{parent}{dot}{missing}"),
        };
    }
    let Some(unknown) = name(&message, "unknown setting `")
        .filter(|unknown| key.split('.').any(|part| part == unknown))
    else {
        return TrainError::setting(key, message);
    };
    let what = match unknown == last {
        true => "there is no setting of this name".to_string(),
        false => format!("there is no `{unknown}`"),
    };
    let known = message
        .split_once("expected ")
        .map_or("", |(_, known)| known);
    let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    let problem = match did_you_mean(&nearest(&unknown, known.iter().copied())) {
        Some(meant) => format!("{what}; {meant}"),
        None if unknown != last || parent.is_empty() => {
            format!("{what}; there are {}", known.join(", "))
        }
        None => format!("{what}; `{parent}` has {} here", known.join(", ")),
    };
    TrainError::setting(key, problem)
}

/// The value at a dotted path.
fn get<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    let (parents, last) = key.rsplit_once('.').map_or(("", key), |split| split);
    let mut place = Some(table);
    for part in parents.split('.').filter(|part| !part.is_empty()) {
        place = place?.get(part)?.as_table();
    }
    place?.get(last)
}

/// Removes a setting.
fn take_out(table: &mut Table, key: &str) {
    let (parents, last) = key.rsplit_once('.').map_or(("", key), |split| split);
    let mut place = Some(table);
    for part in parents.split('.').filter(|part| !part.is_empty()) {
        place = place
            .and_then(|table| table.get_mut(part))
            .and_then(Value::as_table_mut);
    }
    if let Some(table) = place {
        table.remove(last);
    }
}

/// Parses TOML, or else takes the text itself: `train.monitor=val_loss` needs no quotes.
fn parse(text: &str) -> Value {
    toml::from_str::<Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.into()))
}

fn put(table: &mut Table, key: &str, value: Value) -> Result<(), TrainError> {
    let (parents, last) = key.rsplit_once('.').map_or(("", key), |split| split);
    let mut place = table;
    let mut parts = parents
        .split('.')
        .filter(|part| !part.is_empty())
        .peekable();
    let mut parent = "";
    while let Some(part) = parts.next() {
        parent = part;
        let mut value = place
            .entry(part)
            .or_insert_with(|| Value::Table(Table::new()));
        while let Value::Array(list) = value {
            let length = list.len();
            let index = parts.next().unwrap_or_default();
            value = index
                .parse()
                .ok()
                .and_then(|index: usize| list.get_mut(index))
                .ok_or_else(|| {
                    TrainError::setting(
                        key,
                        format!(
                            "`{part}` is a list of {length}; use an index from 0 to {}, such as \
                             {part}.0",
                            length.saturating_sub(1)
                        ),
                    )
                })?;
        }
        place = value
            .as_table_mut()
            .ok_or_else(|| TrainError::setting(key, format!("`{part}` is not a table")))?;
    }
    // Another kind of optimizer has other settings, and would reject those of the old kind.
    if last == "kind" && parent == "optimizer" && place.get(last) != Some(&value) {
        place.clear();
    }
    // An integer for a floating-point setting is converted.
    let value = match (place.get(last), value) {
        (Some(Value::Float(_)), Value::Integer(whole)) => Value::Float(whole as f64),
        (_, value) => value,
    };
    place.insert(last.into(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{EarlyStopping, Monitor, Optimizer};
    use receptive_model::{LinearLayer, ModelConfig};

    fn set(overrides: &[&str]) -> Result<RunConfig, TrainError> {
        let overrides: Vec<String> = overrides.iter().map(|text| (*text).into()).collect();
        let model = ModelConfig::new(1, 8, 8).layer(LinearLayer::classes());
        with_overrides(&RunConfig::new(model), &overrides)
    }

    #[test]
    fn settings_at_any_depth_can_be_set() {
        let config = set(&[
            "train.epochs=3",
            "train.optimizer.momentum=0.5",
            "train.augment.shift=2",
            "train.monitor=val_top1",
            "train.early_stopping.patience=4",
            "train.clip_norm=1",
            "data.source=cifar10",
            "model.layers.0.units=7",
        ])
        .unwrap();
        assert_eq!(config.train.epochs, 3);
        assert!(matches!(
            config.train.optimizer,
            Optimizer::Sgd { momentum: 0.5, .. }
        ));
        assert_eq!(config.train.augment.shift, 2);
        assert_eq!(config.train.monitor, Monitor::ValTop1);
        let stopping = EarlyStopping {
            metric: Monitor::ValLoss,
            patience: 4,
        };
        assert_eq!(config.train.early_stopping, Some(stopping));
        assert_eq!(config.train.clip_norm, Some(1.0));
        assert_eq!(config.data.source, "cifar10");
        assert_eq!(config.model.layers, [LinearLayer::new(7).into()]);
    }

    #[test]
    fn none_takes_a_setting_out_that_can_be_left_out() {
        let config = set(&[
            "train.early_stopping.patience=4",
            "train.early_stopping=none",
        ])
        .unwrap();
        assert_eq!(config.train.early_stopping, None);
        assert_eq!(set(&["data.limit=none"]).unwrap().data.limit, None);
        assert!(set(&["train.epochs=none"]).is_err());
    }

    #[test]
    fn another_optimizer_brings_its_own_defaults() {
        let config = set(&["train.optimizer.kind=adamw"]).unwrap();
        assert!(matches!(
            config.train.optimizer,
            Optimizer::AdamW {
                learning_rate: 1e-3,
                weight_decay: 0.01
            }
        ));
    }

    #[test]
    fn of_several_the_one_at_fault_is_named_in_one_sentence() {
        for (written, message) in [
            (
                &["train.optimizer.kind=lion", "train.optimizer.momentum=0.5"][..],
                "`train.optimizer.momentum`: there is no setting of this name; `train.optimizer` has \
                 learning_rate, weight_decay, beta_1, beta_2 here",
            ),
            (
                &["train.seed=1", "train.epoch=3", "train.epochs=2"],
                "`train.epoch`: there is no setting of this name; did you mean `epochs`?",
            ),
            (
                &["train.sed=1", "train.epoch=3"],
                "`train.sed`: there is no setting of this name; did you mean `seed`?",
            ),
            (
                &["trian.epochs=3"],
                "`trian.epochs`: there is no `trian`; did you mean `train`?",
            ),
            (
                &["start.body_rate=0.1"],
                "`start.body_rate`: it needs `start.from`, which is not set",
            ),
            (
                &["train.seed=1", "train.early_stopping.metric=val_top1"],
                "`train.early_stopping.metric`: it needs `train.early_stopping.patience`, which is not set",
            ),
            (
                &["train.average.rate=0.5"],
                "`train.average.rate`: it needs `train.average.epochs`, which is not set",
            ),
            (
                &["data.fold.of=5"],
                "`data.fold.of`: it needs `data.fold.number`, which is not set",
            ),
            (
                &["train.schedule.kind=cosin", "train.seed=1"],
                "`train.schedule.kind`: unknown value `cosin`, expected one of `cosine`, `constant`, \
                 `step`, `multi_step`, `one_cycle`, `plateau`",
            ),
        ] {
            assert_eq!(set(written).unwrap_err().to_string(), message);
        }
        let whole = [
            "train.early_stopping.metric=val_top1",
            "train.early_stopping.patience=2",
        ];
        assert!(set(&whole).is_ok());
    }

    #[test]
    fn an_unknown_key_and_a_wrong_value_are_rejected() {
        for (written, word) in [
            ("train.epoch=3", "epoch"),
            (
                "train.epochs=many",
                "expected a whole number, 0 or more, found the text",
            ),
            ("train.epochs=none", "cannot be left out"),
            ("train.epochs", "key=value"),
            ("train.seed.x=1", "seed"),
            ("model.layers.1.units=7", "use an index from 0 to 0"),
            ("model.layers=7", "layers"),
        ] {
            let error = set(&[written]).unwrap_err().to_string();
            assert!(error.contains(word), "{written}: {error}");
        }
    }
}
