//! The trait of all figures: conversion to bytes, and writing to a file.

use std::path::Path;

use crate::error::PlotError;
use crate::heading::footnote;
use crate::paint::scene::Scene;
use crate::paint::{raster, svg};
use receptive_core::file::write_over_own;
use receptive_core::mark;

/// A figure that can be stored. Import the trait to call [`write`](Draw::write).
///
/// The same figure gives the same bytes on every call and, if the bundled font has all its
/// characters, on every machine. Other characters are drawn with the system's fonts; those that no
/// font has are written as codes, and a footnote says so.
pub trait Draw {
    /// Computes the layout of the figure.
    ///
    /// # Errors
    ///
    /// If there is nothing to draw, or the number of values does not match the size.
    fn scene(&self) -> Result<Scene, PlotError>;

    /// The figure as stored, with [`Scene::note`] below it if there is one.
    ///
    /// # Errors
    ///
    /// As [`scene`](Draw::scene).
    fn page(&self) -> Result<Scene, PlotError> {
        let mut scene = self.scene()?;
        footnote(&mut scene);
        Ok(scene)
    }

    /// The figure as a PNG file, two pixels per point.
    ///
    /// # Errors
    ///
    /// As [`scene`](Draw::scene), and if the figure has too many pixels.
    fn to_png(&self) -> Result<Vec<u8>, PlotError> {
        raster::file(&self.page()?)
    }

    /// The figure as an SVG document, with text as outlines.
    ///
    /// # Errors
    ///
    /// As [`scene`](Draw::scene).
    fn to_svg(&self) -> Result<String, PlotError> {
        svg::document(&self.page()?)
    }

    /// Writes the figure as PNG or SVG, depending on the file's extension.
    ///
    /// The file is written atomically. An existing one is replaced only if this program wrote it,
    /// which its [mark](receptive_core::mark) shows.
    ///
    /// # Errors
    ///
    /// As [`to_png`](Draw::to_png) and [`to_svg`](Draw::to_svg), and if the extension is neither,
    /// another program's file exists, or the file cannot be written.
    fn write(&self, path: &Path) -> Result<(), PlotError> {
        let extension = path
            .extension()
            .map(|ext| ext.to_string_lossy().to_ascii_lowercase());
        let bytes = match extension.as_deref() {
            Some("png") => self.to_png()?,
            Some("svg") => self.to_svg()?.into_bytes(),
            other => {
                let found = other.map_or("no extension".to_owned(), |ext| format!(".{ext}"));
                return Err(PlotError::Extension {
                    path: path.to_owned(),
                    found,
                });
            }
        };
        write_over_own(path, &bytes, mark::is_on).map_err(|source| PlotError::Io {
            path: path.to_owned(),
            source,
        })
    }
}
