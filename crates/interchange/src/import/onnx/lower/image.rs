//! The images that a graph takes as input.

use super::super::constant::Element;
use super::super::graph::Graph;
use super::LowerError;
use receptive_core::text::Printable;
use receptive_model::ImageSize;

/// The largest height, width and batch size.
const MAX_SIDE: usize = 1 << 14;

/// The form in which a graph takes images.
pub(super) struct Image {
    pub(super) batch: usize,
    pub(super) size: ImageSize,
    pub(super) channels_last: bool,
    pub(super) takes_bytes: bool,
}

pub(super) fn image(graph: &Graph, size: Option<ImageSize>) -> Result<Image, LowerError> {
    let source = &graph.source;
    let name = source.name.printable();
    let &[batch, one, two, three] = source.dims.as_slice() else {
        return Err(LowerError::File(format!(
            "its input `{name}` has {} axes, but images have four: [batch, channels, height, width]",
            source.dims.len()
        )));
    };
    if !(source.element.is_float() || source.element == Element::U8) {
        return Err(LowerError::File(format!(
            "its input `{name}` is neither float nor uint8"
        )));
    }
    let is_channels = |side: Option<usize>| side.is_some_and(|side| side <= 4);
    let channels_last = is_channels(three) && !is_channels(one);
    let (channels, sides) = match channels_last {
        true => (three, [one, two]),
        false => (one, [two, three]),
    };
    let given = |side: fn(ImageSize) -> usize| size.map(side);
    let channels = channels.or(given(|size| size.channels)).unwrap_or(3);
    let (Some(height), Some(width)) = (
        sides[0].or(given(|size| size.height)),
        sides[1].or(given(|size| size.width)),
    ) else {
        return Err(LowerError::Size(format!(
            "its input `{name}` takes images of any height and width; give the size of yours"
        )));
    };
    let sides = [channels, height, width, batch.unwrap_or(1)];
    if let Some(side) = sides.iter().find(|side| !(1..=MAX_SIDE).contains(*side)) {
        return Err(LowerError::File(format!(
            "its input `{name}` has a side of {side}; expected 1 to {MAX_SIDE}"
        )));
    }
    Ok(Image {
        // If it is fixed in the file, shapes inside were computed for it.
        batch: batch.unwrap_or(1),
        size: ImageSize::new(channels, height, width),
        channels_last,
        takes_bytes: source.element == Element::U8,
    })
}
