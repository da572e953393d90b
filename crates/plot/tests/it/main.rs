//! What the pictures promise, through the public interface only.

// The lint spares test functions, not what they call.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod chart;
mod extremes;
mod files;
#[cfg(target_os = "linux")]
mod font_file;
mod fonts;
mod heatmap;
mod matrix;
mod pixels;
mod sheet;
mod svg;
