//! Horizontal bars: one figure per class.

use crate::axis::number::{exponent, short, stepped};
use crate::axis::range::extent;
use crate::axis::scale::Scale;
use crate::axis::ticks::ticks;
use crate::heading::{Heading, MARGIN};
use crate::paint::font::Weight;
use crate::paint::scene::{Anchor, Area, Outline, Scene, Stroke, Text};
use crate::paint::wrap::{clean, cut};
use crate::{Colour, Draw, PlotError, Theme};

const LABEL: f64 = 12.0;
const WIDEST: f64 = 190.0;
const PLOT: f64 = 460.0;

/// Horizontal bars: one figure per class.
#[derive(Clone, Debug)]
pub struct Bars {
    heading: Heading,
    bars: Vec<(String, f64, Option<Colour>)>,
    x_label: String,
    range: Option<(f64, f64)>,
    reference: Option<(f64, String)>,
    theme: Theme,
}

impl Bars {
    /// A chart without bars.
    #[must_use]
    pub fn new(title: &str) -> Self {
        Self {
            heading: Heading::new(title),
            bars: Vec::new(),
            x_label: String::new(),
            range: None,
            reference: None,
            theme: Theme::default(),
        }
    }

    /// The line under the title.
    #[must_use]
    pub fn subtitle(mut self, subtitle: &str) -> Self {
        subtitle.clone_into(&mut self.heading.subtitle);
        self
    }

    /// Adds a bar below the last. A value that is not finite has no bar but says so.
    #[must_use]
    pub fn bar(mut self, label: &str, value: f64) -> Self {
        self.bars.push((label.to_owned(), value, None));
        self
    }

    /// Adds a bar of another colour.
    #[must_use]
    pub fn coloured_bar(mut self, label: &str, value: f64, colour: Colour) -> Self {
        self.bars.push((label.to_owned(), value, Some(colour)));
        self
    }

    /// What the figures are.
    #[must_use]
    pub fn x_label(mut self, label: &str) -> Self {
        label.clone_into(&mut self.x_label);
        self
    }

    /// Shows exactly this range, such as 0 to 100; otherwise it runs from zero to the greatest.
    #[must_use]
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }

    /// A dashed line across all bars, such as their mean.
    #[must_use]
    pub fn reference(mut self, value: f64, label: &str) -> Self {
        self.reference = Some((value, label.to_owned()));
        self
    }

    /// The colours and the pixel density.
    #[must_use]
    pub fn theme(mut self, theme: Theme) -> Self {
        self.theme = theme;
        self
    }

    fn check(&self) -> Result<(), PlotError> {
        const MOST: usize = 1000;
        let what = || self.heading.named("bar chart");
        if self.bars.is_empty() {
            return Err(PlotError::Empty {
                what: what(),
                missing: "bars",
            });
        }
        if self.bars.len() > MOST {
            let (limit, found) = (MOST as u64, self.bars.len() as u64);
            return Err(PlotError::TooLarge {
                what: what(),
                unit: "bars",
                limit,
                found,
            });
        }
        match self.range {
            Some((low, high)) if Scale::Linear.share(low, (low, high)).is_none() => {
                Err(PlotError::Range {
                    what: what(),
                    low,
                    high,
                })
            }
            _ => Ok(()),
        }
    }

    fn ends(&self) -> (f64, f64) {
        let reference = self.reference.iter().map(|line| line.0);
        let values = self
            .bars
            .iter()
            .map(|bar| bar.1)
            .chain(reference)
            .chain([0.0]);
        let (low, high) = extent(values, Scale::Linear).unwrap_or((0.0, 0.0));
        let fitted = if high > low { (low, high) } else { (0.0, 1.0) };
        self.range.unwrap_or(fitted)
    }

    /// Ticks, their lines, the reference and the axis label.
    fn axes(&self, scene: &mut Scene, plot: Area, ends: (f64, f64)) {
        let theme = &self.theme;
        for tick in ticks(ends, Scale::Linear, 6, false) {
            let Some(share) = Scale::Linear.share(tick.value, ends) else {
                continue;
            };
            let x = (plot.x + share * plot.w).floor() + 0.5;
            let line = Outline::Line(vec![(x, plot.y), (x, plot.bottom())]);
            scene.stroke(line, Stroke::new(theme.rule, 1.0));
            let text = Text::new((x, plot.bottom() + 15.0), &tick.label, 11.0, theme.muted);
            scene.text(text.anchor(Anchor::Middle));
        }
        let label = cut(&clean(&self.x_label), LABEL, Weight::Regular, plot.w);
        let at = (plot.x + plot.w / 2.0, plot.bottom() + 34.0);
        scene.text(Text::new(at, &label, LABEL, theme.muted).anchor(Anchor::Middle));
    }

    fn mark(&self, scene: &mut Scene, plot: Area, ends: (f64, f64)) {
        let Some((value, label)) = &self.reference else {
            return;
        };
        let Some(share) = Scale::Linear
            .share(*value, ends)
            .filter(|s| (0.0..=1.0).contains(s))
        else {
            return;
        };
        let x = (plot.x + share * plot.w).floor() + 0.5;
        let stroke = Stroke {
            dash: Some((4.0, 3.0)),
            ..Stroke::new(self.theme.ink, 1.0)
        };
        let line = Outline::Line(vec![(x, plot.y - 4.0), (x, plot.bottom())]);
        // An edge in the ground's colour keeps the dashes apart from dark bars.
        let edge = Stroke {
            opacity: 0.6,
            ..Stroke::new(self.theme.background, 3.0)
        };
        scene.stroke(line.clone(), edge);
        scene.stroke(line, stroke);
        let label = cut(&clean(label), 11.0, Weight::Regular, plot.w);
        let half = Weight::Regular.width(&label, 11.0) / 2.0;
        let at = (x.min(plot.right() - half).max(plot.x + half), plot.y - 8.0);
        scene.text(Text::new(at, &label, 11.0, self.theme.muted).anchor(Anchor::Middle));
    }
}

/// `value` with as many decimals as tell a thousandth of the axis.
fn figure(value: f64, (low, high): (f64, f64)) -> String {
    if !value.is_finite() {
        return short(value);
    }
    stepped(
        value,
        10_f64.powi(exponent((high - low) * 0.99).saturating_sub(2)),
    )
}

impl Draw for Bars {
    fn scene(&self) -> Result<Scene, PlotError> {
        self.check()?;
        let theme = &self.theme;
        let pitch = if self.bars.len() > 40 { 17.0 } else { 24.0 };
        let size = if self.bars.len() > 40 { 10.5 } else { LABEL };
        let labels: Vec<String> = self
            .bars
            .iter()
            .map(|bar| cut(&clean(&bar.0), size, Weight::Regular, WIDEST))
            .collect();
        let left = labels
            .iter()
            .map(|label| Weight::Regular.width(label, size))
            .fold(0.0, f64::max);
        let ends = self.ends();
        let column = self
            .bars
            .iter()
            .map(|bar| Weight::Regular.width(&figure(bar.1, ends), 11.0))
            .fold(0.0, f64::max)
            + 14.0;
        let width = MARGIN + left + 10.0 + PLOT + column + MARGIN;
        let mut scene = Scene::new(&self.heading.title, theme);
        let mut top = self.heading.draw(&mut scene, theme, width);
        if self.reference.is_some() {
            top += 14.0;
        }
        let high = pitch * self.bars.len() as f64;
        let plot = Area::new((MARGIN + left + 10.0).round(), top.round(), PLOT, high);
        let figures = plot.right() + column;
        self.axes(&mut scene, plot, ends);
        let zero = Scale::Linear
            .share(0.0, ends)
            .unwrap_or(0.0)
            .clamp(0.0, 1.0);
        for (index, ((_, value, colour), label)) in self.bars.iter().zip(&labels).enumerate() {
            let middle = plot.y + (index as f64 + 0.5) * pitch;
            let text = Text::new(
                (plot.x - 10.0, middle + size * 0.36),
                label,
                size,
                theme.ink,
            );
            scene.text(text.anchor(Anchor::End));
            let share = Scale::Linear
                .share(*value, ends)
                .unwrap_or(zero)
                .clamp(0.0, 1.0);
            let (from, to) = (zero.min(share), zero.max(share));
            let bar = Area::new(
                plot.x + from * plot.w,
                middle - pitch * 0.34,
                (to - from) * plot.w,
                pitch * 0.68,
            );
            scene.fill(
                Outline::Rect(bar),
                colour.unwrap_or_else(|| theme.series(0)),
            );
            // In a column of their own, where no line crosses them.
            let text = Text::new(
                (figures, middle + 4.0),
                &figure(*value, ends),
                11.0,
                theme.muted,
            );
            scene.text(text.anchor(Anchor::End));
        }
        let x = (plot.x + zero * plot.w).floor() + 0.5;
        let base = Outline::Line(vec![(x, plot.y), (x, plot.bottom())]);
        let grey = theme.muted.mix(theme.background, 0.35);
        scene.stroke(base, Stroke::new(grey, 1.0));
        self.mark(&mut scene, plot, ends);
        let foot = if clean(&self.x_label).is_empty() {
            20.0
        } else {
            38.0
        };
        scene.resize(width, plot.bottom() + foot + MARGIN);
        Ok(scene)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_one_chart_have_the_same_decimals() {
        assert_eq!(figure(88.4321, (0.0, 100.0)), "88.4");
        assert_eq!(figure(-0.0697, (-2.4, 4.5)), "−0.07");
        assert_eq!(figure(f64::NAN, (0.0, 1.0)), "n/a");
    }
}
