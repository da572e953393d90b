//! Line charts: one or several panels over a common horizontal axis.

mod annotate;
mod frame;
mod legend;
mod mark;
mod names;
mod panel;
mod plot;
mod series;

pub use mark::Mark;
pub use panel::Panel;
pub use series::{LineStyle, Series};

use crate::axis::range::{extent, held, widened};
use crate::axis::scale::Scale;
use crate::heading::{Heading, MARGIN};
use crate::paint::scene::Area;
use crate::{Draw, PlotError, Scene, Theme};
use names::Standing;
use plot::Across;

/// A line chart: one or several panels over a common horizontal axis.
///
/// ```
/// use receptive_plot::{Chart, Draw, Panel, Series};
///
/// let loss = Series::new("train", &[(1.0, 0.9), (2.0, 0.6), (3.0, 0.5)]);
/// let chart = Chart::new("ResNet-20 on Fashion-MNIST")
///     .x_label("epoch")
///     .x_whole()
///     .panel(Panel::new("loss").series(loss).marker(3.0, "best epoch 3"));
/// assert!(chart.to_svg()?.starts_with("<svg"));
/// # Ok::<(), receptive_plot::PlotError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Chart {
    heading: Heading,
    x_label: String,
    x_whole: bool,
    x_scale: Scale,
    x_names: Vec<(f64, String)>,
    panels: Vec<Panel>,
    columns: usize,
    panel_size: (f64, f64),
    theme: Theme,
}

impl Chart {
    /// A chart without panels.
    #[must_use]
    pub fn new(title: &str) -> Self {
        Self {
            heading: Heading::new(title),
            x_label: String::new(),
            x_whole: false,
            x_scale: Scale::Linear,
            x_names: Vec::new(),
            panels: Vec::new(),
            columns: 2,
            panel_size: (470.0, 320.0),
            theme: Theme::default(),
        }
    }

    /// The line under the title.
    #[must_use]
    pub fn subtitle(mut self, subtitle: &str) -> Self {
        subtitle.clone_into(&mut self.heading.subtitle);
        self
    }

    /// The label of the horizontal axis.
    #[must_use]
    pub fn x_label(mut self, label: &str) -> Self {
        label.clone_into(&mut self.x_label);
        self
    }

    /// Only whole numbers as ticks of the horizontal axis: for epochs and pixels.
    #[must_use]
    pub fn x_whole(mut self) -> Self {
        self.x_whole = true;
        self
    }

    /// The scale of the horizontal axis.
    #[must_use]
    pub fn x_scale(mut self, scale: Scale) -> Self {
        self.x_scale = scale;
        self
    }

    /// Names at places of the horizontal axis, below the lowest panel of each column; turned where
    /// they would touch, and left out where even that has no room.
    #[must_use]
    pub fn x_names(mut self, names: &[(f64, String)]) -> Self {
        self.x_names = names.to_vec();
        self
    }

    /// Adds a panel: to the right of the last one, or below when the row is full.
    #[must_use]
    pub fn panel(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self
    }

    /// How many panels stand side by side: 1 stacks them. Two unless set.
    #[must_use]
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns.max(1);
        self
    }

    /// The size of a panel in points, its labels included; held within 200 and 4000.
    #[must_use]
    pub fn panel_size(mut self, width: f64, height: f64) -> Self {
        self.panel_size = (held(width, 200.0, 4000.0), held(height, 200.0, 4000.0));
        self
    }

    /// The colours and the pixel density.
    #[must_use]
    pub fn theme(mut self, theme: Theme) -> Self {
        self.theme = theme;
        self
    }
}

impl Draw for Chart {
    fn scene(&self) -> Result<Scene, PlotError> {
        const GAP: f64 = 26.0;
        const MOST: usize = 64;
        let what = || self.heading.named("chart");
        if self.panels.is_empty() {
            return Err(PlotError::Empty {
                what: what(),
                missing: "panels",
            });
        }
        if self.panels.len() > MOST {
            let found = self.panels.len() as u64;
            return Err(PlotError::TooLarge {
                what: what(),
                unit: "panels",
                limit: MOST as u64,
                found,
            });
        }
        for (low, high) in self.panels.iter().filter_map(|panel| panel.range) {
            if Scale::Linear.share(high, (low, high)).is_none() {
                return Err(PlotError::Range {
                    what: what(),
                    low,
                    high,
                });
            }
        }
        let columns = self.columns.min(self.panels.len());
        let (panel_width, panel_height) = self.panel_size;
        let width = 2.0 * MARGIN + columns as f64 * (panel_width + GAP) - GAP;
        let mut scene = Scene::new(&self.heading.title, &self.theme);
        let top = self.heading.draw(&mut scene, &self.theme, width);

        let xs = self.panels.iter().flat_map(Panel::xs);
        let across = Across {
            range: widened(extent(xs, self.x_scale), self.x_scale),
            scale: self.x_scale,
            whole: self.x_whole,
            label: &self.x_label,
            names: None,
        };
        let names = Some(self.x_names.as_slice()).filter(|names| !names.is_empty());
        let standing = names.map(|names| Standing::of(names, panel_width - 50.0));
        // Turned names need room: it makes every panel taller, not its plot smaller. Numbers in
        // their place would be read as names.
        let taller = standing.map_or(0.0, |standing| standing.room() - 20.0);
        let panel_height = panel_height + taller;
        let left = self
            .panels
            .iter()
            .map(plot::label_width)
            .fold(0.0, f64::max);
        for (index, panel) in self.panels.iter().enumerate() {
            let (row, column) = (index / columns, index % columns);
            let x = MARGIN + column as f64 * (panel_width + GAP);
            let y = top + row as f64 * (panel_height + GAP);
            let across = Across { names, ..across };
            plot::draw(
                panel,
                &mut scene,
                &self.theme,
                Area::new(x, y, panel_width, panel_height),
                &across,
                left,
            );
        }
        let rows = self.panels.len().div_ceil(columns) as f64;
        scene.resize(width, top + rows * (panel_height + GAP) - GAP + MARGIN);
        Ok(scene)
    }
}
