//! Figures, tables and lists of facts, shared by several sections.

use crate::text::{Part, sentence};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};
use receptive_model::store::read_capped;
use receptive_plot::{Draw, Grid, Tile};
use std::path::Path;

/// A figure on the page.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    /// A data URI.
    source: String,
    /// Its size in CSS pixels.
    size: (u32, u32),
    /// Whether its pixels stay sharp when it is enlarged.
    is_coarse: bool,
    /// A note about characters that no font has, if there are any.
    note: Option<String>,
}

/// Maximum size of a figure from a run's directory, in bytes.
const MAX_FILE_BYTES: u64 = 32 << 20;
/// The longest side of a thumbnail, in pixels.
const MAX_PIXELS: usize = 160;

impl Figure {
    /// A drawing, as SVG.
    pub(crate) fn drawn(drawing: &dyn Draw) -> Part<Self> {
        let page = drawing.page().map_err(sentence)?;
        let (size, note) = (page.size(), page.note());
        let svg = drawing.to_svg().map_err(sentence)?;
        Ok(Self {
            source: uri("image/svg+xml", svg.as_bytes()),
            size: (size.0.ceil() as u32, size.1.ceil() as u32),
            is_coarse: false,
            note,
        })
    }

    /// A PNG file of a run; `None` if it is missing, too large or not a PNG file.
    pub(crate) fn file(path: &Path) -> Option<Self> {
        Self::png(&read_capped(path, MAX_FILE_BYTES).ok()?)
    }

    /// A PNG file with two pixels per CSS pixel.
    fn png(file: &[u8]) -> Option<Self> {
        // The signature, then the header's length and name, then width and height.
        let number = |at: usize| {
            let bytes = file.get(at..at + 4)?.try_into().ok()?;
            Some(u32::from_be_bytes(bytes))
        };
        if !file.starts_with(b"\x89PNG\r\n\x1a\n") {
            return None;
        }
        Some(Self {
            source: uri("image/png", file),
            size: (number(16)?.div_ceil(2), number(20)?.div_ceil(2)),
            is_coarse: false,
            note: None,
        })
    }

    /// A thumbnail, with sharp pixels.
    pub(crate) fn tile(tile: &Tile) -> Part<Self> {
        let png = tile.to_png(MAX_PIXELS).map_err(sentence)?;
        let (width, height) = tile.size();
        Ok(Self {
            source: uri("image/png", &png),
            size: (width as u32, height as u32),
            is_coarse: width.max(height) < 100,
            note: None,
        })
    }

    /// A note about characters that no font has, if there are any.
    pub(crate) fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    pub(crate) fn html(&self, alt: &str) -> Markup {
        let (width, height) = self.size;
        let class = self.is_coarse.then_some("coarse");
        html! { img class=[class] src=(self.source) width=(width) height=(height) alt=(alt); }
    }
}

fn uri(kind: &str, bytes: &[u8]) -> String {
    format!("data:{kind};base64,{}", STANDARD.encode(bytes))
}

/// A figure on a light card, with a caption.
pub(crate) fn figure(picture: &Figure, alt: &str, caption: &Markup) -> Markup {
    html! {
        figure.card {
            div.scroll { (picture.html(alt)) }
            figcaption { (caption) }
        }
    }
}

/// A figure whose text would be too small on a phone, where it scrolls inside its card instead.
pub(crate) fn wide_figure(picture: &Figure, alt: &str, caption: &Markup) -> Markup {
    html! {
        figure.card.wide {
            div.scroll tabindex="0" role="region" aria-label=(alt) { (picture.html(alt)) }
            figcaption { (caption) }
        }
    }
}

/// Thumbnails with captions, as many per row as fit; `class` is a CSS class.
pub(crate) fn tiles(class: &str, all: &[(Figure, String)]) -> Markup {
    html! {
        ul class={ "tiles " (class) } {
            @for (picture, words) in all {
                li { figure { (picture.html(words)) figcaption { (words) } } }
            }
        }
    }
}

/// The images of a grid for [`tiles`].
pub(crate) fn pictures(grid: &Grid) -> Part<Vec<(Figure, String)>> {
    grid.tiles
        .iter()
        .map(|tile| Ok((Figure::tile(tile)?, tile.caption.clone())))
        .collect()
}

/// A table in its own box, which scrolls if the page is narrow. The first column names the row;
/// columns from `numbers` on are numeric.
pub(crate) fn table(caption: &str, head: &[&str], numbers: usize, rows: &[Vec<String>]) -> Markup {
    let class = |column: usize| (column >= numbers).then_some("number");
    html! {
        div.scroll tabindex="0" role="region" aria-label=(caption) {
            table {
                caption { (caption) }
                thead {
                    tr {
                        @for (column, name) in head.iter().enumerate() {
                            th scope="col" class=[class(column)] { (name) }
                        }
                    }
                }
                tbody {
                    @for row in rows {
                        tr {
                            @for (column, cell) in row.iter().enumerate() {
                                @if column == 0 {
                                    th scope="row" { (cell) }
                                } @else {
                                    td class=[class(column)] { (cell) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A list of names and values.
pub(crate) fn facts(all: &[(String, String)]) -> Markup {
    html! {
        dl.facts {
            @for (name, value) in all {
                div { dt { (name) } dd { (value) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_data_are_words_and_nothing_else() {
        let name = "<script>alert(1)</script>\" onload=\"x";
        let table = table("classes", &["class", "images"], 1, &[vec![name.into()]]);
        let tile = Figure::tile(&Tile::grey(1, 1, &[7])).unwrap();
        let page = table.into_string() + &tiles("", &[(tile, name.into())]).into_string();
        assert!(!page.contains("<script"), "{page}");
        assert!(!page.contains("\" onload"), "{page}");
        assert!(page.contains("&lt;script&gt;"), "{page}");
    }

    #[test]
    fn a_png_knows_its_size_and_other_files_are_rejected() {
        let png = Tile::grey(9, 4, &[0; 36]).to_png(100).unwrap();
        assert_eq!(Figure::png(&png).unwrap().size, (5, 2));
        assert!(Figure::png(b"GIF89a").is_none());
        assert!(Figure::png(&png[..18]).is_none());
    }
}
