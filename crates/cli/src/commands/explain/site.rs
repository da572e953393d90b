//! What the command line says of a window, understood.

use crate::args::ExplainWindow;
use crate::commands::{not_understood, numbers};
use crate::error::CliError;
use receptive_model::Padding;
use receptive_model::explain::SlidingAxis;

pub(super) struct Site {
    pub(super) size: [usize; 2],
    pub(super) padding: Padding,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) dilation: usize,
}

impl Site {
    pub(super) fn of(
        window: &ExplainWindow,
        kernel: usize,
        stride: usize,
    ) -> Result<Self, CliError> {
        Ok(Self {
            size: size(&window.input)?,
            padding: padding(&window.padding)?,
            kernel,
            stride: window.stride.unwrap_or(stride),
            dilation: window.dilation,
        })
    }

    /// Height and width, padded as asked.
    pub(super) fn both(&self) -> Option<[SlidingAxis; 2]> {
        let [height, width] = self.size.map(|side| self.axis(side, self.padding));
        Some([height?, width?])
    }

    /// Height and width under this padding; one where they are the same.
    pub(super) fn axes(&self, padding: Padding) -> Vec<SlidingAxis> {
        let sides = if self.is_square() {
            &self.size[..1]
        } else {
            &self.size[..]
        };
        let axes = sides.iter().filter_map(|side| self.axis(*side, padding));
        axes.collect()
    }

    /// What the axes are called.
    pub(super) fn names(&self) -> &'static [&'static str] {
        if self.is_square() {
            &["size"]
        } else {
            &["height", "width"]
        }
    }

    fn is_square(&self) -> bool {
        self.size[0] == self.size[1]
    }

    fn axis(&self, side: usize, padding: Padding) -> Option<SlidingAxis> {
        SlidingAxis::new(side, self.kernel, self.stride, self.dilation, padding)
    }
}

pub(super) fn size(text: &str) -> Result<[usize; 2], CliError> {
    match numbers(text.split('x')).as_deref() {
        Some([side]) => Ok([*side; 2]),
        Some([height, width]) => Ok([*height, *width]),
        _ => Err(not_understood(
            "--input",
            format!("`{text}` is no size; write 5, or height x width, as 5x7"),
        )),
    }
}

fn padding(text: &str) -> Result<Padding, CliError> {
    match text {
        "same" => Ok(Padding::Same),
        "valid" => Ok(Padding::Valid),
        pixels => pixels.parse::<usize>().map(Padding::from).map_err(|_| {
            not_understood(
                "--padding",
                format!("`{text}` is no padding; write same, valid, or a number of pixels"),
            )
        }),
    }
}
