//! How a pretrained network is trained: one line for each part of the recipe that does not depend on the images.

use crate::config::{HeadStart, RunConfig, Schedule, ScheduleKind, StartConfig};

/// The lines; none if there are no epochs, or no pretrained network.
pub(super) fn described(config: &RunConfig) -> Vec<String> {
    let train = &config.train;
    let Some(start) = config.start.as_ref().filter(|_| train.epochs > 0) else {
        return Vec::new();
    };
    let mut lines = vec![rates(config, start), rate_schedule(&train.schedule)];
    lines.push(match start.freeze_statistics {
        true => "batch norm keeps the pretrained means and variances, since those of small batches are noisy \
                 (start.freeze_statistics)"
            .into(),
        false => "batch norm updates its means and variances (start.freeze_statistics)".into(),
    });
    if train.label_smoothing > 0.0 {
        lines.push(format!(
            "label smoothing of {}, against overconfidence (train.label_smoothing)",
            train.label_smoothing
        ));
    }
    if train.has_balanced_weights() {
        lines.push(
            "every class has the same weight in the loss, so that rare ones count \
             (train.class_weights = \"balanced\")"
                .into(),
        );
    }
    lines
}

/// The optimizer and its learning rates.
fn rates(config: &RunConfig, start: &StartConfig) -> String {
    let rate = config.train.optimizer.learning_rate();
    let [stem, body] = [start.stem_rate, start.body_rate].map(|share| shown(rate * share));
    let fitted = match start.head {
        HeadStart::Fitted => ", which is fitted first",
        HeadStart::Random | HeadStart::Only => "",
    };
    let body = match (start.head, start.freeze) {
        (HeadStart::Only, _) => "; the layers before it are frozen".into(),
        (_, 0) => format!(", and {stem} to {body} for the layers before it, which are pretrained"),
        (_, _) => format!(", and up to {body} for pretrained layers that are not frozen"),
    };
    let name = config.train.optimizer.name();
    format!("{name} with a learning rate of {rate} for the head{fitted}{body} (train.optimizer)")
}

/// How the learning rate changes.
fn rate_schedule(schedule: &Schedule) -> String {
    let kind = schedule.kind.name();
    let has_warmup = schedule.warmup_epochs > 0.0 && schedule.kind != ScheduleKind::OneCycle;
    let warmup = match (has_warmup, schedule.warmup_epochs) {
        (true, 1.0) => " after one epoch of warm-up".into(),
        (true, epochs) => format!(" after {epochs} epochs of warm-up"),
        (false, _) => String::new(),
    };
    let reason = match schedule.kind {
        ScheduleKind::Cosine => ", so that the last epochs change little",
        _ => "",
    };
    format!("the learning rate follows the schedule {kind}{warmup}{reason} (train.schedule)")
}

/// Rounded, to remove floating-point noise from a product of decimal numbers.
fn shown(rate: f64) -> f64 {
    format!("{rate:.2e}").parse().unwrap_or(rate)
}
