//! Element-wise functions, and sums and products with constants.

use super::super::constant::Constant;
use super::super::function::{FunctionId, Operand};
use super::super::graph::Node;
use super::super::network::Kind;
use super::super::scalar::{Binary, Unary};
use super::super::view::{Dim, View};
use super::super::vocabulary;
use super::{Lowering, Outputs, Tensor, Value};

impl Lowering {
    /// A function of one tensor.
    pub(super) fn unary(&mut self, node: &Node) -> Result<Outputs, String> {
        let operator = node.operator.as_str();
        if !is_function(operator) {
            return Err(vocabulary::needed(operator));
        }
        let tensor = self.bare(node, 0)?;
        let x = self.roomy(&tensor, node)?;
        let alpha = |default: f64| node.float("alpha").unwrap_or(default);
        let y = match operator {
            "Relu" => self.functions.unary(Unary::Relu, x),
            "Sigmoid" => self.functions.unary(Unary::Sigmoid, x),
            "Tanh" => self.functions.unary(Unary::Tanh, x),
            "Erf" => self.functions.unary(Unary::Erf, x),
            "Exp" => self.functions.unary(Unary::Exp, x),
            "Log" => self.functions.unary(Unary::Log, x),
            "Sqrt" => self.functions.unary(Unary::Sqrt, x),
            "Abs" => self.functions.unary(Unary::Abs, x),
            "Softplus" => self.functions.unary(Unary::Softplus, x),
            "Reciprocal" => self.functions.unary(Unary::Reciprocal, x),
            "LeakyRelu" => self.functions.unary(Unary::Leaky(alpha(0.01)), x),
            "Elu" => self.functions.unary(Unary::Elu(alpha(1.0)), x),
            "Neg" => self.with(Binary::Mul, x, -1.0),
            "Clip" => {
                let bound = |input: usize, attribute: &str, default: f64| {
                    let value = self
                        .optional(node, input)?
                        .map(Constant::float)
                        .transpose()?;
                    let value = value.map(f64::from).or(node.float(attribute));
                    Ok::<f64, String>(value.unwrap_or(default))
                };
                let low = bound(1, "min", f64::NEG_INFINITY)?;
                let high = bound(2, "max", f64::INFINITY)?;
                self.functions.unary(Unary::Clip(low, high), x)
            }
            "HardSigmoid" => {
                let (slope, shift) = (alpha(0.2), node.float("beta").unwrap_or(0.5));
                self.hard_sigmoid(x, slope, shift)
            }
            "HardSwish" => {
                let gate = self.hard_sigmoid(x, 1.0 / 6.0, 0.5);
                self.product(x, gate)
            }
            "Gelu" if node.string("approximate").is_none_or(|kind| kind != "tanh") => {
                let scaled = self.with(Binary::Div, x, std::f64::consts::SQRT_2);
                let erf = self.functions.unary(Unary::Erf, scaled);
                let share = self.with(Binary::Add, erf, 1.0);
                let twice = self.product(x, share);
                self.with(Binary::Mul, twice, 0.5)
            }
            "Mish" => {
                let soft = self.functions.unary(Unary::Softplus, x);
                let gate = self.functions.unary(Unary::Tanh, soft);
                self.product(x, gate)
            }
            _ => return Err(vocabulary::needed(operator)),
        };
        Ok(vec![Value::Tensor(Tensor {
            function: y,
            ..tensor
        })])
    }

    /// The tensor's function, or the identity of a new layer that computes it if it is full.
    fn roomy(&mut self, tensor: &Tensor, node: &Node) -> Result<FunctionId, String> {
        if self.functions.is_full(tensor.function) {
            let value = self.value(tensor, node)?;
            return Ok(self.functions.value(value));
        }
        Ok(tensor.function)
    }

    fn with(&mut self, rule: Binary, x: FunctionId, number: f64) -> FunctionId {
        let operands = [Operand::Function(x), Operand::Number(number)];
        self.functions.binary(rule, operands).unwrap_or(x)
    }

    fn product(&mut self, a: FunctionId, b: FunctionId) -> FunctionId {
        let operands = [Operand::Function(a), Operand::Function(b)];
        self.functions.binary(Binary::Mul, operands).unwrap_or(a)
    }

    /// `clip(slope x + shift, 0, 1)`, composed so that any slope is supported.
    fn hard_sigmoid(&mut self, x: FunctionId, slope: f64, shift: f64) -> FunctionId {
        let scaled = self.with(Binary::Mul, x, 6.0 * slope);
        let moved = self.with(Binary::Add, scaled, 6.0 * (shift - 0.5));
        let moved = self.with(Binary::Add, moved, 3.0);
        let clipped = self.functions.unary(Unary::Clip(0.0, 6.0), moved);
        self.with(Binary::Div, clipped, 6.0)
    }

    /// Sums, products and similar operations on several tensors, or on a tensor and constants.
    pub(super) fn binary(&mut self, node: &Node) -> Result<Outputs, String> {
        let mut operands = Vec::with_capacity(node.inputs.len());
        for (index, name) in node.inputs.iter().enumerate() {
            operands.push(match self.values.get(name) {
                Some(Value::Constant(constant)) => Value::Constant(constant.clone()),
                _ => Value::Tensor(self.bare(node, index)?),
            });
        }
        let mut operands = operands.into_iter();
        let mut result = operands.next().ok_or("it has no inputs")?;
        for next in operands {
            result = match (result, next) {
                (Value::Tensor(a), Value::Tensor(b)) => self.pair(node, &a, &b)?,
                (Value::Tensor(x), Value::Constant(c)) => self.by_constant(node, x, &c, false)?,
                (Value::Constant(c), Value::Tensor(x)) => self.by_constant(node, x, &c, true)?,
                _ => {
                    return Err(
                        "it has two or more constant inputs before the first tensor, \
                                which is not supported"
                            .into(),
                    );
                }
            };
        }
        Ok(vec![result])
    }

    fn pair(&mut self, node: &Node, a: &Tensor, b: &Tensor) -> Result<Value, String> {
        let is_one_value = self.functions.of(a.function) == self.functions.of(b.function);
        if is_one_value && a.view == b.view {
            let [x, y] = [self.roomy(a, node)?, self.roomy(b, node)?];
            let operands = [Operand::Function(x), Operand::Function(y)];
            if let Some(function) = self.functions.binary(rule(node), operands) {
                return Ok(Value::Tensor(Tensor {
                    function,
                    ..a.clone()
                }));
            }
        }
        self.joined(node, a, b)
    }

    /// A tensor and a constant; the constant is the first operand if `swapped`.
    fn by_constant(
        &mut self,
        node: &Node,
        tensor: Tensor,
        constant: &Constant,
        swapped: bool,
    ) -> Result<Value, String> {
        let dims = tensor.view.dims();
        let axes = dims.len();
        if constant.count() == 1 && constant.dims.len() <= axes {
            let x = self.roomy(&tensor, node)?;
            let number = f64::from(constant.float()?);
            let mut operands = [Operand::Function(x), Operand::Number(number)];
            if swapped {
                operands.reverse();
            }
            let function = match rule(node) {
                Binary::Min => Some(
                    self.functions
                        .unary(Unary::Clip(f64::NEG_INFINITY, number), x),
                ),
                Binary::Max => Some(self.functions.unary(Unary::Clip(number, f64::INFINITY), x)),
                rule => self.functions.binary(rule, operands),
            };
            if let Some(function) = function {
                return Ok(Value::Tensor(Tensor { function, ..tensor }));
            }
        }
        let shape = self.base_shape(&tensor);
        let channels = shape.channels();
        let axis = channel_axis(&constant.dims, &tensor.view, channels).ok_or_else(|| {
            format!(
                "its constant has the dimensions {:?} for {dims:?}; only one value per channel is \
                 supported, not values that differ by position",
                constant.dims
            )
        })?;
        debug_assert!(axis < axes);
        let values = constant.floats()?;
        self.spend(values.len())?;
        let map =
            |function: fn(f32) -> f32| values.iter().copied().map(function).collect::<Vec<_>>();
        let (scale, shift) = match (node.operator.as_str(), swapped) {
            ("Add" | "Sum", _) => (vec![1.0; channels], values),
            ("Sub", false) => (vec![1.0; channels], map(|value| -value)),
            ("Sub", true) => (vec![-1.0; channels], values),
            ("Mul", _) => (values, vec![0.0; channels]),
            ("Div", false) => (map(f32::recip), vec![0.0; channels]),
            (operator, _) => {
                return Err(format!(
                    "{operator} with one value per channel is not a supported layer"
                ));
            }
        };
        let value = self.value(&tensor, node)?;
        let kind = Kind::Affine { scale, shift };
        let value = self.network.push(kind, vec![value], shape, node.name());
        Ok(self.fresh(value, tensor.view))
    }
}

/// The axis of the view along which the constant has one value per channel, if it varies along no
/// other.
pub(super) fn channel_axis(constant: &[usize], view: &View, channels: usize) -> Option<usize> {
    let before = view.axes.len().checked_sub(constant.len())?;
    let mut long = (0..constant.len()).filter(|axis| constant[*axis] != 1);
    let axis = before + long.next()?;
    let is_alone = long.next().is_none();
    (is_alone
        && constant[axis - before] == channels
        && view.is_whole(axis, Dim::Channels, channels))
    .then_some(axis)
}

fn rule(node: &Node) -> Binary {
    match node.operator.as_str() {
        "Sub" => Binary::Sub,
        "Mul" => Binary::Mul,
        "Div" => Binary::Div,
        "Pow" => Binary::Pow,
        "Min" => Binary::Min,
        "Max" => Binary::Max,
        _ => Binary::Add,
    }
}

fn is_function(operator: &str) -> bool {
    matches!(
        operator,
        "Relu"
            | "Sigmoid"
            | "Tanh"
            | "Erf"
            | "Exp"
            | "Log"
            | "Sqrt"
            | "Abs"
            | "Softplus"
            | "Reciprocal"
            | "LeakyRelu"
            | "Elu"
            | "Neg"
            | "Clip"
            | "HardSigmoid"
            | "HardSwish"
            | "Gelu"
            | "Mish"
    )
}
