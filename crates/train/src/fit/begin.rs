//! Starting a run, with baselines on frozen features if it starts from a pretrained model.

use super::{Learner, TrainingLoop};
use crate::baseline::{FrozenImages, FrozenResult};
use crate::checkpoint::{Position, Totals};
use crate::config::HeadStart;
use crate::error::TrainError;
use crate::prepare::RunSetup;
use crate::recorders::RunStart;
use crate::records::{Outcome, TrainResult};
use crate::run::RunDirectory;
use burn::module::Module;
use receptive_model::Classifier;

impl TrainingLoop<'_, '_> {
    /// Computes the baselines and fits the head, if the run starts from a pretrained model; then trains from
    /// the first step.
    pub(super) fn begin(mut self, mut learner: Learner<'_>) -> Result<TrainResult, TrainError> {
        let setup = self.setup;
        if setup.start.is_some() {
            let Some(frozen) = self.frozen(&learner)? else {
                // Nothing is saved, so that a resumed run begins here again.
                let signal = self.stop.requested().unwrap_or_default();
                return self.end(Outcome::Interrupted { signal }, &learner.model);
            };
            let json = serde_json::to_vec(&frozen.baselines).map_err(|error| {
                TrainError::run(
                    self.run.path(),
                    format!("its baselines are not JSON: {error}"),
                )
            })?;
            self.run.write(RunDirectory::BASELINES, &json)?;
            if fits_head(setup, &learner.model) {
                let model = frozen.into_head(learner.model.clone())?;
                learner = learner.with_model(model);
            }
        }
        let mut start = RunStart {
            model: &learner.model,
            erf: None,
        };
        self.recorders
            .each(|recorder| recorder.started(&mut start))?;
        if setup.config.train.epochs == 0 {
            // So that the run can be resumed with more epochs.
            self.save(&learner, Position::default(), Totals::default())?;
        }
        self.run(learner, Position::default(), Totals::default())
    }

    /// `None` if a stop was requested before all features were computed.
    fn frozen(&mut self, learner: &Learner<'_>) -> Result<Option<FrozenResult>, TrainError> {
        let (images, compute) = (frozen_images(self.setup), self.compute);
        let model = learner.model.valid();
        self.watching(|watch| FrozenResult::new(images, &model, compute, watch))
    }
}

/// The images whose features the head and the baselines are computed from.
pub(crate) fn frozen_images(setup: &RunSetup) -> FrozenImages<'_> {
    FrozenImages {
        input: &setup.input,
        train: &setup.train,
        val: Some(&setup.val),
        test: setup.test.as_ref(),
        classes: setup.data.classes.len(),
        seed: setup.config.train.seed,
    }
}

/// Whether training begins with a head that is fitted to the frozen features of the pretrained network.
pub(crate) fn fits_head(setup: &RunSetup, model: &Classifier) -> bool {
    let (Some(start), Some(initial)) = (&setup.config.start, &setup.start) else {
        return false;
    };
    match start.head {
        HeadStart::Random => false,
        HeadStart::Fitted => initial.has_new_head && model.linear_head().is_some(),
        HeadStart::Only => true,
    }
}
