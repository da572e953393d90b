//! Types and functions shared by several crates of `receptive`.
//!
//! * [`ImageSize`] and [`Resize`]: the images a network takes, and how others are resized.
//! * [`csv`]: tables as text.
//! * [`hash`]: SHA-256 of files and weights, and the mixer behind every seed.
//! * [`file`](mod@file): size-limited reading and atomic writing.
//! * [`lock`]: exclusive locks on files.
//! * [`mark`]: the mark on files written by the program, so that they are never treated as data.
//! * [`memory`]: the memory available to this process.
//! * [`nearest`]: known names similar to an unknown one.
//! * [`panic`](mod@panic): catching panics of decoders.
//! * [`proportion`]: statistics of accuracy: confidence intervals, and whether two counts differ.
//! * [`text`]: human-readable percentages, durations and counts; names that are safe to print and to paste into
//!   a shell.
//!
//! ```
//! use receptive_core::{ImageSize, file, hash, text};
//!
//! let size = ImageSize::new(3, 32, 32);
//! assert_eq!((size.len(), size.to_string()), (3072, "3x32x32".to_string()));
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("notes.txt");
//! file::write_durable(&path, b"abc")?;
//! assert_eq!(file::read_capped(&path, 100).unwrap(), b"abc");
//! assert!(hash::sha256(b"abc").starts_with("ba7816bf"));
//!
//! assert_eq!(text::duration(725.0), "12 min 5 s");
//! # Ok::<(), std::io::Error>(())
//! ```

pub mod csv;
pub mod file;
pub mod hash;
mod image;
pub mod lock;
pub mod mark;
pub mod memory;
mod near;
pub mod panic;
mod plain;
pub mod proportion;
pub mod seal;
pub mod text;

pub use image::{Fit, ImageSize, Interpolation, Resize};
pub use near::{did_you_mean, nearest};
pub use plain::plain;
