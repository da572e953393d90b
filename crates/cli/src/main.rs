//! `receptive`: train convolutional image classifiers and measure what they see.
#![recursion_limit = "256"]

mod args;
mod commands;
mod error;
mod exit;
mod render;
mod signals;

use clap::Parser;
use std::process::ExitCode;

// Training allocates and frees whole feature maps many times a step; the system's allocator gives
// the pages back each time and faults them in again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = args::Arguments::parse();
    match commands::run(arguments) {
        Ok(exit) => exit.code(),
        Err(error) => {
            eprintln!("error: {error}");
            error.exit().code()
        }
    }
}
