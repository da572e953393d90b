//! One measurement in one picture.

use super::bell::Bell;
use super::shown::{COLOURS, Shown, grown};
use super::verdict::{colour, interval, number};
use super::{radial, section};
use crate::gaussian::{Estimate, Judgement};
use crate::{Map, Region};
use receptive_plot::{Chart, Draw, HeatMap, Overlay, PlotError, Sheet, Table, Words};

/// The width of the right half of the picture, in points; the heat map gives that of the left.
const HALF: f64 = 480.0;
/// What a part is larger than what it shows, on both sides together.
const MARGINS: f64 = 40.0;

/// What a picture of one measurement shows.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The picture's title.
    pub title: String,
    /// What was measured: of which unit, over what, how often.
    pub subtitle: String,
    /// The measured map.
    pub map: &'a Map,
    /// The same over equal shares of the samples, for error bands; none gives no bands.
    pub groups: &'a [Map],
    /// What was found of its shape.
    pub judgement: &'a Judgement,
    /// The theoretical receptive field.
    pub trf: Region,
    /// The whole input image.
    pub image: Region,
    /// The theory's map; shown with the same mass as the measured one.
    pub prediction: Option<&'a Map>,
    /// Further names and values for the table.
    pub numbers: Vec<(String, String)>,
}

/// The heat map with the field's box and the Gaussian's ellipses, both cross sections, the radial
/// profile, the verdict in words and its numbers.
///
/// # Errors
/// As [`Draw::scene`]: where the window has no pixels.
pub fn measurement(subject: &Subject<'_>) -> Result<Sheet, PlotError> {
    let window = window(subject);
    let bell = Bell::of(subject.judgement);
    let map = heat_map(subject, bell, window);
    let (left, tall) = map.scene()?.size();
    // Two panels with a gap between them.
    let height = (tall - MARGINS - 26.0) / 2.0;
    let measured = measured(subject, window);
    let sections = section::chart(subject, bell, measured, (HALF, height.clamp(200.0, 270.0)));
    let words = words(subject, bell.is_some())?;
    let sheet = Sheet::new(&subject.title)
        .subtitle(&subject.subtitle)
        .row(&[&map, &sections])?;
    match bell {
        Some(bell) => {
            let height = words.scene()?.size().1 - MARGINS;
            let size = (left - MARGINS, height.clamp(300.0, 480.0));
            let radial = radial::chart(subject, bell, measured, size);
            sheet.row(&[&radial, &words])
        }
        None => sheet.row(&[&words]),
    }
}

/// The parts of the same that are pictures, for pages that lay them out and say the rest in words.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The heat map with the field's box and the Gaussian's ellipses.
    pub map: HeatMap,
    /// Both cross sections.
    pub sections: Chart,
    /// The radial profile, where there is a Gaussian to compare with.
    pub radial: Option<Chart>,
}

/// The pictures of one measurement; what they show of `subject` is all but its words and numbers.
pub fn parts(subject: &Subject<'_>) -> Parts {
    const PANEL: (f64, f64) = (440.0, 220.0);
    let window = window(subject);
    let bell = Bell::of(subject.judgement);
    let measured = measured(subject, window);
    Parts {
        map: heat_map(subject, bell, window),
        sections: section::chart(subject, bell, measured, PANEL),
        radial: bell.map(|bell| radial::chart(subject, bell, measured, (PANEL.0, 300.0))),
    }
}

/// What of the window was measured: no pixel outside the image was, though a map says 0 there.
fn measured(subject: &Subject<'_>, window: Region) -> Region {
    let all = subject.map.region().hull(&subject.image);
    window.intersection(&all)
}

/// The judgement's window with the field's box, or what there is of it within thrice the image:
/// beyond lies nothing.
fn window(subject: &Subject<'_>) -> Region {
    let all = subject.map.region().hull(&subject.image);
    let near = grown(all, all.height.max(all.width));
    let mut window = subject.judgement.window;
    if window.area() == 0 {
        window = all;
    }
    let window = window.hull(&subject.trf);
    // A little more, so that the box is seen.
    let window = grown(window, window.height.max(window.width) / 40 + 1).intersection(&near);
    if window.area() > 0 { window } else { all }
}

fn heat_map(subject: &Subject<'_>, bell: Option<(Bell, &str)>, window: Region) -> HeatMap {
    // No more values than points: each is then at least two pixels of a PNG.
    let shown = Shown::known(subject.map, subject.image, window, 400);
    let [x, y, width, height] = shown.rect(subject.trf);
    let trf = Overlay::Rect {
        x,
        y,
        width,
        height,
        label: format!(
            "theoretical field, {} × {}",
            subject.trf.height, subject.trf.width
        ),
    };
    let columns = if shown.shares.iter().all(|share| share.is_finite()) {
        "column, pixels"
    } else {
        "column, pixels (grey: no value)"
    };
    let mut map = HeatMap::new("", shown.width, shown.height, &shown.shares)
        .colours(COLOURS)
        .range(0.0, 1.0)
        .map_size(400.0)
        .pixels(window.left, window.top, shown.per)
        .labels(columns, "row, pixels")
        .bar_label("share of the peak")
        .overlay(trf);
    if let Some((bell, word)) = bell {
        map = map
            .overlay(bell.ellipse(1.0, &shown, &format!("{word}, 1 σ")))
            .overlay(bell.ellipse(2.0, &shown, &format!("{word}, 2 σ")));
    }
    let [row, column] = subject.trf.centre();
    map.overlay(Overlay::Cross {
        x: shown.x(column),
        y: shown.y(row),
        label: "unit's centre".to_owned(),
    })
}

/// The verdict, why, and the numbers; those of the judgement only where there is a shape.
fn words(subject: &Subject<'_>, shaped: bool) -> Result<Sheet, PlotError> {
    let judgement = subject.judgement;
    let verdict = judgement.verdict.to_string();
    let mut words = Words::new(HALF).headline(&verdict, colour(&judgement.verdict));
    words = words.text(&judgement.words);
    if let Some(reason) = &judgement.reason {
        let reason = reason.to_string();
        let said = judgement.words.to_lowercase();
        if !said.contains(&reason.to_lowercase()) {
            words = words.muted(&format!("reason: {reason}"));
        }
    }
    for note in &judgement.notes {
        words = words.muted(&format!("– {note}"));
    }
    let mut sheet = Sheet::new("").row(&[&words])?;
    if shaped {
        sheet = sheet.row(&[&findings(judgement)])?;
    }
    if subject.numbers.is_empty() {
        return Ok(sheet);
    }
    let numbers = subject.numbers.iter();
    let table = numbers.fold(Table::new(&[]).width(HALF), |table, (name, value)| {
        table.row(&[name, value])
    });
    sheet.row(&[&table])
}

fn findings(judgement: &Judgement) -> Table {
    let table = Table::new(&["", "value", "95 % interval"]).width(HALF);
    let rows = numbers(judgement);
    rows.iter().fold(table, |table, row| {
        table.row(&row.each_ref().map(String::as_str))
    })
}

/// The numbers of a judgement: name, value, and its 95 % interval or another remark, which may be
/// empty.
pub fn numbers(judgement: &Judgement) -> Vec<[String; 3]> {
    let plain = |name: &str, value: f64| [name.to_owned(), number(value), String::new()];
    let estimate =
        |name: &str, found: &Estimate| [name.to_owned(), number(found.value), interval(found)];
    let [down, right] = &judgement.sigma;
    let [kurtosis_down, kurtosis_right] = &judgement.kurtosis;
    let mut all = vec![
        estimate("distance to a Gaussian, TV", &judgement.tv),
        plain("TV with its noise", judgement.tv_raw),
        plain("TV of the noise alone", judgement.tv_noise),
        estimate("σ down, pixels", down),
        estimate("σ right, pixels", right),
        estimate("excess kurtosis down", kurtosis_down),
        estimate("excess kurtosis right", kurtosis_right),
        estimate("Mardia's kurtosis − 8", &judgement.mardia),
        estimate("hole index", &judgement.hole),
    ];
    if let Some(ratio) = judgement.sigma_ratio {
        all.push(plain("σ of the fit / σ of the moments", ratio));
    }
    if let Some(found) = judgement.r_squared {
        let ceiling = judgement.r_squared_ceiling;
        let ceiling = ceiling.map(|most| format!("noise allows {}", number(most)));
        let [name, value, _] = plain("R² of the fit", found);
        all.push([name, value, ceiling.unwrap_or_default()]);
    }
    all.push(plain("long axis / short axis", judgement.anisotropy));
    all.push(plain("off the field's centre, σ", judgement.off_centre));
    all
}
