//! One layer of one network, measured, predicted and judged.

use crate::gaussian::MassSquare;
use crate::theory::{Prediction, Seeds, Weights, predict};
use crate::{Aggregate, Channels, ErfError, Map, Measurement, Report, TheoryReport};
use receptive_model::{Plan, PlannedLayer};

/// One layer of one network: what was measured, what theory says, and what both come to.
#[derive(Debug, Clone)]
pub struct Study {
    /// The layer.
    pub layer: PlannedLayer,
    /// What was measured.
    pub found: Measurement,
    /// What theory predicts of the mean square.
    pub prediction: Prediction,
    /// Everything both say.
    pub report: Report,
    /// The squares that RepLKNet's tool would report, where they were asked for.
    pub replknet: Option<Vec<MassSquare>>,
}

impl Study {
    /// Puts theory beside a measurement of `layer`; `weights` are those of the network measured,
    /// and `aggregate` is the mean that the verdict speaks of.
    ///
    /// # Errors
    /// When the plan has no such layer or unit, or a layer that theory knows nothing of.
    pub fn of(
        found: Measurement,
        plan: &Plan,
        layer: &PlannedLayer,
        weights: Weights<'_>,
        aggregate: Aggregate,
    ) -> Result<Self, ErfError> {
        let words = match weights {
            Weights::Ones => "all equal",
            Weights::Given(_) => "given, signs scrambled",
            Weights::Random => "random",
        };
        let seeds = match found.probe.channels {
            Channels::One(channel) => Seeds::One(channel),
            _ => Seeds::All,
        };
        let prediction = predict(plan, &layer.number, found.probe.unit, seeds, weights)?;
        let theory = TheoryReport::of(&found, words, &prediction);
        Ok(Self {
            layer: layer.clone(),
            report: Report::of(&found, aggregate, Some(theory)),
            found,
            prediction,
            replknet: None,
        })
    }

    /// The mean that the verdict speaks of.
    pub fn aggregate(&self) -> Aggregate {
        self.report.headline.aggregate
    }

    /// What theory says of this mean. It speaks of the mean square; its root is what the absolute
    /// value comes near.
    pub fn expected(&self) -> Map {
        match self.aggregate() {
            Aggregate::Square => self.prediction.map.clone(),
            _ => self.prediction.map.map(f64::sqrt),
        }
    }

    /// Names and values that the judgement does not hold: the theoretical field, the size, theory.
    pub fn numbers(&self) -> Vec<(String, String)> {
        let report = &self.report;
        let headline = &report.headline;
        let mut all = vec![
            (
                "theoretical field".to_string(),
                format!("{} x {} px", report.trf.size[0], report.trf.size[1]),
            ),
            (
                format!("size above {:.2} % of centre", 100.0 * headline.threshold),
                format!("{} px", headline.size.within(1)),
            ),
            ("size / theoretical".into(), headline.ratio.within(3)),
        ];
        if let Some(theory) = &report.theory {
            let caution = if theory.exact { "" } else { " (not exact)" };
            all.push((
                "TV of mean square to theory".into(),
                format!("{:.3}{caution}", theory.tv),
            ));
        }
        all.push(("samples".into(), report.samples.to_string()));
        all
    }
}
