//! The field while a network learns.

use super::shown::{Shown, above, grown};
use super::verdict::{colour, mark, number};
use crate::gaussian::{Estimate, Verdict};
use crate::{Map, Region};
use receptive_plot::{
    Chart, Colour, Draw as _, Grid, LineStyle, Mark, Panel, PlotError, Series, Sheet,
};

/// The most maps shown; of more, as many evenly spread.
const MOST: usize = 48;

/// One epoch.
#[derive(Debug, Clone)]
pub struct Frame<'a> {
    /// Its number; 0 is before training.
    pub epoch: usize,
    /// The measured map.
    pub map: &'a Map,
    /// Its standard deviation, in input pixels.
    pub sigma: Estimate,
    /// Its distance to a Gaussian.
    pub tv: Estimate,
    /// Whether it is one.
    pub verdict: Verdict,
}

/// A strip of maps, all at the same scale and each as shares of its own peak, over the standard
/// deviation and the distance to a Gaussian against the epoch.
///
/// # Errors
/// As [`Draw::scene`](receptive_plot::Draw::scene): where there is no frame or a map has no pixels.
pub fn film(title: &str, subtitle: &str, frames: &[Frame<'_>]) -> Result<Sheet, PlotError> {
    const COLUMNS: usize = 8;
    let window = window(frames);
    let shown = spread(frames.len()).filter_map(|index| frames.get(index));
    let columns = frames.len().clamp(4, COLUMNS);
    let strip = shown.fold(
        Grid::new("").columns(columns).tile_size(112.0),
        |grid, frame| {
            let tile = Shown::of(frame.map, window, 224).tile();
            let sigma = format!("σ {}", number(frame.sigma.value));
            let tile = tile
                .line(&format!("epoch {}", frame.epoch), None)
                .line(&sigma, None);
            let word = frame.verdict.to_string();
            grid.tile(tile.line(&word, Some(colour(&frame.verdict))))
        },
    );
    let caption = format!(
        "each map: rows {} to {}, columns {} to {}, as shares of its own peak",
        window.top,
        window.bottom() - 1,
        window.left,
        window.right() - 1
    );
    let subtitle = match subtitle.is_empty() {
        true => caption,
        false => format!("{subtitle} · {caption}"),
    };
    let wide = (strip.scene()?.size().0 - 66.0) / 2.0;
    let chart = Chart::new("")
        .columns(2)
        .panel_size(wide.max(300.0), 270.0)
        .x_label("epoch")
        .x_whole()
        .panel(panel("σ, pixels", frames, true, |frame| frame.sigma))
        .panel(panel(
            "distance to a Gaussian, TV",
            frames,
            false,
            |frame| frame.tv,
        ));
    Sheet::new(title)
        .subtitle(&subtitle)
        .row(&[&strip])?
        .row(&[&chart])
}

/// What is worth seeing of any frame, with a little room about it.
fn window(frames: &[Frame<'_>]) -> Region {
    let all = frames.iter().map(|frame| frame.map.region());
    let all = all.reduce(|a, b| a.hull(&b)).unwrap_or(Region::image(0, 0));
    let bright = frames.iter().filter_map(|frame| above(frame.map, 0.01));
    match bright.reduce(|a, b| a.hull(&b)) {
        Some(bright) => grown(bright, bright.height.max(bright.width) / 10 + 1).intersection(&all),
        None => all,
    }
}

/// The frames shown of this many: the first, the last, and evenly between.
fn spread(count: usize) -> impl Iterator<Item = usize> {
    let shown = count.min(MOST);
    (0..shown).map(move |index| index * (count - 1) / (shown - 1).max(1))
}

/// `named` puts the verdicts into the legend.
fn panel(label: &str, frames: &[Frame<'_>], named: bool, of: fn(&Frame<'_>) -> Estimate) -> Panel {
    let at = |frame: &Frame<'_>| (frame.epoch as f64, of(frame).value);
    let band = |frame: &Frame<'_>| (frame.epoch as f64, of(frame).low, of(frame).high);
    let mut panel = Panel::new(label);
    let mut words: Vec<String> = Vec::new();
    for frame in frames {
        let word = frame.verdict.to_string();
        if words.contains(&word) {
            continue;
        }
        let same = frames.iter().filter(|f| f.verdict.to_string() == word);
        let points: Vec<(f64, f64)> = same.map(at).collect();
        let marks = Series::new(if named { &word } else { "" }, &points).style(LineStyle::None);
        panel = panel.series(
            marks
                .mark(mark(&frame.verdict))
                .colour(colour(&frame.verdict)),
        );
        words.push(word);
    }
    let line: Vec<(f64, f64)> = frames.iter().map(at).collect();
    let spread: Vec<(f64, f64, f64)> = frames.iter().map(band).collect();
    let line = Series::new("", &line);
    // A band needs two places.
    let line = match frames.len() {
        1 => line.bars(&spread),
        _ => line.band(&spread),
    };
    panel.series(line.mark(Mark::None).colour(Colour::new(90, 90, 90)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_frames_the_first_and_the_last_are_shown() {
        let shown: Vec<usize> = spread(1000).collect();
        assert_eq!((shown.len(), shown[0], shown[47]), (48, 0, 999));
        assert_eq!(spread(1).collect::<Vec<_>>(), [0]);
        assert_eq!(spread(0).count(), 0);
        assert_eq!(spread(5).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    }
}
