//! Operations for inference on slices: weights are packed once, and outputs are written to buffers
//! that the caller reuses. Nothing is recorded for gradients.
//!
//! Every value is computed in the same way whatever the number of images and threads.

mod layers;

pub use layers::{add, affine, global_average, max_pool, multiply, rectify};

use crate::conv::{self, Addends, Conv2dOptions, ConvSizes, ConvWeights};
use crate::product::{COLUMNS, Finish, Left, Right, product};
use crate::rectifier::{Rectifier, add_bias, add_map};
use rayon::prelude::*;

/// A convolution with packed weights.
///
/// ```
/// use receptive_kernels::inference::Conv2d;
/// use receptive_kernels::{Algorithm, Conv2dOptions, Rectifier};
///
/// let options = Conv2dOptions {
///     strides: [1, 1],
///     padding: [0; 4],
///     dilation: [1, 1],
///     groups: 1,
///     rectifier: Rectifier::Relu,
///     algorithm: Algorithm::Auto,
/// };
/// let conv = Conv2d::new([2, 1, 2], &[1.0, 1.0], [1, 2, 1, 1], Some(vec![0.5]), options);
/// assert_eq!(conv.output(), [1, 1, 2]);
/// let mut y = vec![0.0; 2];
/// conv.forward(1, &[1.0, 2.0, 3.0, -4.0], None, &mut y);
/// assert_eq!(y, [4.5, 0.0]);
/// ```
#[derive(Debug, Clone)]
pub struct Conv2d {
    /// `[channels, height, width]` of one image.
    input: [usize; 3],
    weight: [usize; 4],
    options: Conv2dOptions,
    weights: ConvWeights,
    bias: Option<Vec<f32>>,
    is_pooled: bool,
}

impl Conv2d {
    /// A convolution of images `[channels, height, width]`.
    ///
    /// # Shapes
    /// - `weight`: `[filters, channels / groups, kernel height, kernel width]`, as given by `shape`
    /// - `bias`: `[filters]`
    ///
    /// # Panics
    /// If the shapes do not match.
    pub fn new(
        input: [usize; 3],
        weight: &[f32],
        shape: [usize; 4],
        bias: Option<Vec<f32>>,
        options: Conv2dOptions,
    ) -> Self {
        let sizes = ConvSizes::new(with_images(1, input), shape, options);
        assert_eq!(weight.len(), shape.iter().product::<usize>());
        Self {
            input,
            weight: shape,
            options,
            weights: ConvWeights::new(&sizes, weight),
            bias,
            is_pooled: false,
        }
    }

    /// The same convolution followed by 2x2 max pooling with stride 2, which is computed while the
    /// outputs are in the cache; `None` if that is not supported for these sizes.
    pub fn with_max_pool_2x2(&self) -> Option<Self> {
        conv::fuses_pool(&self.sizes(1)).then(|| Self {
            is_pooled: true,
            ..self.clone()
        })
    }

    /// The same convolution with another rectifier.
    #[must_use]
    pub fn with_rectifier(mut self, rectifier: Rectifier) -> Self {
        self.options.rectifier = rectifier;
        self
    }

    /// The rectifier after the convolution.
    pub fn rectifier(&self) -> Rectifier {
        self.options.rectifier
    }

    /// Whether max pooling follows.
    pub fn is_pooled(&self) -> bool {
        self.is_pooled
    }

    /// The output's `[filters, height, width]`.
    pub fn output(&self) -> [usize; 3] {
        let [_, filters, height, width] = self.sizes(1).output_shape();
        if self.is_pooled {
            [filters, height / 2, width / 2]
        } else {
            [filters, height, width]
        }
    }

    /// The convolution of each image, plus bias and `added`, then the rectifier.
    ///
    /// # Shapes
    /// - `x`: `[images, channels, height, width]`
    /// - `y`, `added`: `[images, filters, out height, out width]`; `y` is overwritten. `added` must
    ///   be `None` if pooling follows.
    ///
    /// # Panics
    /// If the lengths do not match.
    pub fn forward(&self, images: usize, x: &[f32], added: Option<&[f32]>, y: &mut [f32]) {
        let sizes = self.sizes(images);
        let values = |shape: [usize; 3]| images * shape.iter().product::<usize>();
        assert_eq!(x.len(), values(self.input), "input of a convolution");
        assert_eq!(y.len(), values(self.output()), "output of a convolution");
        let bias = self.bias.as_deref();
        if self.is_pooled {
            assert!(added.is_none(), "a pooled convolution has no addition");
            self.weights.forward_pooled(&sizes, x, bias, y);
            return;
        }
        if let Some(added) = added {
            assert_eq!(added.len(), y.len(), "addend of a convolution");
        }
        let addends = Addends { bias, map: added };
        self.weights.forward(&sizes, x, addends, y);
    }

    fn sizes(&self, images: usize) -> ConvSizes {
        ConvSizes::new(with_images(images, self.input), self.weight, self.options)
    }
}

fn with_images(images: usize, [channels, height, width]: [usize; 3]) -> [usize; 4] {
    [images, channels, height, width]
}

/// A dense layer with packed weights.
#[derive(Debug, Clone)]
pub struct Dense {
    /// `[units / 16, inputs, 16]`, padded with zeros after the last unit.
    weights: Vec<f32>,
    bias: Option<Vec<f32>>,
    inputs: usize,
    units: usize,
    rectifier: Rectifier,
}

/// Number of units per task.
const UNITS_PER_TASK: usize = 4 * COLUMNS;

impl Dense {
    /// # Shapes
    /// - `weight`: `[inputs, units]`, as in burn's `Linear`
    /// - `bias`: `[units]`
    ///
    /// # Panics
    /// If the shapes do not match.
    pub fn new(
        weight: &[f32],
        [inputs, units]: [usize; 2],
        bias: Option<Vec<f32>>,
        rectifier: Rectifier,
    ) -> Self {
        assert_eq!(weight.len(), inputs * units, "weights of a dense layer");
        let mut weights = vec![0.0; units.next_multiple_of(COLUMNS) * inputs];
        for (input, line) in weight.chunks_exact(units.max(1)).enumerate() {
            for (panel, values) in line.chunks(COLUMNS).enumerate() {
                let at = panel * inputs * COLUMNS + input * COLUMNS;
                weights[at..][..values.len()].copy_from_slice(values);
            }
        }
        Self {
            weights,
            bias,
            inputs,
            units,
            rectifier,
        }
    }

    /// Number of outputs per image.
    pub fn units(&self) -> usize {
        self.units
    }

    /// # Shapes
    /// - `x`: `[images, inputs]`
    /// - `y`: `[images, units]`, overwritten
    ///
    /// # Panics
    /// If the lengths do not match.
    pub fn forward(&self, images: usize, x: &[f32], y: &mut [f32]) {
        assert_eq!(x.len(), images * self.inputs, "input of a dense layer");
        assert_eq!(y.len(), images * self.units, "output of a dense layer");
        let tasks = self.units.div_ceil(UNITS_PER_TASK);
        let mut targets: Vec<Vec<&mut [f32]>> = Vec::new();
        targets.resize_with(tasks, || Vec::with_capacity(images));
        for row in y.chunks_exact_mut(self.units.max(1)) {
            for (target, part) in targets.iter_mut().zip(row.chunks_mut(UNITS_PER_TASK)) {
                target.push(part);
            }
        }
        let first = |task: usize| task * UNITS_PER_TASK;
        targets
            .into_par_iter()
            .enumerate()
            .for_each(|(task, mut target)| {
                let units = (self.units - first(task)).min(UNITS_PER_TASK);
                let weights = &self.weights[first(task) * self.inputs..];
                product(
                    &mut target,
                    Left::lines(x, images, self.inputs, self.inputs),
                    Right::panels(weights, units, self.inputs),
                    Finish::default(),
                );
                let bias = self.bias.as_ref().map(|bias| &bias[first(task)..]);
                for row in target {
                    match bias {
                        Some(bias) => add_map(row, 0.0, bias, self.rectifier),
                        None => add_bias(row, 0.0, self.rectifier),
                    }
                }
            });
    }
}
