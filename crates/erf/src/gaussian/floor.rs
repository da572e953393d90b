//! A floor: far from the centre the map no longer decays.

use super::field::Field;
use super::fitted::Gaussian2;
use super::thresholds::{FLOOR_KEPT, FLOOR_RADIUS, FLOOR_SHARE};

/// Whether the outermost ring of the data, as far as it is [`FLOOR_RADIUS`] from the fit's centre,
/// is above [`FLOOR_SHARE`] of the fit's peak and hardly below the ring one sigma further inside.
pub(super) fn is_floor(field: &Field, fit: &Gaussian2) -> bool {
    let step = fit.sigma().ceil() as i64;
    let (Some(outer), Some(inner)) = (ring(field, fit, 0), ring(field, fit, step)) else {
        return false;
    };
    outer > FLOOR_SHARE * fit.amplitude && outer > FLOOR_KEPT * inner
}

/// The mean over the pixels `inset` from the edge and far from the fit's centre.
fn ring(field: &Field, fit: &Gaussian2, inset: i64) -> Option<f64> {
    let (height, width) = (field.data.height as i64, field.data.width as i64);
    let (mut sum, mut count) = (0.0, 0.0);
    for (index, value) in field.values.iter().enumerate() {
        let (down, right) = (index as i64 / width, index as i64 % width);
        let from_edge = down
            .min(right)
            .min(height - 1 - down)
            .min(width - 1 - right);
        let (row, column) = field.place(index);
        if from_edge == inset && fit.mahalanobis_squared(row, column) > FLOOR_RADIUS.powi(2) {
            sum += value;
            count += 1.0;
        }
    }
    (count > 0.0).then(|| sum / count)
}
