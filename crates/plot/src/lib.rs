//! Pictures of a training run and of a network's receptive fields, as PNG or SVG.
//!
//! Five kinds: [`Chart`] (lines), [`Matrix`] (confusion matrix), [`HeatMap`], [`Grid`] (small
//! pictures) and [`Bars`]; a [`Sheet`] holds several of them, with [`Words`] and a [`Table`], in one
//! picture. Each is built with plain values — the crate knows no tensors — and stored through
//! [`Draw`]: [`Draw::write`] picks the format by the file's extension,
//! [`Draw::to_png`] and [`Draw::to_svg`] return the bytes.
//!
//! ```
//! use receptive_plot::{Chart, Draw, LineStyle, Panel, Series};
//!
//! let train = [(1.0, 0.62), (2.0, 0.41), (3.0, 0.33)];
//! let val = [(1.0, 0.48), (2.0, 0.39), (3.0, 0.40)];
//! let chart = Chart::new("Loss").x_label("epoch").x_whole().panel(
//!     Panel::new("cross-entropy")
//!         .series(Series::new("train", &train))
//!         .series(Series::new("validation", &val).style(LineStyle::Dashed))
//!         .marker(2.0, "best epoch 2"),
//! );
//! let file = std::env::temp_dir().join("receptive-plot-doc.svg");
//! chart.write(&file)?;
//! # assert!(std::fs::read_to_string(&file).is_ok_and(|svg| svg.contains("best epoch 2")));
//! # let _ = std::fs::remove_file(&file);
//! # Ok::<(), receptive_plot::PlotError>(())
//! ```
//!
//! The font is bundled, so nothing depends on what the system has installed, and the same picture
//! gives the same bytes everywhere. Values that are not finite leave gaps; wrong sizes are errors
//! that say what was expected; nothing panics.
//!
//! The font is part of Roboto, copyright 2011 Google Inc., under the Apache License 2.0, whose text
//! is in `assets/LICENSE-Roboto.txt`; `assets/README.md` says what was changed.

mod axis;
mod bars;
mod chart;
mod colour;
mod draw;
mod error;
mod grid;
mod heading;
mod heatmap;
mod matrix;
mod paint;
mod sheet;
mod theme;

pub use axis::number::grouped;
pub use axis::scale::Scale;
pub use bars::Bars;
pub use chart::{Chart, LineStyle, Mark, Panel, Series};
pub use colour::Colour;
pub use draw::Draw;
pub use error::PlotError;
pub use grid::{Grid, Tile};
pub use heatmap::{ColourMap, HeatMap, Overlay};
pub use matrix::Matrix;
pub use paint::scene::Scene;
pub use sheet::{Sheet, Table, Words};
pub use theme::Theme;
