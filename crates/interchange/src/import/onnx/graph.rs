//! A file's checked graph: each name is defined once, before it is used, and only what the first
//! output depends on is kept.

use super::constant::{Constant, Element};
use crate::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto,
};
use prost::bytes::Bytes;
use receptive_core::text::Printable;
use std::collections::{HashMap, HashSet};

/// The largest number of nodes in a graph.
const MAX_NODES: usize = 100_000;
/// The two names of the domain of ONNX's own operators.
const DOMAINS: [&str; 2] = ["", "ai.onnx"];

/// One operation of the graph.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) operator: String,
    /// The names of its inputs in the file; empty for an optional one that is missing.
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
    name: String,
    attributes: HashMap<String, AttributeProto>,
}

impl Node {
    fn from_proto(node: NodeProto) -> Self {
        let operator = if DOMAINS.contains(&node.domain.as_str()) {
            node.op_type
        } else {
            format!("{}:{}", node.domain, node.op_type)
        };
        Self {
            operator,
            inputs: node.input,
            outputs: node.output,
            name: node.name,
            attributes: node
                .attribute
                .into_iter()
                .map(|attribute| (attribute.name.clone(), attribute))
                .collect(),
        }
    }

    /// Its name or, without one, that of its output.
    pub(super) fn name(&self) -> &str {
        match (self.name.as_str(), self.outputs.first()) {
            ("", Some(output)) => output,
            (name, _) => name,
        }
    }

    /// How messages refer to it.
    pub(super) fn label(&self) -> String {
        format!(
            "node `{}` ({})",
            self.name().printable(),
            self.operator.printable()
        )
    }

    pub(super) fn int(&self, attribute: &str) -> Option<i64> {
        self.attributes.get(attribute)?.i
    }

    pub(super) fn float(&self, attribute: &str) -> Option<f64> {
        Some(f64::from(self.attributes.get(attribute)?.f?))
    }

    pub(super) fn ints(&self, attribute: &str) -> Option<&[i64]> {
        Some(self.attributes.get(attribute)?.ints.as_slice())
    }

    pub(super) fn floats(&self, attribute: &str) -> Option<&[f32]> {
        Some(self.attributes.get(attribute)?.floats.as_slice())
    }

    pub(super) fn tensor(&self, attribute: &str) -> Option<&TensorProto> {
        self.attributes.get(attribute)?.t.as_ref()
    }

    pub(super) fn string(&self, attribute: &str) -> Option<String> {
        let value = &self.attributes.get(attribute)?.s;
        Some(String::from_utf8_lossy(value).into_owned())
    }
}

/// The input of the network: an image.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) element: Element,
    /// The length of each axis, if fixed.
    pub(super) dims: Vec<Option<usize>>,
}

/// The part of a graph that the first output depends on.
#[derive(Debug)]
pub(super) struct Graph {
    /// In an order in which each node uses only outputs of earlier ones.
    pub(super) nodes: Vec<Node>,
    pub(super) constants: HashMap<String, Constant>,
    pub(super) source: Source,
    pub(super) output: String,
    /// The version of ONNX's own operators.
    pub(super) opset: i64,
    /// What is left out, one sentence each.
    pub(super) notes: Vec<String>,
}

impl Graph {
    /// Checks a file's graph; `external` reads the bytes of tensors stored in other files.
    pub(super) fn new(
        model: ModelProto,
        external: impl Fn(&TensorProto, usize) -> Result<Bytes, String>,
    ) -> Result<Self, String> {
        let own = model.opset_import.iter().filter(|set| {
            let domain = set.domain.as_deref();
            matches!(domain, None | Some("" | "ai.onnx"))
        });
        let opset = own.filter_map(|set| set.version).max().unwrap_or(i64::MAX);
        let graph = model.graph.ok_or("it contains no graph")?;
        if graph.node.len() > MAX_NODES {
            return Err(format!(
                "it has {} nodes, more than the maximum of {MAX_NODES}",
                graph.node.len()
            ));
        }
        let GraphProto {
            node,
            initializer,
            input,
            output,
            ..
        } = graph;
        let nodes: Vec<Node> = node.into_iter().map(Node::from_proto).collect();
        let mut makers: HashMap<&str, usize> = HashMap::new();
        for (index, node) in nodes.iter().enumerate() {
            for output in node.outputs.iter().filter(|name| !name.is_empty()) {
                if let Some(other) = makers.insert(output, index) {
                    return Err(format!(
                        "{} and {} both output `{}`; names must be unique",
                        nodes[other].label(),
                        node.label(),
                        output.printable()
                    ));
                }
            }
        }
        let mut stored: HashMap<&str, &TensorProto> = HashMap::new();
        for tensor in &initializer {
            let name = tensor.name.as_str();
            if stored.insert(name, tensor).is_some() || makers.contains_key(name) {
                let name = name.printable();
                return Err(format!("the tensor `{name}` is defined twice"));
            }
        }
        let inputs: Vec<&ValueInfoProto> = input
            .iter()
            .filter(|value| !stored.contains_key(value.name.as_str()))
            .collect();
        let outputs: Vec<&str> = output.iter().map(|value| value.name.as_str()).collect();
        let Some(&first) = outputs.first() else {
            return Err("it has no output".into());
        };
        let given: HashSet<&str> = inputs.iter().map(|value| value.name.as_str()).collect();
        let Dependencies { order, sources } = needed(first, &nodes, &makers, &stored, &given)?;
        let source = match sources.as_slice() {
            [name] => source(inputs.iter().find(|value| value.name == *name))?,
            [] => return Err("its output does not depend on its input".into()),
            [one, other, ..] => {
                return Err(format!(
                    "it has several inputs, `{}` and `{}`, but a classifier takes one image",
                    one.printable(),
                    other.printable()
                ));
            }
        };
        let mut notes = Vec::new();
        if let [_, other, ..] = outputs.as_slice() {
            notes.push(format!(
                "it has {} outputs; the first, `{}`, is used and the others (`{}` ...) are ignored",
                outputs.len(),
                first.printable(),
                other.printable()
            ));
        }
        let output = first.to_string();
        let mut wanted: Vec<bool> = vec![false; nodes.len()];
        order.iter().for_each(|node| wanted[*node] = true);
        let used: HashSet<String> = nodes
            .iter()
            .zip(&wanted)
            .filter(|(_, wanted)| **wanted)
            .flat_map(|(node, _)| node.inputs.iter().cloned())
            .collect();
        let mut slots: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
        let nodes = order
            .iter()
            .filter_map(|node| slots[*node].take())
            .collect();
        let mut constants = HashMap::new();
        for tensor in initializer {
            if used.contains(&tensor.name) {
                let name = tensor.name.clone();
                let constant = Constant::from_proto(tensor, &external)
                    .map_err(|problem| format!("tensor `{}`: {problem}", name.printable()))?;
                constants.insert(name, constant);
            }
        }
        Ok(Self {
            opset,
            nodes,
            constants,
            source,
            output,
            notes,
        })
    }
}

/// The dependencies of an output.
struct Dependencies<'a> {
    /// Nodes, each after those it uses.
    order: Vec<usize>,
    /// The graph's inputs.
    sources: Vec<&'a str>,
}

/// Walks back from the output, iteratively, because a file may contain a chain of any length.
fn needed<'a>(
    output: &'a str,
    nodes: &'a [Node],
    makers: &HashMap<&str, usize>,
    stored: &HashMap<&str, &TensorProto>,
    given: &HashSet<&str>,
) -> Result<Dependencies<'a>, String> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut states = vec![State::New; nodes.len()];
    let mut order = Vec::new();
    let mut sources: Vec<&str> = Vec::new();
    let mut visit = |name: &'a str, user: Option<&Node>| -> Result<Option<usize>, String> {
        if let Some(node) = makers.get(name) {
            return Ok(Some(*node));
        }
        if given.contains(name) {
            if !sources.contains(&name) {
                sources.push(name);
            }
        } else if !name.is_empty() && !stored.contains_key(name) {
            let user = user.map_or("the graph's output".into(), Node::label);
            return Err(format!(
                "{user} uses `{}`, which no node, tensor or input defines",
                name.printable()
            ));
        }
        Ok(None)
    };
    // The open nodes, each with the number of its inputs visited so far.
    let mut open: Vec<(usize, usize)> = Vec::new();
    if let Some(node) = visit(output, None)? {
        open.push((node, 0));
        states[node] = State::Open;
    }
    while let Some((node, seen)) = open.pop() {
        let Some(name) = nodes[node].inputs.get(seen) else {
            states[node] = State::Done;
            order.push(node);
            continue;
        };
        open.push((node, seen + 1));
        if let Some(before) = visit(name, Some(&nodes[node]))? {
            match states[before] {
                State::Done => {}
                State::New => {
                    states[before] = State::Open;
                    open.push((before, 0));
                }
                State::Open => {
                    return Err(format!(
                        "{} depends on its own output: the graph has a cycle",
                        nodes[before].label()
                    ));
                }
            }
        }
    }
    Ok(Dependencies { order, sources })
}

fn source(value: Option<&&ValueInfoProto>) -> Result<Source, String> {
    let value = value.ok_or("it has no input")?;
    let fail = |problem: &str| format!("its input `{}` {problem}", value.name.printable());
    let tensor = value
        .r#type
        .as_ref()
        .and_then(|kind| kind.tensor_type.as_ref())
        .ok_or_else(|| fail("is not a tensor"))?;
    let element =
        Element::from_number(i64::from(tensor.elem_type)).map_err(|problem| fail(&problem))?;
    let shape = tensor
        .shape
        .as_ref()
        .ok_or_else(|| fail("has no shape; expected images [batch, channels, height, width]"))?;
    let dims = shape
        .dim
        .iter()
        .map(|side| match side.dim_value {
            Some(value) => match usize::try_from(value) {
                Ok(value) if value > 0 => Ok(Some(value)),
                // Some programs write an axis of any length as 0 or -1.
                _ => Ok(None),
            },
            None => Ok(None),
        })
        .collect::<Result<Vec<_>, String>>()?;
    Ok(Source {
        name: value.name.clone(),
        element,
        dims,
    })
}

impl Node {
    /// A placeholder node without inputs, for messages.
    pub(super) fn named(operator: &str, name: &str) -> Self {
        Self {
            operator: operator.into(),
            inputs: Vec::new(),
            outputs: vec![name.into()],
            name: name.into(),
            attributes: HashMap::new(),
        }
    }
}
