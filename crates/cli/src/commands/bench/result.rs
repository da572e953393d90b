//! The result for a network, as JSON and as text.

use super::fields::Fields;
use super::network::{BenchNetwork, Work};
use super::profile::STEPS;
use super::timing::Timing;
use crate::error::CliError;
use crate::render::{Table, print};
use receptive_core::text::{counted, percent};
use serde::Serialize;

/// The result for a network, in the format of the other frameworks' scripts.
#[derive(Serialize)]
pub(super) struct NetworkResult {
    pub(super) peer: String,
    pub(super) network: BenchNetwork,
    pub(super) mode: String,
    pub(super) batch: usize,
    pub(super) threads: usize,
    pub(super) what: Work,
    /// With `what` "erf": whose fields are measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fields: Option<Fields>,
    /// Channels, height and width of an image.
    pub(super) input: [usize; 3],
    pub(super) precision: &'static str,
    pub(super) checkpointing: bool,
    #[serde(flatten)]
    pub(super) timing: Timing,
}

impl NetworkResult {
    /// Prints it.
    pub(super) fn show(&self) -> Result<(), CliError> {
        let timing = &self.timing;
        if !timing.layers.is_empty() {
            let total: f64 = timing.layers.iter().map(|layer| layer.ms).sum();
            let mut table = Table::new(&["layer", "ms", "share", "GMAC/s"]);
            for layer in &timing.layers {
                table.row([
                    layer.name.clone(),
                    format!("{:.3}", layer.ms),
                    percent(layer.ms / total),
                    format!("{:.1}", layer.gmacs_per_s),
                ]);
            }
            print(table.to_string())?;
            print(format!(
                "({} in one thread, fastest passes; a layer computed with the one before\n\
                 may take no time)\n",
                counted(timing.layer_images.unwrap_or(0), "image")
            ))?;
        }
        if let Some(scaling) = &timing.scaling {
            scaling.show()?;
        } else if !timing.operations.is_empty() {
            let total: f64 = timing.operations.iter().map(|part| part.ms).sum();
            let mut table = Table::new(&["operation", "ms", "share"]);
            for operation in &timing.operations {
                let name = match operation.layers {
                    Some(layers) if layers > 1 => format!("{layers} x {}", operation.name),
                    _ => operation.name.clone(),
                };
                table.row([
                    name,
                    format!("{:.2}", operation.ms),
                    percent(operation.ms / total),
                ]);
            }
            print(table.to_string())?;
            let is_by_kind = timing.operations.iter().any(|one| one.layers.is_some());
            print(match is_by_kind {
                true => "(per step, each kind of layer with its gradient: what its layers add to a pass)\n".into(),
                false => format!("(per step in one thread, the fastest of {STEPS})\n"),
            })?;
        }
        let [channels, height, width] = self.input;
        let unit = match self.what {
            Work::Erf(_) => "samples/s",
            Work::Train | Work::Infer => "images/s",
        };
        print(format!(
            "{}, {channels}x{height}x{width}, on {}: {:.1} {unit}",
            self.network.name(),
            self.mode,
            timing.images_per_s,
        ))?;
        match timing.ms_p10_p90 {
            Some([low, high]) => print(format!(
                "{:.2} ms per step of {} (10 % within {low:.2}, 90 % within {high:.2})",
                timing.ms_per_step, self.batch,
            ))?,
            None => print("(all samples together, with preparations and checks)")?,
        }
        let memory = timing
            .peak_rss_mb
            .map_or(String::new(), |mb| format!(", peak memory {mb} MiB"));
        print(format!("{}{memory}", counted(self.threads, "thread")))
    }
}
