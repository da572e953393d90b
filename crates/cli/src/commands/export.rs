//! `receptive export`.

use super::create_directory;
use super::run::load_model;
use crate::error::{CliError, Exit};
use crate::render::{line, paragraph, print_json};
use clap::{Args, ValueEnum};
use receptive_core::file::{read_capped, write_over_own};
use receptive_core::mark::SOFTWARE;
use receptive_core::seal::is_unedited;
use receptive_core::text::Printable;
use receptive_interchange::{OPSET, OnnxInput, OnnxOptions, to_onnx, to_python, to_safetensors};
use receptive_model::Artifact;
use receptive_train::backend::default_device;
use serde::Serialize;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Run directory
    run: PathBuf,
    /// Format [default: from the file name given by --out]
    #[arg(long, value_enum)]
    to: Option<ExportFormat>,
    /// Export an ONNX model that takes uint8 NHWC images and normalises them
    #[arg(long)]
    pixels: bool,
    /// Export an ONNX model that takes images of any height and width, if the network allows it
    #[arg(long)]
    any_size: bool,
    /// Output directory, or a file: NAME.onnx, or NAME.safetensors (with NAME.py next to it)
    #[arg(long, value_name = "DIR|FILE", default_value = "export")]
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

/// The output of `--json`.
#[derive(Serialize)]
struct Json {
    format: &'static str,
    files: Vec<PathBuf>,
}

/// Maximum size in bytes of a Python module that is read.
const MAX_PYTHON_BYTES: u64 = 64 << 20;

/// Base name of the files in a directory.
const NAME: &str = "model";

pub(super) fn run(arguments: &ExportArgs) -> Result<Exit, CliError> {
    let to = format(arguments)?;
    let is_onnx = to == ExportFormat::Onnx;
    for (given, flag) in [
        (arguments.pixels, "--pixels"),
        (arguments.any_size, "--any-size"),
    ] {
        if given && !is_onnx {
            let problem = "this option is for --to onnx only";
            return Err(CliError::argument(flag, problem));
        }
    }
    let Place {
        directory,
        name,
        first,
    } = Place::new(&arguments.out, to)?;
    let artifact = load_model(&arguments.run, &*default_device()?)?;
    let extension = to.extension();
    let files: Vec<(String, Vec<u8>)> = match to {
        ExportFormat::Onnx => vec![(first, to_onnx(&artifact, options(arguments))?)],
        ExportFormat::Safetensors => {
            // The Python module expects the weights next to it.
            let python = to_python(&artifact, &first).into_bytes();
            vec![
                (first, to_safetensors(&artifact)?),
                (format!("{name}.py"), python),
            ]
        }
    };
    create_directory(&directory)?;
    let mut written = Vec::new();
    for (name, bytes) in files {
        let path = directory.join(name);
        write_over_own(&path, &bytes, |head| is_export(&path, head))
            .map_err(CliError::io(&path, "write"))?;
        written.push(path);
    }
    if arguments.json {
        print_json(&Json {
            format: extension,
            files: written,
        })?;
        return Ok(Exit::Done);
    }
    for path in &written {
        line("file", path.printable())?;
    }
    show(arguments, to, &artifact, &name)?;
    Ok(Exit::Done)
}

/// Whether this program exported a file that begins like this. Python modules are often edited, and an edited
/// one belongs to the user.
fn is_export(path: &Path, head: &[u8]) -> bool {
    match extension(path).as_str() {
        "py" => read_capped(path, MAX_PYTHON_BYTES).is_ok_and(|module| is_unedited(&module)),
        // Both formats name the program near the beginning.
        _ => head
            .windows(SOFTWARE.len())
            .any(|part| part == SOFTWARE.as_bytes()),
    }
}

fn options(arguments: &ExportArgs) -> OnnxOptions {
    let input = if arguments.pixels {
        OnnxInput::Pixels
    } else {
        OnnxInput::Normalised
    };
    OnnxOptions {
        input,
        any_size: arguments.any_size,
    }
}

/// The requested format, or that of the file to be written.
fn format(arguments: &ExportArgs) -> Result<ExportFormat, CliError> {
    if let Some(to) = arguments.to {
        return Ok(to);
    }
    let extension = extension(&arguments.out);
    let all = ExportFormat::value_variants().iter();
    let named = all.copied().find(|format| format.extension() == extension);
    named.filter(|_| !arguments.out.is_dir()).ok_or_else(|| {
        CliError::argument(
            "--to",
            "no format given: use --to onnx or --to safetensors, or a file NAME.onnx or \
             NAME.safetensors as --out",
        )
    })
}

/// A path's extension in lower case.
fn extension(path: &Path) -> String {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    extension.to_ascii_lowercase()
}

impl ExportFormat {
    fn extension(self) -> &'static str {
        match self {
            Self::Onnx => "onnx",
            Self::Safetensors => "safetensors",
        }
    }
}

/// Where the files are written.
struct Place {
    directory: PathBuf,
    /// Their name without extension.
    name: String,
    /// The name of the first file.
    first: String,
}

impl Place {
    fn new(out: &Path, to: ExportFormat) -> Result<Self, CliError> {
        let (directory, name) = place(out, to)?;
        let written = out.file_name().and_then(OsStr::to_str);
        // As given, also in capitals: NAME.ONNX.
        let first = match written.filter(|_| extension(out) == to.extension() && !out.is_dir()) {
            Some(written) => written.into(),
            None => format!("{name}.{}", to.extension()),
        };
        Ok(Self {
            directory,
            name,
            first,
        })
    }
}

/// The directory, and the name of its files without extension.
fn place(out: &Path, to: ExportFormat) -> Result<(PathBuf, String), CliError> {
    let extension = extension(out);
    if out.is_dir() || !["onnx", "safetensors", "py"].contains(&extension.as_str()) {
        return Ok((out.into(), NAME.into()));
    }
    let expected = to.extension();
    let reject = |expected: &str| {
        let found = out.printable();
        let problem = format!("expected {expected}, found {found}");
        Err(CliError::argument("--out", problem))
    };
    if extension == "py" {
        return reject("a directory or NAME.safetensors, next to which NAME.py is written");
    }
    if extension != expected {
        return reject(&format!(
            "a directory or NAME.{expected} for --to {expected}"
        ));
    }
    let Some(name) = out.file_stem().and_then(OsStr::to_str) else {
        return reject("a name that is valid UTF-8");
    };
    let directory = out.parent().filter(|parent| *parent != Path::new(""));
    let directory = directory.unwrap_or(Path::new("."));
    Ok((directory.into(), name.into()))
}

/// Prints how to use the export.
fn show(
    arguments: &ExportArgs,
    to: ExportFormat,
    artifact: &Artifact,
    name: &str,
) -> Result<(), CliError> {
    let input = &artifact.input;
    let channels = input.channels;
    let [height, width] = match arguments.any_size {
        true => ["height".into(), "width".into()],
        false => [input.height.to_string(), input.width.to_string()],
    };
    let shape = format!("[batch, {channels}, {height}, {width}]");
    match (to, arguments.pixels) {
        (ExportFormat::Onnx, true) => line(
            "pixels",
            format!("uint8 [batch, {height}, {width}, {channels}]"),
        )?,
        (ExportFormat::Onnx, false) => line("images", format!("float32 {shape}"))?,
        (ExportFormat::Safetensors, _) => {
            line("takes", format!("{shape}, the output of {name}.normalise"))?;
        }
    }
    line(
        "outputs",
        format!("logits [batch, {}]", artifact.classes.len()),
    )?;
    if let Some(temperature) = artifact.temperature {
        paragraph(
            "after",
            format!("calibrated probabilities are softmax(logits / {temperature:.4})"),
        )?;
    }
    if !arguments.pixels {
        let (mean, std) = (&input.mean, &input.std);
        line(
            "before",
            format!("(pixel / 255 - mean) / std, mean {mean:?}, std {std:?}"),
        )?;
    }
    paragraph("image", input.preparation())?;
    match to {
        ExportFormat::Onnx => line("format", format!("ONNX, operator set {OPSET}")),
        ExportFormat::Safetensors => line(
            "next",
            format!("in Python: import {name}; network = {name}.load()"),
        ),
    }
}
