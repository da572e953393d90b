//! `receptive man`.

use super::{Arguments, create_directory};
use crate::error::{CliError, Exit};
use crate::render::{print, print_raw};
use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;
use receptive_core::file::write_over_own;
use receptive_core::seal::sealed;
use receptive_core::text::{Printable, counted};
use std::path::{Path, PathBuf};

/// Text near the beginning of every page.
const TITLE: &[u8] = b".TH receptive";

#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Command, such as `erf sweep` [default: the program itself]
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    command: Vec<String>,
    /// Write the pages of all commands here
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &ManArgs) -> Result<Exit, CliError> {
    // Built, so that each command has its full name.
    let mut program = Arguments::command().disable_help_subcommand(true);
    program.build();
    if let Some(directory) = &arguments.out {
        let pages = write_all(&program, directory)?;
        print(format!(
            "{pages} in {path}; read one with `man -l {page}`",
            pages = counted(pages, "page"),
            path = directory.printable(),
            page = directory.join("receptive.1").shell_word()
        ))?;
        return Ok(Exit::Done);
    }
    let mut command = &program;
    for name in &arguments.command {
        command = command.find_subcommand(name).ok_or_else(|| {
            let known: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
            CliError::Usage(format!(
                "unknown command `{name}`; `{}` has {}",
                command.get_bin_name().unwrap_or_else(|| command.get_name()),
                if known.is_empty() {
                    "no subcommands".into()
                } else {
                    known.join(", ")
                }
            ))
        })?;
    }
    print_raw(String::from_utf8_lossy(&page(command.clone())?))?;
    Ok(Exit::Done)
}

fn page(command: Command) -> Result<Vec<u8>, CliError> {
    let mut roff = Vec::new();
    Man::new(command).render(&mut roff)?;
    Ok(roff)
}

/// Writes one page per command, such as `receptive-erf-sweep.1`; returns the number of pages. An existing file
/// that is not a page of this program is kept.
fn write_all(program: &Command, directory: &Path) -> Result<usize, CliError> {
    create_directory(directory)?;
    let mut commands = vec![program];
    let mut pages = 0;
    while let Some(command) = commands.pop() {
        commands.extend(command.get_subcommands().filter(|one| !one.is_hide_set()));
        let path = directory.join(Man::new(command.clone()).get_filename());
        let is_page = |head: &[u8]| head.windows(TITLE.len()).any(|part| part == TITLE);
        let page = String::from_utf8_lossy(&page(command.clone())?).into_owned();
        write_over_own(&path, sealed(page, [".\\\" ", ""]).as_bytes(), is_page)
            .map_err(CliError::io(&path, "write"))?;
        pages += 1;
    }
    Ok(pages)
}
