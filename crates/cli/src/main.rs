//! `receptive`: train convolutional image classifiers and measure their receptive fields.
#![recursion_limit = "256"]
// `println!` and `eprintln!` panic if the output is closed; `render::print` and `render::say` do not.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod commands;
mod error;
mod machine;
mod parse;
mod ranks;
mod render;
mod signals;

use clap::Parser;
use error::{ErrorJson, Exit};
use receptive_core::memory::{address_space_left, available_bytes};
use std::io::Write;
use std::process::ExitCode;

// Training allocates and frees whole feature maps many times per step. The system's allocator would return
// their pages each time, and each use would cause page faults again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Long enough that memory freed in one training step is still there in the next, even on large networks.
#[cfg(feature = "flex")]
const MEMORY_KEPT: std::time::Duration = std::time::Duration::from_secs(60);

/// With less memory than this the program cannot start its threads, and the first failed allocation ends it.
const MIN_MEMORY: u64 = 96 << 20;

/// With less address space than this, not even the arguments can be parsed.
const MIN_ADDRESS_SPACE: u64 = 4 << 20;
/// Above this limit the allocator has already reserved what it needs.
const SMALL_LIMIT: u64 = 512 << 20;

/// Prints that the program cannot start, without allocating memory.
fn reject_start() -> Option<ExitCode> {
    let (left, limit) = address_space_left()?;
    if left >= MIN_ADDRESS_SPACE || limit >= SMALL_LIMIT {
        return None;
    }
    // If standard error is closed, the message is lost.
    let _ = writeln!(
        std::io::stderr(),
        "error: the address space is limited to {} MiB, and the program needs some {} more to start; raise the \
         limit (`ulimit -v`)",
        limit >> 20,
        MIN_MEMORY >> 20
    );
    Some(Exit::Usage.code())
}

fn start(arguments: commands::Arguments) -> Result<Exit, error::CliError> {
    if let Some(available) = available_bytes()
        && available < MIN_MEMORY
    {
        return Err(error::CliError::Usage(format!(
            "{} MiB of memory are available, and at least {} are needed to start; raise the limit \
             (`ulimit -v`, or that of the container), or close other programs",
            available >> 20,
            MIN_MEMORY >> 20
        )));
    }
    let name = arguments.name();
    ranks::join(&name, arguments.can_be_shared())?;
    let exit = commands::run(arguments);
    // Values that were never computed must not pass for a result; if they made the command fail, this is the cause.
    receptive_train::check_computations(&format!("`{name}`, whose results are not valid"))?;
    exit
}

fn main() -> ExitCode {
    if let Some(code) = reject_start() {
        return code;
    }
    #[cfg(feature = "flex")]
    receptive_kernels::keep_freed_memory(MEMORY_KEPT);
    render::restore_on_panic();
    receptive_core::panic::silence_caught();
    receptive_train::watch_log();
    // If it cannot be set, only a message is lost.
    let _ = signals::report_size_limit();
    let arguments = match commands::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => render::exit_usage(error),
    };
    let exit = match ranks::end(start(arguments)) {
        Ok(exit) => exit,
        Err(error) => {
            // If the reader of a pipe has closed it, there is nothing to report.
            if error.exit() != Exit::Done {
                render::say_error(&error);
                if ErrorJson::is_wanted() {
                    // Standard output may be closed, too.
                    let _ = render::print_json(&error.json());
                }
            }
            error.exit()
        }
    };
    ranks::leave();
    exit.code()
}
