//! Pixel numbers along the left and the bottom of a heat map.

use super::Placing;
use crate::Theme;
use crate::axis::number::stepped;
use crate::axis::scale::Scale;
use crate::axis::ticks::ticks;
use crate::paint::font::Weight;
use crate::paint::scene::{Anchor, Outline, Scene, Stroke, Text};
use crate::paint::wrap::{clean, cut};

/// Room for the numbers on the left, and below.
const LEFT: f64 = 34.0;
const FOOT: f64 = 24.0;
/// Further room for what is counted.
const NAME: f64 = 18.0;
const SIZE: f64 = 11.0;

/// Which pixels the values stand for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counting {
    /// The numbers of the first column and the first row.
    pub(crate) first: (f64, f64),
    /// Pixels along the side of a value, less one.
    pub(crate) extra: usize,
    /// What columns and rows are called; nothing unless named.
    pub(crate) names: (String, String),
}

impl Counting {
    /// The room taken on the left and below.
    pub(crate) fn room(&self) -> (f64, f64) {
        let named = |name: &str| if clean(name).is_empty() { 0.0 } else { NAME };
        (LEFT + named(&self.names.1), FOOT + named(&self.names.0))
    }
}

pub(crate) fn draw(
    scene: &mut Scene,
    theme: &Theme,
    placing: &Placing,
    (width, height): (usize, usize),
    counting: &Counting,
) {
    let area = placing.area;
    let per = counting.extra as f64 + 1.0;
    let stroke = Stroke::new(theme.muted.mix(theme.background, 0.35), 1.0);
    for (offset, label) in numbers(width, area.w / 44.0, counting.first.0, per) {
        let x = placing.at(offset, 0.0).0;
        let line = vec![(x, area.bottom() + 1.0), (x, area.bottom() + 5.0)];
        scene.stroke(Outline::Line(line), stroke);
        let text = Text::new((x, area.bottom() + 17.0), &label, SIZE, theme.muted);
        scene.text(text.anchor(Anchor::Middle));
    }
    for (offset, label) in numbers(height, area.h / 40.0, counting.first.1, per) {
        let y = placing.at(0.0, offset).1;
        scene.stroke(
            Outline::Line(vec![(area.x - 5.0, y), (area.x - 1.0, y)]),
            stroke,
        );
        let text = Text::new((area.x - 8.0, y + 4.0), &label, SIZE, theme.muted);
        scene.text(text.anchor(Anchor::End));
    }
    let name = |name: &str, room: f64| cut(&clean(name), 12.0, Weight::Regular, room);
    let below = (area.x + area.w / 2.0, area.bottom() + FOOT + 11.0);
    // A map of a few values may be narrower than what its columns are called.
    let wide = area.w.max(2.0 * LEFT + 40.0);
    let text = Text::new(below, &name(&counting.names.0, wide), 12.0, theme.muted);
    scene.text(text.anchor(Anchor::Middle));
    let beside = (area.x - LEFT - 3.0, area.y + area.h / 2.0);
    let text = Text::new(beside, &name(&counting.names.1, area.h), 12.0, theme.muted);
    scene.text(text.turn(-90.0).anchor(Anchor::Middle));
}

/// Where numbers stand along a side of `count` values, each `per` pixels and the first pixel
/// numbered `first`, and what they say.
fn numbers(count: usize, wanted: f64, first: f64, per: f64) -> Vec<(f64, String)> {
    let last = first + count as f64 * per - 1.0;
    let wanted = (wanted as usize).max(1);
    let found = ticks((first, last), Scale::Linear, wanted, true);
    let at = |value: f64| (value - first + 0.5) / per;
    if found.is_empty() {
        return vec![(at(first), stepped(first, 1.0))];
    }
    found
        .into_iter()
        .map(|tick| (at(tick.value), tick.label))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_at_the_middle_of_their_pixel() {
        assert_eq!(
            numbers(3, 8.0, 0.0, 1.0).last(),
            Some(&(2.5, "2".to_owned()))
        );
        assert_eq!(
            numbers(11, 3.0, -5.0, 1.0),
            [(0.5, "−5".into()), (5.5, "0".into()), (10.5, "5".into())]
        );
        assert_eq!(numbers(1, 8.0, 7.0, 1.0), [(0.5, "7".to_owned())]);
    }

    #[test]
    fn a_value_of_four_pixels_is_numbered_by_pixels() {
        let found = numbers(10, 3.0, 100.0, 4.0);
        assert_eq!(found, [(0.125, "100".into()), (5.125, "120".into())]);
    }
}
