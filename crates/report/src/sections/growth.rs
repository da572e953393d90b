//! The growth of the effective receptive field during training.

use crate::html::{Figure, table, wide_figure};
use crate::text::Part;
use maud::{Markup, html};
use receptive_train::{EpochField, RunConfig, RunDirectory, RunLog};

#[derive(Debug)]
pub(crate) struct Growth {
    /// The fields with their epochs; 0 means before training.
    fields: Vec<(usize, EpochField)>,
    film: Option<Figure>,
}

impl Growth {
    /// `None` if the run did not track its receptive field.
    pub(crate) fn new(
        run: &RunDirectory,
        config: &RunConfig,
        log: &Part<RunLog>,
    ) -> Option<Part<Self>> {
        config.track_erf.as_ref()?;
        Some(log.as_ref().map_err(String::clone).and_then(|log| {
            let fields = fields(log);
            if fields.is_empty() {
                return Err("The run ended before the first measurement.".into());
            }
            let film = Figure::file(&run.path().join(RunDirectory::FIELD));
            Ok(Self { fields, film })
        }))
    }

    pub(crate) fn html(&self) -> Markup {
        let rows: Vec<Vec<String>> = self.fields.iter().map(row).collect();
        let head = [
            "epoch",
            "σ, pixels",
            "distance to a Gaussian, TV",
            "verdict",
        ];
        html! {
            @if let Some(film) = &self.film {
                (wide_figure(film, &self.words(), &html! { (self.words()) "." }))
            } @else {
                p.missing { "The figure " (RunDirectory::FIELD) " is no longer in the run's directory." }
            }
            (table("The field from epoch to epoch", &head, 1, &rows))
        }
    }

    fn words(&self) -> String {
        let (first, last) = (self.fields.first(), self.fields.last());
        match (first, last) {
            (Some((from, before)), Some((to, after))) => format!(
                "Its σ went from {:.2} pixels at epoch {from} to {:.2} at epoch {to}",
                before.sigma, after.sigma
            ),
            _ => String::new(),
        }
    }
}

fn fields(log: &RunLog) -> Vec<(usize, EpochField)> {
    let before = log.field_before.map(|field| (0, field));
    let epochs = log.epochs.iter();
    let later = epochs.filter_map(|epoch| Some((epoch.epoch, epoch.erf?)));
    before.into_iter().chain(later).collect()
}

fn row((epoch, field): &(usize, EpochField)) -> Vec<String> {
    let name = match epoch {
        0 => "before".into(),
        epoch => epoch.to_string(),
    };
    vec![
        name,
        format!("{:.2}", field.sigma),
        format!("{:.3}", field.tv),
        field.verdict.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use receptive_erf::gaussian::Verdict;

    #[test]
    fn the_field_before_training_comes_first() {
        let field = EpochField {
            sigma: 4.321,
            tv: 0.1234,
            verdict: Verdict::NotGaussian,
        };
        let log = RunLog {
            field_before: Some(field),
            ..RunLog::default()
        };
        let fields = fields(&log);
        assert_eq!(row(&fields[0]), ["before", "4.32", "0.123", "NOT GAUSSIAN"]);
        let page = Growth { fields, film: None }.html().into_string();
        assert!(page.contains("erf.png is no longer"), "{page}");
    }
}
