//! Trials before a run, which create no run directory: a dry run, overfitting a few images, and a
//! learning-rate range test.

mod dry_run;
mod lr_find;
mod overfit;

pub use dry_run::{DryRun, dry_run, peak_resident_bytes};
pub use lr_find::{LrFind, LrProgress, LrStep, RangeTest, Rates, lr_find};
pub use overfit::{OverfitOptions, OverfitResult, overfit, unregularised, unregularised_setup};
