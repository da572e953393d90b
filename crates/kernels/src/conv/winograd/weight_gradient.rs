use super::blocks::Grid;
use super::linear::{Input, OutputGradient};
use super::patches::{Patches, Source};
use super::weights::Transformed;
use super::{PATCH, Sizes, TILE, padded};
use crate::lanes::{add, vectorised};
use crate::matrix::{Write, multiply};
use crate::scratch::with_scratch;
use rayon::prelude::*;

/// Partial sums, at most.
const MOST_SUMS: usize = 8;

/// The gradient with respect to the weight alone, as [`crate::conv::weight_gradients`] has it.
pub(in super::super) fn weight_gradient(sizes: &Sizes, x: &[f32], grad: &[f32]) -> Vec<f32> {
    let (channels, filters) = (sizes.channels, sizes.filters);
    let grid = Grid::new(sizes.images, sizes.output);
    let blocks = grid.blocks(channels, filters);
    let [tiles, segment] = grid.most(&blocks);
    let of_x = Patches { tiles, channels };
    let of_grad = Patches {
        tiles,
        channels: filters,
    };
    let lengths = [
        grid.pixels(segment) * padded(channels).max(padded(filters)),
        of_x.values(),
        of_grad.values(),
    ];
    let [top, left, ..] = sizes.options.padding;
    let x = Source {
        planes: x,
        plane: sizes.input,
        first: [-(top as isize), -(left as isize)],
    };
    let grad = Source {
        planes: grad,
        plane: sizes.output,
        first: [0, 0],
    };
    // Blocks are added up in groups, and then the groups in order: the same bits on any number of
    // threads. A group's sums are larger than its tiles where there are few.
    let sums = (grid.tiles() / (4 * channels.max(filters))).clamp(1, MOST_SUMS);
    let total = blocks
        .par_chunks(blocks.len().div_ceil(sums).max(1))
        .map(|blocks| {
            let mut sum = Transformed::zeros(channels, filters);
            for block in blocks {
                with_scratch(lengths.iter().sum(), |scratch| {
                    let (pixels, rest) = scratch.split_at_mut(lengths[0]);
                    let (inputs, grads) = rest.split_at_mut(lengths[1]);
                    let tiles = block.iter().map(|segment| grid.count(segment)).sum();
                    let of_x = Patches { tiles, ..of_x };
                    let of_grad = Patches { tiles, ..of_grad };
                    of_x.fill::<Input, PATCH>(&grid, block, x, pixels, inputs);
                    of_grad.fill::<OutputGradient, TILE>(&grid, block, grad, pixels, grads);
                    let (places, line) = sum.places_mut();
                    for (place, target) in places.enumerate() {
                        multiply(
                            target,
                            line,
                            of_x.at(inputs, place).transposed(),
                            of_grad.at(grads, place),
                            Write::Add,
                        );
                    }
                });
            }
            sum
        })
        .collect::<Vec<_>>()
        .into_iter()
        .reduce(|mut all, part| {
            vectorised(|| add(&mut all.values, &part.values));
            all
        });
    total.map_or_else(
        || vec![0.0; filters * sizes.window()],
        |total| total.gradient(),
    )
}
