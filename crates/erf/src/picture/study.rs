//! The pictures of a study.

use super::measurement::{Parts, Subject, measurement, parts};
use crate::{Map, Study};
use receptive_plot::{PlotError, Sheet};

impl Study {
    /// Everything about it in one picture; `shown` says in words what the network was shown, such
    /// as `noise, random weights`.
    ///
    /// # Errors
    /// As [`Draw::scene`](receptive_plot::Draw::scene): where the window has no pixels.
    pub fn picture(&self, title: &str, shown: &str) -> Result<Sheet, PlotError> {
        measurement(&self.subject(title, shown, &self.expected()))
    }

    /// The pictures that it holds.
    pub fn parts(&self) -> Parts {
        parts(&self.subject("", "", &self.expected()))
    }

    /// What was measured over what, in words; `shown` as in [`picture`](Self::picture).
    pub fn conditions(&self, shown: &str) -> String {
        format!(
            "{} over {} samples of {shown}, {}",
            self.aggregate().formula(),
            self.found.samples,
            self.found.probe
        )
    }

    fn subject<'a>(&'a self, title: &str, shown: &str, theory: &'a Map) -> Subject<'a> {
        let found = &self.found;
        let aggregate = self.aggregate();
        Subject {
            title: title.into(),
            subtitle: self.conditions(shown),
            map: &found.average(aggregate).map,
            groups: found.groups(aggregate),
            judgement: &self.report.headline.judgement,
            trf: found.trf,
            image: found.image,
            prediction: Some(theory),
            numbers: self.numbers(),
        }
    }
}
