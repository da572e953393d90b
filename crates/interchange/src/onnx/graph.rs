//! Building the list of ONNX nodes.

use crate::proto::{
    AttributeProto, DimensionProto, GraphProto, NodeProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto,
};

/// ONNX's numbers for element types.
#[derive(Debug, Clone, Copy)]
pub(super) enum ElementType {
    Float = 1,
    Uint8 = 2,
    Int64 = 7,
}

#[derive(Default)]
pub(super) struct GraphBuilder {
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
}

impl GraphBuilder {
    /// Appends a node and returns the name of its output, which is also the node's.
    pub(super) fn node<const N: usize>(
        &mut self,
        operation: &str,
        name: impl Into<String>,
        inputs: [&str; N],
        attributes: Vec<AttributeProto>,
    ) -> String {
        let name = name.into();
        self.nodes.push(NodeProto {
            input: inputs.map(String::from).into(),
            output: vec![name.clone()],
            name: name.clone(),
            op_type: operation.into(),
            attribute: attributes,
            domain: String::new(),
        });
        name
    }

    /// Adds a constant tensor of floats and returns its name.
    pub(super) fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.constant(name, shape, ElementType::Float, bytes.collect())
    }

    /// Adds a constant vector of integers and returns its name.
    pub(super) fn integers(&mut self, name: &str, values: &[i64]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.constant(name, &[values.len()], ElementType::Int64, bytes.collect())
    }

    fn constant(
        &mut self,
        name: &str,
        shape: &[usize],
        element: ElementType,
        raw: Vec<u8>,
    ) -> String {
        self.initializers.push(TensorProto {
            dims: shape.iter().map(|side| *side as i64).collect(),
            data_type: element as i32,
            name: name.into(),
            raw_data: raw.into(),
            ..TensorProto::default()
        });
        name.into()
    }

    /// Completes the graph, naming the output of the last node.
    pub(super) fn finish(
        mut self,
        name: &str,
        input: ValueInfoProto,
        output: ValueInfoProto,
    ) -> GraphProto {
        if let Some(last) = self.nodes.last_mut() {
            last.output = vec![output.name.clone()];
        }
        GraphProto {
            node: self.nodes,
            name: name.into(),
            initializer: self.initializers,
            input: vec![input],
            output: vec![output],
        }
    }
}

/// The length of an axis.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side {
    Fixed(usize),
    /// Any length, with a symbolic name.
    Any(&'static str),
}

impl Side {
    fn dimension(self) -> DimensionProto {
        match self {
            Self::Fixed(side) => DimensionProto {
                dim_value: Some(side as i64),
                dim_param: None,
            },
            Self::Any(name) => DimensionProto {
                dim_value: None,
                dim_param: Some(name.into()),
            },
        }
    }
}

/// A tensor with a batch of any size as its first axis.
pub(super) fn batch_of(
    name: &str,
    element: ElementType,
    sides: &[Side],
    doc: &str,
) -> ValueInfoProto {
    let batch = Side::Any("batch").dimension();
    let sides = sides.iter().map(|side| side.dimension());
    ValueInfoProto {
        name: name.into(),
        r#type: Some(TypeProto {
            tensor_type: Some(TensorTypeProto {
                elem_type: element as i32,
                shape: Some(TensorShapeProto {
                    dim: std::iter::once(batch).chain(sides).collect(),
                }),
            }),
        }),
        doc_string: doc.into(),
    }
}

pub(super) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        f: Some(value),
        r#type: 1,
        ..AttributeProto::default()
    }
}

pub(super) fn int(name: &str, value: usize) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        i: Some(value as i64),
        r#type: 2,
        ..AttributeProto::default()
    }
}

pub(super) fn ints(name: &str, values: &[usize]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        ints: values.iter().map(|value| *value as i64).collect(),
        r#type: 7,
        ..AttributeProto::default()
    }
}
