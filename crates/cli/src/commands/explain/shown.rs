//! What `--json` prints.

use receptive_model::PlannedLayer;
use receptive_model::explain::{Nearest, SlidingAxis};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Shown {
    pub(super) layer: &'static str,
    pub(super) output: Vec<usize>,
    pub(super) formula: String,
    /// Height and width; one where they are the same.
    pub(super) axes: Vec<SlidingAxis>,
    /// What `valid` and `same` give, for each of the axes.
    pub(super) valid: Vec<usize>,
    pub(super) same: Vec<usize>,
    pub(super) params: usize,
    pub(super) macs: usize,
    pub(super) field: [i64; 2],
    pub(super) step: [i64; 2],
    pub(super) nearest: Vec<Nearest>,
}

impl Shown {
    /// A layer through which no window slides.
    pub(super) fn of(layer: &'static str, planned: &PlannedLayer, formula: String) -> Self {
        Self {
            layer,
            output: planned.output.dims(),
            formula,
            axes: Vec::new(),
            valid: Vec::new(),
            same: Vec::new(),
            params: planned.params,
            macs: planned.macs,
            field: planned.trf.map(|field| field.size()),
            step: planned.trf.map(|field| field.stride),
            nearest: Vec::new(),
        }
    }
}
