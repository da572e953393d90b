//! How the work is cut. The cuts depend on the sizes alone, never on the number of threads, so
//! sums have the same order, and results the same bits, everywhere.

use super::Sizes;
use rayon::prelude::*;
use std::ops::Range;

/// Values of a band's matrix: it should fit the second-level cache beside the products.
const BAND_VALUES: usize = 96 * 1024;
/// Narrower products waste the matrix kernel.
const LEAST_COLUMNS: usize = 128;
/// Images with more places than this are cut between filters or channels too, so that several
/// threads can work on one.
const MANY_PLACES: usize = 4096;
/// Filters or channels of such a cut.
const SLICE: usize = 16;

/// Bands of output rows whose columns fit the cache.
pub(super) fn bands(sizes: &Sizes) -> impl ExactSizeIterator<Item = Range<usize>> + Clone + use<> {
    bands_of(sizes, sizes.output[0], 1)
}

/// The same for the first `height` rows, a multiple of `step` in each band but the last.
pub(super) fn bands_of(
    sizes: &Sizes,
    height: usize,
    step: usize,
) -> impl ExactSizeIterator<Item = Range<usize>> + Clone + use<> {
    let width = sizes.output[1];
    // The larger of both matrices that a band has: of its windows and of its outputs.
    let lines = sizes.window().max(sizes.filters);
    let rows = (BAND_VALUES / (lines * width).max(1))
        .max(LEAST_COLUMNS.div_ceil(width.max(1)))
        .clamp(1, height.max(1))
        .next_multiple_of(step);
    (0..height.div_ceil(rows)).map(move |band| band * rows..((band + 1) * rows).min(height))
}

/// Runs `work(image, first, planes)` on every piece of work: `planes` of `plane` values each are those
/// of an image's `of` filters (or channels) from `first` on.
pub(super) fn each_slice(
    sizes: &Sizes,
    values: &mut [f32],
    of: usize,
    plane: usize,
    work: impl Fn(usize, usize, &mut [f32]) + Sync,
) {
    let slice = if sizes.places() >= MANY_PLACES {
        of.min(SLICE)
    } else {
        of
    };
    values
        .par_chunks_mut((of * plane).max(1))
        .enumerate()
        .for_each(|(image, planes)| {
            planes
                .par_chunks_mut((slice * plane).max(1))
                .enumerate()
                .for_each(|(part, planes)| work(image, part * slice, planes));
        });
}
