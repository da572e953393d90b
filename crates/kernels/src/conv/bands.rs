//! How the work is partitioned. The order in which values are summed depends only on the sizes,
//! never on the number of threads, so results are bit-identical on any number of threads.

use super::ConvSizes;
use crate::fresh::Target;
use crate::product::ROWS;
use crate::simd::{add, vectorized};
use crate::{profile, threads};
use rayon::prelude::*;
use std::ops::Range;

/// Size of a band's matrix in values; should fit the second-level cache together with the products.
const BAND_VALUES: usize = 96 * 1024;
/// Narrower products use the matrix kernel poorly.
const MIN_COLUMNS: usize = 128;
/// Output planes of at least this many values are also split by channels, so that several threads
/// share one image.
const MIN_SLICED_PLANE: usize = 4096;
/// Number of channels in such a slice, so that its rows of a product are whole blocks.
const SLICE: usize = 2 * ROWS;

/// Bands of output rows with im2col matrices that fit the cache.
pub(super) fn bands(
    sizes: &ConvSizes,
) -> impl ExactSizeIterator<Item = Range<usize>> + Clone + use<> {
    bands_up_to(sizes, sizes.output[0], 1)
}

/// Bands of the first `height` rows; the height of all but the last is a multiple of `step`.
pub(super) fn bands_up_to(
    sizes: &ConvSizes,
    height: usize,
    step: usize,
) -> impl ExactSizeIterator<Item = Range<usize>> + Clone + use<> {
    let width = sizes.output[1];
    // The larger of the band's two matrices: its patches or its outputs.
    let lines = sizes.patch().max(sizes.filters);
    let rows = (BAND_VALUES / (lines * width).max(1))
        .max(MIN_COLUMNS.div_ceil(width.max(1)))
        .clamp(1, height.max(1))
        .next_multiple_of(step);
    (0..height.div_ceil(rows)).map(move |band| band * rows..((band + 1) * rows).min(height))
}

/// Takes the next `length` values of each plane.
pub(crate) fn take_from_each<'a, T: Target<'a>>(planes: &mut [T], length: usize) -> Vec<T> {
    let taken = planes.iter_mut().map(|rest| rest.take(length));
    taken.collect()
}

/// Runs `work(image, first, planes)` in parallel on slices of `values`, `[images, channels, height,
/// width]` of the input, where `planes` are those from channel `first` on.
pub(super) fn for_each_slice<'a, T: Target<'a>>(
    sizes: &ConvSizes,
    values: T,
    work: impl Fn(usize, usize, T) + Sync,
) {
    let (count, plane) = (sizes.channels, sizes.input_plane());
    let slice = if sizes.output_plane() >= MIN_SLICED_PLANE {
        count.min(SLICE)
    } else {
        count
    };
    let images = values.parts(count * plane).into_par_iter().enumerate();
    images.for_each(|(image, planes)| {
        let slices = planes.parts(slice * plane).into_par_iter().enumerate();
        slices.for_each(|(part, planes)| {
            let _slice = profile::slice();
            work(image, part * slice, planes);
        });
    });
}

/// Maximum number of tasks for which the bands or blocks of a forward pass are also split by filters.
const MAX_SPLIT: usize = 16;

/// The largest number of parts into which the filters of each of `tasks` bands or blocks can be split.
fn most_forward_parts(tasks: usize) -> usize {
    (MAX_SPLIT / tasks.max(1)).max(1)
}

/// The number of filters per part of a forward pass with `tasks` bands or blocks; and the number of parts that
/// `filters` filters would be split into on many threads. Each part extracts or transforms the input again, so
/// there are no more parts than leave at most a fifth of the threads' time unused. `filters_of` gives the
/// filters per part from the number of parts.
pub(crate) fn forward_parts(
    tasks: usize,
    filters_of: impl Fn(usize) -> usize,
) -> (usize, impl Fn(usize) -> usize) {
    let threads = threads::count();
    let is_balanced = |parts: &usize| {
        let tasks = tasks * parts;
        5 * tasks >= 4 * tasks.next_multiple_of(threads)
    };
    let most = most_forward_parts(tasks);
    let parts = (1..=most).find(is_balanced).unwrap_or(most);
    let finest = filters_of(most).max(1);
    (filters_of(parts), move |filters: usize| {
        filters.div_ceil(finest)
    })
}

/// Minimum number of filters per part of the weight gradient: fewer use the matrix kernel poorly.
const MIN_FILTERS: usize = 16;

/// The largest number of parts into which the filters of a weight gradient can be split.
fn most_filter_parts(filters: usize) -> usize {
    (filters / MIN_FILTERS).max(1)
}

/// Splits the filters if the `sums` partial sums of a weight gradient are fewer than the threads.
/// Each part extracts the patches again, so there are no more parts than threads need. Each filter
/// has its own sums, so the split does not change the result, provided no part is so narrow that
/// the matrix kernel treats it as a vector.
fn filter_parts(filters: usize, sums: usize) -> Vec<Range<usize>> {
    let wanted = threads::count().div_ceil(sums.max(1));
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

/// A weight gradient, in the parts of [`filter_parts`]: each of the `sums` is computed from its pieces, for the filters of
/// a part, in parallel; then they are added in order, so that the bits are the same on any number of threads.
pub(in crate::conv) fn by_filters<P: Sync, S: AsMut<[f32]> + Send>(
    filters: usize,
    sums: &[&[P]],
    compute: impl Fn(&Range<usize>, &[P]) -> S + Sync,
) -> Vec<S> {
    let parts = filter_parts(filters, sums.len());
    let tasks: Vec<_> = parts
        .iter()
        .flat_map(|filters| sums.iter().map(move |pieces| (filters, *pieces)))
        .collect();
    let computed: Vec<S> = tasks
        .into_par_iter()
        .map(|(filters, pieces)| {
            let _slice = profile::slice_of(most_filter_parts(filters.len()));
            compute(filters, pieces)
        })
        .collect();
    let mut computed = computed.into_iter();
    let of_parts = parts.iter().map(|filters| {
        let of_filters = computed.by_ref().take(sums.len());
        let total = of_filters.reduce(|mut all, mut part| {
            let (sum, part) = (all.as_mut(), part.as_mut());
            vectorized!(add(sum, part));
            all
        });
        total.unwrap_or_else(|| compute(filters, &[]))
    });
    of_parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forward_pass_is_split_as_far_as_threads_need() {
        for (threads, tasks, parts) in [
            (1, 1, 1),
            (2, 1, 2),
            (2, 3, 2),
            (2, 5, 1),
            (3, 1, 3),
            (16, 4, 4),
            (32, 1, 16),
        ] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let (filters, parts_of) = pool
                .unwrap()
                .install(|| forward_parts(tasks, |parts| 480 / parts));
            assert_eq!(filters, 480 / parts, "{threads} threads, {tasks} tasks");
            assert_eq!(parts_of(480), 480_usize.div_ceil(480 / (16 / tasks)));
        }
    }

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
