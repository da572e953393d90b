//! A training run as one HTML file: no script, no network access, every figure embedded.
//!
//! ```text
//! RunDirectory -> Report::new -> Report { one struct per section } -> Report::html -> report.html
//! ```
//!
//! Each file in `sections/` is one section: its content, how it is gathered, and how it is written.
//! If something is missing (images that were moved, a run that was killed), its section explains
//! why; only a run without a model has no report. Every external string is escaped, and the page's
//! content security policy forbids scripts and connections.
//!
//! A report of a small run, trained for one epoch on 200 images of `fashion-mini`, which is part of
//! `receptive-data`:
//!
//! ```
//! use receptive_data::NoProgress;
//! use receptive_model::{Activation, Conv2dLayer, FlattenLayer, LinearLayer, ModelConfig};
//! use receptive_report::{Report, ReportOptions, Watch};
//! use receptive_train::{InputFrom, RunConfig, RunDirectory, Stop, prepare, train};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model = ModelConfig::new(1, 28, 28)
//!     .layer(Conv2dLayer::new(4, 3).with_activation(Activation::Relu))
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
//! train(&setup, &run, &compute, &Stop::default(), &mut [])?;
//!
//! // Few samples, so that the receptive field is measured in a moment.
//! let options = ReportOptions {
//!     samples: 50,
//!     ..ReportOptions::default()
//! };
//! let mut watch = Watch {
//!     data: &NoProgress,
//!     evaluation: &mut |_, _, _| (),
//!     field: &|_, _, _| (),
//! };
//! let report = Report::new(&run, &options, compute.device(), &mut watch)?;
//! std::fs::write(run.path().join("report.html"), report.html())?;
//! assert_eq!(report.figures().epochs, 1);
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! [`Watch`] receives the progress. If the data set was moved, [`ReportOptions::data`] is its new
//! path.
#![recursion_limit = "256"]

mod html;
mod options;
mod page;
mod report;
mod sections;
mod series;
mod text;

pub use options::{ReportOptions, Watch};
pub use report::{Figures, MissingSection, Report};
pub use series::series_page;
