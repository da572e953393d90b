//! Steps 2, 3, 4 and 6: padding, strides, parameters, and one feature map.

use crate::photographs::{Photographs, map_tile, tile};
use crate::steps::{Steps, axis, sizes};
use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::Conv2dConfig;
use burn::tensor::{Device, Tensor};
use receptive_model::{
    Activation, Classifier, Conv2dLayer, GlobalAvgPool2dLayer, LinearLayer, ModelConfig,
    ModelError, Padding, Plan,
};
use receptive_plot::{Draw, Grid};
use std::error::Error;
use std::path::Path;

const FILTERS: usize = 32;
const KERNEL: usize = 3;

pub(crate) fn paddings_and_strides(
    steps: &mut Steps,
    photographs: &Photographs,
) -> Result<(), Box<dyn Error>> {
    steps.say(format!(
        "\n== 2. Conv2d: {FILTERS} filters of {KERNEL}x{KERNEL}, ReLU"
    ));
    for strides in [1, 2] {
        for (name, padding) in [("same", Padding::Same), ("valid", Padding::Valid)] {
            let layer = conv().with_padding(padding).with_strides(strides);
            let [height, width] = sizes(steps, photographs.size, KERNEL, strides, padding)?;
            let maps = maps(layer, photographs)?;
            let what = format!("{name}, strides {strides}");
            steps.shape(&what, &maps.dims(), &[2, FILTERS, height, width])?;
        }
    }
    // burn's own layer gives the same shapes.
    let device = photographs.batch.device();
    for (name, padding) in [
        ("burn's own, same", PaddingConfig2d::Same),
        ("burn's own, valid", PaddingConfig2d::Valid),
    ] {
        let ours = match padding {
            PaddingConfig2d::Same => Padding::Same,
            _ => Padding::Valid,
        };
        let layer = Conv2dConfig::new([3, FILTERS], [KERNEL, KERNEL])
            .with_padding(padding)
            .init(&device);
        let maps = layer.forward(photographs.batch.clone());
        let [height, width] = photographs.size;
        let computed = [
            axis(height, KERNEL, 1, ours)?.output,
            axis(width, KERNEL, 1, ours)?.output,
        ];
        steps.shape(name, &maps.dims(), &[2, FILTERS, computed[0], computed[1]])?;
    }
    Ok(())
}

/// Parameters depend only on the kernels: they are the same for a photograph and for a part of it.
pub(crate) fn parameters(steps: &mut Steps, device: &Device) -> Result<(), Box<dyn Error>> {
    steps.say("\n== 3. Parameters: filters x (channels x f x f + 1)");
    steps.say(format!(
        "{FILTERS} x (3 x {KERNEL} x {KERNEL} + 1) = {}",
        FILTERS * 28
    ));
    for [height, width] in [[427, 640], [70, 120]] {
        let params = plan([height, width], conv())?.layers[0].params;
        steps.say(format!("on {height}x{width}: {params}"));
    }
    let burns = Conv2dConfig::new([3, FILTERS], [KERNEL, KERNEL]).init(device);
    steps.say(format!("burn's own Conv2d: {}", burns.num_params()));
    if burns.num_params() != 896 {
        return Err(format!("{} parameters instead of 896", burns.num_params()).into());
    }
    Ok(())
}

pub(crate) fn even_kernel(steps: &mut Steps) {
    steps.say("\n== 4. Why kernels are odd: `same` on 427 pixels, stride 1");
    for kernel in [2, 3, 4, 5, 7] {
        if let Ok(axis) = axis(427, kernel, 1, Padding::Same) {
            let padding = axis.before + axis.after;
            let how = if axis.before == axis.after {
                "evenly"
            } else {
                "asymmetric by half a pixel"
            };
            steps.say(format!(
                "f = {kernel}: padding {padding}, {} before and {} after: {how}",
                axis.before, axis.after
            ));
        }
    }
}

/// One feature map with untrained weights: the output of one filter for the photograph.
pub(crate) fn feature_map(
    steps: &mut Steps,
    photographs: &Photographs,
    out: &Path,
) -> Result<Tensor<4>, Box<dyn Error>> {
    steps.say("\n== 6. One feature map");
    let maps = maps(conv().with_padding(Padding::Same), photographs)?;
    let [_, filters, height, width] = maps.dims();
    let mut strongest = (0, f32::MIN);
    for filter in 0..filters {
        let map = maps.clone().slice([0..1, filter..filter + 1]);
        let mean = map.mean().into_scalar::<f32>();
        if mean > strongest.1 {
            strongest = (filter, mean);
        }
    }
    let (filter, mean) = strongest;
    steps.say(format!(
        "filter {filter} of {filters} answers most to the first picture: mean {mean:.2}"
    ));
    let map = maps
        .clone()
        .slice([0..1, filter..filter + 1])
        .reshape([height, width]);
    let grid = Grid {
        subtitle: "3x3, untrained weights, ReLU: black is 0".into(),
        tile_size: 150.0,
        ..Grid::new("One feature map of 32")
    };
    grid.tile(tile(&photographs.pictures[0]).caption("china"))
        .tile(map_tile(map).caption(&format!("filter {filter}")))
        .write(&out.join("feature-map.png"))?;
    Ok(maps)
}

fn conv() -> Conv2dLayer {
    Conv2dLayer::new(FILTERS, KERNEL).with_activation(Activation::Relu)
}

/// The layer with a head that makes it a classifier.
fn plan([height, width]: [usize; 2], layer: Conv2dLayer) -> Result<Plan, ModelError> {
    ModelConfig::new(3, height, width)
        .with_classes(2)
        .layer(layer)
        .layer(GlobalAvgPool2dLayer::default())
        .layer(LinearLayer::classes())
        .plan()
}

fn maps(layer: Conv2dLayer, photographs: &Photographs) -> Result<Tensor<4>, Box<dyn Error>> {
    let network: Classifier = plan(photographs.size, layer)?.init(&photographs.batch.device());
    let maps = network
        .forward_first(photographs.batch.clone(), 1)
        .into_map();
    maps.ok_or_else(|| "a convolution gives maps".into())
}
