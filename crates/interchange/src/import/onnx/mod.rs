//! Reads an ONNX classifier: converts its graph to this project's layers, with its weights.
//!
//! ```text
//! file --wire, graph--> nodes --lower--> layers --merge--> fewer layers --tree--> ModelConfig, weights
//! ```

mod arrays;
mod axes;
mod constant;
mod evaluate;
mod external;
mod function;
mod graph;
mod lower;
mod merge;
mod metadata;
mod network;
mod recognize;
mod scalar;
#[cfg(test)]
mod tests;
mod tree;
mod view;
mod vocabulary;
mod wire;

use super::{Match, Names, WeightFile, import};
use crate::InterchangeError;
use crate::proto::ModelProto;
use burn::tensor::{Device, TensorData};
use graph::Graph;
use lower::{LowerError, LoweredGraph};
use metadata::Metadata;
use network::{Kind, Network};
use prost::Message;
use prost::bytes::Bytes;
use receptive_core::hash::sha256;
use receptive_core::text::Printable;
use receptive_model::store::read_capped;
use receptive_model::{Classifier, Fit, ImageSize, LayerConfig, ModelConfig, Plan};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use tree::{configs, fill};

/// Maximum file size, in bytes: a protocol buffer cannot be larger.
const MAX_BYTES: u64 = 2 << 30;

/// Settings of [`read_onnx`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OnnxReadOptions {
    /// The image size, if the file leaves height and width open and does not store it.
    pub size: Option<ImageSize>,
    /// Whether the file's network expects BGR channels. The imported network takes RGB: its first
    /// convolution's weights are reordered.
    pub bgr: bool,
}

/// A classifier from an ONNX file, with the metadata in the file.
#[derive(Debug)]
pub struct OnnxNetwork {
    /// Its layers and its image size.
    pub config: ModelConfig,
    /// The weights, named after the plan's layers.
    pub weights: WeightFile,
    /// The origin of each layer: its name, and the file's node.
    pub layers: Vec<Match>,
    /// The class names in the file's metadata.
    pub classes: Option<Vec<String>>,
    /// The mean of pixels in 0..1 that is subtracted, one for each channel.
    pub mean: Option<Vec<f32>>,
    /// The standard deviation that pixels are then divided by.
    pub std: Option<Vec<f32>>,
    /// How images of another size are resized.
    pub fit: Option<Fit>,
    /// Parts of the file's network that were left out, one sentence each.
    pub notes: Vec<String>,
}

impl OnnxNetwork {
    /// The network with its weights, and its plan.
    ///
    /// # Errors
    /// When a weight is NaN or infinite.
    pub fn classifier(&self, device: &Device) -> Result<Classifier, InterchangeError> {
        let plan = self.config.plan()?;
        Ok(import(&plan, &self.weights, &Names::Auto, device)?.model)
    }
}

/// Whether the file's name has an extension of ONNX files.
pub fn is_onnx(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
}

/// Reads an ONNX image classifier: one input of floats, `[batch, channels, height, width]` or
/// `[batch, height, width, channels]`, and a first output `[batch, classes]`.
///
/// The graph must be a sequence of layers and of branches that are joined, built from operations
/// for which [`LayerConfig`] has layers. Nothing in the file is executed, and external data are
/// read only from its own directory.
///
/// # Errors
/// [`InterchangeError::File`] naming the node, its operator and what it would need, or what is
/// damaged; an error of the setting `input` if the file does not fix the image size.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use receptive_interchange::{OnnxReadOptions, read_onnx};
///
/// let error = read_onnx("missing.onnx".as_ref(), OnnxReadOptions::default()).unwrap_err();
/// assert!(error.to_string().contains("missing.onnx"));
/// # Ok(())
/// # }
/// ```
pub fn read_onnx(path: &Path, options: OnnxReadOptions) -> Result<OnnxNetwork, InterchangeError> {
    let fail = |problem: String| InterchangeError::file(path, problem);
    let bytes = Bytes::from(read_capped(path, MAX_BYTES)?);
    let hash = sha256(&bytes);
    wire::check_size(&bytes).map_err(fail)?;
    let model = ModelProto::decode(bytes)
        .map_err(|error| fail(format!("it is not ONNX, or is damaged: {error}")))?;
    let metadata = Metadata::from_model(&model).map_err(fail)?;
    let external = |tensor: &_, bytes| external::read(path, tensor, bytes);
    let graph = Graph::new(model, external).map_err(fail)?;
    let size = options
        .size
        .or(metadata.spec.as_ref().map(|spec| spec.config.input));
    let lowered = lower::lower(graph, size).map_err(|error| match error {
        LowerError::File(problem) => fail(problem),
        LowerError::Size(problem) => InterchangeError::Setting {
            setting: "input",
            problem: format!("{}: {problem}", path.printable()),
        },
    })?;
    let LoweredGraph {
        mut network,
        output,
        takes_bytes,
        mut notes,
    } = lowered;
    let mut output = merge::merge(&mut network, output);
    let mut scale = metadata.scale;
    if takes_bytes {
        match merge::input_scale(&mut network) {
            Some(found) => {
                output = output.saturating_sub(1);
                scale = Some(of_bytes(&found));
            }
            None => scale = Some([vec![0.0], vec![1.0 / 255.0]]),
        }
    }
    merge::settle(&mut network);
    if options.bgr {
        turn(&mut network).map_err(fail)?;
    }
    notes.extend(folded(&network));
    let image = network.shape(0);
    let outputs = network.shape(output).channels();
    let steps = tree::tree(network, output).map_err(fail)?;
    let [height, width] = image.map_size();
    let mut config = ModelConfig::new(image.channels(), height, width).layers(configs(&steps));
    if let Some(LayerConfig::Linear(last)) = config.layers.last_mut()
        && last.activation.is_none()
    {
        last.units = None;
    }
    let config = config.with_classes(outputs);
    let plan = config
        .plan()
        .map_err(|error| fail(format!("its network cannot be built: {error}")))?;
    let (tensors, layers) = filled(steps, &plan);
    let per_channel = |values: Vec<f32>| match values.as_slice() {
        [value] => vec![*value; image.channels()],
        _ => values,
    };
    let (mean, std, fit) = match (metadata.spec, scale) {
        (Some(spec), _) => {
            let fit = spec.input.fit();
            (Some(spec.input.mean), Some(spec.input.std), Some(fit))
        }
        (None, Some([mean, std])) => (Some(per_channel(mean)), Some(per_channel(std)), None),
        (None, None) => (None, None, None),
    };
    let fits = |values: &Vec<f32>| values.len() == image.channels();
    let is_scale = |std: &Vec<f32>| std.iter().all(|value| value.is_finite() && *value > 0.0);
    let is_number = |mean: &Vec<f32>| mean.iter().all(|value| value.is_finite());
    if !std.as_ref().is_none_or(is_scale) || !mean.as_ref().is_none_or(is_number) {
        notes.push(
            "the file's mean or standard deviation is not usable (a standard deviation must be positive), so neither \
             is used"
                .into(),
        );
    }
    let classes = metadata.classes.filter(|classes| {
        let problem = classes_problem(classes, outputs);
        notes.extend(
            problem
                .iter()
                .map(|problem| format!("the file's class names are not used: {problem}")),
        );
        problem.is_none()
    });
    let is_usable = mean.as_ref().is_some_and(is_number) && std.as_ref().is_some_and(is_scale);
    Ok(OnnxNetwork {
        config: plan.config,
        weights: WeightFile::new(path, hash, tensors),
        layers,
        classes,
        mean: mean.filter(fits).filter(|_| is_usable),
        std: std.filter(fits).filter(|_| is_usable),
        fit,
        notes,
    })
}

/// Why these names cannot be those of the network's classes.
fn classes_problem(classes: &[String], outputs: usize) -> Option<String> {
    if classes.len() != outputs {
        return Some(format!(
            "there are {}, but the network has {outputs} outputs",
            classes.len()
        ));
    }
    let mut known = HashSet::new();
    let twice = classes.iter().find(|class| !known.insert(class.as_str()));
    let is_no_name = |class: &&String| class.trim().is_empty() || class.contains(char::is_control);
    if classes.iter().any(|class| is_no_name(&class)) {
        return Some("some are empty or contain control characters".into());
    }
    twice.map(|class| format!("`{}` is there twice", class.printable()))
}

/// The mean and standard deviation of pixels in 0..1 that correspond to `scale x + shift` of bytes.
fn of_bytes([scale, shift]: &[Vec<f32>; 2]) -> [Vec<f32>; 2] {
    let mean = |(scale, shift): (&f32, &f32)| -shift / (255.0 * scale);
    [
        scale.iter().zip(shift).map(mean).collect(),
        scale.iter().map(|scale| 1.0 / (255.0 * scale)).collect(),
    ]
}

/// Reverses the input channels of the first convolution's weights.
fn turn(network: &mut Network) -> Result<(), String> {
    let problem = "the channel order can change only if the first layer is a convolution of all \
                   channels, and no other layer takes the image";
    let mut users = network
        .layers
        .iter_mut()
        .filter(|layer| layer.inputs.contains(&0));
    let (Some(first), None) = (users.next(), users.next()) else {
        return Err(problem.into());
    };
    let Kind::Layer {
        config: LayerConfig::Conv2d(layer),
        weights,
    } = &mut first.kind
    else {
        return Err(problem.into());
    };
    let weight = weights.iter_mut().find(|weight| weight.leaf == "weight");
    let (Some(weight), 1) = (weight, layer.groups) else {
        return Err(problem.into());
    };
    let taps: usize = weight.shape[2..].iter().product();
    let channels = weight.shape[1];
    for filter in weight.values.chunks_mut(channels * taps) {
        let turned: Vec<f32> = filter.chunks(taps).rev().flatten().copied().collect();
        filter.copy_from_slice(&turned);
    }
    Ok(())
}

/// A note for networks whose batch norms were probably folded into convolutions.
fn folded(network: &Network) -> Option<String> {
    let count = |is: fn(&LayerConfig) -> bool| {
        let configs = network.layers.iter().filter_map(|layer| match &layer.kind {
            Kind::Layer { config, .. } => Some(config),
            _ => None,
        });
        configs.filter(|config| is(config)).count()
    };
    let biased = count(|config| matches!(config, LayerConfig::Conv2d(layer) if layer.bias));
    let norms = count(|config| matches!(config, LayerConfig::BatchNorm(_)));
    (norms == 0 && biased > 1).then(|| {
        "it has no batch norms: they were folded into its convolutions, or it never had any; \
         fine-tune it with a low learning rate"
            .into()
    })
}

/// The weights, named after the plan's layers, and the node of each layer.
fn filled(steps: Vec<tree::Step>, plan: &Plan) -> (BTreeMap<String, TensorData>, Vec<Match>) {
    let mut filled = Vec::new();
    fill(steps, &plan.layers, &mut filled);
    let mut tensors = BTreeMap::new();
    let mut layers = Vec::with_capacity(filled.len());
    for tree::LayerWithWeights {
        layer,
        node,
        weights,
    } in filled
    {
        for weight in weights {
            let data = TensorData::new(weight.values, weight.shape);
            tensors.insert(format!("{layer}.{}", weight.leaf), data);
        }
        layers.push(Match {
            name: layer,
            from: node,
        });
    }
    (tensors, layers)
}
