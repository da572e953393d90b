//! How the work is partitioned. The parts depend on the sizes alone, never on the number of threads,
//! so sums have the same order, and results the same bits, everywhere.

use super::ConvSizes;
use rayon::prelude::*;
use std::ops::Range;

/// Values of a band's matrix: it should fit the second-level cache beside the products.
const BAND_VALUES: usize = 96 * 1024;
/// Narrower products waste the matrix kernel.
const MIN_COLUMNS: usize = 128;
/// Output planes of at least this many values are also partitioned into slices of filters or channels,
/// so that several threads share one image.
const MIN_SLICED_PLANE: usize = 4096;
/// Filters or channels of such a slice.
const SLICE: usize = 16;

/// Bands of output rows whose columns fit the cache.
pub(super) fn bands(
    sizes: &ConvSizes,
) -> impl ExactSizeIterator<Item = Range<usize>> + Clone + use<> {
    bands_up_to(sizes, sizes.output[0], 1)
}

/// Bands of the first `height` rows, a multiple of `step` in each band but the last.
pub(super) fn bands_up_to(
    sizes: &ConvSizes,
    height: usize,
    step: usize,
) -> impl ExactSizeIterator<Item = Range<usize>> + Clone + use<> {
    let width = sizes.output[1];
    // The larger of a band's two matrices: its patches and its outputs.
    let lines = sizes.patch().max(sizes.filters);
    let rows = (BAND_VALUES / (lines * width).max(1))
        .max(MIN_COLUMNS.div_ceil(width.max(1)))
        .clamp(1, height.max(1))
        .next_multiple_of(step);
    (0..height.div_ceil(rows)).map(move |band| band * rows..((band + 1) * rows).min(height))
}

/// Runs `work(image, first, planes)` in parallel on slices of `values`, `[images, count, plane]`, where
/// `count` is that of the filters (or channels): `planes` are those from `first` on.
pub(super) fn for_each_slice(
    sizes: &ConvSizes,
    values: &mut [f32],
    count: usize,
    plane: usize,
    work: impl Fn(usize, usize, &mut [f32]) + Sync,
) {
    let slice = if sizes.output_plane() >= MIN_SLICED_PLANE {
        count.min(SLICE)
    } else {
        count
    };
    values
        .par_chunks_mut((count * plane).max(1))
        .enumerate()
        .for_each(|(image, planes)| {
            planes
                .par_chunks_mut((slice * plane).max(1))
                .enumerate()
                .for_each(|(part, planes)| work(image, part * slice, planes));
        });
}
