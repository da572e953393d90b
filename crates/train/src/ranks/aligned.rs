//! Sums in a fixed order, determined by the indices of the items.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// The sum of the items `start .. start + len`; `len` is a power of two, and `start` a multiple of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block<T> {
    pub(crate) start: usize,
    pub(crate) len: usize,
    pub(crate) sum: T,
}

impl<T> Block<T> {
    /// A single item.
    pub(crate) fn leaf(item: usize, value: T) -> Self {
        Self {
            start: item,
            len: 1,
            sum: value,
        }
    }

    /// The start of the block with which this one forms a block of twice the length.
    fn sibling(&self) -> usize {
        self.start ^ self.len
    }

    /// The block that consists of both.
    fn joined(self, sibling: Self, add: impl Fn(T, T) -> T) -> Self {
        let (left, right) = match self.start < sibling.start {
            true => (self, sibling),
            false => (sibling, self),
        };
        Self {
            start: left.start,
            len: 2 * left.len,
            sum: add(left.sum, right.sum),
        }
    }
}

/// The sum of items with indices from 0, added in any order and from any thread, as the tree `((0 + 1) + (2 +
/// 3)) + ...`: two siblings are added as soon as both exist.
///
/// A sum of only a contiguous range of the items ends up with the largest aligned blocks in it, at most two of
/// each length. The blocks of several such sums combine to the same tree. So the result is bit-identical
/// however the items are divided, although floating-point addition is not associative.
pub(crate) struct AlignedSum<T> {
    /// The blocks by their start.
    blocks: Mutex<BTreeMap<usize, Block<T>>>,
}

impl<T> Default for AlignedSum<T> {
    fn default() -> Self {
        Self {
            blocks: Mutex::default(),
        }
    }
}

impl<T> AlignedSum<T> {
    /// Adds a block of items that were not added before. The additions run on the calling thread, without
    /// blocking other threads.
    pub(crate) fn insert(&self, block: Block<T>, add: impl Fn(T, T) -> T) {
        let mut block = block;
        while let Some((whole, sibling)) = self.store(block) {
            block = whole.joined(sibling, &add);
        }
    }

    /// Stores the block until its sibling exists. If it already does, removes it and returns both, to be
    /// joined.
    fn store(&self, block: Block<T>) -> Option<(Block<T>, Block<T>)> {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let sibling = blocks.get(&block.sibling());
        if sibling.is_some_and(|sibling| sibling.len == block.len) {
            let sibling = blocks.remove(&block.sibling())?;
            return Some((block, sibling));
        }
        blocks.insert(block.start, block);
        None
    }

    /// The blocks so far, in order.
    pub(crate) fn into_blocks(self) -> Vec<Block<T>> {
        let blocks = self.blocks.into_inner();
        let blocks = blocks.unwrap_or_else(PoisonError::into_inner);
        blocks.into_values().collect()
    }

    /// The sum of all items; `None` if there are none. If their number is not a power of two, the last leaves
    /// of the tree are missing: a block without a right sibling is passed up unchanged.
    pub(crate) fn finish(self, add: impl Fn(T, T) -> T) -> Option<T> {
        let mut blocks = self.into_blocks().into_iter().rev();
        let last = blocks.next()?.sum;
        Some(blocks.fold(last, |right, left| add(left.sum, right)))
    }
}

/// The largest aligned blocks in a range, in order.
pub(crate) fn blocks_of(range: Range<usize>) -> Vec<Block<()>> {
    let mut blocks = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let left = range.end - start;
        // As long as `start` and the rest of the range allow.
        let aligned = match start {
            0 => usize::MAX,
            start => 1 << start.trailing_zeros(),
        };
        let len = aligned.min(1 << left.ilog2());
        blocks.push(Block {
            start,
            len,
            sum: (),
        });
        start += len;
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, shuffled};

    /// Seeded random numbers, for orders and cuts.
    mod rand {
        pub(super) struct Rng(pub(super) u64);

        impl Rng {
            /// A number below `n`. Knuth's generator, of which the high bits are good.
            pub(super) fn below(&mut self, n: usize) -> usize {
                self.0 = self
                    .0
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (self.0 >> 33) as usize % n
            }

            /// Of many orders of magnitude, so that the order of additions matters.
            pub(super) fn value(&mut self) -> f32 {
                let mantissa = self.below(1 << 24) as f32 / (1 << 23) as f32 - 1.0;
                mantissa * 10_f32.powi(self.below(9) as i32 - 4)
            }
        }

        pub(super) fn shuffled(mut items: Vec<usize>, rng: &mut Rng) -> Vec<usize> {
            for last in (1..items.len()).rev() {
                items.swap(last, rng.below(last + 1));
            }
            items
        }
    }

    fn plus(left: f32, right: f32) -> f32 {
        left + right
    }

    fn values(items: usize, rng: &mut Rng) -> Vec<f32> {
        (0..items).map(|_| rng.value()).collect()
    }

    /// By definition: the sum of a range is that of its halves, split at the largest power of two below its
    /// length.
    fn expected(values: &[f32]) -> f32 {
        match values {
            [] => 0.0,
            [one] => *one,
            more => {
                let (left, right) = more.split_at(more.len().next_power_of_two() / 2);
                expected(left) + expected(right)
            }
        }
    }

    fn sum_of(values: &[f32], order: &[usize]) -> Option<f32> {
        let sum = AlignedSum::default();
        for &item in order {
            sum.insert(Block::leaf(item, values[item]), plus);
        }
        sum.finish(plus)
    }

    #[test]
    fn the_tree_is_that_of_the_definition() {
        let text = |items: usize| {
            let sum = AlignedSum::default();
            for item in 0..items {
                let leaf = Block::leaf(item, item.to_string());
                sum.insert(leaf, |left, right| format!("({left}+{right})"));
            }
            sum.finish(|left, right| format!("({left}+{right})"))
        };
        assert_eq!(text(0), None);
        assert_eq!(text(1).unwrap(), "0");
        assert_eq!(text(4).unwrap(), "((0+1)+(2+3))");
        assert_eq!(text(7).unwrap(), "(((0+1)+(2+3))+((4+5)+6))");
    }

    #[test]
    fn any_owners_and_any_order_give_the_bits_of_one_owner() {
        let mut rng = Rng(1);
        for _ in 0..5_000 {
            let items = 1 + rng.below(70);
            let values = values(items, &mut rng);
            let whole = expected(&values);
            let all = shuffled((0..items).collect(), &mut rng);
            assert_eq!(
                sum_of(&values, &all).unwrap().to_bits(),
                whole.to_bits(),
                "{all:?}"
            );
            let mut cuts: Vec<usize> = (0..rng.below(8)).map(|_| rng.below(items + 1)).collect();
            cuts.extend([0, items]);
            cuts.sort_unstable();
            let mut blocks = Vec::new();
            for range in cuts.windows(2) {
                let owner = AlignedSum::default();
                for item in shuffled((range[0]..range[1]).collect(), &mut rng) {
                    owner.insert(Block::leaf(item, values[item]), plus);
                }
                blocks.extend(owner.into_blocks());
            }
            let sum = AlignedSum::default();
            for index in shuffled((0..blocks.len()).collect(), &mut rng) {
                sum.insert(blocks[index], plus);
            }
            let sum = sum.finish(plus).unwrap();
            assert_eq!(sum.to_bits(), whole.to_bits(), "{items} cut at {cuts:?}");
        }
    }

    #[test]
    fn a_range_leaves_the_largest_aligned_blocks_in_it() {
        let blocks = |range: std::ops::Range<usize>| -> Vec<(usize, usize)> {
            let sum = AlignedSum::default();
            for item in range {
                sum.insert(Block::leaf(item, 0.0), plus);
            }
            let blocks = sum.into_blocks().into_iter();
            blocks.map(|block| (block.start, block.len)).collect()
        };
        assert_eq!(blocks(3..11), [(3, 1), (4, 4), (8, 2), (10, 1)]);
        assert_eq!(blocks(8..16), [(8, 8)]);
        for start in 0..64_usize {
            for end in start..130_usize {
                let bits = usize::BITS - (end - start).leading_zeros();
                let blocks = blocks(start..end);
                assert!(blocks.len() <= 2 * bits as usize);
                let known = blocks_of(start..end).into_iter();
                let known: Vec<_> = known.map(|block| (block.start, block.len)).collect();
                assert_eq!(known, blocks, "{start}..{end}");
            }
        }
    }

    #[test]
    fn threads_add_at_the_same_time() {
        let mut rng = Rng(2);
        let values = values(999, &mut rng);
        for threads in [2, 3, 7] {
            let sum = AlignedSum::default();
            std::thread::scope(|scope| {
                for thread in 0..threads {
                    let (sum, values) = (&sum, &values);
                    scope.spawn(move || {
                        for item in (thread..999).step_by(threads) {
                            sum.insert(Block::leaf(item, values[item]), plus);
                        }
                    });
                }
            });
            let sum = sum.finish(plus).unwrap();
            assert_eq!(sum.to_bits(), expected(&values).to_bits());
        }
    }
}
