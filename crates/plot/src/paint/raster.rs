//! A scene as PNG.

use tiny_skia::{
    FillRule, FilterQuality, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, PixmapPaint,
    Rect, StrokeDash, Transform,
};
use ttf_parser::OutlineBuilder;

use super::scene::{Anchor, Bitmap, Item, Outline, Scene, Stroke, Text};
use super::shape::place;
use crate::color::{BACKGROUND, Color};
use crate::error::PlotError;
use receptive_core::mark;

/// Pixels per point.
const DENSITY: f64 = 2.0;
/// The largest number of pixels along a side, and in total, of a PNG.
const MAX_SIDE: f64 = 24_000.0;
const MAX_PIXELS: f64 = 120_000_000.0;

/// The whole PNG file.
pub(crate) fn file(scene: &Scene) -> Result<Vec<u8>, PlotError> {
    let pixmap = draw(scene)?;
    // Everything is drawn on an opaque background, so alpha is not needed.
    let rgb: Vec<u8> = pixmap
        .data()
        .chunks_exact(4)
        .flat_map(|p| p.iter().take(3).copied())
        .collect();
    encode(
        pixmap.width() as usize,
        pixmap.height() as usize,
        &rgb,
        Some(DENSITY),
    )
}

fn draw(scene: &Scene) -> Result<Pixmap, PlotError> {
    let (w, h) = (
        (scene.width * DENSITY).ceil(),
        (scene.height * DENSITY).ceil(),
    );
    let too_large = |limit: f64, found: f64, unit| PlotError::TooLarge {
        what: format!("image \"{}\"", scene.title),
        unit,
        limit: limit as u64,
        found: found as u64,
    };
    if w.max(h) > MAX_SIDE {
        return Err(too_large(MAX_SIDE, w.max(h), "pixels along a side"));
    }
    if w * h > MAX_PIXELS {
        return Err(too_large(MAX_PIXELS, w * h, "pixels"));
    }
    let mut map =
        Pixmap::new(w as u32, h as u32).ok_or_else(|| too_large(MAX_PIXELS, w * h, "pixels"))?;
    map.fill(skia(BACKGROUND, 1.0));
    let view = Transform::from_scale(DENSITY as f32, DENSITY as f32);
    for item in &scene.items {
        match item {
            Item::Shape {
                outline,
                fill,
                stroke,
            } => {
                let Some(path) = path(outline) else { continue };
                if let Some((color, opacity)) = fill {
                    let paint = paint(*color, *opacity);
                    map.fill_path(&path, &paint, FillRule::Winding, view, None);
                }
                if let Some(stroke) = stroke {
                    let paint = paint(stroke.color, stroke.opacity);
                    map.stroke_path(&path, &paint, &pen(stroke), view, None);
                }
            }
            Item::Text(line) => text(&mut map, line, view)?,
            Item::Bitmap(bits) => bitmap(&mut map, bits, view),
        }
    }
    Ok(map)
}

fn path(outline: &Outline) -> Option<Path> {
    let mut builder = PathBuilder::new();
    match outline {
        Outline::Rect(a) => {
            builder.push_rect(Rect::from_xywh(
                a.x as f32, a.y as f32, a.w as f32, a.h as f32,
            )?);
        }
        Outline::Circle(centre, radius) => {
            builder.push_circle(centre.0 as f32, centre.1 as f32, *radius as f32);
        }
        Outline::Line(points) | Outline::Polygon(points) => {
            let mut points = points.iter();
            let first = points.next()?;
            builder.move_to(first.0 as f32, first.1 as f32);
            points.for_each(|p| builder.line_to(p.0 as f32, p.1 as f32));
            if matches!(outline, Outline::Polygon(_)) {
                builder.close();
            }
        }
    }
    builder.finish()
}

fn pen(stroke: &Stroke) -> tiny_skia::Stroke {
    tiny_skia::Stroke {
        width: stroke.width as f32,
        line_cap: if stroke.blunt || stroke.dash.is_some() {
            LineCap::Butt
        } else {
            LineCap::Round
        },
        line_join: LineJoin::Round,
        dash: stroke
            .dash
            .and_then(|(on, off)| StrokeDash::new(vec![on as f32, off as f32], 0.0)),
        ..tiny_skia::Stroke::default()
    }
}

fn text(map: &mut Pixmap, text: &Text, view: Transform) -> Result<(), PlotError> {
    let (placed, width) = place(&text.text, text.weight)?;
    let shift = match text.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -width / 2.0,
        Anchor::End => -width,
    };
    let mut outline = GlyphPath {
        builder: PathBuilder::new(),
        shift: (0.0, 0.0),
        scale: 1.0,
    };
    for glyph in placed {
        outline.shift = ((glyph.x + shift) as f32, glyph.y as f32);
        outline.scale = glyph.font.scale()? as f32;
        glyph.font.face()?.outline_glyph(glyph.glyph, &mut outline);
    }
    let scale = (text.size / f64::from(text.weight.face()?.units_per_em())) as f32;
    let place = view
        .pre_translate(text.at.0 as f32, text.at.1 as f32)
        .pre_concat(Transform::from_rotate(text.turn as f32))
        .pre_scale(scale, -scale);
    if let Some(path) = outline.builder.finish() {
        map.fill_path(
            &path,
            &paint(text.color, 1.0),
            FillRule::Winding,
            place,
            None,
        );
    }
    Ok(())
}

fn bitmap(map: &mut Pixmap, bits: &Bitmap, view: Transform) {
    let Some(mut source) = Pixmap::new(bits.width as u32, bits.height as u32) else {
        return;
    };
    for (to, from) in source
        .data_mut()
        .chunks_exact_mut(4)
        .zip(bits.rgb.chunks_exact(3))
    {
        if let ([r, g, b, a], [red, green, blue]) = (to, from) {
            (*r, *g, *b, *a) = (*red, *green, *blue, 255);
        }
    }
    let place = view
        .pre_translate(bits.area.x as f32, bits.area.y as f32)
        .pre_scale(
            (bits.area.w / bits.width as f64) as f32,
            (bits.area.h / bits.height as f64) as f32,
        );
    let paint = PixmapPaint {
        quality: FilterQuality::Nearest,
        ..PixmapPaint::default()
    };
    map.draw_pixmap(0, 0, source.as_ref(), &paint, place, None);
}

fn skia(color: Color, opacity: f64) -> tiny_skia::Color {
    let alpha = (opacity.clamp(0.0, 1.0) * 255.0).round() as u8;
    tiny_skia::Color::from_rgba8(color.r, color.g, color.b, alpha)
}

fn paint(color: Color, opacity: f64) -> Paint<'static> {
    let mut paint = Paint {
        anti_alias: true,
        ..Paint::default()
    };
    paint.set_color(skia(color, opacity));
    paint
}

/// RGB bytes as a PNG file, with its resolution if `density` (pixels per point) is given.
pub(crate) fn encode(
    width: usize,
    height: usize,
    rgb: &[u8],
    density: Option<f64>,
) -> Result<Vec<u8>, PlotError> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let failed = |source| PlotError::Encode { source };
    encoder
        .add_text_chunk("Software".into(), mark::SOFTWARE.into())
        .map_err(failed)?;
    if let Some(density) = density {
        let per_metre = (density * 96.0 / 0.0254).round() as u32;
        let unit = png::Unit::Meter;
        encoder.set_pixel_dims(Some(png::PixelDimensions {
            xppu: per_metre,
            yppu: per_metre,
            unit,
        }));
    }
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(rgb).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(out)
}

struct GlyphPath {
    builder: PathBuilder,
    shift: (f32, f32),
    scale: f32,
}

impl GlyphPath {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (x * self.scale + self.shift.0, y * self.scale + self.shift.1)
    }
}

impl OutlineBuilder for GlyphPath {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.builder.move_to(x, y);
    }
    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.builder.line_to(x, y);
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.builder.quad_to(x1, y1, x, y);
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.builder.cubic_to(x1, y1, x2, y2, x, y);
    }
    fn close(&mut self) {
        self.builder.close();
    }
}
