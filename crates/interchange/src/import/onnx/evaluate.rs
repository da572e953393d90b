//! Evaluates nodes whose inputs are all constants: mostly shapes, and weights that are reshaped or
//! combined.

use super::arrays::{concat, elementwise, gather, transposed};
use super::axes::{broadcast, position, resolved};
use super::constant::{Constant, count};
use super::graph::Node;

/// The result of a node; `None` if its operator is not supported.
///
/// # Errors
/// If the inputs do not fit the operator, or the result has more than `left` values.
pub(super) fn evaluate(
    node: &Node,
    inputs: &[Option<&Constant>],
    left: usize,
) -> Result<Option<Constant>, String> {
    let call = Call { node, inputs, left };
    Ok(Some(match node.operator.as_str() {
        "Constant" => constant(node)?,
        "ConstantOfShape" => call.constant_of_shape()?,
        "Identity" | "Dropout" => call.input(0)?.clone(),
        "Cast" => call.cast()?,
        "Shape" => shape(node, &call.input(0)?.dims),
        "Size" => Constant::from_integers(vec![], vec![call.input(0)?.count() as i64]),
        "Reshape" => call.reshape()?,
        "Flatten" => call.flatten()?,
        "Squeeze" | "Unsqueeze" => call.squeeze()?,
        "Transpose" => call.transpose()?,
        "Expand" => call.expand()?,
        "Concat" => call.concat()?,
        "Gather" => call.gather()?,
        "Slice" => call.slice()?,
        "Range" => call.range()?,
        "Clip" => call.clip()?,
        "Where" => call.choose()?,
        operator => return call.function(operator),
    }))
}

/// A node with constant inputs.
struct Call<'a> {
    node: &'a Node,
    inputs: &'a [Option<&'a Constant>],
    /// Maximum number of values of the result.
    left: usize,
}

impl<'a> Call<'a> {
    /// An input that may be left out.
    fn optional(&self, index: usize) -> Option<&'a Constant> {
        self.inputs.get(index).copied().flatten()
    }

    fn input(&self, index: usize) -> Result<&'a Constant, String> {
        self.optional(index)
            .ok_or_else(|| format!("it has no input {}", index + 1))
    }

    /// Checks the size of a result before it is computed.
    fn check_size(&self, dims: &[usize]) -> Result<(), String> {
        let values = count(dims)?;
        if values > self.left {
            return Err(format!("it has {values} values, more than are supported"));
        }
        Ok(())
    }

    fn constant_of_shape(&self) -> Result<Constant, String> {
        let dims = self.input(0)?.sizes()?;
        self.check_size(&dims)?;
        match self.node.tensor("value") {
            Some(value) => Constant::filled(dims, &Constant::embedded(value.clone())?),
            None => Constant::filled(dims, &Constant::from_floats(vec![], vec![0.0])),
        }
    }

    fn cast(&self) -> Result<Constant, String> {
        let value = self.input(0)?;
        self.check_size(&value.dims)?;
        let floats = matches!(self.node.int("to"), Some(1 | 10 | 11 | 16));
        Ok(match floats {
            true => Constant::from_floats(value.dims.clone(), value.floats()?),
            false => Constant::from_integers(value.dims.clone(), value.integers()?),
        })
    }

    fn reshape(&self) -> Result<Constant, String> {
        let value = self.input(0)?;
        let zero_is_zero = self.node.int("allowzero") == Some(1);
        let sides = self.input(1)?.integers()?;
        value.reshaped(resolved(&value.dims, &sides, zero_is_zero)?)
    }

    fn flatten(&self) -> Result<Constant, String> {
        let value = self.input(0)?;
        let at = position(self.node.int("axis").unwrap_or(1), value.dims.len() + 1)?;
        let side = |dims: &[usize]| dims.iter().product();
        value.reshaped(vec![side(&value.dims[..at]), side(&value.dims[at..])])
    }

    /// `Squeeze` and `Unsqueeze`.
    fn squeeze(&self) -> Result<Constant, String> {
        let value = self.input(0)?;
        let given = match self.node.ints("axes") {
            Some(axes) => Some(axes.to_vec()),
            None => self.optional(1).map(Constant::integers).transpose()?,
        };
        let dims = match self.node.operator.as_str() {
            "Squeeze" => super::axes::squeezed(&value.dims, given.as_deref())?,
            _ => super::axes::unsqueezed(&value.dims, given.as_deref().unwrap_or_default())?,
        };
        value.reshaped(dims)
    }

    fn transpose(&self) -> Result<Constant, String> {
        let value = self.input(0)?;
        self.check_size(&value.dims)?;
        let order = super::axes::order(self.node.ints("perm"), value.dims.len())?;
        transposed(value, &order)
    }

    fn expand(&self) -> Result<Constant, String> {
        let value = self.input(0)?;
        let dims = broadcast(&value.dims, &self.input(1)?.sizes()?)?;
        self.check_size(&dims)?;
        let zeros = Constant::filled(dims, &Constant::from_floats(vec![], vec![0.0]))?;
        elementwise(value, &zeros, |a, _| a, |a, _| a)
    }

    fn concat(&self) -> Result<Constant, String> {
        let parts: Vec<&Constant> = self.inputs.iter().copied().flatten().collect();
        let total: usize = parts.iter().map(|part| part.count()).sum();
        self.check_size(&[total])?;
        concat(&parts, self.node.int("axis").unwrap_or(0))
    }

    fn gather(&self) -> Result<Constant, String> {
        let (value, indices) = (self.input(0)?, self.input(1)?);
        let at = position(self.node.int("axis").unwrap_or(0), value.dims.len())?;
        let outer: usize = value.dims[..at].iter().product();
        let inner: usize = value.dims[at + 1..].iter().product();
        self.check_size(&[outer, indices.count(), inner])?;
        gather(value, indices, at)
    }

    fn slice(&self) -> Result<Constant, String> {
        let value = self.input(0)?;
        self.check_size(&value.dims)?;
        let mut result = value.clone();
        for cut in super::axes::cuts(self.node, self.inputs, &value.dims)? {
            let all = cut.indices();
            let indices = Constant::from_integers(vec![all.len()], all);
            result = gather(&result, &indices, cut.axis)?;
        }
        Ok(result)
    }

    fn range(&self) -> Result<Constant, String> {
        let [start, end, step] = [
            self.input(0)?.integer()?,
            self.input(1)?.integer()?,
            self.input(2)?.integer()?,
        ];
        if step <= 0 {
            return Err(format!("its step is {step}"));
        }
        let values = (i128::from(end) - i128::from(start) + i128::from(step) - 1)
            .div_euclid(i128::from(step))
            .max(0);
        let values = usize::try_from(values).unwrap_or(usize::MAX);
        self.check_size(&[values])?;
        let all: Vec<i64> = (0..values as i64)
            .map(|index| start + index * step)
            .collect();
        Ok(Constant::from_integers(vec![values], all))
    }

    fn clip(&self) -> Result<Constant, String> {
        let bound = |index: usize, attribute: &str| match self.optional(index) {
            Some(bound) => bound.float().map(|bound| Some(f64::from(bound))),
            None => Ok(self.node.float(attribute)),
        };
        let (low, high) = (bound(1, "min")?, bound(2, "max")?);
        let clipped = |x: f64| {
            let x = low.map_or(x, |low| x.max(low));
            high.map_or(x, |high| x.min(high))
        };
        let value = self.input(0)?;
        let zero = Constant::filled(vec![], &Constant::from_integers(vec![], vec![0]))?;
        elementwise(
            value,
            &zero,
            |x, _| clipped(x),
            |x, _| clipped(x as f64) as i64,
        )
    }

    /// `Where`.
    fn choose(&self) -> Result<Constant, String> {
        let (condition, yes, no) = (self.input(0)?, self.input(1)?, self.input(2)?);
        let dims = broadcast(&broadcast(&condition.dims, &yes.dims)?, &no.dims)?;
        self.check_size(&dims)?;
        let zero = Constant::filled(dims, &Constant::from_integers(vec![], vec![0]))?;
        let mask = elementwise(condition, &zero, |a, _| a, |a, _| i64::from(a != 0))?;
        let chosen = elementwise(
            &mask,
            yes,
            |m, y| if m != 0.0 { y } else { f64::NAN },
            |m, y| m * y,
        )?;
        if chosen.is_float() {
            elementwise(&chosen, no, |c, n| if c.is_nan() { n } else { c }, |a, _| a)
        } else {
            let other = elementwise(&mask, no, |m, _| m, |m, n| (1 - m).saturating_mul(n))?;
            elementwise(&chosen, &other, |a, b| a + b, i64::saturating_add)
        }
    }

    /// A function of one value or of two; `None` if the operator is neither.
    fn function(&self, operator: &str) -> Result<Option<Constant>, String> {
        if let Some((float, integer)) = binary(operator) {
            let (a, b) = (self.input(0)?, self.input(1)?);
            self.check_size(&broadcast(&a.dims, &b.dims)?)?;
            return elementwise(a, b, float, integer).map(Some);
        }
        let Some(function) = unary(operator) else {
            return Ok(None);
        };
        let value = self.input(0)?;
        self.check_size(&value.dims)?;
        let floats = value.floats()?.into_iter();
        let results = floats.map(|x| function(f64::from(x)) as f32).collect();
        Ok(Some(Constant::from_floats(value.dims.clone(), results)))
    }
}

type Floats = fn(f64, f64) -> f64;
type Integers = fn(i64, i64) -> i64;

/// The operation on floats and on integers; integer `Div` rounds towards 0.
fn binary(operator: &str) -> Option<(Floats, Integers)> {
    Some(match operator {
        "Add" | "Sum" => (|a, b| a + b, i64::saturating_add),
        "Sub" => (|a, b| a - b, i64::saturating_sub),
        "Mul" => (|a, b| a * b, i64::saturating_mul),
        "Div" => (|a, b| a / b, |a, b| a.checked_div(b).unwrap_or(0)),
        "Mod" => (
            |a, b| a.rem_euclid(b),
            |a, b| a.checked_rem_euclid(b).unwrap_or(0),
        ),
        "Pow" => (f64::powf, |a, b| (a as f64).powf(b as f64) as i64),
        "Min" => (f64::min, i64::min),
        "Max" => (f64::max, i64::max),
        "Equal" => (|a, b| f64::from(a == b), |a, b| i64::from(a == b)),
        "Greater" => (|a, b| f64::from(a > b), |a, b| i64::from(a > b)),
        "Less" => (|a, b| f64::from(a < b), |a, b| i64::from(a < b)),
        _ => return None,
    })
}

fn unary(operator: &str) -> Option<fn(f64) -> f64> {
    Some(match operator {
        "Sqrt" => f64::sqrt,
        "Reciprocal" => f64::recip,
        "Neg" => |x| -x,
        "Abs" => f64::abs,
        "Exp" => f64::exp,
        "Log" => f64::ln,
        "Floor" => f64::floor,
        "Ceil" => f64::ceil,
        "Round" => f64::round_ties_even,
        _ => return None,
    })
}

fn constant(node: &Node) -> Result<Constant, String> {
    if let Some(tensor) = node.tensor("value") {
        return Constant::embedded(tensor.clone());
    }
    if let Some(value) = node.float("value_float") {
        return Ok(Constant::from_floats(vec![], vec![value as f32]));
    }
    if let Some(value) = node.int("value_int") {
        return Ok(Constant::from_integers(vec![], vec![value]));
    }
    if let Some(values) = node.floats("value_floats") {
        return Ok(Constant::from_floats(vec![values.len()], values.to_vec()));
    }
    match node.ints("value_ints") {
        Some(values) => Ok(Constant::from_integers(vec![values.len()], values.to_vec())),
        None => Err("it has no numeric value".into()),
    }
}

/// The dimensions as integers, from `start` to `end`.
pub(super) fn shape(node: &Node, dims: &[usize]) -> Constant {
    let clamped = |index: i64| {
        let length = dims.len() as i64;
        let index = if index < 0 {
            index.saturating_add(length)
        } else {
            index
        };
        index.clamp(0, length) as usize
    };
    let start = clamped(node.int("start").unwrap_or(0));
    let end = clamped(node.int("end").unwrap_or(i64::MAX));
    let sides: Vec<i64> = dims[start..end.max(start)]
        .iter()
        .map(|side| *side as i64)
        .collect();
    Constant::from_integers(vec![sides.len()], sides)
}
