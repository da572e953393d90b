//! The title and subtitle above a picture.

use crate::Theme;
use crate::paint::font::Weight;
use crate::paint::scene::{Scene, Text};
use crate::paint::wrap::{clean, lines};

/// Space around every picture, in points.
pub(crate) const MARGIN: f64 = 20.0;

const TITLE: f64 = 17.0;
const SUBTITLE: f64 = 12.5;

/// A title and a subtitle; either may be empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heading {
    pub(crate) title: String,
    pub(crate) subtitle: String,
}

impl Heading {
    pub(crate) fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            subtitle: String::new(),
        }
    }

    /// The picture in an error's words: `confusion matrix "Fashion-MNIST"`.
    pub(crate) fn named(&self, kind: &str) -> String {
        let title: String = clean(&self.title).chars().take(80).collect();
        if title.is_empty() {
            kind.to_owned()
        } else {
            format!("{kind} \"{title}\"")
        }
    }

    /// Draws both into the top of a picture `width` points wide; returns where the rest may start.
    pub(crate) fn draw(&self, scene: &mut Scene, theme: &Theme, width: f64) -> f64 {
        let room = width - 2.0 * MARGIN;
        let mut y = MARGIN;
        for line in lines(&self.title, TITLE, Weight::Medium, room, 2) {
            y += TITLE;
            scene.text(Text::new((MARGIN, y - 2.0), &line, TITLE, theme.ink).medium());
            y += 4.0;
        }
        for line in lines(&self.subtitle, SUBTITLE, Weight::Regular, room, 3) {
            y += SUBTITLE + 1.0;
            scene.text(Text::new((MARGIN, y - 1.0), &line, SUBTITLE, theme.muted));
            y += 3.0;
        }
        if y > MARGIN { y + 11.0 } else { y }
    }
}
