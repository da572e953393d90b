//! What the tutorial prints and checks.

use receptive_model::Padding;
use receptive_model::explain::SlidingAxis;
use std::error::Error;

/// The shapes so far, all as computed, and the lines that were printed.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    pub(crate) shapes: Vec<(String, Vec<usize>)>,
    pub(crate) lines: Vec<String>,
}

impl Steps {
    /// Prints a line and keeps it.
    pub(crate) fn say(&mut self, line: impl Into<String>) {
        let line = line.into();
        println!("{line}");
        self.lines.push(line);
    }

    /// Prints a shape as burn and as Keras write it.
    ///
    /// # Errors
    /// When it is not as computed.
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

/// The same shape as Keras writes it: channels last.
fn keras(shape: &[usize]) -> String {
    match shape {
        [batch, channels, height, width] => format!("({batch}, {height}, {width}, {channels})"),
        other => {
            let numbers: Vec<String> = other.iter().map(ToString::to_string).collect();
            format!("({})", numbers.join(", "))
        }
    }
}

/// A window over one axis, which must fit.
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
