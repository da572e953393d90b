//! The colour bar beside a heat map.

use super::colours::ColourMap;
use crate::Theme;
use crate::axis::scale::Scale;
use crate::axis::ticks::ticks;
use crate::paint::font::Weight;
use crate::paint::scene::{Area, Bitmap, Outline, Scene, Stroke, Text};
use crate::paint::wrap::{clean, cut};

const SIZE: f64 = 11.0;

/// Draws the bar; returns the width taken, its tick labels included.
pub(crate) fn draw(
    scene: &mut Scene,
    theme: &Theme,
    area: Area,
    (map, scale, range): (ColourMap, Scale, (f64, f64)),
    label: &str,
) -> f64 {
    const STEPS: usize = 256;
    let share = |step: usize| 1.0 - step as f64 / (STEPS - 1) as f64;
    let rgb = (0..STEPS)
        .map(|step| map.at(share(step)))
        .flat_map(|c| [c.r, c.g, c.b])
        .collect();
    scene.bitmap(Bitmap {
        area,
        width: 1,
        height: STEPS,
        rgb,
    });
    scene.stroke(Outline::Rect(area), Stroke::new(theme.rule, 1.0));
    let mut wide: f64 = 0.0;
    let mut free = f64::INFINITY;
    for tick in ticks(range, scale, (area.h / 40.0) as usize, false) {
        let Some(share) = scale.share(tick.value, range) else {
            continue;
        };
        let y = area.bottom() - share * area.h;
        // By square root, ticks crowd at the low end.
        if y + 6.0 > free {
            continue;
        }
        free = y - 6.0;
        let y = y.clamp(area.y + 0.5, area.bottom() - 0.5);
        let line = vec![(area.right(), y), (area.right() + 4.0, y)];
        scene.stroke(Outline::Line(line), Stroke::new(theme.muted, 1.0));
        scene.text(Text::new(
            (area.right() + 8.0, y + 4.0),
            &tick.label,
            SIZE,
            theme.muted,
        ));
        wide = wide.max(Weight::Regular.width(&tick.label, SIZE));
    }
    let label = cut(&clean(label), 12.0, Weight::Regular, area.h);
    if label.is_empty() {
        return area.w + 8.0 + wide;
    }
    let at = (area.right() + 8.0 + wide + 18.0, area.y + area.h / 2.0);
    let text = Text::new(at, &label, 12.0, theme.muted).turn(-90.0);
    scene.text(text.anchor(crate::paint::scene::Anchor::Middle));
    area.w + 8.0 + wide + 22.0
}
