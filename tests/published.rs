//! Networks with timm's names compared with PyTorch's: the same state dict gives the same logits
//! and gradients and has the same number of parameters, and multiply-adds are those counted by
//! torchinfo.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use receptive_interchange::{choose_form, import, read};
use receptive_model::presets::{PublishedForm, default_input, preset, published, published_names};
use receptive_model::{Classifier, ModelConfig, Plan};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A small image suffices to detect the differences that depend on the size; half of the networks
/// need more than 64 pixels.
fn size_of(name: &str) -> usize {
    match name {
        "inception_v3" => 107,
        // These pad asymmetrically only if a map's size is even.
        _ if name.starts_with("tf_") => 70,
        _ => 64,
    }
}

/// The differences between a network and PyTorch's.
struct Difference {
    /// The largest difference of a logit, relative to the largest logit.
    logits: f64,
    /// The largest difference of a gradient, relative to the largest of its tensor.
    gradients: f64,
}

/// The script next to these tests, which builds PyTorch's networks. Importing PyTorch takes
/// seconds, so one process answers all requests.
struct PyTorch {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl PyTorch {
    fn start() -> Self {
        let python = std::env::var("RECEPTIVE_PYTHON").expect(
            "RECEPTIVE_PYTHON: the Python interpreter with torch, torchinfo, torchvision and timm",
        );
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/published.py");
        let mut command = Command::new(python);
        if let Some(packages) = lite_code() {
            command.env("PYTHONPATH", packages);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.arg(script).spawn().expect("Python starts");
        Self {
            requests: process.stdin.take().unwrap(),
            answers: BufReader::new(process.stdout.take().unwrap()),
            process,
        }
    }

    /// Writes the network's files into `directory`; returns its numbers of parameters and
    /// multiply-adds.
    fn build(
        &mut self,
        directory: &Path,
        name: &str,
        scheme: &str,
        draw: u64,
    ) -> Result<Value, String> {
        let request = serde_json::json!([directory, name, scheme, size_of(name), draw]);
        writeln!(self.requests, "{request}").map_err(|error| error.to_string())?;
        let mut answer = String::new();
        let read = self.answers.read_line(&mut answer);
        read.map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
        match answer["error"].as_str() {
            Some(error) => Err(error.into()),
            None => Ok(answer),
        }
    }
}

impl Drop for PyTorch {
    fn drop(&mut self) {
        // The process must not keep waiting after a failed test.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Compares PyTorch's network with this name and scheme with this project's, given the same state
/// dict and images from this draw.
fn compare(
    pytorch: &mut PyTorch,
    name: &str,
    form: &PublishedForm,
    forms: &[PublishedForm],
    draw: u64,
) -> Result<Difference, String> {
    let scheme = form.scheme.name();
    let directory = tempfile::tempdir().unwrap();
    let at = |file: &str| directory.path().join(file);
    let size = size_of(name);
    let theirs = pytorch.build(directory.path(), name, scheme, draw)?;

    let file = read(&at("weights.pth"), None).map_err(|error| error.to_string())?;
    let choice = choose_form(forms, &file).ok_or("its names are of no form")?;
    if choice.form.names != form.names {
        return Err(format!(
            "taken for the names of {}",
            choice.form.scheme.name()
        ));
    }
    let plan = ModelConfig::new(3, size, size)
        .layers(form.layers.clone())
        .with_classes(choice.outputs.ok_or("no outputs")?)
        .plan()
        .map_err(|error| error.to_string())?;
    if theirs["params"] != plan.total.params {
        return Err(format!(
            "{} parameters, PyTorch has {}",
            plan.total.params, theirs["params"]
        ));
    }
    let macs = weighted_macs(&plan);
    if theirs["macs"] != macs {
        return Err(format!(
            "{macs} multiply-adds, torchinfo counts {}",
            theirs["macs"]
        ));
    }
    let device = Device::flex().autodiff();
    let imported =
        import(&plan, &file, &choice.names, &device).map_err(|error| error.to_string())?;
    let images = TensorData::new(floats(&at("images.bin")), [1, 3, size, size]);
    let model = as_evaluated(imported.model);
    let logits = model.forward(Tensor::<4>::from_data(images, &device));
    let [images, classes] = logits.dims();
    let factors: Vec<f32> = (0..images * classes)
        .map(|i| (i * 37 % 19) as f32 / 9.0 - 1.0)
        .collect();
    let factors = TensorData::new(factors, [images, classes]);
    let loss = (logits.clone() * Tensor::<2>::from_data(factors, &device)).sum();
    let gradients = loss.backward();
    let logits: Vec<f32> = logits.into_data().iter().collect();

    // Gradients are imported like weights, which puts each where its weight belongs.
    let file = read(&at("gradients.pth"), None).map_err(|error| error.to_string())?;
    let peer = import(&plan, &file, &choice.names, &device).map_err(|error| error.to_string())?;
    let ours = parameters(&model, Some(&gradients));
    let theirs = parameters(&peer.model, None);
    Ok(Difference {
        logits: off(&logits, &floats(&at("logits.bin")), 0.0),
        gradients: of_gradients(&ours, &theirs),
    })
}

/// The multiply-adds of convolutions and linear layers, for one image.
fn weighted_macs(plan: &Plan) -> usize {
    let rows = plan.rows().into_iter();
    rows.filter(|layer| ["conv2d", "linear"].contains(&layer.kind))
        .map(|layer| layer.macs)
        .sum()
}

/// The network as after PyTorch's `eval()`: batch norms use their running statistics and nothing is
/// dropped, but parameters have gradients.
fn as_evaluated(model: Classifier) -> Classifier {
    struct Ids(Vec<ParamId>);
    impl ModuleVisitor for Ids {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.extend(param.is_require_grad().then_some(param.id));
        }
    }
    impl ModuleMapper for Ids {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let has_gradient = self.0.contains(&param.id);
            param.set_require_grad(has_gradient)
        }
    }
    let mut ids = Ids(Vec::new());
    model.visit(&mut ids);
    model.freeze().map(&mut ids)
}

/// The parameters' gradients, or the parameters themselves, in the module's order.
fn parameters(model: &Classifier, gradients: Option<&Gradients>) -> Vec<Vec<f32>> {
    struct Visitor<'a>(Option<&'a Gradients>, Vec<Vec<f32>>);
    impl ModuleVisitor for Visitor<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let value = param.val();
            // Running statistics have no gradients.
            let found = match self.0 {
                Some(gradients) => value.grad(gradients).map(|gradient| gradient.into_data()),
                None => value.is_require_grad().then(|| value.into_data()),
            };
            self.1.extend(found.map(|data| data.iter().collect()));
        }
    }
    let mut visitor = Visitor(gradients, Vec::new());
    model.visit(&mut visitor);
    visitor.1
}

/// The largest difference, relative to the largest value or `floor`, whichever is larger.
fn off(ours: &[f32], theirs: &[f32], floor: f64) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let errors = ours
        .iter()
        .zip(theirs)
        .map(|(a, b)| f64::from((a - b).abs()));
    // `max` would ignore NaN.
    let largest = errors.fold(
        0.0,
        |most: f64, x| if x > most || x.is_nan() { x } else { most },
    );
    largest / magnitude(theirs).max(floor)
}

fn magnitude(values: &[f32]) -> f64 {
    let values = values.iter().map(|value| f64::from(value.abs()));
    values.fold(0.0, f64::max)
}

fn of_gradients(ours: &[Vec<f32>], theirs: &[Vec<f32>]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    // Tensors whose gradients are only rounding errors relative to others' are compared relative to
    // `floor`.
    let floor = 1e-6
        * theirs
            .iter()
            .map(|values| magnitude(values))
            .fold(0.0, f64::max);
    let differences = ours.iter().zip(theirs).map(|(a, b)| off(a, b, floor));
    differences.fold(
        0.0,
        |most: f64, x| if x > most || x.is_nan() { x } else { most },
    )
}

/// The path of the code for the lukemelas scheme, which is not in any package index that all checks
/// use.
fn lite_code() -> Option<PathBuf> {
    let packages = PathBuf::from(std::env::var_os("RECEPTIVE_PACKAGES")?);
    Some(packages.join("efficientnet_lite_pytorch"))
}

fn parameters_of(name: &str) -> usize {
    let config = preset(name, default_input(name)).unwrap();
    config.with_classes(1000).plan().unwrap().total.params
}

fn floats(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap();
    let values = bytes.chunks_exact(4);
    values
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect()
}

/// How many draws of images may be tried. A ReLU has no gradient at 0: rounding may take a unit
/// across it, which adds or removes that unit's gradient, and one of a million units may be that
/// close. Such a difference disappears with other images; that of a mistake does not.
const DRAWS: u64 = 12;

/// Larger networks (AlexNet, VGG, RepLKNet, the deep and the wide ResNets) take minutes to write
/// and to read.
const MAX_PARAMETERS: usize = 30_000_000;

/// All networks except the largest: logits within 1e-4 of the largest, each tensor's gradients
/// within 1e-3 of its largest. `RECEPTIVE_PUBLISHED=all` includes all networks, and a
/// comma-separated list of names selects some.
#[test]
#[ignore = "needs Python with torch, torchinfo, torchvision and timm (RECEPTIVE_PYTHON)"]
fn published_networks_give_pytorch_s_logits() {
    let wanted = std::env::var("RECEPTIVE_PUBLISHED").unwrap_or_default();
    let chosen: Vec<&str> = match wanted.as_str() {
        "" => published_names()
            .filter(|name| parameters_of(name) <= MAX_PARAMETERS)
            .collect(),
        "all" => published_names().collect(),
        names => names.split(',').collect(),
    };
    let mut pytorch = PyTorch::start();
    let mut failures = Vec::new();
    for name in chosen {
        let forms = published(name);
        for form in &forms {
            let scheme = form.scheme.name();
            let has_code = name.contains("lite") && lite_code().is_some();
            if scheme == "lukemelas" && !has_code {
                continue;
            }
            for draw in 1..=DRAWS {
                match compare(&mut pytorch, name, form, &forms, draw) {
                    Ok(Difference { logits, gradients }) => {
                        println!("{name:<24} {scheme:<12} {draw} {logits:.1e} {gradients:.1e}");
                        let agree = gradients <= 1e-3;
                        if logits <= 1e-4 && !agree && draw < DRAWS {
                            continue;
                        }
                        if !(logits <= 1e-4 && agree) {
                            failures.push(format!("{name} ({scheme}): {logits:e} {gradients:e}"));
                        }
                    }
                    Err(problem) => failures.push(format!("{name} ({scheme}): {problem}")),
                }
                break;
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
