//! Line charts: one or several panels with a common horizontal axis.

mod curve;
mod labels;
mod plot;

pub use curve::{Curve, LineStyle, Mark, Panel};

use crate::axis::{Scale, clamped, extent, widened};
use crate::draw::Draw;
use crate::error::PlotError;
use crate::heading::{MARGIN, heading, named};
use crate::paint::scene::{Area, Scene};
use labels::NameLayout;
use plot::XAxis;

/// A line chart: one or several panels with a common horizontal axis.
///
/// ```
/// use receptive_plot::{Chart, Draw, Panel, Curve};
///
/// let loss = Curve::new("train", &[(1.0, 0.9), (2.0, 0.6), (3.0, 0.5)]);
/// let chart = Chart {
///     x_label: "epoch".into(),
///     x_whole: true,
///     ..Chart::new("ResNet-20 on Fashion-MNIST")
/// };
/// let chart = chart.panel(Panel::new("loss").curve(loss).marker(3.0, "best epoch 3"));
/// assert!(chart.to_svg()?.starts_with("<svg"));
/// # Ok::<(), receptive_plot::PlotError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Chart {
    /// The title.
    pub title: String,
    /// The line under the title.
    pub subtitle: String,
    /// The label of the horizontal axis.
    pub x_label: String,
    /// Whether the horizontal axis has ticks at whole numbers only, as for epochs and pixels.
    pub x_whole: bool,
    /// The scale of the horizontal axis.
    pub x_scale: Scale,
    /// Names at positions of the horizontal axis, below the lowest panel of each column; rotated if
    /// they would touch, and left out if there is no room even then.
    pub x_names: Vec<(f64, String)>,
    /// The panels, from left to right, row by row.
    pub panels: Vec<Panel>,
    /// Number of panels side by side; 1 stacks them.
    pub columns: usize,
    /// Width and height of a panel in points, including its labels; each clamped to 200 to 4000.
    pub panel_size: (f64, f64),
}

impl Chart {
    /// A chart without panels, with two panels per row.
    #[must_use]
    pub fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            subtitle: String::new(),
            x_label: String::new(),
            x_whole: false,
            x_scale: Scale::Linear,
            x_names: Vec::new(),
            panels: Vec::new(),
            columns: 2,
            panel_size: (470.0, 320.0),
        }
    }

    /// Adds a panel: to the right of the last one, or below if the row is full.
    #[must_use]
    pub fn panel(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self
    }
}

impl Draw for Chart {
    fn scene(&self) -> Result<Scene, PlotError> {
        const GAP: f64 = 26.0;
        const MAX_PANELS: usize = 64;
        let what = || named("chart", &self.title);
        if self.panels.is_empty() {
            return Err(PlotError::Empty {
                what: what(),
                missing: "panels",
            });
        }
        if self.panels.len() > MAX_PANELS {
            let found = self.panels.len() as u64;
            return Err(PlotError::TooLarge {
                what: what(),
                unit: "panels",
                limit: MAX_PANELS as u64,
                found,
            });
        }
        for (low, high) in self.panels.iter().filter_map(|panel| panel.y_range) {
            if Scale::Linear.share(high, (low, high)).is_none() {
                return Err(PlotError::range(what(), "y_range", (low, high)));
            }
        }
        let columns = self.columns.clamp(1, self.panels.len());
        let size = |points| clamped(points, 200.0, 4000.0);
        let (panel_width, panel_height) = (size(self.panel_size.0), size(self.panel_size.1));
        let width = 2.0 * MARGIN + columns as f64 * (panel_width + GAP) - GAP;
        let mut scene = Scene::new(&self.title);
        let top = heading(&mut scene, &self.title, &self.subtitle, width);

        let xs = self.panels.iter().flat_map(Panel::xs);
        let x_axis = XAxis {
            range: widened(extent(xs, self.x_scale), self.x_scale),
            scale: self.x_scale,
            whole: self.x_whole,
            label: &self.x_label,
            names: None,
        };
        let names = Some(self.x_names.as_slice()).filter(|names| !names.is_empty());
        let layout = names.map(|names| NameLayout::new(names, panel_width - 50.0));
        // Rotated names need height, which is added to every panel instead of taken from its plot.
        // Numbers in their place would be mistaken for names.
        let taller = layout.map_or(0.0, |layout| layout.room() - 20.0);
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
            let x_axis = XAxis { names, ..x_axis };
            plot::draw(
                panel,
                &mut scene,
                Area::new(x, y, panel_width, panel_height),
                &x_axis,
                left,
            );
        }
        let rows = self.panels.len().div_ceil(columns) as f64;
        scene.resize(width, top + rows * (panel_height + GAP) - GAP + MARGIN);
        Ok(scene)
    }
}
