//! Views of tensors with their axes split, merged and reordered: the results of `Reshape`,
//! `Transpose`, `Flatten`, `Squeeze` and `Unsqueeze`, without moving any value.

use receptive_model::Shape;

/// An axis of the value behind a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dim {
    Batch,
    Channels,
    Height,
    Width,
}

/// A part of an axis: its index is `stride * i` for `i` in `0..size`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Factor {
    dim: Dim,
    stride: usize,
    size: usize,
}

impl Factor {
    const fn whole(dim: Dim, size: usize) -> Self {
        Self {
            dim,
            stride: 1,
            size,
        }
    }
}

/// An axis of a view, outermost factor first; empty if its length is 1.
pub(super) type Axis = Vec<Factor>;

/// How a tensor's axes are composed of those of a value, `[batch, channels, height, width]` or
/// `[batch, values]`. Each value occurs exactly once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    pub(super) axes: Vec<Axis>,
}

fn whole(dim: Dim, size: usize) -> Axis {
    if size == 1 {
        Vec::new()
    } else {
        vec![Factor::whole(dim, size)]
    }
}

/// Combines adjacent factors that together are one.
fn merged(factors: Axis) -> Axis {
    let mut axis: Axis = Vec::with_capacity(factors.len());
    for factor in factors {
        match axis.last_mut() {
            Some(last) if last.dim == factor.dim && last.stride == factor.stride * factor.size => {
                last.stride = factor.stride;
                last.size *= factor.size;
            }
            _ => axis.push(factor),
        }
    }
    axis
}

fn length(axis: &Axis) -> usize {
    axis.iter().map(|factor| factor.size).product()
}

impl View {
    /// The value itself: `[batch, channels, height, width]`, or `[batch, values]`.
    pub(super) fn plain(batch: usize, shape: Shape) -> Self {
        let mut axes = vec![whole(Dim::Batch, batch)];
        match shape {
            Shape::Map {
                channels,
                height,
                width,
            } => axes.extend([
                whole(Dim::Channels, channels),
                whole(Dim::Height, height),
                whole(Dim::Width, width),
            ]),
            Shape::Flat(values) => axes.push(whole(Dim::Channels, values)),
        }
        Self { axes }
    }

    /// A row `[channels]` or a map, as a tensor with four axes.
    pub(super) fn four(batch: usize, shape: Shape) -> Self {
        let mut view = Self::plain(batch, shape);
        view.axes.resize(4, Vec::new());
        view
    }

    /// Channels last: `[batch, height, width, channels]`.
    pub(super) fn channels_last(batch: usize, shape: Shape) -> Self {
        let mut view = Self::four(batch, shape);
        view.axes[1..].rotate_left(1);
        view
    }

    pub(super) fn dims(&self) -> Vec<usize> {
        self.axes.iter().map(length).collect()
    }

    /// The same values with other dimensions; `None` if an axis would have to be split other than
    /// at a divisor of its length.
    pub(super) fn reshaped(&self, dims: &[usize]) -> Option<Self> {
        let mut left: Vec<Factor> = self
            .axes
            .iter()
            .rev()
            .flat_map(|axis| axis.iter().rev().copied())
            .collect();
        let mut axes = Vec::with_capacity(dims.len());
        for side in dims {
            let mut need = *side;
            let mut axis = Vec::new();
            while need > 1 {
                let factor = left.pop()?;
                if need.is_multiple_of(factor.size) {
                    need /= factor.size;
                    axis.push(factor);
                } else if factor.size.is_multiple_of(need) {
                    let inner = factor.size / need;
                    axis.push(Factor {
                        stride: factor.stride * inner,
                        size: need,
                        ..factor
                    });
                    left.push(Factor {
                        size: inner,
                        ..factor
                    });
                    need = 1;
                } else {
                    return None;
                }
            }
            axes.push(merged(axis));
        }
        (left.is_empty() && !dims.contains(&0)).then_some(Self { axes })
    }

    /// The axes in another order; `None` if that does not contain each axis once.
    pub(super) fn transposed(&self, order: &[usize]) -> Option<Self> {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..self.axes.len()) {
            return None;
        }
        let axes = order.iter().map(|axis| self.axes[*axis].clone()).collect();
        Some(Self { axes })
    }

    /// Whether the axis is this whole axis of the value, in order.
    pub(super) fn is_whole(&self, axis: usize, dim: Dim, size: usize) -> bool {
        self.axes.get(axis) == Some(&whole(dim, size))
    }

    /// Whether the axis contains a part of this axis of the value.
    pub(super) fn holds(&self, axis: usize, dim: Dim) -> bool {
        let axis = self.axes.get(axis);
        axis.is_some_and(|factors| factors.iter().any(|factor| factor.dim == dim))
    }

    /// Replaces an axis with the whole axis of channels.
    pub(super) fn with_channels(&self, axis: usize, channels: usize) -> Self {
        let mut view = self.clone();
        if let Some(axis) = view.axes.get_mut(axis) {
            *axis = whole(Dim::Channels, channels);
        }
        view
    }

    /// The number of groups if the channels of this axis are shuffled, which means `[groups,
    /// channels / groups]` transposed.
    pub(super) fn shuffle(&self, axis: usize, channels: usize) -> Option<usize> {
        match self.axes.get(axis)?.as_slice() {
            [first, second]
                if [first.dim, second.dim] == [Dim::Channels; 2]
                    && first.stride == 1
                    && second.stride == first.size
                    && first.size * second.size == channels =>
            {
                Some(second.size)
            }
            _ => None,
        }
    }

    /// For each index along the axis, the index of its value in the flattened `[channels, height,
    /// width]`; `None` if other axes contain a part of the values.
    pub(super) fn row(&self, axis: usize, shape: Shape) -> Option<Vec<usize>> {
        let factors = self.axes.get(axis)?;
        let [height, width] = shape.map_size();
        if length(factors) != shape.values() {
            return None;
        }
        let mut indices = vec![0];
        for factor in factors {
            let step = match factor.dim {
                Dim::Batch => return None,
                Dim::Channels => height * width,
                Dim::Height => width,
                Dim::Width => 1,
            };
            indices = indices
                .iter()
                .flat_map(|index| (0..factor.size).map(move |i| index + i * factor.stride * step))
                .collect();
        }
        Some(indices)
    }

    /// Whether the axes are those of a map `[batch, channels, height, width]`, apart from the order
    /// of the channels.
    pub(super) fn is_map(&self, batch: usize, shape: Shape) -> bool {
        let [height, width] = shape.map_size();
        self.axes.len() == 4
            && self.is_whole(0, Dim::Batch, batch)
            && length(&self.axes[1]) == shape.channels()
            && self.is_whole(2, Dim::Height, height)
            && self.is_whole(3, Dim::Width, width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: Shape = Shape::Map {
        channels: 12,
        height: 5,
        width: 7,
    };

    #[test]
    fn a_shuffle_is_a_reshape_a_transpose_and_a_reshape() {
        let view = View::plain(1, MAP);
        let split = view.reshaped(&[1, 3, 4, 5, 7]).unwrap();
        let turned = split.transposed(&[0, 2, 1, 3, 4]).unwrap();
        assert_eq!(turned.dims(), [1, 4, 3, 5, 7]);
        let shuffled = turned.reshaped(&[1, 12, 5, 7]).unwrap();
        assert!(shuffled.is_map(1, MAP));
        assert_eq!(shuffled.shuffle(1, 12), Some(3));
        // And back again.
        let back = shuffled.reshaped(&[1, 4, 3, 5, 7]).unwrap();
        let back = back.transposed(&[0, 2, 1, 3, 4]).unwrap();
        assert_eq!(back.reshaped(&[1, 12, 5, 7]).unwrap(), view);
    }

    #[test]
    fn flattened_maps_know_where_each_value_was() {
        let shape = Shape::Map {
            channels: 2,
            height: 1,
            width: 3,
        };
        let plain = View::plain(1, shape).reshaped(&[1, 6]).unwrap();
        assert_eq!(plain.row(1, shape).unwrap(), [0, 1, 2, 3, 4, 5]);
        // Channels last: column 0 has channels 0 and 1, at indices 0 and 3.
        let last = View::plain(1, shape).transposed(&[0, 2, 3, 1]).unwrap();
        let last = last.reshaped(&[1, 6]).unwrap();
        assert_eq!(last.row(1, shape).unwrap(), [0, 3, 1, 4, 2, 5]);
        assert_eq!(
            View::channels_last(1, shape).reshaped(&[1, 6]).unwrap(),
            last
        );
    }

    #[test]
    fn what_cuts_an_axis_elsewhere_is_no_view() {
        let view = View::plain(1, MAP);
        assert_eq!(view.reshaped(&[1, 10, 42]), None);
        assert_eq!(view.reshaped(&[1, 12, 34]), None);
        assert_eq!(view.reshaped(&[1, 12, 35, 0]), None);
        assert_eq!(view.transposed(&[0, 1, 1, 2]), None);
        assert!(View::four(1, Shape::Flat(12)).is_map(1, Shape::Flat(12)));
    }
}
