/// Most points that are kept: more than any terminal has columns.
const MOST: usize = 1024;

/// A curve through any number of values in a bounded number of points: each is the mean of as many
/// neighbours as it takes.
#[derive(Debug, Clone)]
pub(super) struct Curve {
    points: Vec<(f64, f64)>,
    /// Values in each point.
    every: usize,
    /// The next point: sums and count.
    sums: (f64, f64),
    count: usize,
}

impl Curve {
    pub(super) fn new() -> Self {
        Self {
            points: Vec::new(),
            every: 1,
            sums: (0.0, 0.0),
            count: 0,
        }
    }

    pub(super) fn push(&mut self, x: f64, y: f64) {
        if !y.is_finite() {
            return;
        }
        self.sums = (self.sums.0 + x, self.sums.1 + y);
        self.count += 1;
        if self.count < self.every {
            return;
        }
        let count = self.count as f64;
        self.points.push((self.sums.0 / count, self.sums.1 / count));
        (self.sums, self.count) = ((0.0, 0.0), 0);
        if self.points.len() == MOST {
            let halves = self.points.chunks_exact(2);
            let middle = |a: f64, b: f64| (a + b) / 2.0;
            self.points = halves
                .map(|pair| (middle(pair[0].0, pair[1].0), middle(pair[0].1, pair[1].1)))
                .collect();
            self.every *= 2;
        }
    }

    pub(super) fn points(&self) -> &[(f64, f64)] {
        &self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_values_keeps_its_mean_in_a_bounded_number_of_points() {
        let mut curve = Curve::new();
        for i in 0..1_000_000 {
            curve.push(f64::from(i), f64::from(i % 2));
        }
        let points = curve.points();
        assert!(points.len() < MOST && points.len() >= MOST / 2);
        assert!(points.iter().all(|point| point.1 == 0.5), "{:?}", points[0]);
        assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0));
        curve.push(0.0, f64::NAN);
        assert!(curve.points().iter().all(|point| point.1.is_finite()));
    }
}
