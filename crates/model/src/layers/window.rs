//! A window sliding over a map in both directions, for convolutions and pools.

use super::context::{Context, MAX_WINDOW, Outline};
use super::{Operation, PlannedLayer};
use crate::ModelError;
use crate::geometry::{
    Axis, Edges, Fields, Margin, Padding, Pair, Shape, Units, Window, padded_sum,
};
use burn::nn::PaddingConfig2d;

/// A window's settings, as written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Windows {
    pub(super) kernel_field: &'static str,
    pub(super) kernel: Pair,
    pub(super) strides: Pair,
    pub(super) dilation: Pair,
    pub(super) padding: Padding,
    /// Whether the last window may reach beyond the padding.
    pub(super) ceil: bool,
    /// Whether it is a pool, each window of which needs at least one real pixel.
    pub(super) pool: bool,
}

/// The window's result along both axes.
#[derive(Debug)]
pub(super) struct WindowOutput {
    pub(super) size: [usize; 2],
    pub(super) edges: Edges,
    /// The part of the edges beyond the configured padding: rows below, columns to the right.
    pub(super) overhang: [usize; 2],
    pub(super) trf: Fields,
    pub(super) notes: Vec<String>,
}

/// How messages name an axis, or both axes if they are alike.
struct Side {
    vertical: bool,
    name: &'static str,
    lines: &'static str,
    before: &'static str,
    after: &'static str,
}

const VERTICAL: Side = Side {
    vertical: true,
    name: "height",
    lines: "row",
    before: "top",
    after: "bottom",
};
const HORIZONTAL: Side = Side {
    vertical: false,
    name: "width",
    lines: "column",
    before: "left",
    after: "right",
};
const BOTH: Side = Side {
    vertical: true,
    name: "height and width",
    lines: "row and column",
    before: "top and left",
    after: "bottom and right",
};

impl Windows {
    /// Slides the window over the layer's input, or explains why it cannot.
    pub(super) fn slide(
        &self,
        at: &Context<'_>,
        [height, width]: [usize; 2],
    ) -> Result<WindowOutput, ModelError> {
        let (trf, strict) = (&at.input.trf, at.strict);
        let mut notes = Vec::new();
        let vertical = Window {
            kernel: self.kernel.height,
            stride: self.strides.height,
            dilation: self.dilation.height,
        };
        let horizontal = Window {
            kernel: self.kernel.width,
            stride: self.strides.width,
            dilation: self.dilation.width,
        };
        let (rows, columns);
        if (vertical, height) == (horizontal, width) && self.is_square() {
            rows = self.axis(at, &vertical, height, &BOTH, strict, &mut notes)?;
            columns = rows;
        } else {
            rows = self.axis(at, &vertical, height, &VERTICAL, strict, &mut notes)?;
            columns = self.axis(at, &horizontal, width, &HORIZONTAL, strict, &mut notes)?;
        }
        Ok(WindowOutput {
            size: [rows.output, columns.output],
            edges: Edges {
                top: rows.before,
                left: columns.before,
                bottom: rows.after,
                right: columns.after,
            },
            overhang: [rows.overhang, columns.overhang],
            trf: trf.map(|axis, field| match axis {
                0 => field.through(&vertical, &rows),
                _ => field.through(&horizontal, &columns),
            }),
            notes,
        })
    }

    fn is_square(&self) -> bool {
        self.padding.along(true) == self.padding.along(false)
    }

    fn axis(
        &self,
        at: &Context<'_>,
        window: &Window,
        n: usize,
        side: &Side,
        strict: bool,
        notes: &mut Vec<String>,
    ) -> Result<Axis, ModelError> {
        let margin = self.padding.along(side.vertical);
        at.count(self.kernel_field, window.kernel, MAX_WINDOW)?;
        at.count("strides", window.stride, MAX_WINDOW)?;
        at.count("dilation", window.dilation, MAX_WINDOW)?;
        if let Margin::Pixels(pixels) = margin
            && let Some(padding) = pixels.into_iter().max().filter(|pixels| *pixels > 0)
        {
            at.count("padding", padding, MAX_WINDOW)?;
        }
        let name = side.name;
        let axis = window.slide(n, margin, self.ceil).ok_or_else(|| {
            at.reject(
                format!(
                    "its {} spans {} pixels in {name} but gets {}: {} is less than 1",
                    self.kernel_field,
                    window.span(),
                    padded_sum(n, margin),
                    window.formula(n, margin)
                ),
                format!(
                    "use a smaller {}, more padding, or a larger input",
                    self.kernel_field
                ),
            )
        })?;
        if self.pool && window.touches_only_padding(n, &axis) {
            return Err(at.reject(
                format!(
                    "with padding {} and {} in {name}, a window of {} contains padding only",
                    axis.before,
                    axis.after,
                    window.span()
                ),
                "use less padding or a larger pool_size",
            ));
        }
        if axis.unreached > 0 {
            let note = uneven(window, n, &axis, margin, side);
            if strict {
                return Err(at.reject(
                    format!("with `strict_shapes`, {note}"),
                    "change the input size, the padding or the strides so that it divides evenly",
                ));
            }
            notes.push(note);
        }
        if axis.before != axis.after {
            notes.push(format!(
                "the padding is asymmetric in {name}: {} at the {}, {} at the {}{}",
                axis.before,
                side.before,
                axis.after,
                side.after,
                if axis.overhang > 0 {
                    " (`ceil_mode` extends the last window beyond it)"
                } else if margin == Margin::Same && window.kernel.is_multiple_of(2) {
                    " (an even kernel has no centre)"
                } else {
                    ""
                }
            ));
        }
        Ok(axis)
    }
}

/// A note about the rows or columns that are not read because the division is uneven.
fn uneven(window: &Window, n: usize, axis: &Axis, margin: Margin, side: &Side) -> String {
    let (name, lines) = (side.name, side.lines);
    let padded = axis.unreached.min(axis.after);
    let dropped = axis.unreached - padded;
    let arithmetic = if margin == Margin::Same {
        format!(
            "the stride {} is larger than the window's {}",
            window.stride,
            window.span()
        )
    } else {
        format!(
            "({} - {}) / {} is not an integer in {name}",
            padded_sum(n, margin),
            window.span(),
            window.stride
        )
    };
    match dropped {
        0 => format!(
            "{arithmetic}: {padded} {lines} of padding at the {} unused",
            side.after
        ),
        1 => format!("{arithmetic}: {lines} {} dropped", n - 1),
        _ => format!("{arithmetic}: {lines} {} to {} dropped", n - dropped, n - 1),
    }
}

/// Plans a pool with this window; `operation` builds it from the window's result.
pub(super) fn pool(
    at: &Context<'_>,
    windows: Windows,
    operation: impl FnOnce(&WindowOutput) -> Operation,
) -> Result<Outline, ModelError> {
    let (channels, size) = at.map()?;
    let output = windows.slide(at, size)?;
    let [height, width] = output.size;
    let Windows {
        kernel,
        strides,
        dilation,
        padding,
        ceil,
        ..
    } = windows;
    let summary = summary(&kernel.to_string(), strides, dilation, padding);
    let operation = operation(&output);
    Ok(Outline {
        summary: summary + if ceil { ", ceil" } else { "" },
        output: Shape::Map {
            channels,
            height,
            width,
        },
        trf: output.trf,
        notes: output.notes,
        ..Outline::unchanged(&at.input, "", operation)
    })
}

/// The window and its settings that are not the defaults, such as `3x3, stride 2, same`.
pub(super) fn summary(size: &str, strides: Pair, dilation: Pair, padding: Padding) -> String {
    let short = |pair: Pair| {
        if pair.height == pair.width {
            pair.height.to_string()
        } else {
            pair.to_string()
        }
    };
    let mut summary = size.to_string();
    if !strides.is_one() {
        summary += &format!(", stride {}", short(strides));
    }
    if !dilation.is_one() {
        summary += &format!(", dilation {}", short(dilation));
    }
    match padding {
        Padding::Same => summary += ", same",
        Padding::Valid => {}
        Padding::Pixels(pair) if pair == Pair::square(0) => {}
        Padding::Pixels(pair) => summary += &format!(", pad {}", short(pair)),
        Padding::Sides(edges) => summary += &format!(", pad {:?}", edges.pairs()),
    }
    summary
}

/// The input that the windows at `units` read; `edges` becomes what remains of their padding.
/// `None` if they cover padding only.
pub(super) fn needed(
    layer: &PlannedLayer,
    units: &Units,
    kernel: [usize; 2],
    strides: [usize; 2],
    dilation: [usize; 2],
    edges: &mut Edges,
) -> Option<Units> {
    let size = layer.input.map_size();
    let padding = [edges.top, edges.left];
    let along = |axis: usize| {
        let (units, stride) = (&units[axis], strides[axis]);
        let start = units.start * stride;
        let end = (units.end - 1) * stride + dilation[axis] * (kernel[axis] - 1) + 1;
        let before = padding[axis].saturating_sub(start);
        let first = (start + before) - padding[axis];
        let after = end.saturating_sub(padding[axis] + size[axis]);
        let last = (end - after).checked_sub(padding[axis])?;
        (first < last).then_some((first..last, before, after))
    };
    let (rows, top, bottom) = along(0)?;
    let (columns, left, right) = along(1)?;
    *edges = Edges {
        top,
        left,
        bottom,
        right,
    };
    Some([rows, columns])
}

/// burn's `same` ignores dilation, so the planned paddings are always explicit.
pub(super) fn explicit(edges: &Edges) -> PaddingConfig2d {
    if edges.is_none() {
        return PaddingConfig2d::Valid;
    }
    PaddingConfig2d::Explicit(edges.top, edges.left, edges.bottom, edges.right)
}
