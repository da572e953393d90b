//! Evaluates nodes whose inputs are all constants: mostly shapes, and weights that are reshaped or
//! combined.

use super::axes::{axes, broadcast, position, resolved};
use super::constant::{Constant, MAX_VALUES, count};
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
    let input = |index: usize| {
        inputs
            .get(index)
            .copied()
            .flatten()
            .ok_or_else(|| format!("it has no input {}", index + 1))
    };
    let integers = |index: usize| input(index)?.integers();
    let bounded = |dims: &[usize]| {
        let values = count(dims)?;
        if values > left {
            return Err(format!("it has {values} values, more than are supported"));
        }
        Ok(values)
    };
    Ok(Some(match node.operator.as_str() {
        "Constant" => constant(node)?,
        "ConstantOfShape" => {
            let dims = input(0)?.sizes()?;
            bounded(&dims)?;
            match node.tensor("value") {
                Some(value) => Constant::filled(dims, &Constant::embedded(value.clone())?)?,
                None => Constant::filled(dims, &Constant::from_floats(vec![], vec![0.0]))?,
            }
        }
        "Identity" | "Dropout" => input(0)?.clone(),
        "Cast" => {
            let value = input(0)?;
            bounded(&value.dims)?;
            let floats = matches!(node.int("to"), Some(1 | 10 | 11 | 16));
            match floats {
                true => Constant::from_floats(value.dims.clone(), value.floats()?),
                false => Constant::from_integers(value.dims.clone(), value.integers()?),
            }
        }
        "Shape" => shape(node, &input(0)?.dims),
        "Size" => Constant::from_integers(vec![], vec![input(0)?.count() as i64]),
        "Reshape" => {
            let value = input(0)?;
            let zero_is_zero = node.int("allowzero") == Some(1);
            value.reshaped(resolved(&value.dims, &integers(1)?, zero_is_zero)?)?
        }
        "Flatten" => {
            let value = input(0)?;
            let at = position(node.int("axis").unwrap_or(1), value.dims.len() + 1)?;
            let side = |dims: &[usize]| dims.iter().product();
            value.reshaped(vec![side(&value.dims[..at]), side(&value.dims[at..])])?
        }
        "Squeeze" | "Unsqueeze" => {
            let value = input(0)?;
            let given = match node.ints("axes") {
                Some(axes) => Some(axes.to_vec()),
                None => inputs
                    .get(1)
                    .copied()
                    .flatten()
                    .map(Constant::integers)
                    .transpose()?,
            };
            let dims = match node.operator.as_str() {
                "Squeeze" => super::axes::squeezed(&value.dims, given.as_deref())?,
                _ => super::axes::unsqueezed(&value.dims, given.as_deref().unwrap_or_default())?,
            };
            value.reshaped(dims)?
        }
        "Transpose" => {
            let value = input(0)?;
            bounded(&value.dims)?;
            transposed(
                value,
                &super::axes::order(node.ints("perm"), value.dims.len())?,
            )?
        }
        "Expand" => {
            let value = input(0)?;
            let dims = broadcast(&value.dims, &input(1)?.sizes()?)?;
            bounded(&dims)?;
            let zeros = Constant::filled(dims, &Constant::from_floats(vec![], vec![0.0]))?;
            elementwise(value, &zeros, |a, _| a, |a, _| a)?
        }
        "Concat" => {
            let parts: Vec<&Constant> = inputs.iter().copied().flatten().collect();
            let total: usize = parts.iter().map(|part| part.count()).sum();
            bounded(&[total])?;
            concat(&parts, node.int("axis").unwrap_or(0))?
        }
        "Gather" => {
            let (value, indices) = (input(0)?, input(1)?);
            let at = position(node.int("axis").unwrap_or(0), value.dims.len())?;
            let outer: usize = value.dims[..at].iter().product();
            let inner: usize = value.dims[at + 1..].iter().product();
            bounded(&[outer, indices.count(), inner])?;
            gather(value, indices, at)?
        }
        "Slice" => {
            let value = input(0)?;
            bounded(&value.dims)?;
            let mut result = value.clone();
            for cut in super::axes::cuts(node, inputs, &value.dims)? {
                let all = cut.indices();
                let indices = Constant::from_integers(vec![all.len()], all);
                result = gather(&result, &indices, cut.axis)?;
            }
            result
        }
        "Range" => {
            let [start, end, step] = [
                input(0)?.integer()?,
                input(1)?.integer()?,
                input(2)?.integer()?,
            ];
            if step <= 0 {
                return Err(format!("its step is {step}"));
            }
            let values = (i128::from(end) - i128::from(start) + i128::from(step) - 1)
                .div_euclid(i128::from(step))
                .max(0);
            let values = usize::try_from(values).unwrap_or(usize::MAX);
            bounded(&[values])?;
            let all: Vec<i64> = (0..values as i64)
                .map(|index| start + index * step)
                .collect();
            Constant::from_integers(vec![values], all)
        }
        "Clip" => {
            let bound = |index: usize, attribute: &str| match inputs.get(index).copied().flatten() {
                Some(bound) => bound.float().map(|bound| Some(f64::from(bound))),
                None => Ok(node.float(attribute)),
            };
            let (low, high) = (bound(1, "min")?, bound(2, "max")?);
            let clipped = |x: f64| {
                let x = low.map_or(x, |low| x.max(low));
                high.map_or(x, |high| x.min(high))
            };
            let value = input(0)?;
            let zero = Constant::filled(vec![], &Constant::from_integers(vec![], vec![0]))?;
            elementwise(
                value,
                &zero,
                |x, _| clipped(x),
                |x, _| clipped(x as f64) as i64,
            )?
        }
        "Where" => {
            let (condition, yes, no) = (input(0)?, input(1)?, input(2)?);
            let dims = broadcast(&broadcast(&condition.dims, &yes.dims)?, &no.dims)?;
            bounded(&dims)?;
            let zero = Constant::filled(dims, &Constant::from_integers(vec![], vec![0]))?;
            let mask = elementwise(condition, &zero, |a, _| a, |a, _| i64::from(a != 0))?;
            let chosen = elementwise(
                &mask,
                yes,
                |m, y| if m != 0.0 { y } else { f64::NAN },
                |m, y| m * y,
            )?;
            if chosen.is_float() {
                elementwise(&chosen, no, |c, n| if c.is_nan() { n } else { c }, |a, _| a)?
            } else {
                let other = elementwise(&mask, no, |m, _| m, |m, n| (1 - m).saturating_mul(n))?;
                elementwise(&chosen, &other, |a, b| a + b, i64::saturating_add)?
            }
        }
        operator => {
            if let Some((float, integer)) = binary(operator) {
                let (a, b) = (input(0)?, input(1)?);
                bounded(&broadcast(&a.dims, &b.dims)?)?;
                elementwise(a, b, float, integer)?
            } else if let Some(function) = unary(operator) {
                let value = input(0)?;
                bounded(&value.dims)?;
                let floats = value.floats()?.into_iter();
                let results = floats.map(|x| function(f64::from(x)) as f32).collect();
                Constant::from_floats(value.dims.clone(), results)
            } else {
                return Ok(None);
            }
        }
    }))
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

/// Combines two constants element by element, with broadcasting.
fn elementwise(
    a: &Constant,
    b: &Constant,
    floats: impl Fn(f64, f64) -> f64,
    integers: impl Fn(i64, i64) -> i64,
) -> Result<Constant, String> {
    let dims = broadcast(&a.dims, &b.dims)?;
    let total = count(&dims)?.min(MAX_VALUES);
    let steps = [&a.dims, &b.dims].map(|own| steps(own, &dims));
    let place = |mut index: usize, steps: &[usize]| {
        let mut place = 0;
        for (side, step) in dims.iter().zip(steps).rev() {
            place += index % side * step;
            index /= side;
        }
        place
    };
    if a.is_float() || b.is_float() {
        let (x, y) = (a.floats()?, b.floats()?);
        let value = |index| {
            let [x, y] = [x[place(index, &steps[0])], y[place(index, &steps[1])]];
            floats(f64::from(x), f64::from(y)) as f32
        };
        return Ok(Constant::from_floats(
            dims.clone(),
            (0..total).map(value).collect(),
        ));
    }
    let (x, y) = (a.integers()?, b.integers()?);
    let value = |index| integers(x[place(index, &steps[0])], y[place(index, &steps[1])]);
    Ok(Constant::from_integers(
        dims.clone(),
        (0..total).map(value).collect(),
    ))
}

/// The distance between neighbours along each axis; 0 along an axis that is broadcast.
fn steps(own: &[usize], dims: &[usize]) -> Vec<usize> {
    let mut steps = vec![0; dims.len()];
    let mut step = 1;
    for (index, side) in own.iter().enumerate().rev() {
        if *side > 1 {
            steps[dims.len() - own.len() + index] = step;
        }
        step *= side;
    }
    steps
}

fn transposed(value: &Constant, order: &[usize]) -> Result<Constant, String> {
    let own = steps(&value.dims, &value.dims);
    let dims: Vec<usize> = order.iter().map(|axis| value.dims[*axis]).collect();
    let steps: Vec<usize> = order.iter().map(|axis| own[*axis]).collect();
    let mut places = vec![0];
    for (side, step) in dims.iter().zip(&steps) {
        places = places
            .iter()
            .flat_map(|place| (0..*side).map(move |index| place + index * step))
            .collect();
    }
    picked(value, dims, &places)
}

/// The values at these indices.
fn picked(value: &Constant, dims: Vec<usize>, places: &[usize]) -> Result<Constant, String> {
    if value.is_float() {
        let values = value.floats()?;
        let picked = places.iter().map(|place| values[*place]).collect();
        return Ok(Constant::from_floats(dims, picked));
    }
    let values = value.integers()?;
    let picked = places.iter().map(|place| values[*place]).collect();
    Ok(Constant::from_integers(dims, picked))
}

fn gather(value: &Constant, indices: &Constant, at: usize) -> Result<Constant, String> {
    let side = value.dims[at];
    let chosen = indices
        .integers()?
        .into_iter()
        .map(|index| super::axes::index(index, side))
        .collect::<Result<Vec<usize>, String>>()?;
    let (outer, inner) = (&value.dims[..at], &value.dims[at + 1..]);
    let dims = [outer, &indices.dims, inner].concat();
    let inner: usize = inner.iter().product();
    let outer: usize = outer.iter().product();
    let mut places = Vec::with_capacity(outer * chosen.len() * inner);
    for outer in 0..outer {
        for index in &chosen {
            let start = (outer * side + index) * inner;
            places.extend(start..start + inner);
        }
    }
    picked(value, dims, &places)
}

fn concat(parts: &[&Constant], axis: i64) -> Result<Constant, String> {
    let first = parts.first().ok_or("it has no inputs")?;
    let at = position(axis, first.dims.len())?;
    let fits = |part: &&Constant| {
        part.dims.len() == first.dims.len()
            && axes(&part.dims, &first.dims).all(|(index, a, b)| index == at || a == b)
    };
    if !parts.iter().all(fits) {
        return Err("its inputs differ in more than one axis".into());
    }
    let mut dims = first.dims.clone();
    dims[at] = parts.iter().map(|part| part.dims[at]).sum();
    let outer: usize = dims[..at].iter().product();
    let rows = |part: &Constant| -> usize { part.dims[at..].iter().product() };
    if parts.iter().any(|part| part.is_float()) {
        let values = parts
            .iter()
            .map(|part| part.floats())
            .collect::<Result<Vec<_>, _>>()?;
        let all = joined(
            &values,
            &parts.iter().map(|part| rows(part)).collect::<Vec<_>>(),
            outer,
        );
        return Ok(Constant::from_floats(dims, all));
    }
    let values = parts
        .iter()
        .map(|part| part.integers())
        .collect::<Result<Vec<_>, _>>()?;
    let all = joined(
        &values,
        &parts.iter().map(|part| rows(part)).collect::<Vec<_>>(),
        outer,
    );
    Ok(Constant::from_integers(dims, all))
}

fn joined<T: Copy>(parts: &[Vec<T>], rows: &[usize], outer: usize) -> Vec<T> {
    let mut all = Vec::with_capacity(parts.iter().map(Vec::len).sum());
    for outer in 0..outer {
        for (part, row) in parts.iter().zip(rows) {
            all.extend_from_slice(&part[outer * row..(outer + 1) * row]);
        }
    }
    all
}
