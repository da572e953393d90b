//! Runs inference steps in order, reusing buffers.

use super::Step;
use super::buffers::{Buffers, common, place, plane, values};
use super::tensors::{self, to_tensor};
use crate::geometry::Shape;
use crate::layers::branches::Join;
use crate::layers::features::Features;
use crate::layers::pass::Pass;
use burn::tensor::Device;
use receptive_kernels::inference::{
    Conv2d, Layout, add, affine, crop, global_average, max_pool, multiply, rectify, to_blocks,
    to_planes,
};
use receptive_kernels::{Rectifier, alone};
use std::borrow::Cow;

/// The values between two steps.
#[derive(Debug)]
struct Value<'a> {
    /// `[images, values]`; the buffer may be longer.
    buffer: Cow<'a, [f32]>,
    /// The shape of one image's values.
    shape: Shape,
    /// The order of a map's values; of other values always [`Layout::Planes`].
    layout: Layout,
    images: usize,
}

impl<'a> Value<'a> {
    /// # Shapes
    /// - `values`: `[images, values]`
    fn new(values: Cow<'a, [f32]>, shape: Shape, images: usize) -> Self {
        Self {
            buffer: values,
            shape,
            layout: Layout::Planes,
            images,
        }
    }

    fn len(&self) -> usize {
        self.images * values(self.shape, self.layout)
    }

    fn get(&self) -> &[f32] {
        &self.buffer[..self.len()]
    }

    fn get_mut(&mut self) -> &mut [f32] {
        let length = self.len();
        &mut self.buffer.to_mut()[..length]
    }

    /// `[images, values]`.
    fn into_values(self) -> Vec<f32> {
        let length = self.len();
        let mut values = self.buffer.into_owned();
        values.truncate(length);
        values
    }
}

impl Buffers {
    /// A value of this shape, with unspecified contents.
    fn value<'a>(&mut self, images: usize, shape: Shape, layout: Layout) -> Value<'a> {
        Value {
            buffer: self.take(images * values(shape, layout)).into(),
            shape,
            layout,
            images,
        }
    }
}

/// The values of the output of all steps, `[images, values]`, computed for `at_a_time` images at a time.
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
    let of_image = shape.values().max(1);
    let mut outputs = Vec::new();
    for some in images.chunks(of_image * at_a_time.max(1)) {
        let value = Value::new(some.into(), shape, some.len() / of_image);
        let value = in_planes(run(steps, value, buffers, device), buffers);
        outputs.extend_from_slice(value.get());
        buffers.give(value.buffer);
    }
    outputs
}

/// The output of all steps; `device` is for the steps that burn computes.
fn run<'a>(
    steps: &[Step],
    mut value: Value<'a>,
    buffers: &mut Buffers,
    device: &Device,
) -> Value<'a> {
    for step in steps {
        value = one(step, value, buffers, device);
    }
    value
}

fn one<'a>(step: &Step, mut value: Value<'a>, buffers: &mut Buffers, device: &Device) -> Value<'a> {
    let images = value.images;
    match step {
        Step::Conv2d(conv) => return convolve(conv, value, None, buffers),
        Step::Dense(dense) => {
            value = in_planes(value, buffers);
            let mut y = buffers.value(images, Shape::Flat(dense.units()), Layout::Planes);
            dense.forward(images, value.get(), y.get_mut());
            return replaced(value, y, buffers);
        }
        Step::MaxPool(options, output) => {
            let layout = value.layout;
            let mut y = buffers.value(images, *output, layout);
            max_pool(layout, dims(&value), *options, value.get(), y.get_mut());
            return replaced(value, y, buffers);
        }
        Step::GlobalAverage => {
            let channels = value.shape.channels();
            let plane = plane(value.shape);
            let mut y = buffers.value(images, Shape::Flat(channels), Layout::Planes);
            global_average(value.layout, channels, plane, value.get(), y.get_mut());
            return replaced(value, y, buffers);
        }
        Step::Affine {
            scale,
            shift,
            rectifier,
        } => affine(
            value.layout,
            plane(value.shape),
            value.get_mut(),
            scale,
            shift,
            *rectifier,
        ),
        Step::Rectify(rectifier) => rectify(*rectifier, value.get_mut()),
        Step::Reshape(shape) => {
            value = in_planes(value, buffers);
            value.shape = *shape;
        }
        Step::Residual {
            shortcut,
            body,
            last,
        } => {
            let copy = copied(&value, buffers);
            let shortcut = run(shortcut, copy, buffers, device);
            let before = run(body, value, buffers, device);
            return convolve(last, before, Some(shortcut), buffers);
        }
        Step::Branches {
            branches,
            join,
            rectifier,
            output,
        } => {
            let mut y = joined(branches, *join, *output, value, buffers, device);
            rectify(*rectifier, y.get_mut());
            return y;
        }
        Step::Crop(units, output) => {
            let mut y = buffers.value(images, *output, value.layout);
            crop(
                value.layout,
                value.shape.map_size(),
                units,
                value.get(),
                y.get_mut(),
            );
            return replaced(value, y, buffers);
        }
        Step::Activation(activation) => {
            let x = tensor(in_planes(value, buffers), device);
            return alone(|| from_tensor(activation.on(x)));
        }
        Step::Layer(layer) => {
            let (layer, planned) = &**layer;
            let x = tensor(in_planes(value, buffers), device);
            // Reading the values may rearrange them, for which burn uses rayon.
            return alone(|| from_tensor(layer.forward(x, planned, &mut Pass::new())));
        }
    }
    value
}

/// The joined outputs of the branches.
fn joined<'a>(
    branches: &[Vec<Step>],
    join: Join,
    output: Shape,
    value: Value<'a>,
    buffers: &mut Buffers,
    device: &Device,
) -> Value<'a> {
    let Some((last, others)) = branches.split_last() else {
        return value;
    };
    let mut outputs = Vec::with_capacity(branches.len());
    for branch in others {
        outputs.push(run(branch, copied(&value, buffers), buffers, device));
    }
    outputs.push(run(last, value, buffers, device));
    if join == Join::Concat {
        return concatenated(outputs, output, buffers);
    }
    // The maps first: a gate has only one value per map.
    outputs.sort_by_key(|output| std::cmp::Reverse(output.shape.values()));
    let mut outputs = outputs.into_iter();
    let Some(mut y) = outputs.next() else {
        unreachable!("a plan has two branches or more");
    };
    for other in outputs {
        let other = in_layout(other, y.layout, buffers);
        if join == Join::Add {
            add(y.get_mut(), other.get(), Rectifier::None);
        } else if plane(other.shape) == plane(y.shape) {
            // Value by value, as planes of one position.
            multiply(Layout::Planes, 1, y.get_mut(), other.get());
        } else {
            let (layout, plane) = (y.layout, plane(y.shape));
            multiply(layout, plane, y.get_mut(), other.get());
        }
        buffers.give(other.buffer);
    }
    y.shape = output;
    y
}

/// Concatenates each image's channels.
fn concatenated<'a>(outputs: Vec<Value<'_>>, shape: Shape, buffers: &mut Buffers) -> Value<'a> {
    let images = outputs.first().map_or(0, |output| output.images);
    let shapes: Vec<Shape> = outputs.iter().map(|output| output.shape).collect();
    // Blocks that begin with a branch's first channel can stay blocks.
    let are_blocks = outputs.iter().all(|output| output.layout == Layout::Blocks);
    let layout = common(&shapes, are_blocks);
    let mut y = buffers.value(images, shape, layout);
    let of_image = values(shape, layout);
    let mut from = 0;
    for output in outputs {
        let output = in_layout(output, layout, buffers);
        let length = values(output.shape, layout);
        place(y.get_mut(), of_image, from, output.get(), length);
        from += length;
        buffers.give(output.buffer);
    }
    y
}

/// A convolution, to whose output a map may be added.
fn convolve<'a>(
    conv: &Conv2d,
    value: Value<'_>,
    added: Option<Value<'_>>,
    buffers: &mut Buffers,
) -> Value<'a> {
    let value = in_layout(value, conv.reads(), buffers);
    let added = added.map(|added| in_layout(added, conv.writes(), buffers));
    let [channels, height, width] = conv.output();
    let output = Shape::Map {
        channels,
        height,
        width,
    };
    let mut y = buffers.value(value.images, output, conv.writes());
    let map = added.as_ref().map(Value::get);
    conv.forward(value.images, value.get(), map, y.get_mut());
    if let Some(added) = added {
        buffers.give(added.buffer);
    }
    replaced(value, y, buffers)
}

/// `after`, which was computed from `before`.
fn replaced<'a>(before: Value<'_>, after: Value<'a>, buffers: &mut Buffers) -> Value<'a> {
    buffers.give(before.buffer);
    after
}

/// The same values in planes.
fn in_planes<'a>(value: Value<'a>, buffers: &mut Buffers) -> Value<'a> {
    in_layout(value, Layout::Planes, buffers)
}

/// The same values in this layout.
fn in_layout<'a>(value: Value<'a>, layout: Layout, buffers: &mut Buffers) -> Value<'a> {
    if value.layout == layout {
        return value;
    }
    let mut y = buffers.value(value.images, value.shape, layout);
    let (channels, plane) = (value.shape.channels(), plane(value.shape));
    match layout {
        Layout::Planes => to_planes(channels, plane, value.get(), y.get_mut()),
        Layout::Blocks => to_blocks(channels, plane, value.get(), y.get_mut()),
    }
    replaced(value, y, buffers)
}

fn copied<'a>(value: &Value<'_>, buffers: &mut Buffers) -> Value<'a> {
    let mut copy = buffers.value(value.images, value.shape, value.layout);
    copy.get_mut().copy_from_slice(value.get());
    copy
}

/// `[images, channels, height, width]`.
fn dims(value: &Value<'_>) -> [usize; 4] {
    let [height, width] = value.shape.map_size();
    [value.images, value.shape.channels(), height, width]
}

fn tensor(value: Value<'_>, device: &Device) -> Features {
    let (images, shape) = (value.images, value.shape);
    to_tensor(value.into_values(), images, shape, device)
}

fn from_tensor<'a>(features: Features) -> Value<'a> {
    let (images, shape, data) = tensors::from_tensor(features);
    let values = data.try_into_vec().unwrap_or_default();
    Value::new(values.into(), shape, images)
}
