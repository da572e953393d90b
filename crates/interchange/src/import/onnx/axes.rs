//! ONNX arguments that name axes, or parts of them; negative ones are counted from the end.

use super::constant::Constant;
use super::graph::Node;

/// The position of an axis, given the number of axes.
pub(super) fn position(axis: i64, axes: usize) -> Result<usize, String> {
    counted(axis, axes, "axis")
}

/// An index along an axis of this length.
pub(super) fn index(index: i64, side: usize) -> Result<usize, String> {
    counted(index, side, "index")
}

fn counted(number: i64, length: usize, what: &str) -> Result<usize, String> {
    let counted = if number < 0 {
        number.saturating_add(length as i64)
    } else {
        number
    };
    usize::try_from(counted)
        .ok()
        .filter(|at| *at < length)
        .ok_or_else(|| format!("it uses {what} {number} of {length}"))
}

/// Pairs the lengths of two tensors axis by axis.
pub(super) fn axes<'a>(
    a: &'a [usize],
    b: &'a [usize],
) -> impl Iterator<Item = (usize, usize, usize)> + 'a {
    a.iter()
        .zip(b)
        .enumerate()
        .map(|(index, (a, b))| (index, *a, *b))
}

/// The common dimensions to which both are broadcast.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>, String> {
    let axes = a.len().max(b.len());
    let side = |dims: &[usize], axis: usize| match (axis + dims.len()).checked_sub(axes) {
        Some(own) => dims[own],
        None => 1,
    };
    (0..axes)
        .map(|axis| match (side(a, axis), side(b, axis)) {
            (1, side) | (side, 1) => Ok(side),
            (one, other) if one == other => Ok(one),
            _ => Err(format!("its inputs have the dimensions {a:?} and {b:?}")),
        })
        .collect()
}

/// The dimensions requested by `Reshape`: 0 keeps a length, -1 stands for the remaining values.
pub(super) fn resolved(
    dims: &[usize],
    wanted: &[i64],
    zero_is_zero: bool,
) -> Result<Vec<usize>, String> {
    let fail = || format!("it reshapes {dims:?} to {wanted:?}");
    let mut sides = Vec::with_capacity(wanted.len());
    let mut free = None;
    for (index, side) in wanted.iter().enumerate() {
        sides.push(match *side {
            0 if !zero_is_zero => *dims.get(index).ok_or_else(fail)?,
            -1 if free.is_none() => {
                free = Some(index);
                1
            }
            side => usize::try_from(side).map_err(|_| fail())?,
        });
    }
    let total: usize = dims.iter().product();
    let known = super::constant::count(&sides)?;
    if let Some(free) = free {
        if known == 0 || !total.is_multiple_of(known) {
            return Err(fail());
        }
        sides[free] = total / known;
    } else if known != total {
        return Err(fail());
    }
    Ok(sides)
}

/// Removes these axes of length 1, or all such axes.
pub(super) fn squeezed(dims: &[usize], given: Option<&[i64]>) -> Result<Vec<usize>, String> {
    let mut gone = vec![false; dims.len()];
    match given {
        None => gone
            .iter_mut()
            .zip(dims)
            .for_each(|(gone, side)| *gone = *side == 1),
        Some(axes) => {
            for axis in axes {
                let at = position(*axis, dims.len())?;
                if dims[at] != 1 {
                    return Err(format!(
                        "it drops axis {axis} of {dims:?}, whose length is not 1"
                    ));
                }
                gone[at] = true;
            }
        }
    }
    let left = dims.iter().zip(gone).filter(|(_, gone)| !gone);
    Ok(left.map(|(side, _)| *side).collect())
}

/// Inserts axes of length 1 at these positions of the result.
pub(super) fn unsqueezed(dims: &[usize], given: &[i64]) -> Result<Vec<usize>, String> {
    let axes = dims.len() + given.len();
    let mut sides = vec![0; axes];
    for axis in given {
        let at = position(*axis, axes)?;
        if std::mem::replace(&mut sides[at], 1) == 1 {
            return Err(format!("it lists axis {axis} twice"));
        }
    }
    let mut rest = dims.iter();
    for side in sides.iter_mut().filter(|side| **side == 0) {
        *side = rest.next().copied().unwrap_or(1);
    }
    Ok(sides)
}

/// The order of axes given by `Transpose`; reversed by default.
pub(super) fn order(given: Option<&[i64]>, axes: usize) -> Result<Vec<usize>, String> {
    let order: Vec<usize> = match given {
        None => (0..axes).rev().collect(),
        Some(order) => order
            .iter()
            .map(|axis| position(*axis, axes))
            .collect::<Result<_, _>>()?,
    };
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if sorted.into_iter().eq(0..axes) {
        Ok(order)
    } else {
        Err(format!(
            "its order of axes is {order:?}, but there are {axes}"
        ))
    }
}

/// A part of an axis: `start`, `start + step` and so on, up to but not including `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) axis: usize,
    pub(super) start: i64,
    pub(super) end: i64,
    /// Not 0; negative if the order is reversed.
    pub(super) step: i64,
}

impl Cut {
    pub(super) fn indices(self) -> Vec<i64> {
        let length = match self.step > 0 {
            true => self.end - self.start,
            false => self.start - self.end,
        };
        let step = self.step.saturating_abs();
        let count = if length <= 0 {
            0
        } else {
            (length - 1) / step + 1
        };
        (0..count)
            .map(|index| self.start + index * self.step)
            .collect()
    }

    /// The start and the end of the part, if it is contiguous and not reversed.
    pub(super) fn range(self) -> Option<[usize; 2]> {
        let start = usize::try_from(self.start).ok()?;
        let end = usize::try_from(self.end).ok()?;
        (self.step == 1 && start <= end).then_some([start, end])
    }
}

/// What `Slice` takes from each axis that it names, from its inputs or, in old files, its
/// attributes.
pub(super) fn cuts(
    node: &Node,
    inputs: &[Option<&Constant>],
    dims: &[usize],
) -> Result<Vec<Cut>, String> {
    let list = |input: usize, attribute: &str| match inputs.get(input).copied().flatten() {
        Some(constant) => constant.integers().map(Some),
        None => Ok(node.ints(attribute).map(<[i64]>::to_vec)),
    };
    let missing = || "its starts and ends are missing";
    let starts = list(1, "starts")?.ok_or_else(missing)?;
    let ends = list(2, "ends")?.ok_or_else(missing)?;
    let axes = list(3, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = list(4, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        return Err("its starts, ends, axes and steps differ in number".into());
    }
    (0..starts.len())
        .map(|index| {
            let axis = position(axes[index], dims.len())?;
            let side = dims[axis] as i64;
            let step = steps[index];
            // Backwards from the last index to before the first.
            let bounds = match step {
                0 => return Err("its step is 0".into()),
                1.. => [0, side],
                _ => [-1, side - 1],
            };
            let clamped = |at: i64| {
                let at = if at < 0 { at.saturating_add(side) } else { at };
                at.clamp(bounds[0], bounds[1].max(bounds[0]))
            };
            Ok(Cut {
                axis,
                start: clamped(starts[index]),
                end: clamped(ends[index]),
                step,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_resolved_as_onnx_says() {
        assert_eq!(resolved(&[2, 3, 4], &[0, -1], false).unwrap(), [2, 12]);
        assert_eq!(resolved(&[2, 3, 4], &[4, 3, 2], false).unwrap(), [4, 3, 2]);
        for wanted in [
            &[-1, -1][..],
            &[5, -1],
            &[2, 3],
            &[0, 0, 0, 0],
            &[-2, 12],
            &[i64::MAX, 2],
        ] {
            assert!(resolved(&[2, 3, 4], wanted, false).is_err(), "{wanted:?}");
        }
        assert!(resolved(&[2, 3], &[0, -1], true).is_err());
        assert_eq!(squeezed(&[1, 3, 1], None).unwrap(), [3]);
        assert_eq!(squeezed(&[1, 3, 1], Some(&[-1])).unwrap(), [1, 3]);
        assert!(squeezed(&[1, 3, 1], Some(&[1])).is_err());
        assert_eq!(unsqueezed(&[3, 4], &[0, -1]).unwrap(), [1, 3, 4, 1]);
        assert!(unsqueezed(&[3], &[0, 0]).is_err());
        assert!(unsqueezed(&[3], &[5]).is_err());
        assert_eq!(broadcast(&[3, 1], &[4]).unwrap(), [3, 4]);
        assert!(broadcast(&[3], &[4]).is_err());
        assert_eq!(order(None, 3).unwrap(), [2, 1, 0]);
        assert!(order(Some(&[0, 0, 1]), 3).is_err());
        let cut = |start, end, step| {
            let cut = Cut {
                axis: 0,
                start,
                end,
                step,
            };
            cut.indices()
        };
        assert_eq!(cut(1, 6, 2), [1, 3, 5]);
        assert_eq!(cut(3, -1, -1), [3, 2, 1, 0]);
        assert!(cut(3, 3, 1).is_empty() && cut(0, 3, -1).is_empty());
        for axis in [i64::MIN, -4, 3, i64::MAX] {
            assert!(position(axis, 3).is_err(), "{axis}");
        }
    }
}
