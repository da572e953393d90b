//! Figures of a training run and of a network's receptive fields, as PNG or SVG.
//!
//! There are four kinds: [`Chart`] (lines), [`Matrix`] (confusion matrix), [`HeatMap`] and [`Grid`]
//! (thumbnails). A [`Sheet`] combines several of them, with a [`TextBlock`] and a [`Table`], in one
//! figure. Each is built from plain values, not tensors, and stored through [`Draw`]:
//! [`Draw::write`] chooses the format by the file's extension, [`Draw::to_png`] and
//! [`Draw::to_svg`] return the bytes. Settings that are not arguments of `new` are public fields
//! with defaults.
//!
//! ```
//! use receptive_plot::{Chart, Draw, LineStyle, Panel, Curve};
//!
//! let train = [(1.0, 0.62), (2.0, 0.41), (3.0, 0.33)];
//! let val = [(1.0, 0.48), (2.0, 0.39), (3.0, 0.40)];
//! let dashed = Curve { style: LineStyle::Dashed, ..Curve::new("validation", &val) };
//! let panel = Panel::new("cross-entropy")
//!     .curve(Curve::new("train", &train))
//!     .curve(dashed)
//!     .marker(2.0, "best epoch 2");
//! let chart = Chart { x_label: "epoch".into(), x_whole: true, ..Chart::new("Loss") }.panel(panel);
//! let file = std::env::temp_dir().join("receptive-plot-doc.svg");
//! chart.write(&file)?;
//! # assert!(std::fs::read_to_string(&file).is_ok_and(|svg| svg.contains("best epoch 2")));
//! # let _ = std::fs::remove_file(&file);
//! # Ok::<(), receptive_plot::PlotError>(())
//! ```
//!
//! A font with Latin, Greek and Cyrillic is bundled: a figure with no other characters does not
//! depend on the installed fonts and has the same bytes everywhere. Other scripts are drawn with
//! the system's fonts, including shaping and right-to-left text. Characters that no font has are
//! written as codes such as U+AC00, or in a [`Matrix`] as the number of the class, and a footnote
//! says what to install ([`Scene::note`]). Emoji need a font with outlines, since colour emoji are
//! bitmaps. Values that are not finite leave gaps; wrong sizes are errors that say what was
//! expected; nothing panics.
//!
//! The font is part of Roboto, copyright 2011 Google Inc., under the Apache License 2.0, whose text
//! is in `assets/LICENSE-Roboto.txt`; `assets/README.md` says what was changed.

mod axis;
mod chart;
mod color;
mod draw;
mod error;
mod grid;
mod heading;
mod heatmap;
mod matrix;
mod number;
mod paint;
mod sheet;
mod table;
mod tile;

pub use axis::Scale;
pub use chart::{Chart, Curve, LineStyle, Mark, Panel};
pub use color::{Color, ColorMap};
pub use draw::Draw;
pub use error::PlotError;
pub use grid::Grid;
pub use heatmap::{HeatMap, Overlay};
pub use matrix::Matrix;
pub use paint::scene::Scene;
pub use sheet::{Sheet, TextBlock};
pub use table::Table;
pub use tile::Tile;
