//! The title and subtitle above a figure.

use crate::color::{INK, MUTED};
use crate::paint::font::{Weight, clean, lines};
use crate::paint::scene::{Scene, Text};

/// Space around every figure, in points.
pub(crate) const MARGIN: f64 = 20.0;

const TITLE: f64 = 17.0;
const SUBTITLE: f64 = 12.5;
const FOOTNOTE: f64 = 10.0;
/// Maximum number of lines of a subtitle; the last is truncated.
const SUBTITLE_LINES: usize = 8;

/// The description of a figure in error messages: `confusion matrix "Fashion-MNIST"`.
pub(crate) fn named(kind: &str, title: &str) -> String {
    let title: String = clean(title).chars().take(80).collect();
    if title.is_empty() {
        kind.to_owned()
    } else {
        format!("{kind} \"{title}\"")
    }
}

/// Draws title and subtitle, either of which may be empty, at the top of a figure `width` points
/// wide; returns where the rest may begin.
pub(crate) fn heading(scene: &mut Scene, title: &str, subtitle: &str, width: f64) -> f64 {
    let room = width - 2.0 * MARGIN;
    let mut y = MARGIN;
    for line in lines(title, TITLE, Weight::Medium, room, 2) {
        y += TITLE;
        scene.text(Text::new((MARGIN, y - 2.0), &line, TITLE, INK).medium());
        y += 4.0;
    }
    for line in lines(subtitle, SUBTITLE, Weight::Regular, room, SUBTITLE_LINES) {
        y += SUBTITLE + 1.0;
        scene.text(Text::new((MARGIN, y - 1.0), &line, SUBTITLE, MUTED));
        y += 3.0;
    }
    if y > MARGIN { y + 11.0 } else { y }
}

/// Writes the scene's note below it.
pub(crate) fn footnote(scene: &mut Scene) {
    const MAX_LINES: usize = 12;
    let Some(note) = scene.note() else {
        return;
    };
    let (width, mut y) = scene.size();
    let note = format!("Note: {note}.");
    for line in lines(
        &note,
        FOOTNOTE,
        Weight::Regular,
        width - 2.0 * MARGIN,
        MAX_LINES,
    ) {
        scene.text(Text::new((MARGIN, y), &line, FOOTNOTE, MUTED));
        y += FOOTNOTE + 3.0;
    }
    scene.resize(width, y + MARGIN - FOOTNOTE);
}
