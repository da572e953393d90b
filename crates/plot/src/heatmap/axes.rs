//! Pixel numbers along the left and the bottom of a heat map.

use super::Placing;
use crate::Theme;
use crate::axis::scale::Scale;
use crate::axis::ticks::ticks;
use crate::paint::scene::{Anchor, Outline, Scene, Stroke, Text};

/// Room for the numbers on the left, and below.
pub(crate) const LEFT: f64 = 34.0;
pub(crate) const FOOT: f64 = 24.0;
const SIZE: f64 = 11.0;

pub(crate) fn draw(
    scene: &mut Scene,
    theme: &Theme,
    placing: &Placing,
    (width, height): (usize, usize),
    centred: bool,
) {
    let area = placing.area;
    let stroke = Stroke::new(theme.muted.mix(theme.background, 0.35), 1.0);
    for (offset, label) in numbers(width, area.w / 44.0, centred) {
        let x = placing.at(offset, 0.0).0;
        let line = vec![(x, area.bottom() + 1.0), (x, area.bottom() + 5.0)];
        scene.stroke(Outline::Line(line), stroke);
        let text = Text::new((x, area.bottom() + 17.0), &label, SIZE, theme.muted);
        scene.text(text.anchor(Anchor::Middle));
    }
    for (offset, label) in numbers(height, area.h / 40.0, centred) {
        let y = placing.at(0.0, offset).1;
        scene.stroke(
            Outline::Line(vec![(area.x - 5.0, y), (area.x - 1.0, y)]),
            stroke,
        );
        let text = Text::new((area.x - 8.0, y + 4.0), &label, SIZE, theme.muted);
        scene.text(text.anchor(Anchor::End));
    }
}

/// Where numbers stand along a side of `count` pixels (their middles), and what they say.
fn numbers(count: usize, wanted: f64, centred: bool) -> Vec<(f64, String)> {
    let last = count as f64 - 1.0;
    // An even side has its middle between two pixels; numbers there count from the right of them.
    let origin = if centred { (count / 2) as f64 } else { 0.0 };
    let found = ticks(
        (-origin, last - origin),
        Scale::Linear,
        (wanted as usize).max(1),
        true,
    );
    if found.is_empty() {
        return vec![(0.5, "0".to_owned())];
    }
    found
        .into_iter()
        .map(|tick| (tick.value + origin + 0.5, tick.label))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_at_the_middle_of_their_pixel() {
        assert_eq!(numbers(3, 8.0, false).last(), Some(&(2.5, "2".to_owned())));
        assert_eq!(
            numbers(11, 3.0, true),
            [(0.5, "−5".into()), (5.5, "0".into()), (10.5, "5".into())]
        );
        assert_eq!(numbers(1, 8.0, true), [(0.5, "0".to_owned())]);
    }
}
