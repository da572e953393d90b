//! What happens where the stride does not divide.

use crate::commands::{paragraph, print};
use crate::error::CliError;
use receptive_model::explain::SlidingAxis;

/// For each axis with pixels at its end that no window reaches: which, and the nearest settings
/// that read them all.
pub(super) fn explain(names: &[&str], axes: &[SlidingAxis]) -> Result<(), CliError> {
    for (name, axis) in names.iter().zip(axes).filter(|(_, axis)| !axis.is_even()) {
        let free = (axis.input + axis.before + axis.after).saturating_sub(axis.span());
        let which = if axes.len() == 1 {
            String::new()
        } else {
            format!("{name}: ")
        };
        let (pixels, change) = match axis.unread {
            1 => ("pixel is".into(), "changes"),
            more => (format!("{more} pixels are"), "change"),
        };
        print(paragraph(
            "uneven   ",
            &format!(
                "{which}{free}/{} is not whole: the last {pixels} read by no window and {change} \
                 nothing",
                axis.stride,
            ),
        ))?;
        let settings: Vec<String> = axis
            .nearest()
            .iter()
            .map(|near| format!("{} {} gives {}", near.setting, near.value, near.output))
            .collect();
        print(paragraph(
            "nearest  ",
            &format!("even: {}", settings.join("; ")),
        ))?;
    }
    Ok(())
}
