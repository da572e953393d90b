//! Whether the probabilities are calibrated: the reliability diagram.

use super::HeldOutImages;
use super::held_out::split_words;
use crate::html::{Figure, figure, table};
use crate::text::{Part, percent, percent_or_dash};
use maud::{Markup, html};
use receptive_core::proportion::wilson;
use receptive_core::text::grouped;
use receptive_plot::{Chart, Curve, LineStyle, Mark, Panel};
use receptive_train::metrics::{Calibration, RELIABILITY_BINS, Reliability};

#[derive(Debug)]
pub(crate) struct Probabilities {
    diagram: Figure,
    calibration: Calibration,
    split: &'static str,
}

impl Probabilities {
    pub(crate) fn new(held_out: &Part<HeldOutImages>) -> Part<Self> {
        let held_out = held_out.as_ref().map_err(String::clone)?;
        let calibration = held_out.calibration.clone();
        Ok(Self {
            diagram: Figure::drawn(&diagram(&calibration))?,
            calibration,
            split: held_out.words(),
        })
    }

    pub(crate) fn temperature(&self) -> Option<f64> {
        self.calibration.temperature
    }

    /// The expected calibration error of the probabilities that `predict` outputs.
    pub(crate) fn error(&self) -> f64 {
        self.given().ece
    }

    fn given(&self) -> &Reliability {
        let Calibration { before, after, .. } = &self.calibration;
        after.as_ref().unwrap_or(before)
    }

    pub(crate) fn html(&self) -> Markup {
        let Calibration { before, .. } = &self.calibration;
        let given = self.given();
        let alt = format!(
            "Reliability diagram: accuracy by confidence, calibration error {}",
            percent(given.ece)
        );
        let head = ["probability", "images", "confidence", "right"];
        let rows: Vec<Vec<String>> = given
            .bins
            .iter()
            .filter(|bin| bin.images > 0)
            .map(|bin| {
                vec![
                    format!("{} to {}", percent(bin.lower), percent(bin.upper)),
                    grouped(bin.images),
                    percent_or_dash(bin.confidence),
                    percent_or_dash(bin.accuracy),
                ]
            })
            .collect();
        html! {
            p {
                @match self.calibration.temperature {
                    Some(temperature) => {
                        "The probabilities are calibrated: the logits are divided by a temperature of "
                        (format!("{temperature:.3}"))
                        ", fitted on the validation split. On the " (self.split)
                        " the expected calibration error goes from " (percent(before.ece)) " to "
                        (percent(given.ece)) " and the loss from " (format!("{:.3}", before.nll))
                        " to " (format!("{:.3}", given.nll)) "."
                        @if self.split == split_words("val") {
                            " Both are optimistic, because the temperature was fitted on these images."
                        }
                    }
                    None => {
                        "The probabilities are not calibrated: no temperature was fitted for this model. \
                         The expected calibration error on the " (self.split) " is "
                        (percent(before.ece)) "."
                    }
                }
            }
            (figure(&self.diagram, &alt, &html! {
                "On the dashed line, accuracy equals confidence; below it, the network is \
                 overconfident. Bars are 95\u{a0}% intervals. Each dot is one of " (RELIABILITY_BINS)
                " equal bins of the predicted class's probability; the other panel shows the \
                 fraction of images in each."
            }))
            details {
                summary { "Data table" }
                (table("Bins of the predicted class's probability", &head, 1, &rows))
            }
        }
    }
}

/// The 95 % interval of the accuracy in each bin, in per cent.
fn intervals(of: &Reliability) -> Vec<(f64, f64, f64)> {
    let bins = of.bins.iter();
    bins.filter_map(|bin| {
        let right = (bin.accuracy? * bin.images as f64).round() as usize;
        let [low, high] = wilson(right, bin.images)?;
        Some((100.0 * bin.confidence?, 100.0 * low, 100.0 * high))
    })
    .collect()
}

/// Accuracy by confidence, above the number of images by confidence.
fn diagram(calibration: &Calibration) -> Chart {
    let Calibration { before, after, .. } = calibration;
    let ideal = Curve {
        style: LineStyle::Dashed,
        mark: Some(Mark::None),
        ..Curve::new("calibrated", &[(0.0, 0.0), (100.0, 100.0)])
    };
    let points = |reliability: &Reliability| -> Vec<(f64, f64)> {
        let bins = reliability.bins.iter();
        bins.filter_map(|bin| Some((100.0 * bin.confidence?, 100.0 * bin.accuracy?)))
            .collect()
    };
    let mut reliability = Panel {
        y_range: Some((0.0, 100.0)),
        ..Panel::new("accuracy (%)")
    };
    let mut shares = Panel::new("images (%)");
    let all: usize = before.bins.iter().map(|bin| bin.images).sum();
    let share = |reliability: &Reliability| -> Vec<(f64, f64)> {
        let bins = reliability.bins.iter();
        bins.map(|bin| {
            let middle = 50.0 * (bin.lower + bin.upper);
            (middle, 100.0 * bin.images as f64 / all.max(1) as f64)
        })
        .collect()
    };
    let name = match after {
        Some(_) => "uncalibrated",
        None => "probabilities",
    };
    let mut add = |name: &str, of: &Reliability, mark: Mark| {
        let with = |points: &[(f64, f64)]| Curve {
            mark: Some(mark),
            ..Curve::new(name, points)
        };
        let bars = match mark {
            Mark::Dot => intervals(of),
            _ => Vec::new(),
        };
        reliability.curves.push(Curve {
            bars,
            ..with(&points(of))
        });
        shares.curves.push(with(&share(of)));
    };
    // The probabilities that `predict` outputs have dots and error bars.
    match after {
        Some(after) => {
            add(name, before, Mark::Ring);
            add("with temperature", after, Mark::Dot);
        }
        None => add(name, before, Mark::Dot),
    }
    reliability.curves.push(ideal);
    Chart {
        x_label: "confidence (%)".into(),
        panels: vec![reliability, shares],
        ..Chart::new("")
    }
}
