//! The search space: the settings of each trial, drawn at random.

use crate::config::{HeadStart, RunConfig, with_overrides};
use crate::error::TrainError;
use receptive_core::hash::{SPLITMIX_STEP, splitmix};
use receptive_data::Augment;
use serde::{Deserialize, Serialize};

/// The settings of a trial. Trial 0 has those of the base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrialSettings {
    /// `train.optimizer.learning_rate`.
    pub learning_rate: f64,
    /// `train.optimizer.weight_decay`.
    pub weight_decay: f64,
    /// The strength of `train.augment`: 1 as in the base, 0 for none.
    pub augment: f64,
    /// The preset, if networks are compared.
    pub network: Option<String>,
    /// `start.body_rate`, to which `start.stem_rate` stays in proportion, if a pretrained model is fine-tuned: how
    /// deep training reaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_rate: Option<f64>,
}

/// Range of the learning rate in decades, relative to the base's.
const RATE_DECADES: [f64; 2] = [-1.0, 1.0];
/// Range of the weight decay in decades, relative to the base's.
const DECAY_DECADES: [f64; 2] = [-1.5, 1.0];
/// Range of the weight decay in decades if the base has none.
const DECAYS: [f64; 2] = [-5.0, -2.0];
/// Range of the body's learning rate in decades, relative to the base's.
const BODY_DECADES: [f64; 2] = [-1.0, 0.5];
/// Strengths of augmentation.
const STRENGTHS: [f64; 5] = [0.0, 0.5, 1.0, 1.5, 2.0];

/// The settings of trial `number`, with log-uniform rates. Each is a pure function of seed and number, so more
/// trials do not change the existing ones.
pub(super) fn draw(number: u64, seed: u64, base: &RunConfig, networks: &[String]) -> TrialSettings {
    let (rate, decay) = rates(base);
    let first = networks.first().cloned();
    let start = base.start.as_ref();
    let body = start
        .filter(|start| start.head != HeadStart::Only)
        .map(|start| start.body_rate);
    if number == 0 {
        return TrialSettings {
            learning_rate: rate,
            weight_decay: decay,
            augment: match base.train.augment.is_off() {
                true => 0.0,
                false => 1.0,
            },
            network: first,
            body_rate: body,
        };
    }
    let unit = |what: u64| unit(seed, number, what);
    let between = |[low, high]: [f64; 2], share: f64| low + (high - low) * share;
    let pick = |count: usize, share: f64| ((share * count as f64) as usize).min(count.max(1) - 1);
    TrialSettings {
        learning_rate: rounded(rate * 10f64.powf(between(RATE_DECADES, unit(0)))),
        weight_decay: rounded(match decay > 0.0 {
            true => decay * 10f64.powf(between(DECAY_DECADES, unit(1))),
            false => 10f64.powf(between(DECAYS, unit(1))),
        }),
        augment: STRENGTHS[pick(STRENGTHS.len(), unit(2))],
        network: networks.get(pick(networks.len(), unit(3))).cloned(),
        body_rate: body
            .map(|rate| rounded(rate * 10f64.powf(between(BODY_DECADES, unit(4)))).min(1.0)),
    }
}

/// Learning rate and weight decay of any optimizer.
fn rates(base: &RunConfig) -> (f64, f64) {
    let optimizer = toml::Value::try_from(&base.train.optimizer).ok();
    let of = |name: &str| optimizer.as_ref()?.get(name)?.as_float();
    let rate = base.train.optimizer.learning_rate();
    (rate, of("weight_decay").unwrap_or(0.0))
}

/// Rounded to three digits, so that configs are readable and exact.
fn rounded(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

/// A pseudorandom number in `0.0..1.0`.
fn unit(seed: u64, number: u64, what: u64) -> f64 {
    let key = [seed, number, what]
        .into_iter()
        .fold(SPLITMIX_STEP, |state, part| {
            splitmix(state.wrapping_add(SPLITMIX_STEP) ^ splitmix(part.wrapping_add(SPLITMIX_STEP)))
        });
    (key >> 11) as f64 / (1u64 << 53) as f64
}

impl TrialSettings {
    /// The base with these settings, for this many epochs.
    pub(super) fn apply(&self, base: &RunConfig, epochs: usize) -> Result<RunConfig, TrainError> {
        let mut config = base.clone();
        config.train.epochs = epochs;
        config.train.augment = strengthened(&base.train.augment, self.augment as f32);
        if let Some(network) = &self.network {
            config.model = RunConfig::preset(network)?.model;
        }
        if let (Some(rate), Some(start)) = (self.body_rate, &mut config.start)
            && rate != start.body_rate
        {
            start.stem_rate = rounded(start.stem_rate * rate / start.body_rate).min(1.0);
            start.body_rate = rate;
        }
        with_overrides(
            &config,
            &[
                format!("train.optimizer.learning_rate={:?}", self.learning_rate),
                format!("train.optimizer.weight_decay={:?}", self.weight_decay),
            ],
        )
    }
}

/// The base's augmentation with this strength.
fn strengthened(augment: &Augment, strength: f32) -> Augment {
    let mild = Augment {
        shift: 1,
        brightness: 0.2,
        contrast: 0.2,
        ..augment.clone()
    };
    // Without augmentation in the base, only changes that are safe for any classes are tried.
    let augment = if augment.is_off() { &mild } else { augment };
    augment.strengthened(strength)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::StartConfig;
    use receptive_model::presets;

    fn base() -> RunConfig {
        RunConfig::preset(presets::DEFAULT).unwrap()
    }

    #[test]
    fn the_first_trial_is_the_base_and_others_are_drawn_by_seed_and_number() {
        let base = base();
        let first = draw(0, 5, &base, &[]);
        let config = first.apply(&base, 7).unwrap();
        assert_eq!(config.train.optimizer, base.train.optimizer);
        assert_eq!((config.train.epochs, config.model), (7, base.model.clone()));
        assert_eq!(draw(3, 5, &base, &[]), draw(3, 5, &base, &[]));
        assert_ne!(draw(3, 5, &base, &[]), draw(4, 5, &base, &[]));
        assert_ne!(draw(3, 5, &base, &[]), draw(3, 6, &base, &[]));
    }

    #[test]
    fn fine_tuning_also_varies_how_deep_it_reaches() {
        let mut base = base();
        base.start = Some(StartConfig {
            stem_rate: 0.012_345,
            ..StartConfig::fine_tuning("m")
        });
        let start = |number| {
            let trial = draw(number, 1, &base, &[]);
            trial.apply(&base, 3).unwrap().start.unwrap()
        };
        assert_eq!(Some(start(0)), base.start);
        let rates: Vec<f64> = (1..300).map(|number| start(number).body_rate).collect();
        assert!(rates.iter().all(|rate| (0.0099..=0.317).contains(rate)));
        let above = rates.iter().filter(|rate| **rate > 0.1).count();
        assert!((70..130).contains(&above), "{above}");
        let one = start(7);
        assert!(
            (one.stem_rate / one.body_rate - 0.12345).abs() < 1e-3,
            "{one:?}"
        );
        // Only the head is trained.
        base.start.as_mut().unwrap().head = HeadStart::Only;
        assert_eq!(draw(1, 1, &base, &[]).body_rate, None);
    }

    #[test]
    fn rates_are_log_uniform_and_networks_and_strengths_all_come() {
        let base = base();
        let networks = ["small".to_string(), "vgg".into()];
        let all: Vec<TrialSettings> = (1..600).map(|n| draw(n, 1, &base, &networks)).collect();
        let rate = base.train.optimizer.learning_rate();
        let logs: Vec<f64> = all
            .iter()
            .map(|one| (one.learning_rate / rate).log10())
            .collect();
        assert!(logs.iter().all(|log| (-1.01..=1.01).contains(log)));
        let below = logs.iter().filter(|log| **log < 0.0).count();
        assert!((250..350).contains(&below), "{below}");
        for network in &networks {
            let count = all
                .iter()
                .filter(|one| one.network.as_ref() == Some(network))
                .count();
            assert!((250..350).contains(&count), "{network}: {count}");
        }
        for strength in STRENGTHS {
            let count = all.iter().filter(|one| one.augment == strength).count();
            assert!((80..160).contains(&count), "{strength}: {count}");
        }
        for one in &all {
            one.apply(&base, 3).unwrap().check().unwrap();
        }
    }

    #[test]
    fn strength_scales_amounts_and_leaves_mirroring() {
        let augment = Augment {
            crop: 0.5,
            flip: true,
            shift: 2,
            brightness: 0.3,
            ..Augment::default()
        };
        let weak = strengthened(&augment, 0.5);
        assert_eq!((weak.crop, weak.flip, weak.shift), (0.75, true, 1));
        let none = strengthened(&augment, 0.0);
        assert_eq!(
            none,
            Augment {
                flip: true,
                ..Augment::default()
            }
        );
        assert!(strengthened(&augment, 2.0).check().is_ok());
        assert_eq!(strengthened(&Augment::default(), 2.0).shift, 2);
        assert!(strengthened(&Augment::default(), 0.0).is_off());
    }
}
