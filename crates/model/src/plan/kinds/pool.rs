use super::{Site, Worked, window_summary};
use crate::ModelError;
use crate::config::{AvgPool2dLayer, MaxPool2dLayer, Padding, Pair};
use crate::plan::window::{Slid, Windows, map_of};
use crate::plan::{Operation, Shape};

pub(in crate::plan) fn max_pool2d(
    pool: &MaxPool2dLayer,
    site: &Site<'_>,
) -> Result<Worked, ModelError> {
    let strides = pool.strides.unwrap_or(pool.pool_size);
    let dilation = pool.dilation;
    slide(
        site,
        pool.pool_size,
        strides,
        dilation,
        pool.padding,
        |slid| Operation::MaxPool2d {
            pool_size: pool.pool_size.array(),
            strides: strides.array(),
            dilation: dilation.array(),
            edges: slid.edges,
        },
    )
}

pub(in crate::plan) fn avg_pool2d(
    pool: &AvgPool2dLayer,
    site: &Site<'_>,
) -> Result<Worked, ModelError> {
    let strides = pool.strides.unwrap_or(pool.pool_size);
    let dilation = Pair::square(1);
    slide(
        site,
        pool.pool_size,
        strides,
        dilation,
        pool.padding,
        |slid| Operation::AvgPool2d {
            pool_size: pool.pool_size.array(),
            strides: strides.array(),
            edges: slid.edges,
        },
    )
}

pub(in crate::plan) fn global_avg_pool2d(site: &Site<'_>) -> Result<Worked, ModelError> {
    let (channels, _) = map_of(site.at, &site.signal.shape)?;
    Ok(Worked {
        output: Shape::Flat(channels),
        trf: site.signal.whole(),
        ..Worked::same(&site.signal, "", Operation::GlobalAvgPool2d)
    })
}

fn slide(
    site: &Site<'_>,
    kernel: Pair,
    strides: Pair,
    dilation: Pair,
    padding: Padding,
    operation: impl FnOnce(&Slid) -> Operation,
) -> Result<Worked, ModelError> {
    let (channels, size) = map_of(site.at, &site.signal.shape)?;
    let windows = Windows {
        kernel_field: "pool_size",
        kernel,
        strides,
        dilation,
        padding,
        pool: true,
    };
    let slid = windows.slide(site.at, size, &site.signal.trf, site.strict)?;
    Ok(Worked {
        summary: window_summary(&kernel.to_string(), strides, dilation, padding),
        output: Shape::Map {
            channels,
            height: slid.height,
            width: slid.width,
        },
        params: 0,
        buffers: 0,
        macs: 0,
        trf: slid.trf,
        operation: operation(&slid),
        notes: slid.notes,
    })
}
