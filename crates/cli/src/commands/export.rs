use super::{model_directory, print, print_json};
use crate::args::{ExportArgs, ExportFormat};
use crate::error::CliError;
use crate::exit::Exit;
use receptive_interchange::{OPSET, OnnxInput, to_onnx, to_python, to_safetensors};
use receptive_model::Artifact;
use receptive_model::artifact::store::write_file;
use receptive_train::backend::default_device;
use serde::Serialize;
use std::path::PathBuf;

/// The safetensors file, which the Python file beside it looks for.
const WEIGHTS: &str = "model.safetensors";

#[derive(Serialize)]
struct Shown {
    format: &'static str,
    files: Vec<PathBuf>,
}

pub(super) fn run(arguments: &ExportArgs) -> Result<Exit, CliError> {
    if arguments.pixels && arguments.to != ExportFormat::Onnx {
        return Err(CliError::Usage(
            "--pixels: only ONNX models can hold the normalisation; use it with --to onnx".into(),
        ));
    }
    let artifact = Artifact::load(&model_directory(&arguments.run)?, &default_device()?)?;
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
    std::fs::create_dir_all(&arguments.out).map_err(|source| receptive_train::TrainError::Io {
        path: arguments.out.clone(),
        action: "creating the directory",
        source,
    })?;
    let mut written = Vec::new();
    for (name, bytes) in files {
        let path = arguments.out.join(name);
        write_file(&path, &bytes)?;
        written.push(path);
    }
    if arguments.json {
        print_json(&Shown {
            format,
            files: written,
        })?;
        return Ok(Exit::Done);
    }
    for path in &written {
        print(format!("file     {}", path.display()))?;
    }
    show(arguments, &artifact)?;
    Ok(Exit::Done)
}

/// How to use it, for those who did not read the manual.
fn show(arguments: &ExportArgs, artifact: &Artifact) -> Result<(), CliError> {
    let input = &artifact.input;
    let (channels, height, width) = (input.channels, input.height, input.width);
    let takes = match (arguments.to, arguments.pixels) {
        (ExportFormat::Onnx, true) => {
            format!("pixels   bytes [batch, {height}, {width}, {channels}]")
        }
        (ExportFormat::Onnx, false) => {
            format!("images   floats [batch, {channels}, {height}, {width}]")
        }
        (ExportFormat::Safetensors, _) => {
            format!("takes    [batch, {channels}, {height}, {width}], as model.normalise makes it")
        }
    };
    print(takes)?;
    print(format!(
        "gives    logits [batch, {}]",
        artifact.classes.len()
    ))?;
    if !arguments.pixels {
        print(format!(
            "before   (pixel / 255 - mean) / std, mean {:?}, std {:?}",
            input.mean, input.std
        ))?;
    }
    print(super::paragraph("picture  ", &input.preparation()))?;
    print(match arguments.to {
        ExportFormat::Onnx => format!("format   ONNX, operator set {OPSET}"),
        ExportFormat::Safetensors => {
            "next     in Python: import model; network = model.load()".into()
        }
    })
}
