use super::{Site, Worked, and, window_summary};
use crate::ModelError;
use crate::config::Conv2dLayer;
use crate::plan::check::MOST_SIDE;
use crate::plan::window::{Windows, map_of};
use crate::plan::{Operation, Shape};

pub(in crate::plan) fn conv2d(conv: &Conv2dLayer, site: &Site<'_>) -> Result<Worked, ModelError> {
    let at = site.at;
    let (channels, size) = map_of(at, &site.signal.shape)?;
    at.count("filters", conv.filters, MOST_SIDE)?;
    at.count("groups", conv.groups, MOST_SIDE)?;
    for (what, count) in [("input channels", channels), ("filters", conv.filters)] {
        if !count.is_multiple_of(conv.groups) {
            return Err(at.refuse(
                format!("{} groups do not divide {count} {what}", conv.groups),
                "use a number of groups that divides both",
            ));
        }
    }
    let windows = Windows {
        kernel_field: "kernel_size",
        kernel: conv.kernel_size,
        strides: conv.strides,
        dilation: conv.dilation,
        padding: conv.padding,
        pool: false,
    };
    let slid = windows.slide(at, size, &site.signal.trf, site.strict)?;
    let [kernel_height, kernel_width] = conv.kernel_size.array();
    let weights = at.product(
        "its weights",
        &[
            conv.filters,
            channels / conv.groups,
            kernel_height,
            kernel_width,
        ],
    )?;
    let positions = at.product("each of its maps", &[slid.height, slid.width])?;
    let mut summary = window_summary(
        &format!("{} {}", conv.filters, conv.kernel_size),
        conv.strides,
        conv.dilation,
        conv.padding,
    );
    if conv.groups > 1 {
        summary += &format!(", {} groups", conv.groups);
    }
    Ok(Worked {
        summary: summary + &and(conv.activation),
        output: Shape::Map {
            channels: conv.filters,
            height: slid.height,
            width: slid.width,
        },
        params: weights + if conv.bias { conv.filters } else { 0 },
        buffers: 0,
        macs: weights.saturating_mul(positions),
        trf: slid.trf,
        notes: slid.notes,
        operation: Operation::Conv2d {
            channels: [channels, conv.filters],
            kernel_size: conv.kernel_size.array(),
            strides: conv.strides.array(),
            dilation: conv.dilation.array(),
            groups: conv.groups,
            bias: conv.bias,
            edges: slid.edges,
            activation: conv.activation,
            gain: site.gain,
        },
    })
}
