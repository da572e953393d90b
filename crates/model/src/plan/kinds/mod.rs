//! What each kind of layer makes of what it gets, a file for each family.

mod conv;
mod dense;
mod pointwise;
mod pool;

pub(super) use conv::conv2d;
pub(super) use dense::{flatten, linear};
pub(super) use pointwise::{activation, batch_norm, dropout};
pub(super) use pool::{avg_pool2d, global_avg_pool2d, max_pool2d};

use super::check::At;
use super::signal::Signal;
use super::{Field, Operation, Shape};
use crate::config::{Activation, Padding, Pair};

/// The place a layer stands at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site<'a> {
    pub(super) at: At<'a>,
    pub(super) signal: Signal,
    pub(super) strict: bool,
    /// For weights whose output meets this layer's activation.
    pub(super) gain: f64,
    /// Whether nothing follows: then a `linear` may leave its units to the classes.
    pub(super) last: bool,
    pub(super) classes: Option<usize>,
}

/// A layer worked out.
#[derive(Debug)]
pub(super) struct Worked {
    pub(super) summary: String,
    pub(super) output: Shape,
    pub(super) params: usize,
    pub(super) buffers: usize,
    pub(super) macs: usize,
    pub(super) trf: [Field; 2],
    pub(super) notes: Vec<String>,
    pub(super) operation: Operation,
}

impl Worked {
    /// A layer that has nothing to learn and keeps shape and field.
    fn same(signal: &Signal, summary: impl Into<String>, operation: Operation) -> Self {
        Self {
            summary: summary.into(),
            output: signal.shape,
            params: 0,
            buffers: 0,
            macs: 0,
            trf: signal.trf,
            notes: Vec::new(),
            operation,
        }
    }
}

fn window_summary(size: &str, strides: Pair, dilation: Pair, padding: Padding) -> String {
    let mut summary = size.to_string();
    if strides != Pair::square(1) {
        summary += &format!(", stride {}", short(strides));
    }
    if dilation != Pair::square(1) {
        summary += &format!(", dilation {}", short(dilation));
    }
    match padding {
        Padding::Same => summary += ", same",
        Padding::Valid => {}
        Padding::Pixels(pair) => summary += &format!(", pad {}", short(pair)),
    }
    summary
}

fn short(pair: Pair) -> String {
    if pair.height == pair.width {
        pair.height.to_string()
    } else {
        pair.to_string()
    }
}

/// The activation's name behind a comma, where there is one.
pub(super) fn and(activation: Option<Activation>) -> String {
    activation.map_or(String::new(), |activation| {
        format!(", {}", activation.name())
    })
}
