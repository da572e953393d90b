//! A window sliding over a map in both directions: convolutions and pools alike.

use super::axis::{Axis, Window, written};
use super::check::{At, MOST_WINDOW};
use super::{Edges, Field, Shape};
use crate::ModelError;
use crate::config::{Padding, Pair};

/// A window's settings, as written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows {
    pub(crate) kernel_field: &'static str,
    pub(crate) kernel: Pair,
    pub(crate) strides: Pair,
    pub(crate) dilation: Pair,
    pub(crate) padding: Padding,
    /// A pool: each window needs at least one real pixel.
    pub(crate) pool: bool,
}

/// Where both axes end up.
#[derive(Debug)]
pub(crate) struct Slid {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) edges: Edges,
    pub(crate) trf: [Field; 2],
    pub(crate) notes: Vec<String>,
}

/// What an axis, or both where they are alike, is called in messages.
struct Words {
    vertical: bool,
    side: &'static str,
    lines: &'static str,
    before: &'static str,
    after: &'static str,
}

const VERTICAL: Words = Words {
    vertical: true,
    side: "height",
    lines: "row",
    before: "top",
    after: "bottom",
};
const HORIZONTAL: Words = Words {
    vertical: false,
    side: "width",
    lines: "column",
    before: "left",
    after: "right",
};
const BOTH: Words = Words {
    vertical: true,
    side: "height and width",
    lines: "row and column",
    before: "top and left",
    after: "bottom and right",
};

impl Windows {
    /// Slides over a map, or says why that can't be.
    pub(crate) fn slide(
        &self,
        at: At<'_>,
        [height, width]: [usize; 2],
        trf: &[Field; 2],
        strict: bool,
    ) -> Result<Slid, ModelError> {
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
        Ok(Slid {
            height: rows.output,
            width: columns.output,
            edges: Edges {
                top: rows.before,
                left: columns.before,
                bottom: rows.after,
                right: columns.after,
            },
            trf: [
                trf[0].through(&vertical, &rows),
                trf[1].through(&horizontal, &columns),
            ],
            notes,
        })
    }

    fn is_square(&self) -> bool {
        match self.padding {
            Padding::Pixels(pair) => pair.height == pair.width,
            Padding::Same | Padding::Valid => true,
        }
    }

    fn axis(
        &self,
        at: At<'_>,
        window: &Window,
        n: usize,
        words: &Words,
        strict: bool,
        notes: &mut Vec<String>,
    ) -> Result<Axis, ModelError> {
        let (padding, same) = written(self.padding, words.vertical);
        at.count(self.kernel_field, window.kernel, MOST_WINDOW)?;
        at.count("strides", window.stride, MOST_WINDOW)?;
        at.count("dilation", window.dilation, MOST_WINDOW)?;
        if padding > 0 {
            at.count("padding", padding, MOST_WINDOW)?;
        }
        let side = words.side;
        let axis = window.slide(n, padding, same).ok_or_else(|| {
            at.refuse(
                format!(
                    "its {} spans {} pixels in {side} but gets {n} + 2*{padding}: {} is less than 1",
                    self.kernel_field,
                    window.span(),
                    window.formula(n, padding)
                ),
                format!("use a smaller {}, more padding, or a larger input", self.kernel_field),
            )
        })?;
        if self.pool && window.touches_only_padding(n, &axis) {
            return Err(at.refuse(
                format!(
                    "with padding {} and {} in {side}, a window of {} lies on padding alone",
                    axis.before,
                    axis.after,
                    window.span()
                ),
                "use less padding or a larger pool_size",
            ));
        }
        if axis.unreached > 0 {
            let note = uneven(window, n, &axis, same, words);
            if strict {
                return Err(at.refuse(
                    format!("under `strict_shapes`, {note}"),
                    "change the input size, the padding or the strides so that it divides evenly",
                ));
            }
            notes.push(note);
        }
        if axis.before != axis.after {
            notes.push(format!(
                "the padding is lopsided in {side}: {} at the {}, {} at the {}{}",
                axis.before,
                words.before,
                axis.after,
                words.after,
                if window.kernel.is_multiple_of(2) {
                    " (an even kernel has no middle)"
                } else {
                    ""
                }
            ));
        }
        Ok(axis)
    }
}

/// Says which rows or columns an uneven division leaves out.
fn uneven(window: &Window, n: usize, axis: &Axis, same: bool, words: &Words) -> String {
    let (side, lines) = (words.side, words.lines);
    let padded = axis.unreached.min(axis.after);
    let dropped = axis.unreached - padded;
    let arithmetic = if same {
        format!(
            "the stride {} is larger than the window's {}",
            window.stride,
            window.span()
        )
    } else {
        format!(
            "({n} + 2*{} - {}) / {} is not whole in {side}",
            axis.before,
            window.span(),
            window.stride
        )
    };
    match dropped {
        0 => format!(
            "{arithmetic}: {padded} {lines} of padding at the {} unused",
            words.after
        ),
        1 => format!("{arithmetic}: {lines} {} dropped", n - 1),
        _ => format!("{arithmetic}: {lines} {} to {} dropped", n - dropped, n - 1),
    }
}

/// The map's height and width, or the refusal of a layer that needs a map and gets a row.
pub(crate) fn map_of(at: At<'_>, shape: &Shape) -> Result<(usize, [usize; 2]), ModelError> {
    match *shape {
        Shape::Map {
            channels,
            height,
            width,
        } => Ok((channels, [height, width])),
        Shape::Flat(features) => Err(at.refuse(
            format!("it needs a map [channels, height, width] but gets {features} flat values"),
            "move it before `flatten` or `global_avg_pool2d`",
        )),
    }
}
