//! Graphs as other programs write them, and invalid ones.

mod exported;
mod hostile;
mod near_misses;

use super::*;
use crate::proto::{
    AttributeProto, DimensionProto, GraphProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto,
    ValueInfoProto,
};
use receptive_model::{Activation, Padding, Shape};

/// Builds a graph from `x` to `y`.
#[derive(Default)]
struct Builder {
    graph: GraphProto,
    /// The version of the operators; 17 by default.
    opset: Option<i64>,
}

fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        ints: ints.to_vec(),
        r#type: 7,
        ..AttributeProto::default()
    }
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        i: Some(value),
        r#type: 2,
        ..AttributeProto::default()
    }
}

fn value(name: &str, dims: &[i64]) -> ValueInfoProto {
    let dim = dims.iter().map(|side| DimensionProto {
        dim_value: Some(*side),
        dim_param: None,
    });
    ValueInfoProto {
        name: name.into(),
        r#type: Some(TypeProto {
            tensor_type: Some(TensorTypeProto {
                elem_type: 1,
                shape: Some(TensorShapeProto { dim: dim.collect() }),
            }),
        }),
        ..ValueInfoProto::default()
    }
}

impl Builder {
    fn new(image: &[i64]) -> Self {
        let mut builder = Self::default();
        builder.graph.input.push(value("x", image));
        builder.graph.output.push(value("y", &[1, 4]));
        builder
    }

    fn node(
        mut self,
        operator: &str,
        inputs: &[&str],
        output: &str,
        attributes: &[AttributeProto],
    ) -> Self {
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(ToString::to_string).collect(),
            output: output.split(' ').map(String::from).collect(),
            name: format!("{operator}/{output}"),
            op_type: operator.into(),
            attribute: attributes.to_vec(),
            domain: String::new(),
        });
        self
    }

    /// Adds weights with the values 0.01, 0.02 and so on.
    fn floats(mut self, name: &str, dims: &[i64]) -> Self {
        let count = dims.iter().product::<i64>().clamp(0, 1 << 16);
        self.graph.initializer.push(TensorProto {
            dims: dims.to_vec(),
            data_type: 1,
            name: name.into(),
            float_data: (0..count).map(|i| 0.01 * (i + 1) as f32).collect(),
            ..TensorProto::default()
        });
        self
    }

    fn number(mut self, name: &str, number: f32) -> Self {
        self.graph.initializer.push(TensorProto {
            data_type: 1,
            name: name.into(),
            float_data: vec![number],
            ..TensorProto::default()
        });
        self
    }

    fn integers(mut self, name: &str, values: &[i64]) -> Self {
        self.graph.initializer.push(TensorProto {
            dims: vec![values.len() as i64],
            data_type: 7,
            name: name.into(),
            int64_data: values.to_vec(),
            ..TensorProto::default()
        });
        self
    }

    /// Adds a head with four classes on the channels of `from`.
    fn head(self, from: &str, channels: i64) -> Self {
        self.floats("head", &[4, channels])
            .node("GlobalAveragePool", &[from], "mean", &[])
            .node("Flatten", &["mean"], "row", &[])
            .node("Gemm", &["row", "head"], "y", &[int("transB", 1)])
    }

    fn read(self) -> Result<OnnxNetwork, String> {
        self.read_with(&[])
    }

    /// With these entries of the file's metadata.
    fn read_with(self, metadata: &[(&str, &str)]) -> Result<OnnxNetwork, String> {
        let entries = metadata.iter().map(|(key, value)| StringStringEntryProto {
            key: (*key).into(),
            value: (*value).into(),
        });
        let model = ModelProto {
            metadata_props: entries.collect(),
            graph: Some(self.graph),
            opset_import: vec![OperatorSetIdProto {
                domain: Some(String::new()),
                version: Some(self.opset.unwrap_or(17)),
            }],
            ..ModelProto::default()
        };
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), model.encode_to_vec()).unwrap();
        read_onnx(file.path(), OnnxReadOptions::default()).map_err(|error| error.to_string())
    }

    fn kinds(self) -> Vec<String> {
        let network = self.read().unwrap();
        let plan = network.config.plan().unwrap();
        plan.rows().iter().map(|row| row.name.clone()).collect()
    }

    #[track_caller]
    fn rejected(self, expected: &[&str]) {
        let error = self.read().unwrap_err();
        for expected in expected {
            assert!(error.contains(expected), "{error}");
        }
    }
}

fn image() -> Builder {
    Builder::new(&[1, 3, 8, 8])
}

#[test]
fn activations_are_read_however_they_are_written() {
    let conv = || {
        image()
            .floats("w", &[8, 3, 1, 1])
            .node("Conv", &["x", "w"], "c", &[])
    };
    let activation = |builder: Builder| {
        let network = builder.head("a", 8).read().unwrap();
        match &network.config.layers[0] {
            LayerConfig::Conv2d(layer) => layer.activation,
            other => panic!("{other:?}"),
        }
    };
    let silu = conv()
        .node("Sigmoid", &["c"], "s", &[])
        .node("Mul", &["c", "s"], "a", &[]);
    assert_eq!(activation(silu), Some(Activation::Silu));
    let swish = conv()
        .number("three", 3.0)
        .number("six", 6.0)
        .number("zero", 0.0)
        .node("Add", &["c", "three"], "p", &[])
        .node("Clip", &["p", "zero", "six"], "q", &[])
        .node("Mul", &["c", "q"], "r", &[])
        .node("Div", &["r", "six"], "a", &[]);
    assert_eq!(activation(swish), Some(Activation::HardSwish));
    let mish = conv()
        .node("Softplus", &["c"], "p", &[])
        .node("Tanh", &["p"], "q", &[])
        .node("Mul", &["q", "c"], "a", &[]);
    assert_eq!(activation(mish), Some(Activation::Mish));
    // A leaky ReLU with slope 0.2 as max(x, 0.2 x).
    let leaky = conv()
        .number("slope", 0.2)
        .node("Mul", &["c", "slope"], "p", &[])
        .node("Max", &["c", "p"], "a", &[]);
    assert_eq!(activation(leaky), Some(Activation::LeakyRelu(0.2)));
    conv()
        .node("Sin", &["c"], "a", &[])
        .head("a", 8)
        .rejected(&["`Sin/a` (Sin)", "no layer for the operator Sin"]);
    conv()
        .node("Exp", &["c"], "a", &[])
        .head("a", 8)
        .rejected(&["not a supported activation"]);
}

#[test]
fn a_normalisation_in_single_steps_is_a_batch_norm() {
    let network = image()
        .floats("w", &[8, 3, 1, 1])
        .floats("m", &[8, 1, 1])
        .floats("g", &[1, 8, 1, 1])
        .node("Conv", &["x", "w"], "c", &[])
        .node("Sub", &["c", "m"], "d", &[])
        .node("Mul", &["g", "d"], "e", &[])
        .node("Add", &["e", "m"], "f", &[])
        .node("Relu", &["f"], "a", &[])
        .head("a", 8)
        .read()
        .unwrap();
    let kinds: Vec<&str> = network
        .config
        .layers
        .iter()
        .map(LayerConfig::kind)
        .collect();
    // The subtraction becomes the convolution's bias; the product and the sum become a batch norm.
    assert_eq!(
        kinds,
        [
            "conv2d",
            "batch_norm",
            "activation",
            "global_avg_pool2d",
            "linear"
        ]
    );
    let tensors = &network.weights;
    let bias = tensors.values("conv2d_1.bias").unwrap();
    assert_eq!(bias[1], -0.02);
    assert_eq!(tensors.values("batch_norm_1.weight").unwrap()[1], 0.02);
    assert_eq!(tensors.values("batch_norm_1.bias").unwrap()[1], 0.02);
}

#[test]
fn channels_last_need_no_transpose() {
    // [batch, height, width, channels], a linear layer along the channels, and transposed back for
    // the pool.
    let kinds = Builder::new(&[1, 8, 8, 3])
        .floats("w", &[3, 8])
        .floats("b", &[8])
        .node("MatMul", &["x", "w"], "c", &[])
        .node("Add", &["c", "b"], "d", &[])
        .node("Transpose", &["d"], "e", &[ints("perm", &[0, 3, 1, 2])])
        .head("e", 8)
        .kinds();
    assert_eq!(kinds, ["conv2d_1", "global_avg_pool2d_1", "linear_1"]);
}

#[test]
fn a_shuffle_a_gate_and_a_list_that_grows_are_layers() {
    let kinds = image()
        .floats("w", &[8, 3, 1, 1])
        .node("Conv", &["x", "w"], "c", &[])
        .integers("split", &[1, 2, 4, 8, 8])
        .integers("merge", &[1, -1, 8, 8])
        .node("Reshape", &["c", "split"], "r", &[])
        .node("Transpose", &["r"], "t", &[ints("perm", &[0, 2, 1, 3, 4])])
        .node("Reshape", &["t", "merge"], "s", &[])
        .floats("v", &[8, 8, 1, 1])
        .node("GlobalAveragePool", &["s"], "m", &[])
        .node("Conv", &["m", "v"], "n", &[])
        .node("Sigmoid", &["n"], "g", &[])
        .node("Mul", &["s", "g"], "p", &[])
        // DenseNet's lists of inputs: (p, f), then (p, f, h).
        .node("Conv", &["p", "v"], "f", &[])
        .node("Concat", &["p", "f"], "pf", &[int("axis", 1)])
        .floats("u", &[8, 16, 1, 1])
        .node("Conv", &["pf", "u"], "h", &[])
        .node("Concat", &["p", "f", "h"], "pfh", &[int("axis", 1)])
        .head("pfh", 24)
        .kinds();
    assert_eq!(
        kinds,
        [
            "conv2d_1",
            "channel_shuffle_1",
            "global_avg_pool2d_1",
            "linear_1",
            "branches_1",
            "conv2d_2",
            "branches_2",
            "conv2d_3",
            "branches_3",
            "global_avg_pool2d_2",
            "linear_2"
        ]
    );
}

#[test]
fn padding_by_a_node_is_the_convolution_s() {
    let network = image()
        .floats("w", &[8, 3, 3, 3])
        .integers("pads", &[0, 0, 0, 0, 0, 0, 1, 1])
        .node("Pad", &["x", "pads"], "p", &[])
        .node("Conv", &["p", "w"], "a", &[ints("strides", &[2, 2])])
        .head("a", 8)
        .read()
        .unwrap();
    match &network.config.layers[0] {
        LayerConfig::Conv2d(layer) => assert_eq!(layer.padding, Padding::Same),
        other => panic!("{other:?}"),
    }
    image()
        .integers("pads", &[0, 0, 0, 0, 0, 0, 1, 1])
        .node("Pad", &["x", "pads"], "p", &[])
        .node("Relu", &["p"], "a", &[])
        .head("a", 3)
        .rejected(&["its input is padded"]);
}

#[test]
fn a_last_softmax_is_left_out_and_said() {
    let network = image()
        .floats("w", &[3, 4])
        .node(
            "ReduceMean",
            &["x"],
            "m",
            &[ints("axes", &[2, 3]), int("keepdims", 0)],
        )
        .node("MatMul", &["m", "w"], "l", &[])
        .node("Softmax", &["l"], "y", &[])
        .read()
        .unwrap();
    assert!(
        network.notes[0].contains("(Softmax) is left out"),
        "{:?}",
        network.notes
    );
    assert_eq!(network.config.classes, Some(4));
}

#[test]
fn a_flattened_map_with_channels_last_turns_the_weights() {
    let network = image()
        .floats("w", &[192, 4])
        .node("Transpose", &["x"], "t", &[ints("perm", &[0, 2, 3, 1])])
        .node("Flatten", &["t"], "f", &[])
        .node("Gemm", &["f", "w"], "y", &[])
        .read()
        .unwrap();
    let values = network.weights.values("linear_1.weight").unwrap();
    // Channel 1 of the first pixel is the file's second row, and here comes after the 64 values of
    // channel 0.
    assert_eq!(values[64], 0.01 * 5.0);
}

#[test]
fn blue_green_red_becomes_red_green_blue() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let graph = image()
        .floats("w", &[4, 3, 1, 1])
        .node("Conv", &["x", "w"], "c", &[])
        .head("c", 4)
        .graph;
    let model = ModelProto {
        graph: Some(graph),
        ..ModelProto::default()
    };
    std::fs::write(file.path(), model.encode_to_vec()).unwrap();
    let options = OnnxReadOptions {
        bgr: true,
        ..OnnxReadOptions::default()
    };
    let network = read_onnx(file.path(), options).unwrap();
    let values = network.weights.values("conv2d_1.weight").unwrap();
    assert_eq!(values[..3], [0.03, 0.02, 0.01]);
    assert_eq!(
        network.config.plan().unwrap().layers[0].output,
        Shape::Map {
            channels: 4,
            height: 8,
            width: 8
        }
    );
}

#[test]
fn shares_over_the_images_are_not_taken_for_probabilities() {
    let softmax = |axis: i64| {
        image()
            .floats("w", &[4, 3])
            .node("GlobalAveragePool", &["x"], "m", &[])
            .node("Flatten", &["m"], "f", &[])
            .node("Gemm", &["f", "w"], "l", &[int("transB", 1)])
            .node("Softmax", &["l"], "y", &[int("axis", axis)])
            .read()
    };
    for axis in [1, -1] {
        assert!(softmax(axis).is_ok(), "{axis}");
    }
    let error = softmax(0).unwrap_err();
    assert!(error.contains("node `Softmax/y` (Softmax)"), "{error}");
    assert!(error.contains("over axis 0"), "{error}");
}

#[test]
fn a_function_that_is_no_activation_is_named_by_the_node_that_gives_it() {
    let error = image()
        .floats("w", &[4, 3, 1, 1])
        .node("Exp", &["x"], "e", &[])
        .node("Conv", &["e", "w"], "c", &[])
        .head("c", 4)
        .read()
        .unwrap_err();
    assert!(
        error.contains("the output of node `Exp/e` (Exp)"),
        "{error}"
    );
}
