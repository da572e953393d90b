//! The context in which a layer is planned, and the result.

use super::Operation;
use crate::ModelError;
use crate::geometry::{Field, Fields, Shape};

/// The largest number of filters or units: more than any network needs, and far from overflow.
pub(crate) const MAX_SIDE: usize = 1 << 16;
/// The largest kernel, stride, dilation or padding.
pub(crate) const MAX_WINDOW: usize = 1 << 12;
/// The most values in one image's map and the most weights in one layer.
const MAX_VALUES: usize = 1 << 32;

/// A layer's position in the network and what reaches it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    /// `4.2` is the second layer within layer 4.
    pub(crate) number: &'a str,
    pub(crate) kind: &'static str,
    pub(crate) input: Signal,
    /// Whether a window that does not divide its map evenly is an error.
    pub(crate) strict: bool,
    /// The gain for the weights of a layer without an activation of its own.
    pub(crate) gain: f64,
    /// Whether no layer with weights follows: then the number of classes may decide its outputs.
    pub(crate) is_head: bool,
    pub(crate) classes: Option<usize>,
    /// The number of layers it is nested in.
    pub(crate) depth: usize,
}

/// How a layer treats the previous layer's output. The first activation after a layer decides the
/// gain of its initial weights.
pub(super) enum Follower {
    /// It applies an activation with this gain.
    Activation(f64),
    /// It applies none: the layer after it decides.
    Transparent,
    /// It applies another operation first.
    Other,
}

/// A layer with its output shape, cost and field.
#[derive(Debug)]
pub(crate) struct Outline {
    /// Short description of the settings.
    pub(crate) summary: String,
    pub(crate) output: Shape,
    /// The height and width of the map that a flat output comes from; 1x1 if there is none.
    pub(crate) extent: [usize; 2],
    pub(crate) params: usize,
    pub(crate) buffers: usize,
    pub(crate) macs: usize,
    pub(crate) trf: Fields,
    pub(crate) notes: Vec<String>,
    pub(crate) operation: Operation,
}

impl Outline {
    /// The outline of a layer without parameters that preserves shape and field.
    pub(super) fn unchanged(
        input: &Signal,
        summary: impl Into<String>,
        operation: Operation,
    ) -> Self {
        Self {
            summary: summary.into(),
            output: input.shape,
            extent: input.extent,
            params: 0,
            buffers: 0,
            macs: 0,
            trf: input.trf,
            notes: Vec::new(),
            operation,
        }
    }
}

impl Context<'_> {
    pub(super) fn reject(
        &self,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> ModelError {
        ModelError::Layer {
            number: self.number.into(),
            kind: self.kind,
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }

    /// Checks that a count is in `1..=max`.
    pub(super) fn count(&self, field: &str, value: usize, max: usize) -> Result<(), ModelError> {
        if value == 0 {
            return Err(self.reject(
                format!("`{field}` is 0"),
                format!("set `{field}` to 1 or more"),
            ));
        }
        if value > max {
            return Err(self.reject(
                format!("`{field}` is {value}, more than the maximum of {max}"),
                format!("set a smaller `{field}`"),
            ));
        }
        Ok(())
    }

    /// The number of a layer's outputs and what it is called: the setting `field` if given, else
    /// the number of classes.
    pub(super) fn outputs(
        &self,
        field: &'static str,
        given: Option<usize>,
    ) -> Result<(usize, &'static str), ModelError> {
        let (outputs, word) = match (given, self.classes) {
            (Some(outputs), _) => (outputs, field),
            (None, Some(classes)) if self.is_head => (classes, "classes"),
            (None, _) if self.is_head => {
                return Err(self.reject(
                    format!("`{field}` is missing and the number of classes is unknown"),
                    "set `classes` at the top of the config",
                ));
            }
            (None, _) => {
                return Err(self.reject(
                    format!(
                        "`{field}` is missing; only the model's last layer with weights may omit it"
                    ),
                    format!("set `{field}`"),
                ));
            }
        };
        self.count(field, outputs, MAX_SIDE)?;
        Ok((outputs, word))
    }

    /// Checks that a value is finite.
    pub(super) fn finite(&self, field: &str, value: f64) -> Result<(), ModelError> {
        if value.is_finite() {
            return Ok(());
        }
        Err(self.reject(format!("`{field}` is {value}"), "set it to a finite number"))
    }

    /// Checks that a value is positive.
    pub(super) fn positive(&self, field: &str, value: f64) -> Result<(), ModelError> {
        if value.is_finite() && value > 0.0 {
            return Ok(());
        }
        Err(self.reject(
            format!("`{field}` is {value}"),
            "set it to a positive number such as 1e-5",
        ))
    }

    /// Checks the probability with which values are dropped.
    pub(super) fn rate(&self, rate: f64) -> Result<(), ModelError> {
        if (0.0..1.0).contains(&rate) {
            return Ok(());
        }
        Err(self.reject(
            format!("`rate` is {rate}"),
            "set it to at least 0 and less than 1",
        ))
    }

    /// The product of these factors, checked against the bound that keeps sums within a machine
    /// word.
    pub(super) fn product(&self, what: &str, factors: &[usize]) -> Result<usize, ModelError> {
        factors
            .iter()
            .try_fold(1usize, |product, factor| product.checked_mul(*factor))
            .filter(|product| *product <= MAX_VALUES)
            .ok_or_else(|| {
                let factors: Vec<String> = factors.iter().map(usize::to_string).collect();
                self.reject(
                    format!(
                        "{what} would be {} values, more than the maximum of {MAX_VALUES}",
                        factors.join("*")
                    ),
                    "make the layer or its input smaller",
                )
            })
    }

    /// The input's channels, height and width, for a layer that needs a map.
    pub(super) fn map(&self) -> Result<(usize, [usize; 2]), ModelError> {
        match self.input.shape {
            Shape::Map {
                channels,
                height,
                width,
            } => Ok((channels, [height, width])),
            Shape::Flat(features) => Err(self.reject(
                format!(
                    "it needs a feature map [channels, height, width] but gets {features} flat \
                         values"
                ),
                "move it before `flatten` or `global_avg_pool2d`",
            )),
        }
    }
}

/// The shape and the field of the values between two layers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signal {
    pub(crate) shape: Shape,
    pub(crate) trf: Fields,
    /// The height and width of the map, or of the map that a flattened row comes from.
    pub(super) extent: [usize; 2],
}

impl Signal {
    /// The input image.
    pub(crate) fn image(channels: usize, height: usize, width: usize) -> Self {
        let shape = Shape::Map {
            channels,
            height,
            width,
        };
        Self {
            shape,
            trf: Fields::PIXEL,
            extent: [height, width],
        }
    }

    /// A layer's output.
    pub(super) fn after(layer: &Outline) -> Self {
        let extent = match layer.output {
            Shape::Map { height, width, .. } => [height, width],
            Shape::Flat(_) => layer.extent,
        };
        Self {
            shape: layer.output,
            trf: layer.trf,
            extent,
        }
    }

    /// A row of values each of which may depend on all that any of them sees, with these strides.
    pub(super) fn settled(&self, strides: [i64; 2]) -> Self {
        Self {
            trf: self.whole().map(|axis, field| Field {
                stride: strides[axis],
                ..*field
            }),
            extent: [1, 1],
            ..*self
        }
    }

    /// The field of a unit that reads all of these values.
    pub(super) fn whole(&self) -> Fields {
        self.trf.map(|axis, field| field.whole(self.extent[axis]))
    }
}
