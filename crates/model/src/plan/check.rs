//! Bounds that keep every later product within a machine word, and the words for what breaks them.

use crate::ModelError;

/// The largest side of an image or map, filters, units: far beyond use, far below overflow.
pub(crate) const MOST_SIDE: usize = 1 << 16;
/// The largest kernel, stride, dilation or padding.
pub(crate) const MOST_WINDOW: usize = 1 << 12;
/// The most values in one image's map, and the most weights in one layer.
pub(crate) const MOST_VALUES: usize = 1 << 32;
/// The most layers, those within residuals included.
pub(crate) const MOST_LAYERS: usize = 4096;
/// The deepest nesting of residuals.
pub(crate) const MOST_DEPTH: usize = 16;

/// The layer a check speaks of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) number: &'a str,
    pub(crate) kind: &'static str,
}

impl At<'_> {
    pub(crate) fn refuse(
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

    /// A count that must lie in `1..=most`.
    pub(crate) fn count(&self, field: &str, value: usize, most: usize) -> Result<(), ModelError> {
        if value == 0 {
            return Err(self.refuse(
                format!("`{field}` is 0"),
                format!("set `{field}` to 1 or more"),
            ));
        }
        if value > most {
            return Err(self.refuse(
                format!("`{field}` is {value}, more than the {most} that are allowed"),
                format!("set a smaller `{field}`"),
            ));
        }
        Ok(())
    }

    /// The product of a layer's factors, within [`MOST_VALUES`].
    pub(crate) fn product(&self, what: &str, factors: &[usize]) -> Result<usize, ModelError> {
        factors
            .iter()
            .try_fold(1usize, |product, factor| product.checked_mul(*factor))
            .filter(|product| *product <= MOST_VALUES)
            .ok_or_else(|| {
                let written: Vec<String> = factors.iter().map(usize::to_string).collect();
                self.refuse(
                    format!(
                        "{what} would be {} values, more than the {MOST_VALUES} that are allowed",
                        written.join("*")
                    ),
                    "make the layer or its input smaller",
                )
            })
    }
}
