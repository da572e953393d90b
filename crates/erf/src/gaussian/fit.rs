//! The least-squares fit of a rotated Gaussian without an offset.

use super::field::Field;
use super::gaussian2::{Gaussian2, Lattice};
use crate::map::Region;
use levenberg_marquardt::{LeastSquaresProblem, LevenbergMarquardt};
use nalgebra::storage::Owned;
use nalgebra::{DVector, Dyn, Matrix6, OMatrix, U6, Vector6};

/// Evaluations of the map that a fit may take, for each of the 6 parameters; where it converges it
/// takes about 10 in all.
const PATIENCE: usize = 20;

/// A fit, and how it answers to a small change of the map.
#[derive(Debug)]
pub(super) struct Fit {
    /// The fitted Gaussian, in the field's units.
    pub(super) gaussian: Gaussian2,
    /// One less the share of the variance on the window that the fit leaves.
    pub(super) r_squared: Option<f64>,
    /// The change of the logarithm of the fitted sigma with each group's deviation from the map:
    /// first order, one Gauss-Newton step, so that no replicate needs a fit of its own.
    pub(super) group_log_sigmas: Vec<f64>,
}

/// The parameters: amplitude, mean row and column, and the lower triangle of the precision's
/// Cholesky factor `L` (row-row, column-row, column-column), which no step can make indefinite.
struct Problem<'a> {
    field: &'a Field,
    window: Region,
    parameters: Vector6<f64>,
}

impl Problem<'_> {
    fn gaussian(&self) -> Gaussian2 {
        let [amplitude, row, column, a, b, c]: [f64; 6] = self.parameters.into();
        // precision = L L^T with L = [[a, 0], [b, c]]
        let determinant = (a * c).powi(2);
        Gaussian2 {
            amplitude,
            mean: [row, column],
            covariance: [
                [(b * b + c * c) / determinant, -a * b / determinant],
                [-a * b / determinant, a * a / determinant],
            ],
        }
    }

    /// `y` and `x` from the mean and the whitened offsets `u = L^T (y, x)`.
    fn offsets(&self, row: i64, column: i64) -> [f64; 4] {
        let p = &self.parameters;
        let (y, x) = (row as f64 - p[1], column as f64 - p[2]);
        [y, x, p[3] * y + p[4] * x, p[5] * x]
    }

    /// The derivatives of the Gaussian at a pixel, where it has the given share of its amplitude.
    fn gradient(&self, row: i64, column: i64, shape: f64) -> [f64; 6] {
        let p = &self.parameters;
        let [y, x, u, v] = self.offsets(row, column);
        let value = p[0] * shape;
        [
            shape,
            value * u * p[3],
            value * (u * p[4] + v * p[5]),
            -value * u * y,
            -value * u * x,
            -value * v * x,
        ]
    }

    /// Calls `each` with every pixel of a region and the Gaussian of amplitude 1 there.
    fn walk(&self, region: &Region, mut each: impl FnMut(i64, i64, f64)) {
        let lattice = Lattice::new(&self.gaussian());
        let mut line = vec![0.0; region.width];
        for row in region.top..region.bottom() {
            lattice.row(row, region.left, &mut line);
            for (column, shape) in (region.left..).zip(&line) {
                each(row, column, *shape);
            }
        }
    }
}

impl LeastSquaresProblem<f64, Dyn, U6> for Problem<'_> {
    type ParameterStorage = Owned<f64, U6>;
    type ResidualStorage = Owned<f64, Dyn>;
    type JacobianStorage = Owned<f64, Dyn, U6>;

    fn set_params(&mut self, parameters: &Vector6<f64>) {
        self.parameters.copy_from(parameters);
    }

    fn params(&self) -> Vector6<f64> {
        self.parameters
    }

    fn residuals(&self) -> Option<DVector<f64>> {
        if !usable(&self.parameters) {
            return None;
        }
        let mut residuals = DVector::zeros(self.window.area());
        let mut index = 0;
        self.walk(&self.window, |row, column, shape| {
            residuals[index] = self.parameters[0] * shape - at(self.field, row, column);
            index += 1;
        });
        Some(residuals)
    }

    fn jacobian(&self) -> Option<OMatrix<f64, Dyn, U6>> {
        if !usable(&self.parameters) {
            return None;
        }
        let mut jacobian = OMatrix::<f64, Dyn, U6>::zeros(self.window.area());
        let mut index = 0;
        self.walk(&self.window, |row, column, shape| {
            for (slot, value) in self.gradient(row, column, shape).into_iter().enumerate() {
                jacobian[(index, slot)] = value;
            }
            index += 1;
        });
        Some(jacobian)
    }
}

fn usable(parameters: &Vector6<f64>) -> bool {
    let widths = parameters[3] * parameters[5];
    parameters.iter().all(|p| p.is_finite()) && widths.is_finite() && widths != 0.0
}

fn at(field: &Field, row: i64, column: i64) -> f64 {
    if !field.data.contains(row, column) {
        return 0.0;
    }
    let (down, right) = (row - field.data.top, column - field.data.left);
    field.values[down as usize * field.data.width + right as usize]
}

/// Fits the field on a window, starting from its moments; `None` if that does not converge.
pub(super) fn fit(field: &Field, window: &Region) -> Option<Fit> {
    let moments = field.sums.gaussian();
    let [[rr, rc], [_, cc]] = moments.precision();
    let a = rr.sqrt();
    let start = Vector6::new(
        1.0 / (2.0 * std::f64::consts::PI * moments.sigma().powi(2)),
        moments.mean[0],
        moments.mean[1],
        a,
        rc / a,
        (cc - rc * rc / rr).sqrt(),
    );
    let problem = Problem {
        field,
        window: *window,
        parameters: start,
    };
    if !usable(&start) {
        return None;
    }
    let (problem, report) = LevenbergMarquardt::new()
        .with_ftol(1e-10)
        .with_xtol(1e-10)
        .with_patience(PATIENCE)
        .minimize(problem);
    let gaussian = problem.gaussian();
    if !report.termination.was_successful() || !usable(&problem.parameters) {
        return None;
    }
    let [_, minor] = gaussian.sigmas();
    if gaussian.amplitude <= 0.0 || minor <= 0.0 {
        return None;
    }
    let squares: f64 = field.values.iter().map(|value| value * value).sum();
    let variance = squares - 1.0 / window.area() as f64; // the values' sum is 1
    let left = 2.0 * report.objective_function;
    Some(Fit {
        gaussian,
        // A box fills its own window: there is no variance to explain.
        r_squared: (variance > 1e-12 * squares).then(|| 1.0 - left / variance),
        group_log_sigmas: group_log_sigmas(&problem),
    })
}

/// `log sigma = -log(a c) / 2`, carried to the parameters' change `(J^T J)^-1 J^T (group - map)`.
fn group_log_sigmas(problem: &Problem<'_>) -> Vec<f64> {
    let field = problem.field;
    let mut normal = Matrix6::zeros();
    problem.walk(&problem.window, |row, column, shape| {
        let gradient = Vector6::from(problem.gradient(row, column, shape));
        normal.ger(1.0, &gradient, &gradient, 1.0);
    });
    let p = &problem.parameters;
    let wanted = Vector6::new(0.0, 0.0, 0.0, -0.5 / p[3], 0.0, -0.5 / p[5]);
    let Some(direction) = normal.cholesky().map(|factor| factor.solve(&wanted)) else {
        return vec![0.0; field.groups.len()];
    };
    let mut changes = vec![0.0; field.groups.len()];
    let mut index = 0;
    problem.walk(&field.data, |row, column, shape| {
        let weight = direction.dot(&Vector6::from(problem.gradient(row, column, shape)));
        for (change, group) in changes.iter_mut().zip(&field.groups) {
            *change += weight * (group[index] - field.values[index]);
        }
        index += 1;
    });
    changes
}
