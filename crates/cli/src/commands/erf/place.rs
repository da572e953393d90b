//! Where fields are measured.

use super::subject::Subject;
use crate::args::MachineArgs;
use crate::error::CliError;
use crate::machine::DeviceArgs;
use crate::ranks;
use receptive_erf::{MeasureOptions, Peers, Probe, Processors};
use receptive_model::InferenceDevice;
use receptive_train::{Ranks, found_by_first};
use std::sync::Arc;

/// The device and threads of this process, and the processes that share the samples.
pub(super) struct Place {
    pub(super) device: InferenceDevice,
    pub(super) threads: usize,
    ranks: Option<Arc<Ranks>>,
}

impl Place {
    pub(super) fn new(arguments: &MachineArgs) -> Result<Self, CliError> {
        let (backend, threads) = arguments.backend()?;
        let Some(ranks) = ranks::joined() else {
            return Ok(Self {
                device: backend.device()?,
                threads,
                ranks: None,
            });
        };
        let machine = arguments.clone();
        let devices = Vec::new();
        let compute = DeviceArgs { machine, devices }.compute()?;
        Ok(Self {
            device: compute.device().clone(),
            threads: compute.threads(),
            ranks: Some(ranks),
        })
    }

    /// Whether this process writes the results: the only one, or the first.
    pub(super) fn is_first(&self) -> bool {
        self.ranks.as_ref().is_none_or(|ranks| ranks.is_first())
    }

    /// What the first process has found.
    pub(super) fn found_by_first(&self, own: bool) -> Result<bool, CliError> {
        Ok(found_by_first(self.ranks.as_deref(), || Ok(own))?)
    }

    pub(super) fn processors(&self) -> Processors<'_> {
        let peers = self.ranks.as_deref().map(|ranks| ranks as &dyn Peers);
        Processors::new(&self.device).with_peers(peers)
    }

    /// Rejects processes that would measure something else.
    pub(super) fn check_same(
        &self,
        subject: &Subject,
        probe: &Probe,
        layer: &str,
        options: &MeasureOptions,
    ) -> Result<(), CliError> {
        let Some(ranks) = &self.ranks else {
            return Ok(());
        };
        let arguments = format!("{layer} {probe:?} {options:?}");
        let parts = subject.parts()?.into_iter();
        let parts: Vec<_> = parts.chain([("arguments", arguments)]).collect();
        Ok(ranks.check_task(&parts)?)
    }
}
