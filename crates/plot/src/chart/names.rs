//! Names in place of numbers along the horizontal axis.

use super::frame::Frame;
use crate::Theme;
use crate::paint::font::Weight;
use crate::paint::scene::{Anchor, Outline, Scene, Stroke, Text};
use crate::paint::wrap::{clean, cut};

const SIZE: f64 = 10.5;
/// The least distance of two names that are turned.
const PITCH: f64 = 12.5;
/// The most room that turned names take below the axis.
const LONGEST: f64 = 110.0;

/// How the names stand below a plot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Standing {
    /// Side by side.
    Level,
    /// Turned, reading upwards, with this much room.
    Turned(f64),
}

impl Standing {
    /// Level if each name fits between its neighbours on an axis `width` points long.
    pub(crate) fn of(names: &[(f64, String)], width: f64) -> Self {
        let widest = names.iter().map(|(_, name)| wide(name)).fold(0.0, f64::max);
        let pitch = width / names.len().saturating_sub(1).max(1) as f64;
        if widest + 10.0 <= pitch {
            Self::Level
        } else {
            Self::Turned(widest.min(LONGEST))
        }
    }

    /// The room taken below the axis.
    pub(crate) fn room(self) -> f64 {
        match self {
            Self::Level => 20.0,
            Self::Turned(room) => room + 12.0,
        }
    }
}

/// Draws the names, leaving out those that would touch one already there.
pub(crate) fn draw(
    names: &[(f64, String)],
    standing: Standing,
    scene: &mut Scene,
    theme: &Theme,
    frame: &Frame,
) {
    let plot = frame.plot;
    let base = plot.bottom() + 0.5;
    let axis = Stroke::new(theme.muted.mix(theme.background, 0.35), 1.0);
    let mut free = f64::NEG_INFINITY;
    for (value, name) in names {
        let inside = |x: &f64| (plot.x - 0.01..=plot.right() + 0.01).contains(x);
        let Some(x) = frame.x(*value).filter(inside) else {
            continue;
        };
        let half = match standing {
            Standing::Level => wide(name) / 2.0 + 3.0,
            Standing::Turned(_) => PITCH / 2.0,
        };
        if x - half < free - 0.01 {
            continue;
        }
        free = x + half;
        let at = x.floor() + 0.5;
        scene.stroke(Outline::Line(vec![(at, base), (at, base + 4.0)]), axis);
        let text = match standing {
            Standing::Level => {
                Text::new((x, base + 16.0), name, SIZE, theme.muted).anchor(Anchor::Middle)
            }
            Standing::Turned(room) => {
                let name = cut(&clean(name), SIZE, Weight::Regular, room);
                Text::new((x + 3.5, base + 8.0), &name, SIZE, theme.muted)
                    .anchor(Anchor::End)
                    .turn(-90.0)
            }
        };
        scene.text(text);
    }
}

fn wide(name: &str) -> f64 {
    // No name has more room than this, and measuring one of megabytes would take for ever.
    let start: String = name.chars().take(80).collect();
    Weight::Regular.width(&clean(&start), SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_turned_when_they_would_touch() {
        let names = |count: u32| -> Vec<(f64, String)> {
            (0..count)
                .map(|i| (f64::from(i), format!("conv2d_{i}")))
                .collect()
        };
        assert_eq!(Standing::of(&names(5), 600.0), Standing::Level);
        assert!(matches!(Standing::of(&names(40), 600.0), Standing::Turned(room) if room > 40.0));
        assert_eq!(Standing::of(&[], 600.0), Standing::Level);
    }
}
