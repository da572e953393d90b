//! The text printed for any sliding window.

use super::{Json, WindowArgs, picture};
use crate::error::CliError;
use crate::render::{line, paragraph, print, print_json};
use receptive_core::text::Printable;
use receptive_model::explain::SlidingAxis;
use receptive_model::{Padding, PlannedLayer};

/// Maximum width and height of a diagram.
const COLUMNS: usize = 78;
const LINES: usize = 34;

/// A window with its defaults filled in.
pub(super) struct Window {
    /// Height and width of the input.
    pub(super) size: [usize; 2],
    pub(super) padding: Padding,
    pub(super) stride: usize,
    pub(super) dilation: usize,
    kernel: usize,
}

impl Window {
    pub(super) fn new(arguments: &WindowArgs, kernel: usize, stride: usize) -> Self {
        Self {
            size: arguments.input,
            padding: arguments.padding,
            kernel,
            stride,
            dilation: arguments.dilation,
        }
    }

    /// Height and width with this padding; a single axis if they are equal.
    fn axes(&self, padding: Padding) -> Vec<SlidingAxis> {
        let sides = &self.size[..self.names().len()];
        let axes = sides.iter().filter_map(|side| self.axis(*side, padding));
        axes.collect()
    }

    /// Names of the axes.
    fn names(&self) -> &'static [&'static str] {
        if self.size[0] == self.size[1] {
            &["size"]
        } else {
            &["height", "width"]
        }
    }

    fn axis(&self, side: usize, padding: Padding) -> Option<SlidingAxis> {
        SlidingAxis::new(side, self.kernel, self.stride, self.dilation, padding)
    }
}

/// The texts that differ between a convolution and a pool.
pub(super) struct Formulas {
    pub(super) layer: &'static str,
    pub(super) params: String,
    pub(super) macs: String,
}

pub(super) fn explain(
    arguments: &WindowArgs,
    window: &Window,
    planned: &PlannedLayer,
    formulas: &Formulas,
) -> Result<(), CliError> {
    let axes = window.axes(window.padding);
    let (valid, same) = (window.axes(Padding::Valid), window.axes(Padding::Same));
    let outputs = |axes: &[SlidingAxis]| axes.iter().map(|axis| axis.output).collect();
    if let Some(path) = &arguments.out
        && let [Some(height), Some(width)] =
            window.size.map(|side| window.axis(side, window.padding))
    {
        picture::write(path, formulas.layer, &[height, width])?;
    }
    if arguments.json {
        let formula = axes.first().map(SlidingAxis::formula).unwrap_or_default();
        return print_json(&Json {
            valid: outputs(&valid),
            same: outputs(&same),
            nearest: axes.first().map(SlidingAxis::nearest).unwrap_or_default(),
            axes,
            ..Json::new(formulas.layer, planned, formula)
        });
    }
    let ([height, width], output) = (window.size, planned.output.dims());
    print(format!(
        "{}x{height}x{width} in, {}x{}x{} out (channels x height x width)\n",
        arguments.channels, output[0], output[1], output[2]
    ))?;
    sizes(window, [&axes, &valid, &same])?;
    even_kernel(window, formulas.layer, &axes)?;
    paragraph("params", &formulas.params)?;
    paragraph("MACs", &formulas.macs)?;
    let [field, _] = planned.trf;
    let (side, step) = (field.size(), field.stride);
    line(
        "field",
        format!("each output sees {side} pixels per side; neighbours are {step} apart"),
    )?;
    uneven(window.names(), &axes)?;
    if let Some(diagram) = axes.first().and_then(|axis| axis.diagram(COLUMNS, LINES)) {
        print(format!(
            "\none {}, and the pixels that each output of it reads (. is padding):\n",
            if axes.len() == 1 { "row" } else { "column" }
        ))?;
        for row in diagram {
            print(row)?;
        }
    }
    match &arguments.out {
        Some(path) => {
            print("")?;
            line("file", path.printable())
        }
        None => Ok(()),
    }
}

/// Prints the output sizes with the given padding, `valid` and `same`.
fn sizes(window: &Window, [axes, valid, same]: [&[SlidingAxis]; 3]) -> Result<(), CliError> {
    for (name, axis) in window.names().iter().zip(axes) {
        line(name, format!("(n + 2p - f)/s + 1 = {}", axis.formula()))?;
    }
    if window.dilation > 1
        && let Some(axis) = axes.first()
    {
        let span = axis.span();
        line(
            "",
            format!("f is the span of the kernel, d(f - 1) + 1 = {span}"),
        )?;
    }
    // Names the axis if there are two.
    let named = |index: usize| match window.names() {
        [_] => String::new(),
        names => format!("{}: ", names[index]),
    };
    for (index, axis) in valid.iter().enumerate() {
        let (which, formula) = (named(index), axis.formula());
        line("valid", format!("{which}without padding {formula}"))?;
    }
    for (index, axis) in same.iter().enumerate() {
        line(
            "same",
            format!(
                "{}ceil(n/s) = ceil({}/{}) = {}, {}",
                named(index),
                axis.input,
                axis.stride,
                axis.output,
                padding_of(axis)
            ),
        )?;
    }
    Ok(())
}

/// A description of the padding of `same`.
fn padding_of(axis: &SlidingAxis) -> String {
    match (axis.before, axis.after) {
        (0, 0) => "needs no padding".into(),
        (before, after) if before == after => format!("needs p = {before} on both sides"),
        (before, after) => format!("needs padding of {before} before and {after} after"),
    }
}

/// Explains why an even kernel pads asymmetrically. For pooling this matters only with padding.
fn even_kernel(window: &Window, layer: &str, axes: &[SlidingAxis]) -> Result<(), CliError> {
    let is_lopsided = axes.iter().any(|axis| axis.before != axis.after);
    if !window.kernel.is_multiple_of(2) || (layer != "conv" && !is_lopsided) {
        return Ok(());
    }
    paragraph(
        "even",
        format!(
            "a kernel of {} has no centre: to keep the size it would need {} pixels of padding, \
             which cannot be split evenly, so the output shifts by half a pixel; odd kernels \
             (3, 5, 7) do not have this problem",
            window.kernel,
            window.dilation * (window.kernel - 1)
        ),
    )
}

/// For each axis, notes pixels at its end that no window reads, with the nearest settings that read all pixels.
fn uneven(names: &[&str], axes: &[SlidingAxis]) -> Result<(), CliError> {
    for (name, axis) in names.iter().zip(axes).filter(|(_, axis)| !axis.is_even()) {
        let free = (axis.input + axis.before + axis.after).saturating_sub(axis.span());
        let which = if axes.len() == 1 {
            String::new()
        } else {
            format!("{name}: ")
        };
        let (pixels, change) = match axis.unread {
            1 => ("pixel is never".into(), "changes"),
            more => (format!("{more} pixels are never"), "change"),
        };
        paragraph(
            "uneven",
            format!(
                "{which}{free}/{} is not an integer: the last {pixels} read and {change} nothing",
                axis.stride,
            ),
        )?;
        let settings: Vec<String> = axis
            .nearest()
            .iter()
            .map(|near| format!("{} {} gives {}", near.setting, near.value, near.output))
            .collect();
        paragraph("nearest", format!("even: {}", settings.join("; ")))?;
    }
    Ok(())
}
