//! A pool: the largest value or the mean of each window, or of a whole map.

use super::plan::plan;
use super::shown::Shown;
use super::site::{Site, size};
use super::sliding::{Words, explain as sliding};
use crate::args::{ExplainPool, PoolKind};
use crate::commands::{not_understood, paragraph, print, print_json};
use crate::error::CliError;
use receptive_model::{AvgPool2dLayer, GlobalAvgPool2dLayer, LayerConfig, MaxPool2dLayer};

pub(super) fn explain(arguments: &ExplainPool) -> Result<(), CliError> {
    let window = &arguments.window;
    let site = Site::of(window, arguments.kernel, arguments.kernel)?;
    let (layer, what): (LayerConfig, _) = match arguments.kind {
        PoolKind::Global => return global(arguments),
        PoolKind::Max => {
            let layer = MaxPool2dLayer::new(arguments.kernel)
                .with_strides(site.stride)
                .with_dilation(site.dilation)
                .with_padding(site.padding);
            (layer.into(), ["largest value", "comparisons"])
        }
        PoolKind::Avg if site.dilation > 1 => {
            return Err(not_understood(
                "--dilation",
                "an average pool has none; leave it out, or use `--kind max`".into(),
            ));
        }
        PoolKind::Avg => {
            let layer = AvgPool2dLayer::new(arguments.kernel)
                .with_strides(site.stride)
                .with_padding(site.padding);
            (layer.into(), ["mean", "additions"])
        }
    };
    let plan = plan(window.channels, site.size, layer)?;
    let [takes, costs] = what;
    let words = Words {
        layer: "pool",
        params: format!("none: the {takes} of each window, in each channel by itself"),
        macs: format!("none, {costs} alone"),
    };
    sliding(window, &site, &plan.layers[0], &words)
}

fn global(arguments: &ExplainPool) -> Result<(), CliError> {
    let window = &arguments.window;
    let [height, width] = size(&window.input)?;
    let channels = window.channels;
    let plan = plan(channels, [height, width], GlobalAvgPool2dLayer::default())?;
    let planned = &plan.layers[0];
    if window.json {
        let formula = format!("{channels}x{height}x{width} -> {channels}");
        return print_json(&Shown::of("pool", planned, formula));
    }
    print(format!(
        "{channels}x{height}x{width} in, {channels} out: the mean of each channel\n"
    ))?;
    print("params   none")?;
    print("MACs     none, additions alone")?;
    print(paragraph(
        "field    ",
        "the whole map: where something is no longer matters, and a network that ends this way takes \
         images of any size",
    ))
}
