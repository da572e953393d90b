//! The figures of one study: a single figure with everything, or its charts.

use super::profiles::{radial, sections};
use super::raster::{COLOURS, Raster, grown};
use super::style::{colour, interval, number};
use super::subject::{Bell, Subject};
use crate::gaussian::{Estimate, Judgement};
use crate::map::{Map, Region};
use crate::study::Study;
use receptive_core::text::counted;
use receptive_plot::{Chart, Draw, HeatMap, Overlay, PlotError, Sheet, Table, TextBlock};

impl Study {
    /// A single figure with everything; `inputs` describes what it was measured on, such as `noise,
    /// random weights`.
    ///
    /// # Errors
    /// As [`Draw::scene`](receptive_plot::Draw::scene): if the window has no pixels.
    pub fn picture(&self, title: &str, inputs: &str) -> Result<Sheet, PlotError> {
        measurement(&self.subject(title, inputs, &self.expected()))
    }

    /// The charts of that figure.
    pub fn charts(&self) -> Charts {
        charts(&self.subject("", "", &self.expected()))
    }

    /// A description of the measurement; `inputs` as in [`picture`](Self::picture).
    pub fn conditions(&self, inputs: &str) -> String {
        format!(
            "{} over {} of {inputs}, {}",
            self.aggregate().formula(),
            counted(self.measurement.samples as usize, "sample"),
            self.measurement.probe
        )
    }

    fn subject<'a>(&'a self, title: &str, inputs: &str, theory: &'a Map) -> Subject<'a> {
        let measured = &self.measurement;
        let aggregate = self.aggregate();
        Subject {
            title: title.into(),
            subtitle: self.conditions(inputs),
            map: measured.map(aggregate),
            groups: measured.groups(aggregate),
            judgement: &self.headline.judgement,
            trf: measured.trf,
            image: measured.image,
            prediction: Some(theory),
            numbers: self.numbers(),
        }
    }
}

/// The width of the right half of the figure, in points; the left half is as wide as the heat map.
const HALF: f64 = 480.0;
/// The total margins of a chart on both sides.
const MARGINS: f64 = 40.0;

/// The heat map with the field's box and the Gaussian's ellipses, both cross sections, the radial
/// profile, the verdict, its explanation and its numbers.
///
/// # Errors
/// As [`Draw::scene`]: if the window has no pixels.
pub(super) fn measurement(subject: &Subject<'_>) -> Result<Sheet, PlotError> {
    let window = window(subject);
    let bell = Bell::from_judgement(subject.judgement);
    let map = heat_map(subject, bell, window);
    let (left, tall) = map.scene()?.size();
    // Two panels with a gap between them.
    let height = (tall - MARGINS - 26.0) / 2.0;
    let measured = measured(subject, window);
    let sections = sections(subject, bell, measured, (HALF, height.clamp(200.0, 270.0)));
    let text = text(subject, bell.is_some())?;
    let sheet = Sheet::new(&subject.title)
        .subtitle(&subject.subtitle)
        .row(&[&map, &sections])?;
    match bell {
        Some(bell) => {
            let height = text.scene()?.size().1 - MARGINS;
            let size = (left - MARGINS, height.clamp(300.0, 480.0));
            let radial = radial(subject, bell, measured, size);
            sheet.row(&[&radial, &text])
        }
        None => sheet.row(&[&text]),
    }
}

/// The charts of one measurement, for pages that arrange them themselves and write the rest as
/// text.
#[derive(Debug, Clone)]
pub struct Charts {
    /// The heat map with the field's box and the Gaussian's ellipses.
    pub map: HeatMap,
    /// Both cross sections.
    pub sections: Chart,
    /// The radial profile, if there is a Gaussian to compare with.
    pub radial: Option<Chart>,
}

fn charts(subject: &Subject<'_>) -> Charts {
    const PANEL: (f64, f64) = (440.0, 220.0);
    let window = window(subject);
    let bell = Bell::from_judgement(subject.judgement);
    let measured = measured(subject, window);
    Charts {
        map: heat_map(subject, bell, window),
        sections: sections(subject, bell, measured, PANEL),
        radial: bell.map(|bell| radial(subject, bell, measured, (PANEL.0, 300.0))),
    }
}

/// The part of the window that was measured. A map is 0 outside the image, but nothing was measured
/// there.
fn measured(subject: &Subject<'_>, window: Region) -> Region {
    let all = subject.map.region().hull(&subject.image);
    window.intersection(&all)
}

/// The judgement's window together with the field's box, limited to three times the image.
fn window(subject: &Subject<'_>) -> Region {
    let all = subject.map.region().hull(&subject.image);
    let near = grown(all, all.height.max(all.width));
    let mut window = subject.judgement.window;
    if window.area() == 0 {
        window = all;
    }
    let window = window.hull(&subject.trf);
    // A small margin, so that the box is visible.
    let window = grown(window, window.height.max(window.width) / 40 + 1).intersection(&near);
    if window.area() > 0 { window } else { all }
}

fn heat_map(subject: &Subject<'_>, bell: Option<(Bell, &str)>, window: Region) -> HeatMap {
    // At most one value per point: each is then at least two pixels of a PNG.
    let raster = Raster::within_image(subject.map, subject.image, window, 400);
    let [x, y, width, height] = raster.rect(subject.trf);
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
    let columns = if raster.shares.iter().all(|share| share.is_finite()) {
        "column, pixels"
    } else {
        "column, pixels (grey: no value)"
    };
    let map = HeatMap {
        colors: COLOURS,
        range: Some((0.0, 1.0)),
        map_size: 400.0,
        first_pixel: (window.left, window.top),
        pixels_per_value: raster.per,
        labels: (columns.into(), "row, pixels".into()),
        bar_label: "relative to the peak".into(),
        ..HeatMap::new("", raster.width, raster.height, &raster.shares)
    };
    let mut map = map.overlay(trf);
    if let Some((bell, word)) = bell {
        map = map
            .overlay(bell.ellipse(1.0, &raster, &format!("{word}, 1 σ")))
            .overlay(bell.ellipse(2.0, &raster, &format!("{word}, 2 σ")));
    }
    let [row, column] = subject.trf.centre();
    map.overlay(Overlay::Cross {
        x: raster.x(column),
        y: raster.y(row),
        label: "unit's centre".to_owned(),
    })
}

/// The verdict, its explanation and the numbers; those of the judgement only if there is a
/// Gaussian.
fn text(subject: &Subject<'_>, has_bell: bool) -> Result<Sheet, PlotError> {
    let judgement = subject.judgement;
    let verdict = judgement.verdict.to_string();
    let mut words = TextBlock::new(HALF).headline(&verdict, colour(&judgement.verdict));
    words = words.text(&judgement.explanation);
    if let Some(reason) = &judgement.reason {
        let reason = reason.to_string();
        let explanation = judgement.explanation.to_lowercase();
        if !explanation.contains(&reason.to_lowercase()) {
            words = words.muted(&format!("reason: {reason}"));
        }
    }
    for note in &judgement.notes {
        words = words.muted(&format!("– {note}"));
    }
    let mut sheet = Sheet::new("").row(&[&words])?;
    if has_bell {
        sheet = sheet.row(&[&numbers_table(judgement)])?;
    }
    if subject.numbers.is_empty() {
        return Ok(sheet);
    }
    let numbers = subject.numbers.iter();
    let table = Table {
        width: Some(HALF),
        ..Table::new(&[])
    };
    let table = numbers.fold(table, |table, (name, value)| table.row(&[name, value]));
    sheet.row(&[&table])
}

fn numbers_table(judgement: &Judgement) -> Table {
    let table = Table {
        width: Some(HALF),
        ..Table::new(&["", "value", "95 % interval"])
    };
    let rows = numbers(judgement);
    rows.iter().fold(table, |table, row| {
        table.row(&row.each_ref().map(String::as_str))
    })
}

/// The numbers of a judgement as text: name, value, and the 95 % interval or another remark, which
/// may be empty.
pub fn numbers(judgement: &Judgement) -> Vec<[String; 3]> {
    let plain = |name: &str, value: f64| [name.to_owned(), number(value), String::new()];
    let estimate =
        |name: &str, value: &Estimate| [name.to_owned(), number(value.value), interval(value)];
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
    if let Some(r_squared) = judgement.r_squared {
        let ceiling = judgement.r_squared_ceiling;
        let ceiling = ceiling.map(|most| format!("noise allows {}", number(most)));
        let [name, value, _] = plain("R² of the fit", r_squared);
        all.push([name, value, ceiling.unwrap_or_default()]);
    }
    all.push(plain("major axis / minor axis", judgement.anisotropy));
    all.push(plain("off the field's centre, σ", judgement.off_centre));
    all
}
