//! Operations on constants as arrays: element by element, transposed, gathered, concatenated.

use super::axes::{axes, broadcast, position};
use super::constant::{Constant, MAX_VALUES, count};

/// Combines two constants element by element, with broadcasting.
pub(super) fn elementwise(
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

pub(super) fn transposed(value: &Constant, order: &[usize]) -> Result<Constant, String> {
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

pub(super) fn gather(value: &Constant, indices: &Constant, at: usize) -> Result<Constant, String> {
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

pub(super) fn concat(parts: &[&Constant], axis: i64) -> Result<Constant, String> {
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
