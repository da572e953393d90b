//! Printing and checking of the tutorial's shapes.

use receptive_model::Padding;
use receptive_model::explain::SlidingAxis;
use std::error::Error;

/// The number of checked shapes, and the lines that were printed.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    pub(crate) shapes: Vec<(String, Vec<usize>)>,
    pub(crate) lines: Vec<String>,
}

impl Steps {
    /// Prints a line and stores it.
    pub(crate) fn say(&mut self, line: impl Into<String>) {
        let line = line.into();
        println!("{line}");
        self.lines.push(line);
    }

    /// Prints a shape in the notations of burn and Keras.
    ///
    /// # Errors
    /// If it differs from the computed one.
    pub(crate) fn shape(
        &mut self,
        what: &str,
        found: &[usize],
        computed: &[usize],
    ) -> Result<(), Box<dyn Error>> {
        self.say(format!("{what:<21}{found:?}; Keras: {}", keras(found)));
        if found != computed {
            return Err(format!("{what}: {found:?} instead of {computed:?}").into());
        }
        self.shapes.push((what.into(), found.to_vec()));
        Ok(())
    }
}

/// The shape in the notation of Keras: channels last.
fn keras(shape: &[usize]) -> String {
    match shape {
        [batch, channels, height, width] => format!("({batch}, {height}, {width}, {channels})"),
        other => {
            let numbers: Vec<String> = other.iter().map(ToString::to_string).collect();
            format!("({})", numbers.join(", "))
        }
    }
}

/// A window along one axis, which must fit.
pub(crate) fn axis(
    pixels: usize,
    kernel: usize,
    stride: usize,
    padding: Padding,
) -> Result<SlidingAxis, Box<dyn Error>> {
    SlidingAxis::new(pixels, kernel, stride, 1, padding)
        .ok_or_else(|| format!("a window of {kernel} does not fit {pixels} pixels").into())
}

/// Output height and width of a sliding window; prints the formula for both.
pub(crate) fn sizes(
    steps: &mut Steps,
    [height, width]: [usize; 2],
    kernel: usize,
    stride: usize,
    padding: Padding,
) -> Result<[usize; 2], Box<dyn Error>> {
    let axes = [
        axis(height, kernel, stride, padding)?,
        axis(width, kernel, stride, padding)?,
    ];
    for (name, axis) in ["height", "width"].iter().zip(&axes) {
        steps.say(format!(
            "  {name:<7}(n + 2p - f)/s + 1 = {}",
            axis.formula()
        ));
    }
    Ok(axes.map(|axis| axis.output))
}
