//! `lr.csv` and `lr.png`.

use super::LrFind;
use crate::TrainError;
use receptive_model::store;
use receptive_plot::{Chart, Draw, LineStyle, Mark, Panel, Scale, Series};
use std::path::Path;

impl LrFind {
    /// Every step as a line of CSV.
    pub fn csv(&self) -> String {
        let lines = self.tried.iter().map(|tried| {
            format!(
                "{},{},{},{}\n",
                tried.step, tried.learning_rate, tried.loss, tried.smoothed
            )
        });
        String::from("step,learning_rate,loss,smoothed_loss\n") + &lines.collect::<String>()
    }

    /// The loss over the rate, with the rates to train with.
    pub fn chart(&self, title: &str) -> Chart {
        let points = |value: fn(&super::Tried) -> f64| -> Vec<(f64, f64)> {
            let tried = self.tried.iter();
            tried
                .map(|tried| (tried.learning_rate, value(tried)))
                .collect()
        };
        let batches = Series {
            mark: Some(Mark::Ring),
            style: LineStyle::None,
            ..Series::new("each batch", &points(|tried| tried.loss))
        };
        let smoothed = Series {
            mark: Some(Mark::None),
            ..Series::new("smoothed", &points(|tried| tried.smoothed))
        };
        let mut panel = Panel::new("loss").series(smoothed).series(batches);
        // What flies off would press everything else together.
        let losses = self
            .tried
            .iter()
            .map(|tried| tried.loss.min(tried.smoothed));
        let lowest = losses.fold(f64::INFINITY, f64::min);
        if let Some(first) = self.tried.first() {
            let air = 0.1 * (first.loss - lowest).max(0.1 * first.loss);
            panel.y_range = Some(((lowest - air).max(0.0), 1.3 * first.loss));
        }
        if let Some(rates) = self.rates {
            let taken = |tried: &&super::Tried| tried.learning_rate == rates.valley;
            if let Some(tried) = self.tried.iter().find(taken) {
                panel = panel.note(tried.learning_rate, tried.smoothed, "suggested");
            }
            panel = panel
                .marker(rates.valley, &format!("valley: {:.1e}", rates.valley))
                .marker(rates.steepest, &format!("steepest: {:.1e}", rates.steepest))
                .marker(
                    rates.minimum_over_ten,
                    &format!("minimum / 10: {:.1e}", rates.minimum_over_ten),
                );
        }
        Chart {
            subtitle: "learning rate range test: the rate grows with every batch".into(),
            x_label: "learning rate".into(),
            x_scale: Scale::Log,
            panel_size: (720.0, 400.0),
            ..Chart::new(title)
        }
        .panel(panel)
    }

    /// Writes both into a directory, which is made if need be.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn write(&self, directory: &Path, title: &str) -> Result<(), TrainError> {
        std::fs::create_dir_all(directory)
            .map_err(TrainError::io(directory, "creating the directory"))?;
        store::write_file(&directory.join("lr.csv"), self.csv().as_bytes())?;
        Ok(self.chart(title).write(&directory.join("lr.png"))?)
    }
}
