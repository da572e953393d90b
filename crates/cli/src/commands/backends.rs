//! `receptive backends`.

use crate::error::{CliError, Exit};
use crate::render::{line, print_json};
use clap::Args;
use receptive_train::backend::BackendKind;
use serde::Serialize;

#[derive(Debug, Args)]
pub(super) struct BackendsArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One backend, as `--json` prints it.
#[derive(Serialize)]
struct BackendInfo {
    name: &'static str,
    compiled: bool,
    devices: Vec<String>,
    build: String,
}

pub(super) fn run(arguments: &BackendsArgs) -> Result<Exit, CliError> {
    let all = BackendKind::ALL.map(|kind| BackendInfo {
        name: kind.name(),
        compiled: kind.is_compiled(),
        devices: kind.device_names(),
        build: kind.build_command(),
    });
    if arguments.json {
        print_json(&all)?;
        return Ok(Exit::Done);
    }
    for backend in &all {
        let name = backend.name;
        if !backend.compiled {
            let build = &backend.build;
            line(name, format!("not compiled in; build with `{build}`"))?;
        } else if backend.devices.is_empty() {
            line(name, "compiled in, but no device or driver was found")?;
        }
        for (index, device) in backend.devices.iter().enumerate() {
            let usage = match backend.devices.len() {
                1 => format!("--backend {name}"),
                _ => format!("--backend {name}:{index}"),
            };
            let device = if device == name { "this CPU" } else { device };
            line(name, format!("ready with {usage}: {device}"))?;
        }
    }
    Ok(Exit::Done)
}
