//! How the work is partitioned. The parts depend on the sizes alone, never on the number of threads,
//! so sums have the same order, and results the same bits, everywhere.

use super::ConvSizes;
use crate::profile;
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
                .for_each(|(part, planes)| {
                    let _slice = profile::slice();
                    work(image, part * slice, planes);
                });
        });
}

/// Fewest filters of a part of the weights' gradient: fewer waste the matrix kernel.
const MIN_FILTERS: usize = 16;

/// Into how many parts the filters of a weights' gradient can be cut.
pub(in crate::conv) fn most_filter_parts(filters: usize) -> usize {
    (filters / MIN_FILTERS).max(1)
}

/// The filters in parts, where threads would have nothing to do since there are only `sums` partial sums of a
/// weights' gradient. Each part takes its patches anew, so there are no more of them than threads need. The
/// filters' sums are apart from each other: how they are cut changes no bit, as long as no part is so narrow that
/// the matrix kernel takes it for a vector.
pub(in crate::conv) fn filter_parts(filters: usize, sums: usize) -> Vec<Range<usize>> {
    let wanted = rayon::current_num_threads().div_ceil(sums.max(1));
    let parts = wanted.min(most_filter_parts(filters)).max(1);
    let part = filters / parts / MIN_FILTERS * MIN_FILTERS;
    let end = |number: usize| {
        if number + 1 == parts {
            filters
        } else {
            (number + 1) * part
        }
    };
    (0..parts)
        .map(|number| number * part..end(number))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_take_filters_apart_and_none_has_few() {
        for threads in [1, 2, 5, 16] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap().install(|| {
                for (filters, sums) in [(1, 1), (15, 1), (33, 1), (47, 2), (64, 1), (130, 3)] {
                    let parts = filter_parts(filters, sums);
                    assert!(parts.len() <= threads.div_ceil(sums));
                    assert!(
                        threads < 16
                            || parts.len() == (filters / 16).clamp(1, 16_usize.div_ceil(sums))
                    );
                    assert!(
                        parts.iter().all(|part| part.len() >= filters.min(16)),
                        "{parts:?}"
                    );
                    let ends: Vec<usize> = parts.iter().map(|part| part.end).collect();
                    let starts: Vec<usize> = parts.iter().skip(1).map(|part| part.start).collect();
                    assert_eq!((parts[0].start, ends[parts.len() - 1]), (0, filters));
                    assert_eq!(starts, ends[..parts.len() - 1]);
                }
            });
        }
    }
}
