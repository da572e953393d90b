//! Trains, evaluates and applies convolutional image classifiers on burn.
//!
//! ```text
//! RunConfig -> prepare -> Prepared { data, input spec, plan }
//!                train -> Trained  { the best epoch's artifact, history }
//!             evaluate -> Evaluation { loss, top-1, top-5, confusion matrix }
//!              predict -> the most probable classes of a picture
//! ```
//!
//! A step is a sum of fixed micro-batches: a batch is cut into shards whose size does not depend on
//! the machine, each shard's forward and backward pass runs on one thread, and the gradients are
//! added in a fixed order. The same seed therefore gives the same weights, bit for bit, for any
//! number of threads on one backend. Batch norm sees a shard at a time ("ghost batch norm",
//! Hoffer et al. 2017).
#![recursion_limit = "256"]

pub mod backend;
pub mod bench;
mod charts;
mod checkpoint;
pub mod config;
mod error;
mod evaluate;
pub mod field;
#[doc(hidden)]
pub mod fuzzing;
pub mod metrics;
mod observer;
mod predict;
mod prepare;
mod run;
mod start;
mod step;
mod stop;
mod tensorboard;
mod train;
pub mod trial;
mod workers;

pub use backend::Backend;
pub use charts::{confusion_matrix, curve_panels};
pub use checkpoint::{CheckpointConfig, Every, Refused};
pub use config::{DataConfig, MachineConfig, RunConfig, TrainConfig};
pub use error::TrainError;
pub use evaluate::{Answer, Evaluation, evaluate, evaluate_each};
pub use field::{EpochField, FieldConfig, SplitInputs};
pub use observer::{Epoch, Observer, Quiet, Resumed, Step};
pub use predict::{predict_file, predict_files};
pub use prepare::{InputFrom, Prepared, data_options, prepare, samples_for, usual_input};
pub use run::{Images, ImagesOf, RunDirectory, RunEnd, RunLog, SplitName};
pub use start::{StartConfig, Started};
pub use stop::Stop;
pub use train::{Outcome, Trained, resume, train};
pub use workers::Workers;
