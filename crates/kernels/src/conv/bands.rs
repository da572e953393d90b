//! How the work is cut. The cuts depend on the sizes alone, never on the number of threads, so
//! sums have the same order, and results the same bits, everywhere.

use super::Sizes;
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
    let [height, width] = sizes.output;
    // The larger of both matrices that a band has: of its windows and of its outputs.
    let lines = sizes.window().max(sizes.filters);
    let rows = (BAND_VALUES / (lines * width).max(1))
        .max(LEAST_COLUMNS.div_ceil(width.max(1)))
        .clamp(1, height.max(1));
    (0..height.div_ceil(rows)).map(move |band| band * rows..((band + 1) * rows).min(height))
}

/// How many filters (or channels) of an image are one piece of work.
pub(super) fn slice(of: usize, places: usize) -> usize {
    if places >= MANY_PLACES && of > SLICE {
        SLICE
    } else {
        of.max(1)
    }
}
