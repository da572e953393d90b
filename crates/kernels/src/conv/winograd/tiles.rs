//! A transform along both axes of many tiles.

use super::LANES;
use super::linear::Linear;
use pulp::{Simd, WithSimd};
use std::marker::PhantomData;

/// Where the elements of tiles lie: element `(i, j)` of a tile is `i * row + j * column` after the
/// tile's first. Each element is a run of neighbouring channels.
#[derive(Clone, Copy)]
pub(super) struct Strides {
    /// Tiles side by side.
    pub(super) per_line: usize,
    /// From a line of tiles to the next.
    pub(super) line: usize,
    /// From a tile to the one at its right.
    pub(super) tile: usize,
    pub(super) row: usize,
    pub(super) column: usize,
}

impl Strides {
    /// Of tiles one after the other.
    pub(super) fn in_line(tile: usize, row: usize, column: usize) -> Self {
        Self {
            per_line: 1,
            line: tile,
            tile: 0,
            row,
            column,
        }
    }

    #[inline(always)]
    fn first(&self, tile: usize) -> usize {
        tile / self.per_line * self.line + tile % self.per_line * self.tile
    }
}

/// Applies `T` to rows and columns of `tiles` tiles of `lanes` channels each, a multiple of
/// [`LANES`].
pub(super) fn transform<T: Linear<IN, OUT>, const IN: usize, const OUT: usize>(
    tiles: usize,
    lanes: usize,
    source: &[f32],
    from: Strides,
    target: &mut [f32],
    to: Strides,
) {
    debug_assert_eq!(lanes % LANES, 0);
    pulp::Arch::new().dispatch(Tiles::<T, IN, OUT> {
        tiles,
        lanes,
        source,
        from,
        target,
        to,
        transform: PhantomData,
    });
}

struct Tiles<'a, T, const IN: usize, const OUT: usize> {
    tiles: usize,
    lanes: usize,
    source: &'a [f32],
    from: Strides,
    target: &'a mut [f32],
    to: Strides,
    transform: PhantomData<T>,
}

impl<T: Linear<IN, OUT>, const IN: usize, const OUT: usize> WithSimd for Tiles<'_, T, IN, OUT> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let zero = simd.splat_f32s(0.0);
        for tile in 0..self.tiles {
            let (from, to) = (self.from.first(tile), self.to.first(tile));
            for lane in (0..self.lanes).step_by(S::F32_LANES) {
                let source = &self.source[from + lane..];
                let target = &mut self.target[to + lane..];
                // Columns first: `half[j]` is column `j`, transformed. Loops, not closures: what a
                // closure calls would not be compiled for the processor at hand.
                let mut half = [[zero; OUT]; IN];
                for (j, half) in half.iter_mut().enumerate() {
                    let mut column = [zero; IN];
                    for (i, value) in column.iter_mut().enumerate() {
                        let at = i * self.from.row + j * self.from.column;
                        *value = S::as_simd_f32s(&source[at..][..S::F32_LANES]).0[0];
                    }
                    *half = T::apply(simd, column);
                }
                for i in 0..OUT {
                    let mut row = [zero; IN];
                    for (value, half) in row.iter_mut().zip(&half) {
                        *value = half[i];
                    }
                    for (j, value) in T::apply(simd, row).into_iter().enumerate() {
                        let at = i * self.to.row + j * self.to.column;
                        S::as_mut_simd_f32s(&mut target[at..][..S::F32_LANES]).0[0] = value;
                    }
                }
            }
        }
    }
}
