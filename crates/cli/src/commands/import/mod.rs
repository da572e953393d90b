//! `receptive import`.

mod classes;
mod onnx;
mod spec;

use super::pretrained::{Source, cache_folder};
use crate::args::parse_shape;
use crate::error::{CliError, Exit};
use crate::render::{line, print_json, say_line, say_paragraph};
use clap::Args;
use receptive_core::text::{Printable, counted};
use receptive_interchange::{InterchangeError, Match, Names, import, is_onnx, read};
use receptive_model::store::read_text;
use receptive_model::{Artifact, ImageSize, Interpolation, Origin, Resize, weights_sha256};
use receptive_train::RunDirectory;
use receptive_train::backend::default_device;
use serde::Serialize;
use spec::target;
use std::path::{Path, PathBuf};

#[derive(Debug, Default, Args)]
pub(super) struct ImportArgs {
    /// ONNX file, safetensors file, PyTorch checkpoint (a state dict), folder with config.json and
    /// model.safetensors, `hf:ORG/NAME[@REVISION]`, or the name of a published network
    weights: String,
    /// Preset, config file or run directory [default: from the file, if `export` wrote it, from its
    /// config.json or from its hash; likewise for the options below]
    #[arg(long, value_name = "NETWORK")]
    network: Option<String>,
    /// Input shape, if it is not the config's
    #[arg(long, value_name = "CHANNELSxHEIGHTxWIDTH", value_parser = parse_shape)]
    input: Option<ImageSize>,
    /// Number of classes, or a file with one class name per line [default: those of the run given
    /// with --network; likewise --mean, --std and --resize]
    #[arg(long, value_name = "N|FILE")]
    classes: Option<String>,
    /// Mean, subtracted from pixels in 0..1: one number, or one per channel
    #[arg(
        long,
        value_name = "N,...",
        value_delimiter = ',',
        allow_negative_numbers = true
    )]
    mean: Option<Vec<f32>>,
    /// Standard deviation to divide by, after subtracting the mean: one number, or one per channel
    #[arg(
        long,
        value_name = "N,...",
        value_delimiter = ',',
        allow_negative_numbers = true
    )]
    std: Option<Vec<f32>>,
    /// Resize mode for images of another size
    #[arg(long, value_enum)]
    resize: Option<Resize>,
    /// Interpolation when resizing
    #[arg(long, value_enum)]
    interpolation: Option<Interpolation>,
    /// With --resize crop: the crop fraction (timm's crop_pct)
    #[arg(long, value_name = "FRACTION")]
    crop_fraction: Option<f64>,
    /// ONNX: the network expects BGR channels
    #[arg(long)]
    bgr: bool,
    /// Entry of the checkpoint that holds the state dict, such as state_dict
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// TOML file mapping the network's layers to the file's, needed if their order differs, with
    /// lines such as conv2d_1 = "features.0"
    #[arg(long, value_name = "FILE")]
    names: Option<PathBuf>,
    /// Output directory of the model
    #[arg(long, value_name = "DIR", default_value = "imported")]
    out: PathBuf,
    /// Do not download; use the cache only
    #[arg(long)]
    offline: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Whether training starts from the weights, without any of these options.
    #[arg(skip)]
    is_start: bool,
}

impl ImportArgs {
    /// The error for a value that neither an option nor the file gives. `what` is the option's value, with its
    /// meaning.
    fn missing(&self, flag: &str, what: &str) -> CliError {
        let file = self.weights.shell_word();
        let reason = "the file was not written by `receptive export` and does not contain it";
        CliError::Usage(match self.is_start {
            true if flag == NETWORK => format!(
                "--from {file}: it is unknown which network the weights belong to, because {reason}; name it by \
                 --preset NAME (`receptive networks` lists them), or import the file first, with `receptive import \
                 {file} {NETWORK} FILE --out imported`, and then use --from imported"
            ),
            true => format!(
                "--from {file}: importing it needs {flag}, because {reason}: {flag} {what}. \
                 Import it first, with `receptive import {file} {flag} ... --out imported`, and \
                 then use --from imported"
            ),
            false => format!("{flag} is required, because {reason}: {flag} {what}"),
        })
    }
}

/// The option that names the network of the weights. Where training starts from them, it is `--preset`.
const NETWORK: &str = "--network";

/// Maximum size in bytes of a list of classes or names.
const TEXT_BYTES: u64 = 4 << 20;

/// The output of `--json`.
#[derive(Serialize)]
struct Json<'a> {
    model: String,
    params: usize,
    weights_sha256: String,
    origin: &'a Origin,
    layers: Vec<(&'a str, &'a str)>,
    left_out: &'a [String],
}

/// Weights imported as a model.
struct Import {
    artifact: Artifact,
    origin: Origin,
    matches: Vec<Match>,
    left_out: Vec<String>,
    notes: Vec<String>,
}

fn imported(arguments: &ImportArgs) -> Result<Import, CliError> {
    let source = Source::open(&arguments.weights, arguments.offline)?;
    if is_onnx(&source.weights) {
        return onnx::imported(arguments, &source);
    }
    if arguments.bgr {
        let problem = "this option is for ONNX files only; leave it out";
        return Err(CliError::argument("--bgr", problem));
    }
    let file = read(&source.weights, arguments.key.as_deref())?;
    let target = target(arguments, &source, &file)?;
    let plan = target.spec.config.plan()?;
    let imported = import(&plan, &file, &target.names, &*default_device()?);
    let imported = imported.map_err(|error| match (error, &arguments.classes) {
        (
            InterchangeError::Setting {
                setting: "classes",
                problem,
            },
            Some(classes),
        ) => CliError::argument(&format!("--classes {}", classes.shell_word()), problem),
        (error, _) => error.into(),
    })?;
    let by_order = imported.is_by_order.then(|| {
        "its layers have other names than the network's and those of any known program, so they were matched by \
         shape and by their order in the file: if its program does not define them in the order of use, layers of \
         equal shape are mixed up. Check some predictions, or give all names with `receptive import --names FILE`"
            .to_string()
    });
    Ok(Import {
        artifact: Artifact {
            model: imported.model,
            classes: target.spec.classes,
            input: target.spec.input,
            temperature: None,
        },
        origin: target.origin,
        matches: imported.matches,
        left_out: imported.left_out,
        notes: target.notes.into_iter().chain(by_order).collect(),
    })
}

/// Imports published weights into the cache and returns the path. The source is a file, a folder with a
/// `config.json`, a hub repository, or a network's name. `None` if `from` is a run or a model of receptive.
pub(super) fn import_published(
    from: &Path,
    network: Option<&str>,
    offline: bool,
) -> Result<Option<PathBuf>, CliError> {
    let text = from.to_string_lossy();
    let is_published = Source::is_hub(&text)
        || Source::is_network(from)
        || from.is_file()
        || from.is_dir() && !Artifact::is_at(from) && Source::is_folder(from);
    if !is_published {
        return Ok(None);
    }
    let arguments = ImportArgs {
        weights: text.into_owned(),
        network: network.map(String::from),
        offline,
        is_start: true,
        ..ImportArgs::default()
    };
    let import = imported(&arguments)?;
    for note in import.notes {
        say_paragraph("note", note);
    }
    let hash: String = import.origin.sha256.chars().take(16).collect();
    let out = cache_folder()?.join("models").join(hash);
    import
        .artifact
        .save_with_origin(&out, Some(&import.origin))?;
    Ok(Some(out))
}

/// The error for a directory that cannot be replaced by the model.
fn not_out(out: &Path, problem: &str) -> CliError {
    CliError::argument(&format!("--out {}", out.printable()), problem)
}

/// Rejects a directory with other files, because importing replaces the whole directory of a model.
fn check_replaceable(out: &Path) -> Result<(), CliError> {
    if let Some(run) = RunDirectory::around(out) {
        let run = run.path().printable();
        return Err(not_out(
            out,
            &format!("this is the model that the run {run} trained; name another directory"),
        ));
    }
    for entry in std::fs::read_dir(out).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if !Artifact::FILES.iter().any(|file| name == *file) {
            let name = Path::new(&name).printable();
            return Err(not_out(
                out,
                &format!(
                    "{name} in it is not a part of a model and would be deleted; name another directory, or move the \
                     file away first"
                ),
            ));
        }
    }
    Ok(())
}

pub(super) fn run(arguments: &ImportArgs) -> Result<Exit, CliError> {
    let out = &arguments.out;
    if out.exists() && !Artifact::is_at(out) {
        return Err(not_out(
            out,
            "it already exists and is not a model directory; choose a new one",
        ));
    }
    check_replaceable(out)?;
    let Import {
        artifact,
        origin,
        matches,
        left_out,
        notes,
    } = imported(arguments)?;
    artifact.save_with_origin(out, Some(&origin))?;
    let plan = artifact.model.plan();
    let layers = layers(&matches);
    if arguments.json {
        print_json(&Json {
            model: out.to_string_lossy().into_owned(),
            params: plan.total.params,
            weights_sha256: weights_sha256(&artifact.model),
            origin: &origin,
            layers,
            left_out: &left_out,
        })?;
        return Ok(Exit::Done);
    }
    say_layers(&layers);
    if let Some(first) = left_out.first() {
        let tensors = counted(left_out.len(), "tensor");
        let first = first.printable();
        say_line(
            "left out",
            format!("{tensors} not used by the network, such as {first}"),
        );
    }
    for note in notes {
        say_paragraph("note", note);
    }
    let (params, classes) = (plan.total.params, counted(plan.classes, "class"));
    line(
        "model",
        format!("{}: {params} parameters, {classes}", out.printable()),
    )?;
    if let Some(weights) = &origin.weights {
        let licence = origin.licence.as_deref().unwrap_or("unknown");
        line(
            "weights",
            format!("{}, licence {licence}", weights.printable()),
        )?;
    }
    let out = out.shell_word();
    line("next", format!("receptive evaluate {out} DATA"))?;
    Ok(Exit::Done)
}

/// Maximum number of renamed layers listed individually.
const MAX_LISTED: usize = 6;

/// Prints the mapping of the file's layers if their names differ; if there are many, only the first and the
/// last.
fn say_layers(layers: &[(&str, &str)]) {
    if layers.iter().all(|(ours, theirs)| ours == theirs) {
        return;
    }
    if let ([first, .., last], true) = (layers, layers.len() > MAX_LISTED) {
        let of = |(ours, theirs): &(&str, &str)| format!("{ours} from {}", theirs.printable());
        say_paragraph(
            "layers",
            format!(
                "{}: {} to {}; --json lists all",
                layers.len(),
                of(first),
                of(last)
            ),
        );
        return;
    }
    for (ours, theirs) in layers {
        say_line("layer", format!("{ours} from {}", theirs.printable()));
    }
}

/// Each layer once, with its name in the file.
fn layers(matches: &[Match]) -> Vec<(&str, &str)> {
    let layer = |name: &'_ str| -> usize { name.rfind('.').unwrap_or(name.len()) };
    let mut layers: Vec<(&str, &str)> = matches
        .iter()
        .map(|found| {
            (
                &found.name[..layer(&found.name)],
                &found.from[..layer(&found.from)],
            )
        })
        .collect();
    layers.dedup();
    layers
}

/// The table of names, if given.
fn given_names(arguments: &ImportArgs) -> Result<Option<Names>, CliError> {
    let Some(path) = &arguments.names else {
        return Ok(None);
    };
    let text = read_text(path, TEXT_BYTES)?;
    let table = toml::from_str(&text).map(Names::Given);
    table.map(Some).map_err(|error| {
        let file = path.printable();
        CliError::argument(
            "--names",
            format!("{file}: expected lines such as conv2d_1 = \"features.0\": {error}"),
        )
    })
}
