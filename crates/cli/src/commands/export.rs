//! `receptive export`.

use super::create_directory;
use super::run::load_model;
use crate::error::{CliError, Exit};
use crate::render::{line, paragraph, print_json};
use clap::{Args, ValueEnum};
use receptive_core::text::Printable;
use receptive_interchange::{OPSET, OnnxInput, to_onnx, to_python, to_safetensors};
use receptive_model::Artifact;
use receptive_model::store::write_file;
use receptive_train::backend::default_device;
use serde::Serialize;
use std::path::PathBuf;

/// The safetensors file, which the Python file beside it looks for.
const WEIGHTS: &str = "model.safetensors";

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Run directory
    run: PathBuf,
    /// Format
    #[arg(long, value_enum)]
    to: ExportFormat,
    /// Let the ONNX model take bytes, channels last, and normalise them itself
    #[arg(long)]
    pixels: bool,
    /// Output directory
    #[arg(long, value_name = "DIR", default_value = "export")]
    out: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// model.onnx
    Onnx,
    /// model.safetensors with PyTorch's names and layout, and model.py
    Safetensors,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Json {
    format: &'static str,
    files: Vec<PathBuf>,
}

pub(super) fn run(arguments: &ExportArgs) -> Result<Exit, CliError> {
    if arguments.pixels && arguments.to != ExportFormat::Onnx {
        return Err(CliError::Usage(
            "--pixels: only ONNX models can hold the normalisation; use it with --to onnx".into(),
        ));
    }
    let artifact = load_model(&arguments.run, &*default_device()?)?;
    let (format, files): (_, Vec<(&str, Vec<u8>)>) = match arguments.to {
        ExportFormat::Onnx => {
            let input = if arguments.pixels {
                OnnxInput::Pixels
            } else {
                OnnxInput::Normalised
            };
            ("onnx", vec![("model.onnx", to_onnx(&artifact, input)?)])
        }
        ExportFormat::Safetensors => (
            "safetensors",
            vec![
                (WEIGHTS, to_safetensors(&artifact)?),
                ("model.py", to_python(&artifact, WEIGHTS).into_bytes()),
            ],
        ),
    };
    create_directory(&arguments.out)?;
    let mut written = Vec::new();
    for (name, bytes) in files {
        let path = arguments.out.join(name);
        write_file(&path, &bytes)?;
        written.push(path);
    }
    if arguments.json {
        print_json(&Json {
            format,
            files: written,
        })?;
        return Ok(Exit::Done);
    }
    for path in &written {
        line("file", path.printable())?;
    }
    show(arguments, &artifact)?;
    Ok(Exit::Done)
}

/// Prints how to use it.
fn show(arguments: &ExportArgs, artifact: &Artifact) -> Result<(), CliError> {
    let input = &artifact.input;
    let (channels, height, width) = (input.channels, input.height, input.width);
    let shape = format!("[batch, {channels}, {height}, {width}]");
    match (arguments.to, arguments.pixels) {
        (ExportFormat::Onnx, true) => line(
            "pixels",
            format!("bytes [batch, {height}, {width}, {channels}]"),
        )?,
        (ExportFormat::Onnx, false) => line("images", format!("floats {shape}"))?,
        (ExportFormat::Safetensors, _) => {
            line("takes", format!("{shape}, as model.normalise makes it"))?;
        }
    }
    line(
        "outputs",
        format!("logits [batch, {}]", artifact.classes.len()),
    )?;
    if !arguments.pixels {
        let (mean, std) = (&input.mean, &input.std);
        line(
            "before",
            format!("(pixel / 255 - mean) / std, mean {mean:?}, std {std:?}"),
        )?;
    }
    paragraph("picture", input.preparation())?;
    match arguments.to {
        ExportFormat::Onnx => line("format", format!("ONNX, operator set {OPSET}")),
        ExportFormat::Safetensors => {
            line("next", "in Python: import model; network = model.load()")
        }
    }
}
