//! Lowers a graph's nodes to layers, one after the other.
//!
//! A tensor is represented by three things: the output of a layer, a function of each of its
//! values, and a view of its axes. Nodes that change only the last two create no layer. An
//! activation may therefore be composed of any nodes, and a layer norm or a linear layer on
//! channels-last maps needs no `Transpose`.

mod adaptive;
mod arithmetic;
mod border;
mod dense;
mod image;
mod inputs;
mod joins;
mod norms;
mod shapes;
mod unchanged;
mod windows;

use super::constant::{Constant, MAX_VALUES};
use super::evaluate::evaluate;
use super::function::{FunctionId, Functions};
use super::graph::{Graph, Node};
use super::network::{Kind, Network, ValueId};
use super::recognize::Meaning;
use super::view::{Dim, View};
use super::vocabulary;
use receptive_core::text::Printable;
use receptive_model::{ActivationLayer, Edges, FlattenLayer, ImageSize, Shape};
use std::collections::HashMap;

/// The largest number of values that nodes may compute from constants.
const MAX_COMPUTED: usize = MAX_VALUES;

/// The network that a graph computes.
#[derive(Debug)]
pub(super) struct LoweredGraph {
    pub(super) network: Network,
    /// Its output: a row with one value per class.
    pub(super) output: ValueId,
    /// Whether the graph takes bytes `[batch, height, width, channels]` and scales them itself.
    pub(super) takes_bytes: bool,
    /// What is left out, one sentence each.
    pub(super) notes: Vec<String>,
}

/// Padding of a map that the next layer has yet to apply, with zeros or the smallest value.
#[derive(Debug, Clone, Copy)]
struct Border {
    edges: Edges,
    value: f32,
}

/// A tensor that depends on the image.
#[derive(Debug, Clone)]
struct Tensor {
    function: FunctionId,
    view: View,
    /// Only if it is a map `[batch, channels, height, width]`.
    border: Option<Border>,
}

#[derive(Debug, Clone)]
enum Value {
    Constant(Constant),
    Tensor(Tensor),
    /// The softmax of this tensor; allowed as the graph's output only.
    Probabilities(Tensor, String),
}

/// The outputs of a node.
type Outputs = Vec<Value>;

struct Lowering {
    network: Network,
    functions: Functions,
    values: HashMap<String, Value>,
    /// The node that first produced each function.
    makers: HashMap<FunctionId, String>,
    batch: usize,
    /// The version of ONNX's own operators.
    opset: i64,
    /// How many more values may be computed from constants or used in layers.
    left: usize,
    notes: Vec<String>,
}

/// Lowers all nodes. `size` is used if the graph does not fix height and width.
///
/// # Errors
/// A sentence naming the node that is not supported and what it would need.
pub(super) fn lower(graph: Graph, size: Option<ImageSize>) -> Result<LoweredGraph, LowerError> {
    let image = image::image(&graph, size)?;
    let shape = Shape::Map {
        channels: image.size.channels,
        height: image.size.height,
        width: image.size.width,
    };
    let mut lowering = Lowering {
        network: Network::new(shape),
        functions: Functions::default(),
        values: HashMap::new(),
        makers: HashMap::new(),
        batch: image.batch,
        opset: graph.opset,
        left: MAX_COMPUTED,
        notes: graph.notes,
    };
    let function = lowering.functions.value(0);
    let view = match image.channels_last {
        true => View::channels_last(image.batch, shape),
        false => View::plain(image.batch, shape),
    };
    let source = Tensor {
        function,
        view,
        border: None,
    };
    let values = graph.constants.into_iter();
    lowering.values = values
        .map(|(name, value)| (name, Value::Constant(value)))
        .collect();
    lowering
        .values
        .insert(graph.source.name.clone(), Value::Tensor(source));
    let mut uses: HashMap<&str, usize> = HashMap::new();
    for name in graph.nodes.iter().flat_map(|node| &node.inputs) {
        *uses.entry(name).or_default() += 1;
    }
    for node in &graph.nodes {
        let outputs = lowering
            .node(node)
            .and_then(|outputs| lowering.checked(outputs))
            .map_err(|problem| LowerError::File(format!("{}: {problem}", node.label())))?;
        for (name, value) in node.outputs.iter().zip(outputs) {
            if let Value::Tensor(tensor) = &value {
                let maker = lowering.makers.entry(tensor.function);
                maker.or_insert_with(|| node.label());
            }
            lowering.values.insert(name.clone(), value);
        }
        // Values that no later node uses are dropped.
        for name in &node.inputs {
            if let Some(left) = uses.get_mut(name.as_str()) {
                *left -= 1;
                if *left == 0 && *name != graph.output {
                    lowering.values.remove(name);
                }
            }
        }
    }
    let output = lowering.output(&graph.output).map_err(LowerError::File)?;
    Ok(LoweredGraph {
        network: lowering.network,
        output,
        takes_bytes: image.takes_bytes,
        notes: lowering.notes,
    })
}

/// Why a graph cannot be lowered.
pub(super) enum LowerError {
    /// An operation has no corresponding layer.
    File(String),
    /// The graph accepts images of any size, and no size was given.
    Size(String),
}

impl Lowering {
    fn node(&mut self, node: &Node) -> Result<Outputs, String> {
        if let Some(constants) = self.constants(node)? {
            return Ok(vec![Value::Constant(constants)]);
        }
        match node.operator.as_str() {
            "Identity" => Ok(vec![Value::Tensor(self.tensor(node, 0)?)]),
            "Dropout" => self.dropout(node),
            "Cast" => self.cast(node),
            "Conv" => self.conv(node),
            "MaxPool" => self.max_pool(node),
            "AveragePool" => self.average_pool(node),
            "GlobalAveragePool" => self.global_average_pool(node),
            "GlobalMaxPool" => self.global_max_pool(node),
            "ReduceMean" => self.reduce_mean(node),
            "Pad" => self.pad(node),
            "Gemm" => self.gemm(node),
            "MatMul" => self.matmul(node),
            "BatchNormalization" => self.batch_norm(node),
            "LayerNormalization" => self.layer_norm(node),
            "LRN" => self.local_response_norm(node),
            "PRelu" => self.prelu(node),
            "Shape" | "Size" => self.shape(node),
            "Reshape" => self.reshape(node),
            "Flatten" => self.flatten(node),
            "Transpose" => self.transpose(node),
            "Squeeze" => self.squeeze(node),
            "Unsqueeze" => self.unsqueeze(node),
            "Expand" => self.expand(node),
            "Slice" => self.slice(node),
            "Gather" => self.gather(node),
            "Split" => self.split(node),
            "Concat" => self.concat(node),
            "Add" | "Sum" | "Sub" | "Mul" | "Div" | "Pow" | "Min" | "Max" => self.binary(node),
            "Softmax" | "LogSoftmax" => self.softmax(node),
            _ => self.unary(node),
        }
    }

    /// A conversion to another type of floating-point numbers, which is left out.
    fn checked(&self, outputs: Outputs) -> Result<Outputs, String> {
        match self.network.is_too_large {
            true => Err("its output has more values than are supported".into()),
            false => Ok(outputs),
        }
    }

    /// The result of a node whose inputs are all constants.
    fn constants(&mut self, node: &Node) -> Result<Option<Constant>, String> {
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for name in &node.inputs {
            match self.values.get(name) {
                Some(Value::Constant(constant)) => inputs.push(Some(constant)),
                None if name.is_empty() => inputs.push(None),
                _ => return Ok(None),
            }
        }
        let Some(result) = evaluate(node, &inputs, self.left)? else {
            let problem = "it computes a constant by an unsupported operator; simplify the file, \
                           for example with onnxsim";
            return Err(problem.into());
        };
        let is_view = matches!(
            node.operator.as_str(),
            "Identity"
                | "Reshape"
                | "Flatten"
                | "Squeeze"
                | "Unsqueeze"
                | "Shape"
                | "ConstantOfShape"
        );
        if !is_view {
            let inputs: usize = inputs
                .iter()
                .flatten()
                .map(|constant| constant.count())
                .sum();
            let values = inputs.saturating_add(result.count());
            self.spend(values)?;
        }
        Ok(Some(result))
    }

    /// Counts values against the limit.
    fn spend(&mut self, values: usize) -> Result<(), String> {
        match self.left.checked_sub(values) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(format!(
                "with its values the network exceeds the maximum of {MAX_COMPUTED}"
            )),
        }
    }

    /// The unmodified output of a layer.
    fn fresh(&mut self, value: ValueId, view: View) -> Value {
        Value::Tensor(Tensor {
            function: self.functions.value(value),
            view,
            border: None,
        })
    }

    /// A layer's output as a map `[batch, channels, height, width]`.
    fn fresh_map(&mut self, value: ValueId) -> Outputs {
        let view = View::four(self.batch, self.network.shape(value));
        vec![self.fresh(value, view)]
    }

    /// A layer's output as a row `[batch, values]`.
    fn fresh_row(&mut self, value: ValueId) -> Outputs {
        let view = View::plain(self.batch, self.network.shape(value));
        vec![self.fresh(value, view)]
    }

    /// The shape of the layer output that a tensor is a function of.
    fn base_shape(&self, tensor: &Tensor) -> Shape {
        self.network.shape(self.functions.of(tensor.function))
    }

    /// Adds layers that compute a tensor's function; its view then applies to the result.
    fn value(&mut self, tensor: &Tensor, node: &Node) -> Result<ValueId, String> {
        let stations = self.functions.stations(tensor.function);
        let mut at = 0;
        let mut value = self.functions.of(tensor.function);
        // Parts that other nodes have already needed.
        for (index, station) in stations.iter().enumerate() {
            if let Some(computed) = self.functions.computed(*station) {
                (at, value) = (index, computed);
            }
        }
        while at + 1 < stations.len() {
            // The longest part of the function that is a single activation.
            let found = (at + 1..stations.len()).rev().find_map(|end| {
                let meaning = self.functions.meaning(stations[end], stations[at])?;
                Some((end, meaning))
            });
            let Some((end, meaning)) = found else {
                let maker = self.makers.get(&tensor.function);
                return Err(format!(
                    "its input{} is not a supported activation",
                    maker.map_or(String::new(), |maker| format!(", the output of {maker},"))
                ));
            };
            value = self.pointwise(value, meaning, node);
            self.functions.set_computed(stations[end], value);
            at = end;
        }
        Ok(value)
    }

    fn pointwise(&mut self, value: ValueId, meaning: Meaning, node: &Node) -> ValueId {
        let shape = self.network.shape(value);
        match meaning {
            Meaning::Identity => value,
            Meaning::Activation(activation) => {
                let layer = ActivationLayer { activation };
                self.network.plain(layer, value, shape, node.name())
            }
            Meaning::Affine { scale, shift } => {
                let row = |number: f64| vec![number as f32; shape.channels()];
                let kind = Kind::Affine {
                    scale: row(scale),
                    shift: row(shift),
                };
                self.network.push(kind, vec![value], shape, node.name())
            }
        }
    }

    /// A tensor as a map `[batch, channels, height, width]`, or as a row of values if the map is
    /// 1x1.
    fn map(&mut self, tensor: &Tensor, node: &Node) -> Result<ValueId, String> {
        let shape = self.base_shape(tensor);
        if !tensor.view.is_map(self.batch, shape) {
            return Err(format!(
                "it needs a feature map [batch, channels, height, width], but its input {:?} is a \
                 feature map {shape} with its axes in another order or split",
                tensor.view.dims()
            ));
        }
        let value = self.value(tensor, node)?;
        let channels = shape.channels();
        if tensor.view.is_whole(1, Dim::Channels, channels) {
            return Ok(value);
        }
        match tensor.view.shuffle(1, channels) {
            Some(groups) => {
                Ok(self
                    .network
                    .plain(vocabulary::shuffle(groups), value, shape, node.name()))
            }
            None => Err("its channels are in an order that is not a channel shuffle".into()),
        }
    }

    /// A tensor `[batch, values]` as a row, and the position of each of its values in that row.
    fn rows(
        &mut self,
        tensor: &Tensor,
        node: &Node,
    ) -> Result<(ValueId, Option<Vec<usize>>), String> {
        let shape = self.base_shape(tensor);
        let axes = tensor.view.axes.len();
        let order = match axes {
            2.. if tensor.view.axes[2..].iter().all(Vec::is_empty) => tensor.view.row(1, shape),
            _ => None,
        };
        let Some(order) = order else {
            return Err(format!(
                "it needs rows [batch, values], but its input is {:?}, a view of a feature map \
                 {shape}",
                tensor.view.dims()
            ));
        };
        let value = self.value(tensor, node)?;
        let is_sorted = order.iter().copied().eq(0..order.len());
        Ok((self.flat(value, node), (!is_sorted).then_some(order)))
    }

    /// Flattens a map to a row.
    fn flat(&mut self, value: ValueId, node: &Node) -> ValueId {
        match self.network.shape(value) {
            Shape::Flat(_) => value,
            map @ Shape::Map { .. } => {
                let row = Shape::Flat(map.values());
                let layer = FlattenLayer::default();
                self.network.plain(layer, value, row, node.name())
            }
        }
    }

    /// The graph's output as a row of logits.
    fn output(&mut self, name: &str) -> Result<ValueId, String> {
        let tensor = match self.values.get(name) {
            Some(Value::Tensor(tensor)) => tensor.clone(),
            Some(Value::Probabilities(tensor, softmax)) => {
                let note = format!(
                    "{softmax} is left out: the network outputs logits, from which predictions \
                     compute the probabilities"
                );
                self.notes.push(note);
                tensor.clone()
            }
            _ => return Err(format!("its output `{}` is a constant", name.printable())),
        };
        let last = Node::named("output", name);
        let fail = |problem: String| format!("its output `{}`: {problem}", name.printable());
        match self.rows(&tensor, &last).map_err(fail)? {
            (value, None) => Ok(value),
            (_, Some(_)) => Err(fail(
                "its values are not in the order of the channels".into(),
            )),
        }
    }
}
