//! What is said of every window that slides over a map.

use super::shown::Shown;
use super::site::Site;
use super::{picture, uneven};
use crate::args::ExplainWindow;
use crate::commands::{paragraph, print, print_json};
use crate::error::CliError;
use receptive_model::explain::SlidingAxis;
use receptive_model::{Padding, PlannedLayer};

/// The widest and highest picture of what is read.
const COLUMNS: usize = 78;
const LINES: usize = 34;

/// What differs between a convolution and a pool.
pub(super) struct Words {
    pub(super) layer: &'static str,
    pub(super) params: String,
    pub(super) macs: String,
}

pub(super) fn explain(
    window: &ExplainWindow,
    site: &Site,
    planned: &PlannedLayer,
    words: &Words,
) -> Result<(), CliError> {
    let axes = site.axes(site.padding);
    let (valid, same) = (site.axes(Padding::Valid), site.axes(Padding::Same));
    let outputs = |axes: &[SlidingAxis]| axes.iter().map(|axis| axis.output).collect();
    if let (Some(path), Some(both)) = (&window.out, site.both()) {
        picture::write(path, words.layer, &both)?;
    }
    if window.json {
        let formula = axes.first().map(SlidingAxis::formula).unwrap_or_default();
        return print_json(&Shown {
            valid: outputs(&valid),
            same: outputs(&same),
            nearest: axes.first().map(SlidingAxis::nearest).unwrap_or_default(),
            axes,
            ..Shown::of(words.layer, planned, formula)
        });
    }
    let output = planned.output.dims();
    print(format!(
        "{}x{}x{} in, {}x{}x{} out (channels x height x width)\n",
        window.channels, site.size[0], site.size[1], output[0], output[1], output[2]
    ))?;
    for (name, axis) in site.names().iter().zip(&axes) {
        print(format!("{name:<9}(n + 2p - f)/s + 1 = {}", axis.formula()))?;
    }
    if site.dilation > 1
        && let Some(axis) = axes.first()
    {
        print(format!(
            "         f is what the kernel spans, d(f - 1) + 1 = {}",
            axis.span()
        ))?;
    }
    // Which axis, where there are two.
    let named = |index: usize| match site.names() {
        [_] => String::new(),
        names => format!("{}: ", names[index]),
    };
    for (index, axis) in valid.iter().enumerate() {
        let which = named(index);
        print(format!(
            "valid    {which}without padding {}",
            axis.formula()
        ))?;
    }
    for (index, axis) in same.iter().enumerate() {
        print(format!(
            "same     {}ceil(n/s) = ceil({}/{}) = {}, {}",
            named(index),
            axis.input,
            axis.stride,
            axis.output,
            needs(axis)
        ))?;
    }
    even_kernel(site, words.layer, &axes)?;
    print(paragraph("params   ", &words.params))?;
    print(paragraph("MACs     ", &words.macs))?;
    let [field, _] = planned.trf;
    print(format!(
        "field    each output sees {} pixels of a side; neighbours are {} apart",
        field.size(),
        field.stride
    ))?;
    uneven::explain(site.names(), &axes)?;
    if let Some(drawn) = axes.first().and_then(|axis| axis.diagram(COLUMNS, LINES)) {
        print(format!(
            "\none {}, and the pixels that each output of it reads (. is padding):\n",
            if axes.len() == 1 { "row" } else { "column" }
        ))?;
        for line in drawn {
            print(line)?;
        }
    }
    match &window.out {
        Some(path) => print(format!("\nfile     {}", path.display())),
        None => Ok(()),
    }
}

/// The padding that `same` takes.
fn needs(axis: &SlidingAxis) -> String {
    match (axis.before, axis.after) {
        (0, 0) => "needs no padding".into(),
        (before, after) if before == after => format!("needs p = {before} on both sides"),
        (before, after) => format!("needs padding of {before} before and {after} after"),
    }
}

/// Why an even kernel pads lopsidedly. Of a pool it matters only where it is padded.
fn even_kernel(site: &Site, layer: &str, axes: &[SlidingAxis]) -> Result<(), CliError> {
    let is_lopsided = axes.iter().any(|axis| axis.before != axis.after);
    if !site.kernel.is_multiple_of(2) || (layer != "conv" && !is_lopsided) {
        return Ok(());
    }
    print(paragraph(
        "even     ",
        &format!(
            "a kernel of {} has no centre: to keep the size it would need {} pixels of padding, \
             which can't be shared evenly, so the picture shifts by half a pixel; odd kernels \
             (3, 5, 7) do not",
            site.kernel,
            site.dilation * (site.kernel - 1)
        ),
    ))
}
