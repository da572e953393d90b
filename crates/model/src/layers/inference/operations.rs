//! The operations of steps on maps. They free their operands.

use super::buffers::{common, place, plane, values};
use super::maps::{MapBuffers, Maps};
use crate::geometry::{Shape, Units};
use crate::layers::join::Join;
use receptive_kernels::inference::{Conv2d, Layout, affine, crop, max_pool, multiply, rectify};
use receptive_kernels::{MaxPool2dOptions, Rectifier};
use std::cmp::Reverse;

impl MapBuffers<'_> {
    /// The convolution's output plus `added`, then its rectifier.
    pub(super) fn convolve<'a>(
        &mut self,
        conv: &Conv2d,
        x: Maps<'_>,
        added: Option<Maps<'_>>,
    ) -> Maps<'a> {
        let x = self.in_layout(x, conv.reads());
        let added = added.map(|added| self.in_layout(added, conv.writes()));
        let [channels, height, width] = conv.output();
        let output = Shape::Map {
            channels,
            height,
            width,
        };
        let mut y = self.new_maps(x.images, output, conv.writes());
        let map = added.as_ref().map(Maps::get);
        conv.forward(x.images, x.get(), map, y.get_mut());
        self.free(x);
        added.into_iter().for_each(|added| self.free(added));
        y
    }

    /// The only operation whose gradient needs its operand.
    pub(super) fn max_pool<'a>(
        &mut self,
        x: &Maps<'_>,
        options: MaxPool2dOptions,
        output: Shape,
    ) -> Maps<'a> {
        let mut y = self.new_maps(x.images, output, x.layout);
        max_pool(x.layout, x.dims(), options, x.get(), y.get_mut());
        y
    }

    /// Each channel times its factor plus its shift, then the rectifier.
    pub(super) fn affine<'a>(
        &mut self,
        x: Maps<'a>,
        [scale, shift]: [&[f32]; 2],
        rectifier: Rectifier,
    ) -> Maps<'a> {
        let (layout, plane) = (x.layout, plane(x.shape));
        let mut x = self.own(x);
        affine(layout, plane, x.get_mut(), scale, shift, rectifier);
        x
    }

    pub(super) fn rectify<'a>(&mut self, mut x: Maps<'a>, rectifier: Rectifier) -> Maps<'a> {
        if rectifier != Rectifier::None {
            x = self.own(x);
            rectify(rectifier, x.get_mut());
        }
        x
    }

    /// These rows and columns of each map.
    pub(super) fn crop<'a>(&mut self, x: Maps<'_>, units: &Units, output: Shape) -> Maps<'a> {
        let mut y = self.new_maps(x.images, output, x.layout);
        crop(x.layout, x.shape.map_size(), units, x.get(), y.get_mut());
        self.free(x);
        y
    }

    /// The outputs of two branches or more, joined to this shape.
    pub(super) fn join<'a>(
        &mut self,
        mut outputs: Vec<Maps<'a>>,
        join: Join,
        shape: Shape,
    ) -> Maps<'a> {
        if join == Join::Concat {
            return self.concatenated(outputs, shape);
        }
        // The maps first: a gate has only one value per map.
        outputs.sort_by_key(|output| Reverse(output.shape.values()));
        let mut outputs = outputs.into_iter();
        let Some(mut y) = outputs.next() else {
            unreachable!("a plan has two branches or more");
        };
        for other in outputs {
            y = match join {
                Join::Multiply => self.times(y, other),
                Join::Add | Join::Concat => self.plus(y, Some(other)),
            };
        }
        y.shape = shape;
        y
    }

    /// The product with maps or with one value per map, in the layout of `maps`.
    fn times<'a>(&mut self, maps: Maps<'a>, other: Maps<'_>) -> Maps<'a> {
        let other = self.in_layout(other, maps.layout);
        let mut maps = self.own(maps);
        let (layout, of_map) = if plane(other.shape) == plane(maps.shape) {
            // Value by value, as planes of one position.
            (Layout::Planes, 1)
        } else {
            (maps.layout, plane(maps.shape))
        };
        multiply(layout, of_map, maps.get_mut(), other.get());
        self.free(other);
        maps
    }

    /// Each image's channels one after another, which have this shape together.
    fn concatenated<'a>(&mut self, outputs: Vec<Maps<'_>>, shape: Shape) -> Maps<'a> {
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

    /// The channels of each of these shapes: the parts of maps that were joined one after another.
    pub(super) fn parts<'a>(&mut self, maps: Maps<'_>, shapes: &[Shape]) -> Vec<Maps<'a>> {
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
