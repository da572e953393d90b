//! A convolution.

use super::plan::plan;
use super::site::Site;
use super::sliding::{Words, explain as sliding};
use crate::args::ExplainConv;
use crate::error::CliError;
use receptive_model::Conv2dLayer;
use receptive_plot::grouped;

pub(super) fn explain(arguments: &ExplainConv) -> Result<(), CliError> {
    let window = &arguments.window;
    let site = Site::of(window, arguments.kernel, 1)?;
    let layer = Conv2dLayer::new(arguments.filters, arguments.kernel)
        .with_strides(site.stride)
        .with_dilation(site.dilation)
        .with_padding(site.padding);
    let plan = plan(window.channels, site.size, layer)?;
    let planned = &plan.layers[0];
    let (channels, filters, kernel) = (window.channels, arguments.filters, arguments.kernel);
    let output = planned.output.dims();
    let words = Words {
        layer: "conv",
        params: format!(
            "filters x (channels x f x f + 1) = {filters} x ({channels}x{kernel}x{kernel} + 1) = \
             {}, whatever the input's size",
            grouped(planned.params)
        ),
        macs: format!(
            "{filters}x{channels}x{kernel}x{kernel} weights at {}x{} places = {} an image",
            output[1],
            output[2],
            grouped(planned.macs)
        ),
    };
    sliding(window, &site, planned, &words)
}
