//! `receptive`: train convolutional image classifiers and measure what they see.
#![recursion_limit = "256"]
// `println!` and `eprintln!` panic when nobody reads; `render::print` and `render::say` do not.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod commands;
mod error;
mod render;
mod signals;

use clap::Parser;
use error::Exit;
use std::process::ExitCode;

// Training allocates and frees whole feature maps many times a step; the system's allocator gives
// the pages back each time and faults them in again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    render::restore_on_panic();
    receptive_core::panic::silence_caught();
    let arguments =
        commands::Arguments::try_parse().unwrap_or_else(|error| render::exit_usage(&error));
    match commands::run(arguments) {
        Ok(exit) => exit.code(),
        Err(error) => {
            // If the reader of a pipe has gone away, there is nothing left to say.
            if error.exit() != Exit::Done {
                render::say_error(&error);
            }
            error.exit().code()
        }
    }
}
