//! `receptive man`.

use super::print;
use crate::args::{Arguments, ManArgs};
use crate::error::CliError;
use crate::exit::Exit;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use receptive_train::TrainError;
use std::path::Path;

pub(super) fn run(arguments: &ManArgs) -> Result<Exit, CliError> {
    // Built, so that each command knows its whole name.
    let mut program = Arguments::command().disable_help_subcommand(true);
    program.build();
    if let Some(directory) = &arguments.out {
        let pages = write_all(program, directory)?;
        print(format!(
            "{pages} pages in {path}; read one with `man -l {path}/receptive.1`",
            path = directory.display()
        ))?;
        return Ok(Exit::Done);
    }
    let mut command = &program;
    for name in &arguments.command {
        command = command.find_subcommand(name).ok_or_else(|| {
            let there: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
            CliError::Usage(format!(
                "there is no command `{name}`; there are {}",
                if there.is_empty() {
                    "none below this one".into()
                } else {
                    there.join(", ")
                }
            ))
        })?;
    }
    print(String::from_utf8_lossy(&page(command.clone())?))?;
    Ok(Exit::Done)
}

fn page(command: Command) -> Result<Vec<u8>, CliError> {
    let mut roff = Vec::new();
    Man::new(command).render(&mut roff)?;
    Ok(roff)
}

/// One page a command, `receptive-erf-sweep.1`; returns how many.
fn write_all(program: Command, directory: &Path) -> Result<usize, CliError> {
    let failed = |action: &'static str| {
        let path = directory.to_path_buf();
        move |source| {
            CliError::Train(TrainError::Io {
                path,
                action,
                source,
            })
        }
    };
    std::fs::create_dir_all(directory).map_err(failed("creating the directory"))?;
    clap_mangen::generate_to(program, directory).map_err(failed("writing the manual"))?;
    let entries = std::fs::read_dir(directory).map_err(failed("listing"))?;
    Ok(entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "1"))
        .count())
}
