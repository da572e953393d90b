//! Every threshold of the test, with where it comes from.
//!
//! "Controls" are the maps of `tests/it/controls.rs`: 14 that theory calls Gaussian have a total
//! variation of at most 0.08, all but two of the others at least 0.147.

/// Total variation at most this: Gaussian. The controls leave 0.08 to 0.147 empty but for the
/// borderline ones.
pub const GAUSSIAN_TV: f64 = 0.10;
/// Total variation above this: not Gaussian.
pub const OTHER_TV: f64 = 0.15;
/// Excess kurtosis per axis at most this, either way: Gaussian. For chains of boxes the total
/// variation is about 0.084 of it, so this is the stricter twin of [`GAUSSIAN_TV`].
pub const GAUSSIAN_KURTOSIS: f64 = 0.75;
/// Excess kurtosis beyond this, either way: not Gaussian.
pub const OTHER_KURTOSIS: f64 = 1.0;
/// Mardia's kurtosis within this of 8, that of any Gaussian in the plane.
pub const GAUSSIAN_MARDIA: f64 = 2.0;
/// The hole index of a Gaussian; 0.81 is the lowest of the controls that are none of a grid.
pub const GAUSSIAN_HOLE: f64 = 0.5;
/// A hole index below this: not Gaussian.
pub const OTHER_HOLE: f64 = 0.3;
/// The least-squares sigma over the moments' one; 1.10 is the largest of the Gaussian controls.
pub const GAUSSIAN_RATIO: [f64; 2] = [0.85, 1.15];

/// The noise in total variation up to which a straddled threshold is the map's own doing. Reached
/// at 800 samples of a squared gradient and 230 of an absolute one.
pub const SETTLED_NOISE: f64 = 0.02;
/// The noise in total variation above which no map is called Gaussian or borderline.
pub const MOST_NOISE: f64 = 0.05;
/// The share of the mass on the image's edge above which the edge cuts the field.
pub const MOST_CUT: f64 = 0.01;
/// The share of samples with a gradient of zero above which the unit is dead.
pub const MOST_DEAD: f64 = 0.5;
/// The share of the mass outside the theoretical field that f32 sums may leave there; a network
/// that its plan describes has exactly none.
pub const MOST_OUTSIDE: f64 = 1e-6;
/// The standard deviation in pixels below which the lattice is too coarse for a Gaussian: two
/// layers of 3 x 3 have 1.15, one has 0.82.
pub const LEAST_SIGMA: f64 = 1.0;

/// Excess kurtosis below minus this: flat, like a box (-1.2) or a disc (-1.0).
pub const BOX_KURTOSIS: f64 = 0.9;
/// Excess kurtosis above this: peaked, like an exponential.
pub const PEAKED_KURTOSIS: f64 = 0.9;
/// Mardia's excess above this: peaked.
pub const PEAKED_MARDIA: f64 = 2.0;
/// A floor is at least this share of the peak.
pub const FLOOR_SHARE: f64 = 0.002;
/// A floor begins this many least-squares sigmas from the centre: a Gaussian is at 1.1 % there.
pub const FLOOR_RADIUS: f64 = 3.0;
/// A floor keeps this much of its value over the last least-squares sigma; a tail of r^-3, the
/// slowest of the controls, keeps half.
pub const FLOOR_KEPT: f64 = 0.8;
/// Smoothing before modes are counted, in sigmas: wipes out a grid, keeps two blobs apart.
pub const MODE_SMOOTHING: f64 = 0.4;
/// How far a mode must stand above the pass to a higher one, as a share of the peak.
pub const MODE_PROMINENCE: f64 = 0.1;
/// How far the peak may be from the centroid, in sigmas: a smooth unimodal map has it within one.
pub const MODE_OFFSET: f64 = 1.0;
/// The lattice structure below which a borderline map is said to have a grid ripple: the hole index
/// of the ResNet stem is 0.58 and of what has no stride at least 0.8.
pub const RIPPLE_HOLE: f64 = 0.8;

/// The ratio of the sigmas above which a note says that the field is an ellipse.
pub const NOTED_ANISOTROPY: f64 = 1.25;
/// The distance of the centroid from the theoretical field's centre, in sigmas, that is noted.
pub const NOTED_OFFSET: f64 = 0.5;

/// How many sigmas the window holds on each side: all but 0.006 % of a Gaussian.
pub const WINDOW_SIGMAS: f64 = 4.0;
/// Resamples of the groups: the ends of a 95 % interval then rest on 5 of them each.
pub const RESAMPLES: usize = 200;
/// Random half splits that the noise is averaged over; more change its third digit.
pub const HALF_SPLITS: usize = 24;
/// The fewest groups from which noise can be told.
pub const LEAST_GROUPS: usize = 2;
