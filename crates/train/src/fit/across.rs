//! The sum of a step's shards over all ranks.

use super::flat::Layout;
use super::partial::Partial;
use crate::compute::Compute;
use crate::error::TrainError;
use crate::ranks::Ranks;
use crate::ranks::aligned::Block;
use receptive_core::hash::ContentHash;
use receptive_model::Classifier;

/// Sums the step's `shards` over all ranks; `own` are the blocks of this rank's part. `None` if there are no
/// shards.
///
/// # Errors
/// The error of this rank or of another.
pub(super) fn sum(
    ranks: &Ranks,
    own: Result<Vec<Block<Partial>>, TrainError>,
    shards: usize,
    model: &Classifier,
    compute: &Compute,
) -> Result<Option<Partial>, TrainError> {
    let layout = own.as_ref().ok().and_then(|blocks| {
        let layouts = blocks.iter().map(|block| Layout::of(&block.sum, model));
        layouts.reduce(Layout::or)
    });
    let layout = match &layout {
        Some(layout) => serde_json::to_vec(layout).unwrap_or_default(),
        None => Vec::new(),
    };
    let (blocks, error) = match own {
        Ok(blocks) => (blocks, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    // A rank without shards has no layout of its own, and uses that of the others.
    let tag = match layout.len() {
        0 => 0,
        _ => ContentHash::of(&layout).key()[0].max(1),
    };
    let layouts = ranks.begin_step(error.map_or(Ok((tag, layout)), Err))?;
    let layouts = layouts.iter().filter(|layout| !layout.is_empty());
    let layouts = layouts.filter_map(|layout| serde_json::from_slice::<Layout>(layout).ok());
    let Some(layout) = layouts.reduce(Layout::or) else {
        return Ok(None);
    };
    let values = layout.len(model);
    let flat = |block: Block<Partial>| Block {
        start: block.start,
        len: block.len,
        sum: layout.flat(block.sum, model),
    };
    let blocks: Vec<Block<Vec<f32>>> = blocks.into_iter().map(flat).collect();
    let sum = ranks.sum(&blocks, shards, values);
    Ok(layout.partial(&sum, model, compute.device()))
}
