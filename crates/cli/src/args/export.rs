//! `receptive export`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The run's directory
    pub(crate) run: PathBuf,
    /// What to write
    #[arg(long, value_enum)]
    pub(crate) to: ExportFormat,
    /// Let the ONNX model take bytes, channels last, and normalise them itself
    #[arg(long)]
    pub(crate) pixels: bool,
    /// Write the files here
    #[arg(long, value_name = "DIR", default_value = "export")]
    pub(crate) out: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// model.onnx
    Onnx,
    /// model.safetensors in PyTorch's names and layout, and model.py
    Safetensors,
}
