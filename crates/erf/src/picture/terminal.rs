//! A heat map in characters, for a terminal.

use super::raster::Raster;
use crate::map::Map;

/// From light to dense characters, which reads well on light and dark backgrounds.
const SHADES: &[u8; 10] = b" .:-=+*#%@";
/// From dark blue to pale yellow in the 256-colour palette: neither end is black or white, so the
/// map's edge is visible on any background.
const RAMP: [u8; 14] = [
    17, 18, 54, 55, 91, 127, 162, 197, 203, 208, 214, 220, 227, 229,
];
/// The colour of NaN and infinity.
const MISSING: u8 = 244;

/// A small heat map, one string per line, at most `columns` characters wide; no lines for an empty
/// map.
///
/// With `colour` each character is two pixels, one above the other, in 256 ANSI colours. Without,
/// it is an ASCII shade, and `?` is NaN or infinity. Both preserve the map's proportions if a
/// character is twice as tall as wide.
pub fn characters(map: &Map, columns: usize, colour: bool) -> Vec<String> {
    // Only the width is limited: a tall map may take more lines.
    let region = map.region();
    let per = region.width.div_ceil(columns.max(1)).max(1);
    let limit = region.width.max(region.height).div_ceil(per);
    let raster = Raster::new(map, region, limit);
    let greatest = raster.shares.iter().copied().fold(0.0, f32::max);
    let level = |share: &f32, levels: usize| {
        let share = if greatest > 0.0 {
            share / greatest
        } else {
            share * 0.0
        };
        let last = levels as f32 - 1.0;
        share
            .is_finite()
            .then(|| (share.clamp(0.0, 1.0) * last).round() as usize)
    };
    let rows: Vec<&[f32]> = raster.shares.chunks(raster.width.max(1)).collect();
    let pairs = rows.chunks(2).map(|pair| match *pair {
        [upper, lower] => (upper, Some(lower)),
        [upper] => (upper, None),
        _ => (&[][..], None),
    });
    let line = |(upper, lower): (&[f32], Option<&[f32]>)| {
        if colour {
            let ink = |share: &f32| {
                let index = level(share, RAMP.len());
                index.map_or(MISSING, |index| RAMP.get(index).copied().unwrap_or(MISSING))
            };
            let upper: Vec<u8> = upper.iter().map(ink).collect();
            let lower: Option<Vec<u8>> = lower.map(|lower| lower.iter().map(ink).collect());
            painted(&upper, lower.as_deref())
        } else {
            let lower = lower.unwrap_or(upper);
            let mean = |(a, b): (&f32, &f32)| match (a.is_finite(), b.is_finite()) {
                (true, true) => (a + b) / 2.0,
                (true, false) => *a,
                _ => *b,
            };
            let shade = |share: f32| {
                let index = level(&share, SHADES.len());
                index.map_or('?', |index| {
                    SHADES.get(index).map_or('?', |c| char::from(*c))
                })
            };
            upper.iter().zip(lower).map(mean).map(shade).collect()
        }
    };
    pairs.map(line).collect()
}

/// Upper half blocks: the foreground is the upper pixel, the background the lower one, or the
/// terminal's own if there is none.
fn painted(upper: &[u8], lower: Option<&[u8]>) -> String {
    let mut out = String::new();
    let mut last = None;
    for (index, ink) in upper.iter().enumerate() {
        let ground = lower.and_then(|lower| lower.get(index)).copied();
        if last != Some((*ink, ground)) {
            out += &match ground {
                Some(ground) => format!("\x1b[38;5;{ink};48;5;{ground}m"),
                None => format!("\x1b[38;5;{ink}m"),
            };
            last = Some((*ink, ground));
        }
        out.push('▀');
    }
    out += "\x1b[0m";
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::Region;

    /// A bell in the middle of an image.
    fn bell(height: usize, width: usize) -> Map {
        let region = Region::image(height, width);
        let [y, x] = region.centre();
        Map::from_fn(region, |row, column| {
            let square = (row as f64 - y).powi(2) + (column as f64 - x).powi(2);
            (-square / (width as f64)).exp()
        })
    }

    #[test]
    fn a_square_map_is_half_as_many_lines_as_columns() {
        for colour in [false, true] {
            let lines = characters(&bell(80, 80), 40, colour);
            assert_eq!(lines.len(), 20);
            for line in &lines {
                let shown = line.chars().filter(|c| *c == '▀').count();
                let wide = if colour { shown } else { line.chars().count() };
                assert_eq!(wide, 40);
            }
        }
    }

    #[test]
    fn the_middle_is_the_darkest_ink_and_the_corners_blank() {
        let lines = characters(&bell(20, 20), 40, false);
        assert!(
            lines[4].contains('@') || lines[5].contains('@'),
            "{lines:?}"
        );
        assert!(lines[0].starts_with("  ") && lines[0].ends_with("  "));
        assert!(lines.concat().is_ascii());
    }

    #[test]
    fn odd_maps_give_lines() {
        let nan = Map::from_fn(Region::image(3, 2), |_, _| f64::NAN);
        assert_eq!(characters(&nan, 40, false), ["??", "??"]);
        assert_eq!(
            characters(&Map::zeros(Region::image(1, 1)), 40, false),
            [" "]
        );
        assert_eq!(
            characters(&Map::zeros(Region::image(2, 1000)), 10, true).len(),
            1
        );
        assert_eq!(
            characters(&Map::zeros(Region::image(1000, 10)), 10, true).len(),
            500
        );
        assert!(characters(&Map::zeros(Region::image(0, 0)), 40, true).is_empty());
        assert_eq!(characters(&bell(1000, 1000), 0, true).len(), 1);
    }

    #[test]
    fn the_ramp_gets_brighter_all_along() {
        // The colour cube of the 256 colours has these levels.
        let level = |index: u8| [0.0, 95.0, 135.0, 175.0, 215.0, 255.0][usize::from(index)];
        let light = |code: &u8| {
            let code = code - 16;
            let (r, g, b) = (level(code / 36), level(code / 6 % 6), level(code % 6));
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let lights: Vec<f64> = RAMP.iter().map(light).collect();
        assert!(
            lights.windows(2).all(|pair| pair[0] < pair[1]),
            "{lights:?}"
        );
    }
}
