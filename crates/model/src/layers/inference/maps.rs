//! Maps that are shared by the steps that read them, in buffers that are reused.

use super::buffers::{Buffers, common, place, plane, values};
use super::tensors::{from_tensor, to_tensor};
use crate::geometry::Shape;
use crate::layers::features::Features;
use burn::tensor::Device;
use receptive_kernels::Rectifier;
use receptive_kernels::inference::{Layout, add, to_blocks, to_planes};
use std::rc::Rc;

/// The maps or rows of some images. Copies share the values.
#[derive(Debug, Clone)]
pub(super) struct Maps {
    /// `[images, values]`; the buffer may be longer.
    buffer: Rc<Vec<f32>>,
    /// The shape of one image's values.
    pub(super) shape: Shape,
    /// The order of a map's values; of other values always [`Layout::Planes`].
    pub(super) layout: Layout,
    pub(super) images: usize,
}

impl Maps {
    fn len(&self) -> usize {
        self.images * values(self.shape, self.layout)
    }

    pub(super) fn get(&self) -> &[f32] {
        &self.buffer[..self.len()]
    }

    /// The values for writing, of [`own`](MapBuffers::own) or new maps.
    pub(super) fn get_mut(&mut self) -> &mut [f32] {
        let length = self.len();
        &mut Rc::make_mut(&mut self.buffer)[..length]
    }

    /// `[images, channels, height, width]`.
    pub(super) fn dims(&self) -> [usize; 4] {
        let [height, width] = self.shape.map_size();
        [self.images, self.shape.channels(), height, width]
    }
}

/// Makes maps from buffers that are not in use.
pub(super) struct MapBuffers<'a> {
    pub(super) buffers: &'a mut Buffers,
    /// With autodiff, for the steps that burn computes.
    pub(super) device: &'a Device,
}

impl MapBuffers<'_> {
    /// The sum, in the layout of `maps`.
    pub(super) fn plus(&mut self, mut maps: Maps, added: Option<Maps>) -> Maps {
        if let Some(added) = added {
            let added = self.in_layout(added, maps.layout);
            maps = self.own(maps);
            add(maps.get_mut(), added.get(), Rectifier::None);
            self.free(added);
        }
        maps
    }

    /// The same values in this layout.
    pub(super) fn in_layout(&mut self, maps: Maps, layout: Layout) -> Maps {
        if maps.layout == layout {
            return maps;
        }
        let mut same = self.new_maps(maps.images, maps.shape, layout);
        let (channels, plane) = (maps.shape.channels(), plane(maps.shape));
        match layout {
            Layout::Planes => to_planes(channels, plane, maps.get(), same.get_mut()),
            Layout::Blocks => to_blocks(channels, plane, maps.get(), same.get_mut()),
        }
        self.free(maps);
        same
    }

    /// Maps with unspecified contents.
    pub(super) fn new_maps(&mut self, images: usize, shape: Shape, layout: Layout) -> Maps {
        Maps {
            buffer: Rc::new(self.buffers.take(images * values(shape, layout))),
            shape,
            layout,
            images,
        }
    }

    /// The maps, copied if they are shared.
    pub(super) fn own(&mut self, maps: Maps) -> Maps {
        if Rc::strong_count(&maps.buffer) == 1 {
            return maps;
        }
        let mut copy = self.new_maps(maps.images, maps.shape, maps.layout);
        copy.get_mut().copy_from_slice(maps.get());
        copy
    }

    /// A copy of these values, so that no buffers are added to those that are reused.
    pub(super) fn copied(&mut self, images: usize, shape: Shape, values: &[f32]) -> Maps {
        let mut copy = self.new_maps(images, shape, Layout::Planes);
        copy.get_mut().copy_from_slice(values);
        copy
    }

    /// The values of a tensor.
    pub(super) fn maps(&mut self, features: Features) -> Maps {
        let (images, shape, data) = from_tensor(features);
        self.copied(images, shape, data.as_slice().unwrap_or_default())
    }

    /// Keeps the buffer for reuse if no copy of the maps is left.
    pub(super) fn free(&mut self, maps: Maps) {
        if let Ok(buffer) = Rc::try_unwrap(maps.buffer) {
            self.buffers.give_owned(buffer);
        }
    }

    pub(super) fn tensor(&mut self, maps: Maps) -> Features {
        let maps = self.in_layout(maps, Layout::Planes);
        let features = to_tensor(maps.get().to_vec(), maps.images, maps.shape, self.device);
        self.free(maps);
        features
    }

    /// A tensor that gets a gradient.
    pub(super) fn tracked(&mut self, maps: Maps) -> Features {
        match self.tensor(maps) {
            Features::Map(x) => Features::Map(x.require_grad()),
            Features::Flat(x) => Features::Flat(x.require_grad()),
        }
    }

    /// The sum of maps of this shape, in the layout of the first.
    pub(super) fn sum(&mut self, outputs: Vec<Maps>, shape: Shape) -> Maps {
        let sum = outputs.into_iter().rev().fold(None, |sum, output| {
            Some(self.plus(Maps { shape, ..output }, sum))
        });
        let Some(sum) = sum else {
            unreachable!("a plan has two branches or more");
        };
        sum
    }

    /// Each image's channels one after another, which have this shape together.
    pub(super) fn concatenated(&mut self, outputs: Vec<Maps>, shape: Shape) -> Maps {
        let shapes: Vec<Shape> = outputs.iter().map(|output| output.shape).collect();
        let are_blocks = outputs.iter().any(|output| output.layout == Layout::Blocks);
        let layout = common(&shapes, are_blocks);
        let images = outputs.first().map_or(0, |output| output.images);
        let mut y = self.new_maps(images, shape, layout);
        let of_image = values(shape, layout);
        let mut from = 0;
        for output in outputs {
            let output = self.in_layout(output, layout);
            let length = values(output.shape, layout);
            place(y.get_mut(), of_image, from, output.get(), length);
            from += length;
            self.free(output);
        }
        y
    }

    /// The channels of each of these shapes: the parts of [`concatenated`](Self::concatenated) maps.
    pub(super) fn parts(&mut self, maps: Maps, shapes: &[Shape]) -> Vec<Maps> {
        let layout = common(shapes, maps.layout == Layout::Blocks);
        let maps = self.in_layout(maps, layout);
        let of_image = values(maps.shape, layout).max(1);
        let mut from = 0;
        let mut parts = Vec::with_capacity(shapes.len());
        for shape in shapes {
            let mut part = self.new_maps(maps.images, *shape, layout);
            let length = values(*shape, layout).max(1);
            let each = part.get_mut().chunks_exact_mut(length);
            for (to, all) in each.zip(maps.get().chunks_exact(of_image)) {
                to.copy_from_slice(&all[from..from + length]);
            }
            from += length;
            parts.push(part);
        }
        self.free(maps);
        parts
    }
}
