//! The mass under test: a map within the theoretical field, and the window around it.

use super::moments::Sums;
use super::thresholds::WINDOW_SIGMAS;
use crate::{Map, Region};

/// A map and its groups over one region, in units in which the map's mass is 1.
#[derive(Debug)]
pub(super) struct Field {
    /// Where the window's gradients can be other than 0: the map within the theoretical field.
    pub(super) data: Region,
    /// The theoretical field, grown until it holds 4 sigma on each side. Pixels of the window that
    /// the data do not cover are exact zeros.
    pub(super) window: Region,
    /// The map over the data, row by row.
    pub(super) values: Vec<f64>,
    /// The groups over the data, in the map's units.
    pub(super) groups: Vec<Vec<f64>>,
    /// The map's moments.
    pub(super) sums: Sums,
    /// Each group's moments.
    pub(super) group_sums: Vec<Sums>,
}

impl Field {
    /// The field of a map of positive mass within `trf`; nothing if it has none there.
    pub(super) fn new(map: &Map, groups: &[Map], trf: &Region) -> Option<Self> {
        let data = map.region().intersection(trf);
        let total: f64 = map.over(data).total();
        if !(total.is_finite() && total > 0.0) {
            return None;
        }
        let scaled = |map: &Map| -> Vec<f64> {
            let map = map.over(data);
            map.values().iter().map(|value| value / total).collect()
        };
        let values = scaled(map);
        let sums = Sums::of(&data, &values);
        let groups: Vec<Vec<f64>> = groups.iter().map(scaled).collect();
        let group_sums = groups.iter().map(|group| Sums::of(&data, group)).collect();
        let gaussian = sums.gaussian();
        let ends = |axis: usize| {
            let reach = WINDOW_SIGMAS * gaussian.covariance[axis][axis].sqrt();
            let (first, last) = (gaussian.mean[axis] - reach, gaussian.mean[axis] + reach);
            (first.floor() as i64, last.ceil() as i64 + 1)
        };
        let ((top, bottom), (left, right)) = (ends(0), ends(1));
        let grown = Region {
            top,
            left,
            height: (bottom - top) as usize,
            width: (right - left) as usize,
        };
        Some(Self {
            data,
            window: trf.hull(&grown),
            values,
            groups,
            sums,
            group_sums,
        })
    }

    /// The row and the column of a value's index.
    pub(super) fn place(&self, index: usize) -> (f64, f64) {
        let width = self.data.width.max(1);
        (
            (self.data.top + (index / width) as i64) as f64,
            (self.data.left + (index % width) as i64) as f64,
        )
    }
}
