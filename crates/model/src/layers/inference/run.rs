//! Runs inference steps in order, reusing buffers.

use super::Step;
use crate::geometry::Shape;
use crate::layers::branches::Join;
use crate::layers::features::Features;
use crate::layers::pass::Pass;
use burn::tensor::{Device, Tensor, TensorData};
use receptive_kernels::inference::{
    Conv2d, add, affine, global_average, max_pool, multiply, rectify,
};
use receptive_kernels::{Rectifier, alone};

/// The values between two steps.
#[derive(Debug)]
pub(crate) struct Value {
    /// `[images, values]`.
    pub(crate) values: Vec<f32>,
    /// The shape of one image's values.
    pub(crate) shape: Shape,
    pub(crate) images: usize,
}

/// Buffers that are not in use.
#[derive(Debug, Default)]
pub(crate) struct Buffers(Vec<Vec<f32>>);

/// More than the branches of a network use at once; others are freed.
const MAX_BUFFERS: usize = 8;

impl Buffers {
    /// A buffer of this length, with unspecified contents.
    fn take(&mut self, length: usize) -> Vec<f32> {
        // The smallest that is large enough, else the largest.
        let large = |buffer: &Vec<f32>| buffer.capacity() >= length;
        let fitting = (0..self.0.len()).min_by_key(|i| {
            let buffer = &self.0[*i];
            let capacity = buffer.capacity();
            (
                !large(buffer),
                if large(buffer) {
                    capacity
                } else {
                    usize::MAX - capacity
                },
            )
        });
        let mut buffer = fitting.map(|i| self.0.swap_remove(i)).unwrap_or_default();
        buffer.resize(length, 0.0);
        buffer
    }

    fn give(&mut self, buffer: Vec<f32>) {
        if self.0.len() < MAX_BUFFERS {
            self.0.push(buffer);
        }
    }
}

/// The output of all steps; `device` is for the steps that burn computes.
pub(crate) fn run(
    steps: &[Step],
    mut value: Value,
    buffers: &mut Buffers,
    device: &Device,
) -> Value {
    for step in steps {
        value = one(step, value, buffers, device);
    }
    value
}

fn one(step: &Step, mut value: Value, buffers: &mut Buffers, device: &Device) -> Value {
    let images = value.images;
    match step {
        Step::Conv2d(conv) => return convolve(conv, value, None, buffers),
        Step::Dense(dense) => {
            let mut y = buffers.take(images * dense.units());
            dense.forward(images, &value.values, &mut y);
            return replaced(value, y, Shape::Flat(dense.units()), buffers);
        }
        Step::MaxPool(options, output) => {
            let mut y = buffers.take(images * output.values());
            max_pool(dims(&value), *options, &value.values, &mut y);
            return replaced(value, y, *output, buffers);
        }
        Step::GlobalAverage => {
            let channels = value.shape.channels();
            let mut y = buffers.take(images * channels);
            global_average(plane(value.shape), &value.values, &mut y);
            return replaced(value, y, Shape::Flat(channels), buffers);
        }
        Step::Affine {
            scale,
            shift,
            rectifier,
        } => affine(
            plane(value.shape),
            &mut value.values,
            scale,
            shift,
            *rectifier,
        ),
        Step::Rectify(rectifier) => rectify(*rectifier, &mut value.values),
        Step::Reshape(shape) => value.shape = *shape,
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
            let mut y = joined(branches, *join, value, buffers, device);
            y.shape = *output;
            rectify(*rectifier, &mut y.values);
            return y;
        }
        Step::Activation(activation) => {
            let x = tensor(value, device);
            let y = alone(|| match x {
                Features::Map(x) => Features::Map(activation.forward(x)),
                Features::Flat(x) => Features::Flat(activation.forward(x)),
            });
            return from_tensor(y);
        }
        Step::Layer(layer) => {
            let (layer, planned) = &**layer;
            let x = tensor(value, device);
            return from_tensor(alone(|| layer.forward(x, planned, &mut Pass::new())));
        }
    }
    value
}

/// The joined outputs of the branches.
fn joined(
    branches: &[Vec<Step>],
    join: Join,
    value: Value,
    buffers: &mut Buffers,
    device: &Device,
) -> Value {
    let Some((last, others)) = branches.split_last() else {
        return value;
    };
    let mut outputs = Vec::with_capacity(branches.len());
    for branch in others {
        outputs.push(run(branch, copied(&value, buffers), buffers, device));
    }
    outputs.push(run(last, value, buffers, device));
    if join == Join::Concat {
        return concatenated(outputs, buffers);
    }
    // The maps first: a gate has only one value per map.
    outputs.sort_by_key(|output| std::cmp::Reverse(output.values.len()));
    let mut outputs = outputs.into_iter();
    let Some(mut y) = outputs.next() else {
        unreachable!("a plan has two branches or more");
    };
    for other in outputs {
        if join == Join::Add {
            add(&mut y.values, &other.values, Rectifier::None);
        } else {
            let plane = y.values.len() / other.values.len().max(1);
            multiply(plane, &mut y.values, &other.values);
        }
        buffers.give(other.values);
    }
    y
}

/// Concatenates each image's channels.
fn concatenated(outputs: Vec<Value>, buffers: &mut Buffers) -> Value {
    let images = outputs.first().map_or(0, |output| output.images);
    let lengths = outputs.iter().map(|output| output.shape.values());
    let of_image: usize = lengths.sum();
    let mut values = buffers.take(images * of_image);
    let mut from = 0;
    for output in outputs {
        let length = output.shape.values();
        let each = output.values.chunks_exact(length.max(1));
        for (to, part) in values.chunks_exact_mut(of_image.max(1)).zip(each) {
            to[from..from + length].copy_from_slice(part);
        }
        from += length;
        buffers.give(output.values);
    }
    Value {
        values,
        shape: Shape::Flat(of_image), // the caller sets the map's size
        images,
    }
}

/// A convolution, to whose output a map may be added.
fn convolve(conv: &Conv2d, value: Value, added: Option<Value>, buffers: &mut Buffers) -> Value {
    let [channels, height, width] = conv.output();
    let output = Shape::Map {
        channels,
        height,
        width,
    };
    let mut y = buffers.take(value.images * output.values());
    let map = added.as_ref().map(|added| &*added.values);
    conv.forward(value.images, &value.values, map, &mut y);
    if let Some(added) = added {
        buffers.give(added.values);
    }
    replaced(value, y, output, buffers)
}

fn replaced(before: Value, values: Vec<f32>, shape: Shape, buffers: &mut Buffers) -> Value {
    buffers.give(before.values);
    Value {
        values,
        shape,
        images: before.images,
    }
}

fn copied(value: &Value, buffers: &mut Buffers) -> Value {
    let mut values = buffers.take(value.values.len());
    values.copy_from_slice(&value.values);
    Value { values, ..*value }
}

/// Number of values per channel of one image.
fn plane(shape: Shape) -> usize {
    shape.map_size().iter().product()
}

/// `[images, channels, height, width]`.
fn dims(value: &Value) -> [usize; 4] {
    let [height, width] = value.shape.map_size();
    [value.images, value.shape.channels(), height, width]
}

fn tensor(value: Value, device: &Device) -> Features {
    let [images, channels, height, width] = dims(&value);
    match value.shape {
        Shape::Map { .. } => {
            let data = TensorData::new(value.values, [images, channels, height, width]);
            Features::Map(Tensor::from_data(data, device))
        }
        Shape::Flat(values) => {
            let data = TensorData::new(value.values, [images, values]);
            Features::Flat(Tensor::from_data(data, device))
        }
    }
}

fn from_tensor(features: Features) -> Value {
    let (images, shape, data) = match features {
        Features::Map(maps) => {
            let [images, channels, height, width] = maps.dims();
            let shape = Shape::Map {
                channels,
                height,
                width,
            };
            (images, shape, maps.into_data())
        }
        Features::Flat(rows) => {
            let [images, values] = rows.dims();
            (images, Shape::Flat(values), rows.into_data())
        }
    };
    Value {
        values: data.try_into_vec().unwrap_or_default(),
        shape,
        images,
    }
}
