//! Notes on settings that have no effect because of other settings.

use super::recipe::JUDGES;
use super::{HeadStart, Monitor, RunConfig, Schedule, ScheduleKind, StartConfig, TrainConfig};
use receptive_core::text::counted;
use toml::{Table, Value};

/// Settings of `train` that have an effect without training any epoch, or that the recipe sets.
const WITHOUT_EPOCHS: [&str; 6] = [
    "seed",
    "epochs",
    "batch_size",
    "micro_batch",
    "exact_convolutions",
    "monitor",
];
/// Maximum number of settings in a note.
const NAMED: usize = 4;

impl RunConfig {
    /// One note per setting that differs from its default but has no effect, or not the expected one. `val` is the
    /// number of validation images.
    pub(crate) fn idle_settings(&self, val: usize) -> Vec<String> {
        let mut notes = Vec::new();
        if self.train.epochs == 0 {
            notes.extend(self.without_epochs());
        } else {
            notes.extend(self.train.schedule.idle());
            notes.extend(self.train.idle(val));
        }
        notes.extend(self.precision_on_cpu());
        notes.extend(self.start.as_ref().and_then(StartConfig::idle));
        notes
    }

    /// On CPUs, half precision does not save time, because sums are computed in 32 bits.
    fn precision_on_cpu(&self) -> Option<String> {
        let precision = self.train.precision;
        let devices = self.machine.devices().ok()?;
        (devices.are_cpus() && !precision.is_f32() && self.train.epochs > 0).then(|| {
            format!(
                "train.precision = \"{precision}\" does not speed up a CPU: values are rounded, \
                 but computed in f32"
            )
        })
    }

    /// For a run that fits only the head.
    fn without_epochs(&self) -> Option<String> {
        let set = changed(
            &self.train,
            &[TrainConfig::default(), TrainConfig::fine_tuning()],
        );
        let is_idle = |name: &String| !WITHOUT_EPOCHS.contains(&name.as_str());
        let set: Vec<String> = set.into_iter().filter(is_idle).collect();
        let names: Vec<String> = set
            .iter()
            .take(NAMED)
            .map(|name| format!("train.{name}"))
            .collect();
        let more = match set.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let have = if set.len() == 1 { "has" } else { "have" };
        (!set.is_empty()).then(|| {
            format!(
                "{}{more} {have} no effect: train.epochs is 0, so only the head is fitted",
                names.join(", ")
            )
        })
    }
}

impl Schedule {
    fn idle(&self) -> Vec<String> {
        use ScheduleKind::{Cosine, MultiStep, OneCycle, Plateau, Step};
        let default = Self::default();
        let all_but_one_cycle = [Cosine, ScheduleKind::Constant, Step, MultiStep, Plateau];
        let settings: [(&str, bool, &[ScheduleKind]); 7] = [
            (
                "warmup_epochs",
                self.warmup_epochs != default.warmup_epochs,
                &all_but_one_cycle,
            ),
            (
                "final_fraction",
                self.final_fraction != default.final_fraction,
                &[Cosine],
            ),
            (
                "step_epochs",
                self.step_epochs != default.step_epochs,
                &[Step],
            ),
            ("gamma", self.gamma != default.gamma, &[Step, MultiStep]),
            (
                "milestones",
                self.milestones != default.milestones,
                &[MultiStep],
            ),
            (
                "one_cycle",
                self.one_cycle != default.one_cycle,
                &[OneCycle],
            ),
            ("plateau", self.plateau != default.plateau, &[Plateau]),
        ];
        let idle = settings
            .into_iter()
            .filter(|(_, is_set, kinds)| *is_set && !kinds.contains(&self.kind));
        idle.map(|(name, _, kinds)| {
            let kinds: Vec<String> = kinds.iter().map(|kind| format!("\"{}\"", kind.name())).collect();
            format!(
                "train.schedule.{name} has no effect with train.schedule.kind = \"{}\", only with {}",
                self.kind.name(),
                kinds.join(", ")
            )
        })
        .collect()
    }
}

impl TrainConfig {
    fn idle(&self, val: usize) -> Vec<String> {
        let (mut notes, epochs) = (Vec::new(), counted(self.epochs, "epoch"));
        if let Some(average) = &self.average
            && average.epochs >= self.epochs
        {
            let all = match self.epochs {
                1 => "only this epoch is",
                _ => "all epochs, including the first, are",
            };
            notes.push(format!(
                "train.average.epochs = {}, but the run has {epochs}: {all} averaged",
                average.epochs
            ));
        }
        if let Some(stopping) = &self.early_stopping
            && stopping.patience >= self.epochs
        {
            notes.push(format!(
                "train.early_stopping.patience = {} has no effect in a run of {epochs}",
                stopping.patience
            ));
        }
        let relying = match self.schedule.kind {
            ScheduleKind::Plateau => Some("train.schedule.kind = \"plateau\""),
            _ => self.early_stopping.as_ref().map(|_| "train.early_stopping"),
        };
        if let Some(setting) = relying.filter(|_| (1..JUDGES).contains(&val)) {
            notes.push(format!(
                "{setting} relies on {}, too few to tell epochs apart",
                counted(val, "validation image")
            ));
        }
        let patience = self.schedule.plateau.patience;
        if self.schedule.kind == ScheduleKind::Plateau && patience >= self.epochs {
            notes.push(format!(
                "train.schedule.kind = \"plateau\" never lowers the rate: train.schedule.plateau.patience is \
                 {patience}, and the run has {epochs}"
            ));
        }
        if val == 0 && !matches!(self.monitor, Monitor::Last | Monitor::ValLoss) {
            notes.push(format!(
                "train.monitor has no effect: there are no validation images to compute {} on, so \
                 the last epoch is kept",
                self.monitor.name()
            ));
        }
        if !self.decay_norm_and_bias && self.optimizer.weight_decay() == 0.0 {
            notes.push(
                "train.decay_norm_and_bias has no effect with train.optimizer.weight_decay = 0.0"
                    .into(),
            );
        }
        if self.batch_size == 1 {
            let mixes = [
                ("mixup", self.augment.mixup),
                ("cutmix", self.augment.cutmix),
            ];
            for (name, _) in mixes.into_iter().filter(|(_, alpha)| *alpha > 0.0) {
                notes.push(format!(
                    "train.augment.{name} has no effect with train.batch_size = 1: images are \
                     mixed within their batch"
                ));
            }
        }
        for name in self.augment.idle_exclusions() {
            notes.push(format!(
                "train.augment.exclude.{name} has no effect: train.augment.{name} is off for all classes"
            ));
        }
        if self.augment.has_idle_fill() {
            notes.push(
                "train.augment.fill has no effect: no enabled augmentation fills pixels".into(),
            );
        }
        notes
    }
}

impl StartConfig {
    /// For a run in which all layers except the head are frozen.
    fn idle(&self) -> Option<String> {
        let [plain, recipe] = [Self::new(""), Self::fine_tuning("")];
        let is_set = |of: fn(&Self) -> f64| ![of(&plain), of(&recipe)].contains(&of(self));
        let set = [
            ("start.freeze", self.freeze > 0),
            ("start.body_rate", is_set(|start| start.body_rate)),
            ("start.stem_rate", is_set(|start| start.stem_rate)),
        ];
        let set: Vec<&str> = set
            .into_iter()
            .filter(|(_, is_set)| *is_set)
            .map(|(name, _)| name)
            .collect();
        let have = if set.len() == 1 { "has" } else { "have" };
        (self.head == HeadStart::Only && !set.is_empty()).then(|| {
            format!(
                "{} {have} no effect: with start.head = \"only\" all layers before the head are \
                 frozen",
                set.join(", ")
            )
        })
    }
}

/// The dotted names of settings that differ from each of the other configs.
fn changed(config: &TrainConfig, others: &[TrainConfig]) -> Vec<String> {
    let flat = |config: &TrainConfig| {
        let mut values = Vec::new();
        if let Ok(table) = Table::try_from(config) {
            flatten("", &table, &mut values);
        }
        values
    };
    let others: Vec<Vec<(String, Value)>> = others.iter().map(flat).collect();
    let is_changed = |value: &(String, Value)| !others.iter().any(|other| other.contains(value));
    let changed = flat(config).into_iter().filter(is_changed);
    changed.map(|(name, _)| name).collect()
}

fn flatten(parent: &str, table: &Table, values: &mut Vec<(String, Value)>) {
    for (name, value) in table {
        match value {
            Value::Table(inner) => flatten(&format!("{parent}{name}."), inner, values),
            value => values.push((format!("{parent}{name}"), value.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::with_overrides;
    use super::*;
    use receptive_model::{LinearLayer, ModelConfig};

    fn notes_of(base: &RunConfig, overrides: &[&str], val: usize) -> Vec<String> {
        let overrides: Vec<String> = overrides.iter().map(|text| (*text).into()).collect();
        let config = with_overrides(base, &overrides).unwrap();
        config.check().unwrap();
        config.idle_settings(val)
    }

    fn base() -> RunConfig {
        RunConfig::new(ModelConfig::new(1, 8, 8).layer(LinearLayer::classes()))
    }

    #[test]
    fn a_setting_that_does_nothing_beside_the_others_is_named_and_one_that_does_is_not() {
        for (overrides, expected) in [
            (
                &["train.schedule.gamma=0.5"][..],
                "train.schedule.gamma has no effect with train.schedule.kind = \"cosine\", only with \
                 \"step\", \"multi_step\"",
            ),
            (
                &[
                    "train.schedule.kind=one_cycle",
                    "train.schedule.warmup_epochs=3",
                ],
                "train.schedule.warmup_epochs has no effect with",
            ),
            (
                &[
                    "train.schedule.kind=plateau",
                    "train.schedule.final_fraction=0.1",
                ],
                "train.schedule.final_fraction",
            ),
            (
                &["train.schedule.milestones=[3.0]"],
                "train.schedule.milestones",
            ),
            (
                &["train.schedule.step_epochs=3"],
                "train.schedule.step_epochs",
            ),
            (
                &["train.schedule.one_cycle.pct_start=0.2"],
                "train.schedule.one_cycle",
            ),
            (
                &["train.schedule.plateau.patience=2"],
                "train.schedule.plateau",
            ),
            (
                &["train.average.epochs=5", "train.epochs=2"],
                "train.average.epochs = 5, but the run has 2 epochs: all epochs, including the first, are averaged",
            ),
            (
                &["train.early_stopping.patience=3", "train.epochs=3"],
                "train.early_stopping.patience = 3 has no effect in a run of 3 epochs",
            ),
            (
                &[
                    "train.optimizer.weight_decay=0",
                    "train.decay_norm_and_bias=false",
                ],
                "train.decay_norm_and_bias has no effect",
            ),
            (
                &["train.augment.mixup=0.2", "train.batch_size=1"],
                "train.augment.mixup has no effect with train.batch_size = 1",
            ),
            (
                &["train.augment.exclude.rotation=[\"b\"]"],
                "train.augment.exclude.rotation has no effect",
            ),
            (
                &["train.precision=bf16"],
                "train.precision = \"bf16\" does not speed up a CPU",
            ),
            (
                &["train.augment.fill=black"],
                "train.augment.fill has no effect",
            ),
        ] {
            let notes = notes_of(&base(), overrides, 500);
            let [note] = &notes[..] else {
                panic!("{overrides:?}: {notes:?}")
            };
            assert!(note.contains(expected), "{note}");
        }
        for overrides in [
            &[][..],
            &[
                "train.schedule.kind=step",
                "train.schedule.gamma=0.5",
                "train.schedule.step_epochs=3",
            ],
            &[
                "train.schedule.kind=multi_step",
                "train.schedule.milestones=[3.0]",
            ],
            &[
                "train.schedule.kind=one_cycle",
                "train.schedule.one_cycle.pct_start=0.2",
            ],
            &[
                "train.schedule.kind=plateau",
                "train.schedule.plateau.patience=2",
            ],
            &[
                "train.schedule.final_fraction=0.1",
                "train.schedule.warmup_epochs=3",
            ],
            &["train.average.epochs=5", "train.epochs=6"],
            &["train.early_stopping.patience=3", "train.epochs=4"],
            &[
                "train.augment.mixup=0.2",
                "train.augment.exclude.flip=[\"b\"]",
            ],
            &["train.augment.fill=black", "train.augment.shift=1"],
            &["train.precision=bf16", "machine.backend=wgpu"],
        ] {
            let notes = notes_of(&base(), overrides, 500);
            assert!(notes.is_empty(), "{overrides:?}: {notes:?}");
        }
        for (set, judge) in [
            ("train.early_stopping.patience=2", "train.early_stopping"),
            ("train.schedule.kind=plateau", "plateau"),
        ] {
            for (val, count) in [(30, 1), (200, 0)] {
                let notes = notes_of(&base(), &[set], val);
                assert_eq!(notes.len(), count, "{notes:?}");
                let names =
                    |note: &String| note.contains(judge) && note.contains("30 validation images");
                assert!(notes.iter().all(names), "{notes:?}");
            }
        }
        let notes = notes_of(&base(), &["train.monitor=val_top1"], 0);
        assert!(notes[0].contains("compute val_top1 on"), "{notes:?}");
    }

    #[test]
    fn where_the_head_alone_is_fitted_what_trains_the_rest_does_nothing() {
        let fitted = RunConfig {
            train: TrainConfig {
                epochs: 0,
                ..TrainConfig::fine_tuning()
            },
            start: Some(StartConfig {
                head: HeadStart::Only,
                ..StartConfig::fine_tuning("m")
            }),
            ..base()
        };
        assert!(notes_of(&fitted, &["train.seed=3"], 500).is_empty());
        let set = [
            "train.optimizer.learning_rate=0.01",
            "train.augment.hue=0.1",
            "start.freeze=2",
        ];
        let notes = notes_of(&fitted, &set, 500);
        assert!(notes[0].starts_with("train."), "{notes:?}");
        assert!(
            notes[0].contains("train.optimizer.learning_rate"),
            "{notes:?}"
        );
        assert!(notes[0].contains("train.augment.hue"), "{notes:?}");
        assert!(
            notes[1].starts_with("start.freeze has no effect:"),
            "{notes:?}"
        );
    }
}
