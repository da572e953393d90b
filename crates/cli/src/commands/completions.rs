//! `receptive completions`.

use super::print;
use crate::args::{Arguments, CompletionsArgs};
use crate::error::CliError;
use crate::exit::Exit;
use clap::CommandFactory;

pub(super) fn run(arguments: &CompletionsArgs) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "receptive", &mut script);
    print(String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
