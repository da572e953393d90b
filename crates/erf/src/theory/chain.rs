//! Chains of equal-weight windows along one axis: exact path counts and their moments.

/// The number of paths from one unit after the last layer to each input pixel that it sees, along
/// one axis. Layers are `(kernel, stride, dilation)`, starting from the input.
///
/// The counts are whole numbers, exact as long as they stay below 2^53.
///
/// ```
/// use receptive_erf::theory::chain_kernel;
/// assert_eq!(chain_kernel(&[(3, 1, 1); 3]), [1.0, 3.0, 6.0, 7.0, 6.0, 3.0, 1.0]);
/// assert_eq!(chain_kernel(&[(3, 2, 1); 2]), [1.0, 1.0, 2.0, 1.0, 2.0, 1.0, 1.0]);
/// ```
pub fn chain_kernel(layers: &[(usize, usize, usize)]) -> Vec<f64> {
    let mut paths = vec![1.0];
    for &(kernel, stride, dilation) in layers.iter().rev() {
        let reach = dilation * kernel.saturating_sub(1);
        let mut longer = vec![0.0; (paths.len() - 1) * stride + reach + 1];
        for (unit, count) in paths.iter().enumerate() {
            for tap in 0..kernel {
                longer[unit * stride + tap * dilation] += count;
            }
        }
        paths = longer;
    }
    paths
}

/// The exponent of a power law: the least-squares slope of `ln y` against `ln x`. NaN with fewer
/// than two different `x`, or if a value has no logarithm.
pub fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let middle_x = logs.iter().map(|(x, _)| x).sum::<f64>() / n;
    let middle_y = logs.iter().map(|(_, y)| y).sum::<f64>() / n;
    let spread: f64 = logs.iter().map(|(x, _)| (x - middle_x).powi(2)).sum();
    let together: f64 = logs
        .iter()
        .map(|(x, y)| (x - middle_x) * (y - middle_y))
        .sum();
    together / spread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn centres_of_three_tap_chains_are_the_central_trinomials() {
        // https://oeis.org/A002426
        let known = [1, 3, 7, 19, 51, 141, 393, 1107, 3139, 8953];
        for (layers, count) in known.into_iter().enumerate() {
            let paths = chain_kernel(&vec![(3, 1, 1); layers + 1]);
            let expected = if layers == 0 { 1 } else { count };
            assert_eq!(paths.len(), 2 * layers + 3);
            assert_eq!(
                paths[layers + 1],
                f64::from(expected),
                "{} layers",
                layers + 1
            );
        }
    }

    #[test]
    fn the_slope_of_a_power_law_is_its_exponent() {
        let points = [1.0, 2.0, 5.0, 9.0].map(|x: f64| (x, 3.0 * x.powf(0.5)));
        assert!((slope(&points) - 0.5).abs() < 1e-12);
        assert!(slope(&points[..1]).is_nan());
    }
}
