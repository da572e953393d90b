//! Error bars of any number that a map gives.

use crate::Map;
use crate::gaussian::Estimate;

/// Half of a 95 % interval in standard errors.
const NORMAL_95: f64 = 1.96;

/// `statistic` of the mean map, with the interval that leaving out one group of samples after the
/// other gives (the delete-one jackknife). Without two groups there is none.
pub(crate) fn jackknife(map: &Map, groups: &[Map], statistic: impl Fn(&Map) -> f64) -> Estimate {
    let value = statistic(map);
    let count = groups.len() as f64;
    if groups.len() < 2 {
        return Estimate::exact(value);
    }
    let mut sum = Map::zeros(map.region());
    for group in groups {
        sum.add(group);
    }
    let without: Vec<f64> = groups
        .iter()
        .map(|group| {
            let mut rest = sum.clone();
            rest.add(&group.map(|value| -value));
            statistic(&rest.map(|value| value / (count - 1.0)))
        })
        .collect();
    let mean = without.iter().sum::<f64>() / count;
    let spread: f64 = without.iter().map(|one| (one - mean).powi(2)).sum();
    let error = NORMAL_95 * ((count - 1.0) / count * spread).sqrt();
    Estimate {
        value,
        low: value - error,
        high: value + error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Region;

    #[test]
    fn of_a_mean_it_is_the_standard_error() {
        let groups: Vec<Map> = (0..10)
            .map(|i| Map::from_fn(Region::image(1, 1), |_, _| f64::from(i)))
            .collect();
        let map = Map::from_fn(Region::image(1, 1), |_, _| 4.5);
        let found = jackknife(&map, &groups, Map::total);
        // The variance of 0..=9 is 55/6, of their mean a tenth of that.
        let error = 1.96 * (55.0_f64 / 6.0 / 10.0).sqrt();
        assert!((found.high - 4.5 - error).abs() < 1e-12 && found.value == 4.5);
        assert_eq!(jackknife(&map, &groups[..1], Map::total).high, 4.5);
    }
}
