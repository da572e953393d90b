//! The sum of a step over all ranks.

use super::{Kind, Ranks, told};
use crate::error::TrainError;
use crate::ranks::aligned::{AlignedSum, Block, blocks_of};
use std::borrow::Cow;
use std::sync::PoisonError;
use std::time::Instant;

/// Number of values of each block that are summed at a time: 16 MiB.
const WINDOW: usize = 4 << 20;

impl Ranks {
    /// Begins a step. Each rank reports whether it has computed its part, with a description of its values and
    /// its hash, or 0 if it has none. Returns all descriptions, which are only sent if they are new.
    ///
    /// # Errors
    /// The error of this rank or of another.
    pub(crate) fn begin_step(
        &self,
        own: Result<(u64, Vec<u8>), TrainError>,
    ) -> Result<Vec<Vec<u8>>, TrainError> {
        let (own, error) = told(own);
        let (tag, text) = own.as_ref().map_or((0, Vec::new()), Clone::clone);
        let headers = match self.round(Kind::Step, &own.map(|_| Vec::new()), tag) {
            Ok(headers) => headers,
            Err(of_rank) => return Err(error.unwrap_or(of_rank)),
        };
        let mut tags: Vec<u64> = headers.iter().map(|header| header.tag).collect();
        tags.retain(|tag| *tag != 0);
        let known = self
            .described
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((tag, texts)) = &*known
            && tags.iter().all(|other| other == tag)
        {
            return Ok(texts.clone());
        }
        drop(known);
        let texts = self.gather(Kind::Step, Ok(text))?;
        let tag = tags.first().copied().unwrap_or(0);
        *self
            .described
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some((tag, texts.clone()));
        Ok(texts)
    }

    /// The sum over all `items`, each with `values` values; `own` are the blocks of this rank's part. Adds
    /// value by value in the order of the aligned tree. Each rank sums a part of the values for all ranks, so
    /// with one block per rank it sends about two copies of a block, whatever the number of ranks.
    pub(crate) fn sum(&self, own: &[Block<Vec<f32>>], items: usize, values: usize) -> Vec<f32> {
        let began = Instant::now();
        let blocks: Vec<Vec<Block<()>>> = (0..self.size())
            .map(|rank| blocks_of(self.part(items, rank)))
            .collect();
        let mut sum = vec![0.0; values];
        let mut sent = 0;
        for start in (0..values).step_by(WINDOW) {
            let window = WINDOW.min(values - start);
            let of = |rank: usize| {
                let part = self.part(window, rank);
                start + part.start..start + part.end
            };
            let mine = of(self.rank()).len();
            let to: Vec<usize> = (0..self.size())
                .map(|rank| own.len() * of(rank).len())
                .collect();
            let from: Vec<usize> = blocks.iter().map(|blocks| blocks.len() * mine).collect();
            let out: Cow<'_, [f32]> = match own {
                // The parts of all ranks, in order.
                [block] => Cow::Borrowed(&block.sum[start..start + window]),
                _ => (0..self.size())
                    .flat_map(|rank| own.iter().map(move |block| &block.sum[of(rank)]))
                    .collect::<Vec<_>>()
                    .concat()
                    .into(),
            };
            let all = self.transport.exchange(&out, &to, &from);
            let tree = AlignedSum::default();
            let all_blocks = blocks.iter().flatten();
            for (block, values) in all_blocks.zip(all.chunks_exact(mine.max(1))) {
                let block = Block {
                    start: block.start,
                    len: block.len,
                    sum: Cow::Borrowed(values),
                };
                tree.insert(block, add);
            }
            let part = tree.finish(add).unwrap_or_default();
            let lengths: Vec<usize> = (0..self.size()).map(|rank| of(rank).len()).collect();
            let all = &mut sum[start..start + window];
            self.transport.all_gather_values(&part, &lengths, all);
            let others = self.size() - 1;
            sent += 4 * (out.len() - to[self.rank()] + others * part.len());
        }
        let mut traffic = self.count();
        traffic.steps += 1;
        traffic.sent_bytes += sent as u64;
        traffic.sending_seconds += began.elapsed().as_secs_f64();
        sum
    }
}

/// Adds value by value, in the memory of one that has its own; a sum of two does not depend on their order.
fn add<'a>(left: Cow<'a, [f32]>, right: Cow<'a, [f32]>) -> Cow<'a, [f32]> {
    let (mut sum, other) = match (left, right) {
        (left @ Cow::Borrowed(_), right @ Cow::Owned(_)) => (right, left),
        both => both,
    };
    for (sum, other) in sum.to_mut().iter_mut().zip(&*other) {
        *sum += other;
    }
    sum
}
