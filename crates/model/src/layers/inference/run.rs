//! Runs inference steps in order, reusing buffers.

use super::Step;
use super::buffers::{Buffers, plane};
use super::maps::{MapBuffers, Maps};
use super::tensors::from_tensor;
use crate::geometry::Shape;
use crate::layers::features::Features;
use crate::layers::pass::Pass;
use burn::tensor::Device;
use receptive_kernels::alone;
use receptive_kernels::inference::{Layout, global_average, layer_norm};

/// The values of the output of all steps, `[images, values]`, computed for `at_a_time` images at a time;
/// `device` is for the steps that burn computes.
///
/// # Shapes
/// - `images`: `[images, values]`, each of this shape
pub(crate) fn output(
    steps: &[Step],
    images: &[f32],
    shape: Shape,
    at_a_time: usize,
    buffers: &mut Buffers,
    device: &Device,
) -> Vec<f32> {
    let mut buffers = MapBuffers { buffers, device };
    let of_image = shape.values().max(1);
    let count = images.len() / of_image;
    let is_at_once = (1..=at_a_time.max(1)).contains(&count);
    if let Some((Step::Conv2d(last), before)) = steps.split_last()
        && last.writes() == Layout::Planes
        && is_at_once
    {
        // The convolution's output is the result, which need not be copied.
        let images = Maps::new(images.into(), shape, count);
        let x = run(before, images, &mut buffers);
        let x = buffers.in_layout(x, last.reads());
        let output = last.forward_new(count, x.get());
        buffers.free(x);
        return output;
    }
    let mut outputs = Vec::new();
    for some in images.chunks(of_image * at_a_time.max(1)) {
        let images = Maps::new(some.into(), shape, some.len() / of_image);
        let output = run(steps, images, &mut buffers);
        if outputs.is_empty() {
            outputs.reserve_exact(count * output.shape.values());
        }
        output.append_planes(&mut outputs);
        buffers.free(output);
    }
    outputs
}

/// The output of all steps.
fn run<'a>(steps: &[Step], mut x: Maps<'a>, buffers: &mut MapBuffers<'_>) -> Maps<'a> {
    for step in steps {
        x = one(step, x, buffers);
    }
    x
}

fn one<'a>(step: &Step, x: Maps<'a>, buffers: &mut MapBuffers<'_>) -> Maps<'a> {
    match step {
        Step::Conv2d(conv) => buffers.convolve(conv, x, None),
        Step::Dense(dense) => {
            let x = buffers.in_planes(x);
            let output = Shape::Flat(dense.units());
            let mut y = buffers.new_maps(x.images, output, Layout::Planes);
            dense.forward(x.images, x.get(), y.get_mut());
            buffers.free(x);
            y
        }
        Step::MaxPool(options, output) => {
            let y = buffers.max_pool(&x, *options, *output);
            buffers.free(x);
            y
        }
        Step::GlobalAverage => {
            let channels = x.shape.channels();
            let mut y = buffers.new_maps(x.images, Shape::Flat(channels), Layout::Planes);
            global_average(x.layout, channels, plane(x.shape), x.get(), y.get_mut());
            buffers.free(x);
            y
        }
        Step::Affine {
            scale,
            shift,
            rectifier,
        } => buffers.affine(x, [scale, shift], *rectifier),
        Step::Rectify(rectifier) => buffers.rectify(x, *rectifier),
        Step::LayerNorm {
            gamma,
            beta,
            epsilon,
        } => {
            let (layout, plane) = (x.layout, plane(x.shape));
            let mut x = buffers.own(x);
            layer_norm(layout, plane, x.get_mut(), [gamma, beta], *epsilon);
            x
        }
        Step::Reshape(shape) => {
            let mut y = buffers.in_planes(x);
            y.shape = *shape;
            y
        }
        Step::Residual {
            shortcut,
            body,
            last,
        } => {
            let added = run(shortcut, x.clone(), buffers);
            let before = run(body, x, buffers);
            buffers.convolve(last, before, Some(added))
        }
        Step::Branches {
            branches,
            join,
            rectifier,
            output,
        } => {
            let outputs = branches
                .iter()
                .map(|branch| run(branch, x.clone(), buffers));
            let outputs = outputs.collect();
            buffers.free(x);
            let y = buffers.join(outputs, *join, *output);
            buffers.rectify(y, *rectifier)
        }
        Step::Crop(units, output) => buffers.crop(x, units, *output),
        Step::Activation(activation) => {
            let mut x = buffers.own(x);
            activation.nonlinearity().apply(x.get_mut());
            x
        }
        Step::Layer(layer) => {
            let (layer, planned) = &**layer;
            let x = buffers.moved_tensor(x);
            by_burn(|| layer.forward(x, planned, &mut Pass::new()))
        }
    }
}

/// The values of a tensor that burn computes.
fn by_burn<'a>(layer: impl FnOnce() -> Features + Send) -> Maps<'a> {
    // Reading the values may rearrange them, for which burn uses rayon.
    let (images, shape, data) = alone(|| from_tensor(layer()));
    let values = data.try_into_vec().unwrap_or_default();
    Maps::new(values.into(), shape, images)
}
