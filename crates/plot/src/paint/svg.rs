//! A scene as SVG. Text is stored as outlines, so it looks the same with any viewer and font.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use ttf_parser::{GlyphId, OutlineBuilder};

use super::font::Weight;
use super::raster::encode;
use super::scene::{Anchor, Area, Bitmap, Item, Outline, Point, Scene, Stroke, Text};
use super::shape::{Font, place};
use crate::color::BACKGROUND;
use crate::error::PlotError;
use receptive_core::mark;

/// The whole SVG document.
pub(crate) fn document(scene: &Scene) -> Result<String, PlotError> {
    let (mut body, mut glyphs) = (String::new(), BTreeSet::new());
    for item in &scene.items {
        match item {
            Item::Shape {
                outline,
                fill,
                stroke,
            } => {
                let paint = match fill {
                    Some((color, opacity)) if *opacity < 1.0 => {
                        format!(" fill=\"{}\" fill-opacity=\"{}\"", color.hex(), n(*opacity))
                    }
                    Some((color, _)) => format!(" fill=\"{}\"", color.hex()),
                    None => " fill=\"none\"".to_owned(),
                };
                shape(
                    &mut body,
                    outline,
                    &(paint + &stroke.map(stroked).unwrap_or_default()),
                );
            }
            Item::Text(line) => text(&mut body, line, &mut glyphs)?,
            Item::Bitmap(map) => bitmap(&mut body, map)?,
        }
    }
    let (w, h, title) = (n(scene.width), n(scene.height), escape(&scene.title));
    let mut out = String::with_capacity(body.len() + 4096);
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
         role=\"img\">\n{}\n<title>{title}</title>\n<defs>\n",
        mark::COMMENT
    );
    for (font, id) in glyphs {
        let mut path = GlyphPath {
            data: String::new(),
            scale: font.scale()? as f32,
        };
        font.face()?.outline_glyph(GlyphId(id), &mut path);
        let _ = writeln!(out, "<path id=\"{}\" d=\"{}\"/>", name(font, id), path.data);
    }
    let _ = write!(
        out,
        "</defs>\n<rect width=\"{w}\" height=\"{h}\" fill=\"{}\"/>\n{body}</svg>\n",
        BACKGROUND.hex()
    );
    Ok(out)
}

fn shape(out: &mut String, outline: &Outline, paint: &str) {
    let _ = match outline {
        Outline::Rect(Area { x, y, w, h }) => {
            let (x, y, w, h) = (n(*x), n(*y), n(*w), n(*h));
            writeln!(
                out,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"{paint}/>"
            )
        }
        Outline::Line(at) => writeln!(out, "<polyline points=\"{}\"{paint}/>", points(at)),
        Outline::Polygon(at) => writeln!(out, "<polygon points=\"{}\"{paint}/>", points(at)),
        Outline::Circle((x, y), r) => {
            writeln!(
                out,
                "<circle cx=\"{}\" cy=\"{}\" r=\"{}\"{paint}/>",
                n(*x),
                n(*y),
                n(*r)
            )
        }
    };
}

fn stroked(stroke: Stroke) -> String {
    let mut out = format!(
        " stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\" stroke-linecap=\"{}\"",
        stroke.color.hex(),
        n(stroke.width),
        if stroke.blunt || stroke.dash.is_some() {
            "butt"
        } else {
            "round"
        },
    );
    if stroke.opacity < 1.0 {
        let _ = write!(out, " stroke-opacity=\"{}\"", n(stroke.opacity));
    }
    if let Some((dash, gap)) = stroke.dash {
        let _ = write!(out, " stroke-dasharray=\"{} {}\"", n(dash), n(gap));
    }
    out
}

fn text(
    out: &mut String,
    text: &Text,
    glyphs: &mut BTreeSet<(Font, u16)>,
) -> Result<(), PlotError> {
    let (placed, width) = place(&text.text, text.weight)?;
    let scale = text.size / f64::from(text.weight.face()?.units_per_em());
    let shift = match text.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -width / 2.0,
        Anchor::End => -width,
    };
    let _ = write!(
        out,
        "<g aria-label=\"{}\" fill=\"{}\" ",
        escape(&text.text),
        text.color.hex()
    );
    let _ = write!(
        out,
        "transform=\"translate({} {})",
        n(text.at.0),
        n(text.at.1)
    );
    if text.turn != 0.0 {
        let _ = write!(out, " rotate({})", n(text.turn));
    }
    let _ = write!(out, " scale({scale:.6} {:.6})\">", -scale);
    for glyph in placed {
        glyphs.insert((glyph.font, glyph.glyph.0));
        let x = n(glyph.x + shift);
        let y = match glyph.y {
            0.0 => String::new(),
            y => format!(" y=\"{}\"", n(y)),
        };
        let name = name(glyph.font, glyph.glyph.0);
        let _ = write!(out, "<use href=\"#{name}\" x=\"{x}\"{y}/>");
    }
    out.push_str("</g>\n");
    Ok(())
}

fn bitmap(out: &mut String, map: &Bitmap) -> Result<(), PlotError> {
    let png = encode(map.width, map.height, &map.rgb, None)?;
    let data = base64::engine::general_purpose::STANDARD.encode(png);
    let Area { x, y, w, h } = map.area;
    let _ = writeln!(
        out,
        "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" \
         style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{data}\"/>",
        n(x),
        n(y),
        n(w),
        n(h)
    );
    Ok(())
}

/// A number with at most two decimals and no trailing zeros: small files, the same on every
/// machine.
fn n(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

fn points(at: &[Point]) -> String {
    at.iter()
        .map(|p| format!("{},{}", n(p.0), n(p.1)))
        .collect::<Vec<_>>()
        .join(" ")
}

fn name(font: Font, glyph: u16) -> String {
    match font {
        Font::Bundled(Weight::Medium) => format!("m{glyph}"),
        Font::Bundled(Weight::Regular) => format!("r{glyph}"),
        Font::System(number) => format!("s{number}-{glyph}"),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

struct GlyphPath {
    data: String,
    /// The factor that converts to units of the bundled font.
    scale: f32,
}

impl GlyphPath {
    fn push(&mut self, command: char, coordinates: &[f32]) {
        self.data.push(command);
        for (index, value) in coordinates.iter().enumerate() {
            let gap = if index == 0 { "" } else { " " };
            // Whole numbers for the bundled font, and short ones for others.
            let _ = match self.scale {
                1.0 => write!(self.data, "{gap}{value}"),
                scale => write!(self.data, "{gap}{}", n(f64::from(value * scale))),
            };
        }
    }
}

impl OutlineBuilder for GlyphPath {
    fn move_to(&mut self, x: f32, y: f32) {
        self.push('M', &[x, y]);
    }
    fn line_to(&mut self, x: f32, y: f32) {
        self.push('L', &[x, y]);
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.push('Q', &[x1, y1, x, y]);
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.push('C', &[x1, y1, x2, y2, x, y]);
    }
    fn close(&mut self) {
        self.data.push('Z');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_never_minus_zero() {
        assert_eq!(
            (n(1.0), n(0.126), n(-0.001)),
            ("1".into(), "0.13".into(), "0".into())
        );
        assert_eq!((n(100.0), n(-20.5)), ("100".into(), "-20.5".into()));
    }
}
