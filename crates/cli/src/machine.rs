//! The arguments that select where a command computes, and the devices and threads that they select.

use crate::error::CliError;
use crate::parse::parse_whole;
use crate::ranks;
use clap::Args;
use receptive_train::{Backend, Compute, MachineConfig};

/// The backend and threads of a command.
#[derive(Debug, Clone, Args)]
pub(crate) struct MachineArgs {
    /// Backend: flex, ndarray, wgpu, cuda:1, ... [default: $BURN_DEVICE, or flex]
    #[arg(long, value_name = "NAME[:INDEX]")]
    pub(crate) backend: Option<String>,
    /// Number of compute threads; 0 for all cores. Does not change the result
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_whole::<usize>,
        allow_negative_numbers = true
    )]
    pub(crate) threads: Option<usize>,
}

impl MachineArgs {
    fn backend_name(&self) -> Result<Backend, CliError> {
        match &self.backend {
            Some(name) => Ok(name.parse()?),
            None => Ok(Backend::from_env()?),
        }
    }

    /// The backend and the number of threads for applying a trained run.
    pub(crate) fn backend(&self) -> Result<(Backend, usize), CliError> {
        let backend = self.backend_name()?;
        let mut machine = MachineConfig::default();
        machine.threads = self.threads.unwrap_or(machine.threads);
        machine.check()?;
        Ok((backend, backend.threads(machine.thread_count())))
    }

    /// The backend, with its device and threads.
    pub(crate) fn compute(&self) -> Result<(Backend, Compute), CliError> {
        let (backend, threads) = self.backend()?;
        Ok((backend, Compute::new(backend.device()?, threads)?))
    }
}

/// The backend and threads of a command that may use several devices.
#[derive(Debug, Clone, Args)]
pub(crate) struct DeviceArgs {
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    /// Devices to train on together: cuda:0,cuda:1 or cuda:all; list the CPU several times to
    /// divide its threads (flex,flex). Does not change the result on CPUs
    #[arg(
        long,
        value_name = "NAME,...",
        value_delimiter = ',',
        conflicts_with = "backend"
    )]
    pub(crate) devices: Vec<String>,
}

impl DeviceArgs {
    /// The devices with their threads; with several processes, those of this one.
    pub(crate) fn compute(&self) -> Result<Compute, CliError> {
        let machine = MachineConfig {
            backend: self.machine.backend_name()?.to_string(),
            devices: self.devices.clone(),
            threads: self.machine.threads.unwrap_or(0),
            ..MachineConfig::default()
        };
        compute(&machine)
    }
}

/// The devices and threads of a config; with several processes, the part of this one.
pub(crate) fn compute(machine: &MachineConfig) -> Result<Compute, CliError> {
    match ranks::joined() {
        Some(ranks) => Ok(machine.compute_of(ranks)?),
        None => Ok(machine.compute()?),
    }
}
