//! The error of a mean, from groups of samples.

/// Half of the 95 % interval of the mean over groups: 1.96 standard errors; nothing for fewer than
/// two groups.
pub(super) fn half(groups: impl Iterator<Item = f64>) -> Option<f64> {
    // Welford: one pass, and no difference of large sums.
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for value in groups {
        count += 1.0;
        let off: f64 = value - mean;
        mean += off / count;
        squares += off * (value - mean);
    }
    (count > 1.0).then(|| 1.96 * (squares / (count - 1.0) / count).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_shrinks_with_the_root_of_the_number_of_groups() {
        let groups = |count: u32| (0..count).map(|i| f64::from(i % 2));
        let (few, many) = (half(groups(4)).unwrap(), half(groups(400)).unwrap());
        assert!(
            (few / many - (400.0_f64 / 4.0 * (399.0 / 400.0) / (3.0 / 4.0)).sqrt()).abs() < 1e-9
        );
        assert_eq!(half([3.0].into_iter()), None);
    }
}
