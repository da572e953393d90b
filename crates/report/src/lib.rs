//! A training run as one HTML file: no script, no network, every picture within it.
//!
//! ```text
//! RunDirectory -> Report::of -> Report { a struct a section } -> Report::html -> report.html
//! ```
//!
//! Each file in `sections/` is one section: what it shows, how that is found, and how it is written.
//! What can't be found (images that moved away, a run that was killed) is a sentence in its section;
//! only a run without a model has no report. Every string from outside is escaped, and the page
//! forbids scripts and connections by its own content security policy.
#![recursion_limit = "256"]

mod html;
mod options;
mod page;
mod part;
mod report;
mod sections;
mod words;

pub use options::{Options, Watch};
pub use report::{Figures, Missing, Report};
