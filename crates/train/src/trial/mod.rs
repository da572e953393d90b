//! What is tried before a run, and leaves none: a dry run, a few images learnt by heart, a range of
//! learning rates.

mod dry_run;
mod lr_find;
mod memory;
mod overfit;

pub use dry_run::{DryRun, dry_run};
pub use lr_find::{LrFind, RangeTest, Rates, Tried, lr_find};
pub use memory::peak_resident_bytes;
pub use overfit::{Overfit, OverfitOptions, overfit, unregularised};
