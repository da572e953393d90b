//! Trains, evaluates and applies convolutional image classifiers with burn.
//!
//! ```text
//! RunConfig -> prepare -> RunSetup { data, input spec, plan }
//!                train -> TrainResult { the best epoch's figures; the run's directory has its model }
//!             evaluate -> Evaluation { loss, top-1, top-5, confusion matrix }
//!         predict_file -> the most probable classes of an image
//! ```
//!
//! A batch is split into shards whose size does not depend on the machine. Each shard's forward and backward
//! pass runs on one thread, and the gradients are added as a tree that is determined by the shards' numbers
//! alone. The same seed therefore gives bit-identical weights for any number of threads and devices on one CPU
//! backend. Batch norm uses the statistics of one shard ("ghost batch norm", Hoffer et al. 2017).
//!
//! # Example
//!
//! A network with one layer, trained for one epoch on 200 images of `fashion-mini`, which is part of
//! `receptive-data`:
//!
//! ```
//! use receptive_data::NoProgress;
//! use receptive_model::{FlattenLayer, LinearLayer, ModelConfig};
//! use receptive_train::{InputFrom, RunConfig, RunDirectory, Stop, prepare, train};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model = ModelConfig::new(1, 28, 28)
//!     .layer(FlattenLayer::default())
//!     .layer(LinearLayer::classes());
//! let mut config = RunConfig::new(model);
//! config.data.limit = Some(200);
//! config.train.epochs = 1;
//!
//! # if receptive_train::backend::BackendKind::Flex.is_compiled() {
//! let setup = prepare(config, InputFrom::Data, &NoProgress)?;
//! let compute = setup.config.machine.compute()?;
//! let directory = tempfile::tempdir()?;
//! let run = RunDirectory::create(&directory.path().join("run"))?;
//! let result = train(&setup, &run, &compute, &Stop::default(), &mut [])?;
//! assert_eq!(result.epochs.len(), 1);
//! assert!(run.has_model());
//! # }
//! # Ok(())
//! # }
//! ```
#![recursion_limit = "256"]

mod averaged;
mod baseline;
mod checkpoint;
mod compute;
pub mod config;
mod error;
mod evaluate;
mod fit;
#[doc(hidden)]
pub mod fuzzing;
mod inputs;
mod loss_scale;
mod memory;
pub mod metrics;
mod optimizer;
mod prepare;
mod prepare_again;
mod ranks;
mod recorders;
mod records;
mod run;
mod series;
mod stop;
pub mod trial;
mod tune;

pub use baseline::{Baselines, Gain, Score, SplitBaselines};
pub use compute::backend::{self, Backend};
pub use compute::devices::Devices;
pub use compute::upload::images_on;
pub use compute::{Compute, on_threads};
pub use config::{
    CheckpointConfig, DataConfig, FieldConfig, Interval, MachineConfig, Remedies, RunConfig,
    StartConfig, TrainConfig,
};
pub use error::{SettingChange, TrainError};
pub use evaluate::predict::{FilePrediction, predict_file, predict_files, predict_image};
pub use evaluate::tta::Tta;
pub use evaluate::{Answers, Evaluation, check_evaluation, evaluate, evaluate_views, unwatched};
pub use fit::agreement::check_alike;
pub use fit::backend_failure::{check_computations, watch_log};
pub use fit::replica::{RankDirectory, Replica};
pub use fit::{Gradients, Learner, StepRate, epoch_loader, resume, train};
pub use inputs::SplitInputs;
pub use memory::{Pass, check as check_memory, check_bytes, check_pass};
pub use prepare::input_size::default_input;
pub use prepare::splits::samples_for;
pub use prepare::start::InitialModel;
pub use prepare::{InputFrom, RunSetup, prepare, prepare_open};
pub use prepare_again::prepare_again;
#[cfg(feature = "mpi")]
pub use ranks::Mpi;
pub use ranks::{Ranks, Traffic, Transport, found_by_first};
pub use recorders::{
    EpochEnd, Recorder, RunFinish, RunStart, confusion_matrix, curve_panels, recall_panel,
};
pub use records::{
    Divergence, Epoch, EpochField, InvalidCheckpoint, Outcome, RecorderState, ResumePoint, Step,
    TrainResult, Weights,
};
pub use run::{DataPlace, ImageQuery, RunDirectory, RunEnd, RunImages, RunLog, SplitName};
pub use series::{
    MeanGain, OutOfFold, PlannedRun, RunFigures, RunSummary, Series, SeriesKind, SeriesMeans,
    SeriesSummary, SeriesWatch, Spread,
};
pub use stop::Stop;
pub use tune::{OpenRound, Rung, TrialResult, TrialSettings, Tune, TuneOptions, TuneState};
