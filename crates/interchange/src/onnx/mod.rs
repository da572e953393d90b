//! A classifier as an ONNX model: <https://onnx.ai>.

mod activations;
mod graph;
mod layers;
mod norms;
mod sizes;

use crate::proto::{self, ModelProto, OperatorSetIdProto, StringStringEntryProto};
use crate::spec::SPEC;
use crate::{InterchangeError, Spec, tensors};
use graph::{ElementType, GraphBuilder, Side, batch_of};
use layers::{chain, flat};
use prost::Message;
use receptive_model::{Artifact, InputSpec};
use sizes::check_any_size;

/// The operator set of every node.
pub const OPSET: i64 = 17;
/// The version of the format that introduced it.
const IR_VERSION: i64 = 8;
/// A protocol buffer cannot be larger; some space is reserved for names.
const MAX_BYTES: usize = (2 << 30) - (1 << 20);
const FORMAT: &str = "ONNX";

/// The input of an exported model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnnxInput {
    /// `images`: floats `[batch, channels, height, width]`, already converted by `(pixel / 255 -
    /// mean) / std`.
    #[default]
    Normalised,
    /// `pixels`: bytes `[batch, height, width, channels]`, decoded and resized; the model scales
    /// and normalises them.
    Pixels,
}

/// Settings of [`to_onnx`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OnnxOptions {
    /// The input of the model.
    pub input: OnnxInput,
    /// Whether it accepts images of any height and width instead of the training size; it then
    /// computes the same as [`Classifier::resized`](receptive_model::Classifier::resized).
    pub any_size: bool,
}

impl From<OnnxInput> for OnnxOptions {
    fn from(input: OnnxInput) -> Self {
        Self {
            input,
            any_size: false,
        }
    }
}

/// The artifact as the bytes of an ONNX model: operator set [`OPSET`], a batch of any size, one
/// output `logits` `[batch, classes]`. Its metadata contain the classes, the network and the input.
///
/// # Errors
/// If the weights exceed the format's limit (2 GiB), or if any image size is requested and the
/// network does not support it.
pub fn to_onnx(
    artifact: &Artifact,
    options: impl Into<OnnxOptions>,
) -> Result<Vec<u8>, InterchangeError> {
    let options = options.into();
    let OnnxOptions { input, any_size } = options;
    let plan = artifact.model.plan();
    if any_size {
        check_any_size(plan)?;
    }
    if plan.total.weight_bytes() > MAX_BYTES {
        return Err(InterchangeError::unwritable(
            FORMAT,
            format!(
                "its weights are {} MiB, but a file is limited to 2 GiB; export safetensors",
                plan.total.weight_bytes() >> 20
            ),
        ));
    }
    let tensors = tensors(&artifact.model)?;
    let weights = tensors.iter().map(|tensor| (tensor.name.as_str(), tensor));
    let mut graph = GraphBuilder::default();
    let images = match input {
        OnnxInput::Normalised => "images".to_string(),
        OnnxInput::Pixels => normalised(&mut graph, &artifact.input),
    };
    let last = chain(&mut graph, &plan.layers, &images, &weights.collect())?;
    if let Some(layer) = plan.layers.last() {
        flat(&mut graph, "rows", &last, &layer.output);
    }
    let logits = batch_of(
        "logits",
        ElementType::Float,
        &[Side::Fixed(plan.classes)],
        "one logit per class; softmax gives probabilities",
    );
    let graph = graph.finish("classifier", value_of(options, &artifact.input), logits);
    let spec = Spec::from_artifact(artifact).to_json(FORMAT)?;
    let model = ModelProto {
        ir_version: Some(IR_VERSION),
        producer_name: "receptive".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        doc_string: preparation(options, &artifact.input),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto {
            domain: Some(String::new()),
            version: Some(OPSET),
        }],
        metadata_props: vec![
            property("classes", artifact.classes.join("\n")),
            property(SPEC, spec),
        ],
    };
    Ok(model.encode_to_vec())
}

fn property(key: &str, value: String) -> StringStringEntryProto {
    StringStringEntryProto {
        key: key.into(),
        value,
    }
}

fn value_of(options: OnnxOptions, spec: &InputSpec) -> proto::ValueInfoProto {
    let channels = Side::Fixed(spec.channels);
    let [height, width] = match options.any_size {
        true => [Side::Any("height"), Side::Any("width")],
        false => [Side::Fixed(spec.height), Side::Fixed(spec.width)],
    };
    let text = preparation(options, spec);
    match options.input {
        OnnxInput::Normalised => {
            let sides = [channels, height, width];
            batch_of("images", ElementType::Float, &sides, &text)
        }
        OnnxInput::Pixels => {
            let sides = [height, width, channels];
            batch_of("pixels", ElementType::Uint8, &sides, &text)
        }
    }
}

/// How to prepare an image for the model.
fn preparation(options: OnnxOptions, spec: &InputSpec) -> String {
    let resized = match options.any_size {
        true => format!(
            "any height and width; trained on images {}",
            spec.preparation()
        ),
        false => spec.preparation(),
    };
    match options.input {
        OnnxInput::Normalised => format!(
            "{resized}; then (pixel / 255 - mean) / std per channel, mean {:?}, std {:?}",
            spec.mean, spec.std
        ),
        OnnxInput::Pixels => resized,
    }
}

/// Converts channels-last bytes to the first layer's input.
fn normalised(graph: &mut GraphBuilder, spec: &InputSpec) -> String {
    let mut row = |name: &str, value: &dyn Fn(f32, f32) -> f32| {
        let values: Vec<f32> = spec
            .mean
            .iter()
            .zip(&spec.std)
            .map(|(mean, std)| value(*mean, *std))
            .collect();
        graph.floats(name, &[values.len()], &values)
    };
    // (pixel / 255 - mean) / std, as one product and one sum.
    let scale = row("input.scale", &|_, std| 1.0 / (255.0 * std));
    let shift = row("input.shift", &|mean, std| -mean / std);
    let to = graph::int("to", ElementType::Float as usize);
    let floats = graph.node("Cast", "input/floats", ["pixels"], vec![to]);
    let scaled = graph.node("Mul", "input/scaled", [&floats, &scale], vec![]);
    let moved = graph.node("Add", "input/normalised", [&scaled, &shift], vec![]);
    let order = graph::ints("perm", &[0, 3, 1, 2]);
    graph.node("Transpose", "input/images", [&moved], vec![order])
}
