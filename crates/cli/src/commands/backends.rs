use super::{print, print_json};
use crate::args::BackendsArgs;
use crate::error::CliError;
use crate::exit::Exit;
use receptive_train::backend::BackendKind;
use serde::Serialize;

#[derive(Serialize)]
struct Shown {
    name: &'static str,
    compiled: bool,
    devices: Vec<String>,
    build: String,
}

pub(super) fn run(arguments: &BackendsArgs) -> Result<Exit, CliError> {
    let all = BackendKind::ALL.map(|kind| Shown {
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
            print(format!("{name:<9}not compiled in; build with `{build}`"))?;
        } else if backend.devices.is_empty() {
            print(format!(
                "{name:<9}compiled in, but no device or driver was found"
            ))?;
        }
        for (index, device) in backend.devices.iter().enumerate() {
            let usage = match backend.devices.len() {
                1 => format!("--backend {name}"),
                _ => format!("--backend {name}:{index}"),
            };
            let device = if device == name { "this CPU" } else { device };
            print(format!("{name:<9}ready with {usage}: {device}"))?;
        }
    }
    Ok(Exit::Done)
}
