//! Axes of a heat map: pixel numbers on the left and at the bottom, and the colour bar.

use super::HeatMap;
use super::overlay::Placement;
use crate::axis::{Scale, ticks};
use crate::color::{BACKGROUND, MUTED, RULE};
use crate::number::stepped;
use crate::paint::font::{Weight, clean, cut};
use crate::paint::scene::{Anchor, Area, Bitmap, Outline, Scene, Stroke, Text};

/// Space for the numbers on the left and below.
const LEFT: f64 = 34.0;
const FOOT: f64 = 24.0;
/// Additional space for the axis label.
const NAME: f64 = 18.0;
const SIZE: f64 = 11.0;

/// The space for numbers and `labels` on the left and below.
pub(crate) fn room(labels: &(String, String)) -> (f64, f64) {
    let name = |label: &str| if clean(label).is_empty() { 0.0 } else { NAME };
    (LEFT + name(&labels.1), FOOT + name(&labels.0))
}

/// Draws the pixel numbers and the axis labels.
pub(crate) fn draw(map: &HeatMap, scene: &mut Scene, placement: &Placement) {
    let area = placement.area;
    let per = map.pixels_per_value.max(1) as f64;
    let (first_column, first_row) = map.first_pixel;
    let stroke = Stroke::new(MUTED.mix(BACKGROUND, 0.35), 1.0);
    for (offset, label) in numbers(map.width, area.w / 44.0, first_column, per) {
        let x = placement.at(offset, 0.0).0;
        let line = vec![(x, area.bottom() + 1.0), (x, area.bottom() + 5.0)];
        scene.stroke(Outline::Line(line), stroke);
        let text = Text::new((x, area.bottom() + 17.0), &label, SIZE, MUTED);
        scene.text(text.anchor(Anchor::Middle));
    }
    for (offset, label) in numbers(map.height, area.h / 40.0, first_row, per) {
        let y = placement.at(0.0, offset).1;
        scene.stroke(
            Outline::Line(vec![(area.x - 5.0, y), (area.x - 1.0, y)]),
            stroke,
        );
        let text = Text::new((area.x - 8.0, y + 4.0), &label, SIZE, MUTED);
        scene.text(text.anchor(Anchor::End));
    }
    let name = |name: &str, room: f64| cut(&clean(name), 12.0, Weight::Regular, room);
    let below = (area.x + area.w / 2.0, area.bottom() + FOOT + 11.0);
    // A map with few values may be narrower than the label of its columns.
    let wide = area.w.max(2.0 * LEFT + 40.0);
    let text = Text::new(below, &name(&map.labels.0, wide), 12.0, MUTED);
    scene.text(text.anchor(Anchor::Middle));
    let beside = (area.x - LEFT - 3.0, area.y + area.h / 2.0);
    let text = Text::new(beside, &name(&map.labels.1, area.h), 12.0, MUTED);
    scene.text(text.turn(-90.0).anchor(Anchor::Middle));
}

/// The positions of numbers along a side, and their texts. The side has `count` values of `per`
/// pixels each, and the first pixel has the number `first`.
fn numbers(count: usize, wanted: f64, first: i64, per: f64) -> Vec<(f64, String)> {
    let first = first as f64;
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

/// Draws the colour bar; returns its width including tick labels.
pub(crate) fn color_bar(map: &HeatMap, scene: &mut Scene, area: Area, range: (f64, f64)) -> f64 {
    const STEPS: usize = 256;
    let share = |step: usize| 1.0 - step as f64 / (STEPS - 1) as f64;
    let rgb = (0..STEPS)
        .map(|step| map.colors.at(share(step)))
        .flat_map(|c| [c.r, c.g, c.b])
        .collect();
    scene.bitmap(Bitmap {
        area,
        width: 1,
        height: STEPS,
        rgb,
    });
    scene.stroke(Outline::Rect(area), Stroke::new(RULE, 1.0));
    let mut wide: f64 = 0.0;
    let mut free = f64::INFINITY;
    for tick in ticks(range, map.scale, (area.h / 40.0) as usize, false) {
        let Some(share) = map.scale.share(tick.value, range) else {
            continue;
        };
        let y = area.bottom() - share * area.h;
        // With a square root scale, ticks crowd at the low end.
        if y + 6.0 > free {
            continue;
        }
        free = y - 6.0;
        let y = y.clamp(area.y + 0.5, area.bottom() - 0.5);
        let line = vec![(area.right(), y), (area.right() + 4.0, y)];
        scene.stroke(Outline::Line(line), Stroke::new(MUTED, 1.0));
        scene.text(Text::new(
            (area.right() + 8.0, y + 4.0),
            &tick.label,
            SIZE,
            MUTED,
        ));
        wide = wide.max(Weight::Regular.width(&tick.label, SIZE));
    }
    let label = cut(&clean(&map.bar_label), 12.0, Weight::Regular, area.h);
    if label.is_empty() {
        return area.w + 8.0 + wide;
    }
    let at = (area.right() + 8.0 + wide + 18.0, area.y + area.h / 2.0);
    let text = Text::new(at, &label, 12.0, MUTED).turn(-90.0);
    scene.text(text.anchor(Anchor::Middle));
    area.w + 8.0 + wide + 22.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_at_the_middle_of_their_pixel() {
        assert_eq!(numbers(3, 8.0, 0, 1.0).last(), Some(&(2.5, "2".to_owned())));
        assert_eq!(
            numbers(11, 3.0, -5, 1.0),
            [(0.5, "−5".into()), (5.5, "0".into()), (10.5, "5".into())]
        );
        assert_eq!(numbers(1, 8.0, 7, 1.0), [(0.5, "7".to_owned())]);
    }

    #[test]
    fn a_value_of_four_pixels_is_numbered_by_pixels() {
        let found = numbers(10, 3.0, 100, 4.0);
        assert_eq!(found, [(0.125, "100".into()), (5.125, "120".into())]);
    }
}
