//! What is about to happen, and what deserves a look before it does.

use super::super::paragraph;
use crate::render::say;
use receptive_model::Plan;
use receptive_train::{Backend, Prepared, RunDirectory, StartConfig, Started};

/// Says it; without a directory where nothing will be written.
pub(super) fn announce(prepared: &Prepared, backend: Backend, directory: Option<&RunDirectory>) {
    let data = &prepared.data;
    let plan = &prepared.plan;
    let machine = &prepared.config.machine;
    let threads = machine.compute_threads(backend.kind.is_cpu());
    let test = data.test.as_ref().map_or(0, |test| test.len());
    say(format!(
        "data     {}: {} classes; {} train, {} val, {test} test images",
        data.name,
        data.classes.len(),
        data.train.len(),
        data.val.len()
    ));
    let input = &prepared.input;
    say(format!(
        "input    {}x{}x{} (channels, height, width); at most {} MiB of decoded images",
        input.channels, input.height, input.width, prepared.config.data.cache_mb
    ));
    say(format!(
        "model    {} parameters, {:.1} M multiply-adds an image",
        plan.total.params,
        plan.total.macs as f64 / 1e6
    ));
    if let (Some(start), Some(found)) = (&prepared.config.start, &prepared.start) {
        say(paragraph("start    ", &begun_from(start, found, plan)));
    }
    say(format!(
        "machine  {backend}, {threads} thread{}; about {} MiB for a step",
        if threads == 1 { "" } else { "s" },
        plan.total.training_bytes(prepared.config.train.batch_size) >> 20
    ));
    if let Some(directory) = directory {
        say(format!(
            "run      {} (* marks the best epoch so far)",
            directory.path().display()
        ));
    }
    for note in data.notes.iter().cloned().chain(plan.notes()) {
        say(paragraph("note     ", &note));
    }
    if !data.damaged.is_empty() {
        let listed = directory.map_or(String::new(), |directory| {
            let list = directory.path().join(RunDirectory::SKIPPED);
            format!(", see {}", list.display())
        });
        say(format!(
            "note     {} damaged images are left out{listed}",
            data.damaged.len()
        ));
    }
}

/// What is kept of the trained model that training starts from.
fn begun_from(start: &StartConfig, found: &Started, plan: &Plan) -> String {
    let learnt: usize = plan
        .layers
        .iter()
        .skip(start.freeze)
        .map(|layer| layer.params)
        .sum();
    let head = if found.has_new_head {
        format!("a new last layer for {} classes", plan.classes)
    } else {
        "the same classes".into()
    };
    format!(
        "{}; {head}; {} of {} layers frozen, {} of {} parameters learn",
        start.from.display(),
        start.freeze.min(plan.layers.len()),
        plan.layers.len(),
        learnt,
        plan.total.params
    )
}
