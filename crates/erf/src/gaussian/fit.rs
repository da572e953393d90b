//! The least-squares fit of a rotated Gaussian without offset.

use super::field::NormalizedMap;
use super::gaussian2::{Gaussian2, Lattice};
use crate::map::Region;
use levenberg_marquardt::{LeastSquaresProblem, LevenbergMarquardt};
use nalgebra::storage::Owned;
use nalgebra::{Matrix6, OMatrix, SMatrix, SVector, SymmetricEigen, U6, U7, Vector6};

/// The largest number of evaluations of a fit per parameter, of which there are 6; a fit that
/// converges takes about 10 in total.
const PATIENCE: usize = 20;

/// A fit and its sensitivity to small changes of the map.
#[derive(Debug)]
pub(super) struct GaussianFit {
    /// The fitted Gaussian, in the field's units.
    pub(super) gaussian: Gaussian2,
    /// 1 minus the fraction of the window's variance that the fit does not explain.
    pub(super) r_squared: Option<f64>,
    /// The change of the logarithm of the fitted sigma with each group's deviation from the map.
    /// First order, a single Gauss-Newton step, so that replicates need no fit of their own.
    pub(super) group_log_sigmas: Vec<f64>,
}

/// The parameters are the amplitude, the mean row and column, and the lower triangle of the
/// Cholesky factor `L` of the precision (row-row, column-row, column-column), which no step can
/// make indefinite.
struct Problem<'a> {
    field: &'a NormalizedMap,
    window: Region,
    parameters: Vector6<f64>,
    system: System,
}

/// The residuals `r` of all pixels of the window and their Jacobian `J`, reduced to what a step is
/// computed from, because a window may have a million pixels.
#[derive(Default)]
struct System {
    /// `J^T J`.
    normal: Matrix6<f64>,
    /// `J^T r`.
    gradient: Vector6<f64>,
    /// `r^T r`.
    squares: f64,
}

impl<'a> Problem<'a> {
    fn new(field: &'a NormalizedMap, window: Region, parameters: Vector6<f64>) -> Self {
        let mut problem = Self {
            field,
            window,
            parameters,
            system: System::default(),
        };
        problem.system = problem.system();
        problem
    }

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

    /// The derivatives of the Gaussian along a row, as three coefficients each: at the column
    /// offset `x` from the mean, a derivative is the Gaussian of amplitude 1 times `c[0] + c[1] x +
    /// c[2] x^2`.
    fn derivatives(&self, row: i64) -> [[f64; 3]; 6] {
        let [amplitude, mean, _, a, b, c]: [f64; 6] = self.parameters.into();
        let y = row as f64 - mean;
        // The whitened offsets `L^T (y, x)` are `a y + b x` and `c x`.
        let (u, v) = (amplitude * a * y, amplitude * b);
        [
            [1.0, 0.0, 0.0],
            [a * u, a * v, 0.0],
            [b * u, b * v + amplitude * c * c, 0.0],
            [-u * y, -v * y, 0.0],
            [0.0, -u, -v],
            [0.0, 0.0, -amplitude * c],
        ]
    }

    /// Calls `each` with every row of a region and the values of the Gaussian with amplitude 1
    /// along it.
    fn walk(&self, region: &Region, mut each: impl FnMut(i64, &[f64])) {
        let lattice = Lattice::new(&self.gaussian());
        let mut line = vec![0.0; region.width];
        for row in region.top..region.bottom() {
            lattice.row(row, region.left, &mut line);
            each(row, &line);
        }
    }

    fn system(&self) -> System {
        let mut system = System::default();
        if !usable(&self.parameters) {
            return system;
        }
        let [amplitude, middle] = [self.parameters[0], self.parameters[2]];
        // The window of a gated network has millions of pixels at which map and Gaussian are both
        // 0.
        let reach = self.gaussian().reach();
        let region = self.window.intersection(&self.field.data.hull(&reach));
        self.walk(&region, |row, line| {
            // Sums over the row of shape^2 x^k and of shape r x^k.
            let (mut shapes, mut residuals) = ([0.0; 5], [0.0; 3]);
            for (column, shape) in (region.left..).zip(line) {
                let residual = amplitude * shape - at(self.field, row, column);
                system.squares += residual * residual;
                let x = column as f64 - middle;
                let (mut square, mut product) = (shape * shape, shape * residual);
                for (k, sum) in shapes.iter_mut().enumerate() {
                    *sum += square;
                    square *= x;
                    if let Some(sum) = residuals.get_mut(k) {
                        *sum += product;
                        product *= x;
                    }
                }
            }
            let derivatives = self.derivatives(row);
            for (i, left) in derivatives.iter().enumerate() {
                for (power, coefficient) in left.iter().enumerate() {
                    system.gradient[i] += coefficient * residuals[power];
                }
                for (j, right) in derivatives.iter().enumerate() {
                    for (m, l) in left.iter().enumerate() {
                        for (n, r) in right.iter().enumerate() {
                            system.normal[(i, j)] += l * r * shapes[m + n];
                        }
                    }
                }
            }
        });
        system
    }
}

impl System {
    /// Seven residuals and their Jacobian with the same `J^T J`, `J^T r` and `r^T r`: those of all
    /// pixels, rotated so that the Jacobian has six non-zero rows and the seventh residual is the
    /// norm of the rest.
    fn turned(&self) -> (SVector<f64, 7>, SMatrix<f64, 7, 6>) {
        // The parameters have different units.
        let scale = self
            .normal
            .diagonal()
            .map(|square| if square > 0.0 { square.sqrt() } else { 1.0 });
        let unit = |i: usize, j: usize| self.normal[(i, j)] / (scale[i] * scale[j]);
        let eigen = SymmetricEigen::new(Matrix6::from_fn(unit));
        let mut residuals = SVector::<f64, 7>::zeros();
        let mut jacobian = SMatrix::<f64, 7, 6>::zeros();
        for (row, value) in eigen.eigenvalues.iter().enumerate() {
            let length = value.max(0.0).sqrt();
            let vector = eigen.eigenvectors.column(row);
            for column in 0..6 {
                jacobian[(row, column)] = length * vector[column] * scale[column];
            }
            // A direction that changes nothing cannot reduce the residuals.
            if *value > f64::EPSILON {
                let along: f64 = (0..6)
                    .map(|i| vector[i] * self.gradient[i] / scale[i])
                    .sum();
                residuals[row] = along / length;
            }
        }
        residuals[6] = (self.squares - residuals.norm_squared()).max(0.0).sqrt();
        (residuals, jacobian)
    }
}

impl LeastSquaresProblem<f64, U7, U6> for Problem<'_> {
    type ParameterStorage = Owned<f64, U6>;
    type ResidualStorage = Owned<f64, U7>;
    type JacobianStorage = Owned<f64, U7, U6>;

    fn set_params(&mut self, parameters: &Vector6<f64>) {
        self.parameters.copy_from(parameters);
        self.system = self.system();
    }

    fn params(&self) -> Vector6<f64> {
        self.parameters
    }

    fn residuals(&self) -> Option<SVector<f64, 7>> {
        usable(&self.parameters).then(|| self.system.turned().0)
    }

    fn jacobian(&self) -> Option<OMatrix<f64, U7, U6>> {
        usable(&self.parameters).then(|| self.system.turned().1)
    }
}

fn usable(parameters: &Vector6<f64>) -> bool {
    let widths = parameters[3] * parameters[5];
    parameters.iter().all(|p| p.is_finite()) && widths.is_finite() && widths != 0.0
}

fn at(field: &NormalizedMap, row: i64, column: i64) -> f64 {
    if !field.data.contains(row, column) {
        return 0.0;
    }
    let (down, right) = (row - field.data.top, column - field.data.left);
    field.values[down as usize * field.data.width + right as usize]
}

/// Fits the field on a window, starting from the moments; `None` if the fit does not converge.
pub(super) fn fit(field: &NormalizedMap, window: &Region) -> Option<GaussianFit> {
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
    if !usable(&start) {
        return None;
    }
    let problem = Problem::new(field, *window, start);
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
    let variance = squares - 1.0 / window.area() as f64; // the values sum to 1
    let left = 2.0 * report.objective_function;
    Some(GaussianFit {
        gaussian,
        // A box fills its own window, so there is no variance to explain.
        r_squared: (variance > 1e-12 * squares).then(|| 1.0 - left / variance),
        group_log_sigmas: group_log_sigmas(&problem),
    })
}

/// `log sigma = -log(a c) / 2`, to first order in the change of the parameters, `(J^T J)^-1 J^T
/// (group - map)`.
fn group_log_sigmas(problem: &Problem<'_>) -> Vec<f64> {
    let field = problem.field;
    let p = &problem.parameters;
    let wanted = Vector6::new(0.0, 0.0, 0.0, -0.5 / p[3], 0.0, -0.5 / p[5]);
    let Some(direction) = problem
        .system
        .normal
        .cholesky()
        .map(|factor| factor.solve(&wanted))
    else {
        return vec![0.0; field.groups.len()];
    };
    let mut changes = vec![0.0; field.groups.len()];
    let mut index = 0;
    problem.walk(&field.data, |row, line| {
        let derivatives = problem.derivatives(row);
        let along: [f64; 3] = std::array::from_fn(|power| {
            let all = derivatives.iter().zip(direction.iter());
            all.map(|(coefficients, weight)| coefficients[power] * weight)
                .sum()
        });
        for (column, shape) in (field.data.left..).zip(line) {
            let x = column as f64 - p[2];
            let weight = shape * (along[0] + x * (along[1] + x * along[2]));
            for (change, group) in changes.iter_mut().zip(&field.groups) {
                *change += weight * (group[index] - field.values[index]);
            }
            index += 1;
        }
    });
    changes
}
