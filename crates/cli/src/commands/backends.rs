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
        devices: kind
            .devices()
            .iter()
            .map(|device| format!("{device:?}"))
            .collect(),
        build: kind.build_command(),
    });
    if arguments.json {
        print_json(&all)?;
        return Ok(Exit::Done);
    }
    for backend in &all {
        let line = match (backend.compiled, backend.devices.as_slice()) {
            (false, _) => format!("not compiled in; build with `{}`", backend.build),
            (true, []) => "compiled in, but no device or driver was found".into(),
            (true, [_]) => "ready".into(),
            (true, devices) => {
                format!(
                    "ready, {} devices ({}:0 to {0}:{})",
                    devices.len(),
                    backend.name,
                    devices.len() - 1
                )
            }
        };
        print(format!("{:<9}{line}", backend.name))?;
    }
    Ok(Exit::Done)
}
