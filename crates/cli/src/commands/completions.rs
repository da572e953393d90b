//! `receptive completions`.

use super::Arguments;
use crate::error::{CliError, Exit};
use crate::render::print_raw;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// Shell
    shell: Shell,
}

pub(super) fn run(arguments: &CompletionsArgs) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "receptive", &mut script);
    print_raw(String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
