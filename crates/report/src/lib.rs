//! A training run as one HTML file: no script, no network access, every figure embedded.
//!
//! ```text
//! RunDirectory -> Report::new -> Report { a struct a section } -> Report::html -> report.html
//! ```
//!
//! Each file in `sections/` is one section: its content, how it is gathered, and how it is written.
//! If something is missing (images that were moved, a run that was killed), its section explains
//! why; only a run without a model has no report. Every external string is escaped, and the page's
//! content security policy forbids scripts and connections.
//!
//! ```
//! use receptive_report::ReportOptions;
//!
//! // Half an hour of measuring for a smoother receptive field, in the data set's new place.
//! let options = ReportOptions {
//!     samples: 10_000,
//!     data: Some("/mnt/photos".into()),
//!     ..ReportOptions::default()
//! };
//! assert_eq!((options.losses, options.batch), (24, 24));
//! ```
//!
//! With a [`RunDirectory`](receptive_train::RunDirectory), a device and a [`Watch`],
//! [`Report::new`] takes these options, and [`Report::html`] is the page.
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
