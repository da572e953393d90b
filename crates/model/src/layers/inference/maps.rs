//! Maps that are shared by the steps that read them, in buffers that are reused.

use super::buffers::{Buffers, plane, values};
use super::tensors::{from_tensor, to_tensor};
use crate::geometry::Shape;
use crate::layers::features::Features;
use burn::tensor::Device;
use receptive_kernels::Rectifier;
use receptive_kernels::inference::{Layout, add, to_blocks, to_planes};
use std::borrow::Cow;
use std::rc::Rc;

/// The maps or rows of some images. Copies share the values.
#[derive(Debug, Clone)]
pub(super) struct Maps<'a> {
    /// `[images, values]`; the buffer may be longer.
    buffer: Rc<Cow<'a, [f32]>>,
    /// The shape of one image's values.
    pub(super) shape: Shape,
    /// The order of a map's values; of other values always [`Layout::Planes`].
    pub(super) layout: Layout,
    pub(super) images: usize,
}

impl<'a> Maps<'a> {
    /// Values in planes.
    ///
    /// # Shapes
    /// - `values`: `[images, values]`, each of this shape
    pub(super) fn new(values: Cow<'a, [f32]>, shape: Shape, images: usize) -> Self {
        Self {
            buffer: Rc::new(values),
            shape,
            layout: Layout::Planes,
            images,
        }
    }

    fn len(&self) -> usize {
        self.images * values(self.shape, self.layout)
    }

    pub(super) fn get(&self) -> &[f32] {
        &self.buffer[..self.len()]
    }

    /// The values for writing, of [`own`](MapBuffers::own) or new maps.
    pub(super) fn get_mut(&mut self) -> &mut [f32] {
        let length = self.len();
        &mut Rc::make_mut(&mut self.buffer).to_mut()[..length]
    }

    /// Writes the values in planes.
    ///
    /// # Shapes
    /// - `to`: `[images, values]`, overwritten
    pub(super) fn write_planes(&self, to: &mut [f32]) {
        match self.layout {
            Layout::Planes => to.copy_from_slice(self.get()),
            Layout::Blocks => {
                to_planes(self.shape.channels(), plane(self.shape), self.get(), to);
            }
        }
    }

    /// Appends the values in planes, `[images, values]`.
    pub(super) fn append_planes(&self, to: &mut Vec<f32>) {
        match self.layout {
            Layout::Planes => to.extend_from_slice(self.get()),
            Layout::Blocks => {
                let before = to.len();
                to.resize(before + self.images * self.shape.values(), 0.0);
                self.write_planes(&mut to[before..]);
            }
        }
    }

    /// `[images, channels, height, width]`.
    pub(super) fn dims(&self) -> [usize; 4] {
        let [height, width] = self.shape.map_size();
        [self.images, self.shape.channels(), height, width]
    }
}

/// Makes maps from buffers that are not in use.
pub(super) struct MapBuffers<'b> {
    pub(super) buffers: &'b mut Buffers,
    /// For the steps that burn computes; with autodiff if they get a gradient.
    pub(super) device: &'b Device,
}

impl MapBuffers<'_> {
    /// The sum, in the layout of `maps`.
    pub(super) fn plus<'a>(&mut self, mut maps: Maps<'a>, added: Option<Maps<'_>>) -> Maps<'a> {
        if let Some(added) = added {
            let added = self.in_layout(added, maps.layout);
            maps = self.own(maps);
            add(maps.get_mut(), added.get(), Rectifier::None);
            self.free(added);
        }
        maps
    }

    pub(super) fn in_planes<'a>(&mut self, maps: Maps<'a>) -> Maps<'a> {
        self.in_layout(maps, Layout::Planes)
    }

    /// The same values in this layout.
    pub(super) fn in_layout<'a>(&mut self, maps: Maps<'a>, layout: Layout) -> Maps<'a> {
        if maps.layout == layout {
            return maps;
        }
        let mut same = self.new_maps(maps.images, maps.shape, layout);
        match layout {
            Layout::Planes => maps.write_planes(same.get_mut()),
            Layout::Blocks => {
                let (channels, plane) = (maps.shape.channels(), plane(maps.shape));
                to_blocks(channels, plane, maps.get(), same.get_mut());
            }
        }
        self.free(maps);
        same
    }

    /// Maps with unspecified contents.
    pub(super) fn new_maps<'a>(&mut self, images: usize, shape: Shape, layout: Layout) -> Maps<'a> {
        let buffer = self.buffers.take(images * values(shape, layout));
        Maps {
            layout,
            ..Maps::new(buffer.into(), shape, images)
        }
    }

    /// The maps, copied if they are shared.
    pub(super) fn own<'a>(&mut self, maps: Maps<'a>) -> Maps<'a> {
        if Rc::strong_count(&maps.buffer) == 1 {
            return maps;
        }
        let mut copy = self.new_maps(maps.images, maps.shape, maps.layout);
        copy.get_mut().copy_from_slice(maps.get());
        copy
    }

    /// A copy of these values, so that no buffers are added to those that are reused.
    pub(super) fn copied<'a>(&mut self, images: usize, shape: Shape, values: &[f32]) -> Maps<'a> {
        let mut copy = self.new_maps(images, shape, Layout::Planes);
        copy.get_mut().copy_from_slice(values);
        copy
    }

    /// Keeps the buffer for reuse if no copy of the maps is left.
    pub(super) fn free(&mut self, maps: Maps<'_>) {
        if let Ok(Cow::Owned(buffer)) = Rc::try_unwrap(maps.buffer) {
            self.buffers.give(buffer);
        }
    }

    /// A tensor with a copy of the values, which gets a gradient.
    pub(super) fn tracked(&mut self, maps: Maps<'_>) -> Features {
        match self.tensor(maps) {
            Features::Map(x) => Features::Map(x.require_grad()),
            Features::Flat(x) => Features::Flat(x.require_grad()),
        }
    }

    /// A tensor with a copy of the values.
    pub(super) fn tensor(&mut self, maps: Maps<'_>) -> Features {
        let maps = self.in_planes(maps);
        let features = to_tensor(maps.get().to_vec(), maps.images, maps.shape, self.device);
        self.free(maps);
        features
    }

    /// A tensor with the values, which are copied only if they are shared.
    pub(super) fn moved_tensor(&mut self, maps: Maps<'_>) -> Features {
        let maps = self.own(maps);
        let maps = self.in_planes(maps);
        let (length, images, shape) = (maps.len(), maps.images, maps.shape);
        let mut values = Rc::unwrap_or_clone(maps.buffer).into_owned();
        values.truncate(length);
        to_tensor(values, images, shape, self.device)
    }

    /// A copy of a tensor's values.
    pub(super) fn maps<'a>(&mut self, features: Features) -> Maps<'a> {
        let (images, shape, data) = from_tensor(features);
        self.copied(images, shape, data.as_slice().unwrap_or_default())
    }
}
