//! Operators that leave values as they are in evaluation.

use super::super::constant::Constant;
use super::super::graph::Node;
use super::{Lowering, Outputs, Value};

impl Lowering {
    /// Nothing, as in evaluation.
    pub(super) fn dropout(&mut self, node: &Node) -> Result<Outputs, String> {
        let is_training = self.optional(node, 2)?.map(Constant::float).transpose()?;
        match is_training {
            Some(flag) if flag != 0.0 => Err(
                "it is in training mode; export the network in evaluation mode (`eval()`)".into(),
            ),
            _ => Ok(vec![Value::Tensor(self.tensor(node, 0)?)]),
        }
    }

    pub(super) fn cast(&mut self, node: &Node) -> Result<Outputs, String> {
        const FLOAT: i64 = 1;
        const FLOAT16: i64 = 10;
        const DOUBLE: i64 = 11;
        const BFLOAT16: i64 = 16;
        match node.int("to") {
            Some(FLOAT | FLOAT16 | DOUBLE | BFLOAT16) => {
                Ok(vec![Value::Tensor(self.tensor(node, 0)?)])
            }
            Some(kind) => Err(format!(
                "it converts values of the image to the type {kind} of ONNX, which is not a floating-point type: they \
                 would be rounded, and no layer does that"
            )),
            None => Err("its attribute `to` is missing".into()),
        }
    }
}
