//! A measurement as text for the terminal.

use super::Compat;
use super::files::conditions;
use super::subject::{Subject, WeightSource};
use crate::error::CliError;
use crate::render::{Table, colour_allowed, line, paragraph, print, print_raw, say_line};
use receptive_core::text::{Printable, counted};
use receptive_erf::gaussian::{MassSquare, Reason};
use receptive_erf::picture::characters;
use receptive_erf::{
    Aggregate, Channels, FieldSummary, Study, TheoryComparison, unproductive_layers,
};

/// Width of the heat map in characters.
const COLUMNS: usize = 41;

fn network(subject: &Subject, study: &Study) -> Result<(), CliError> {
    let image = study.measurement.image;
    let (name, conditions) = (subject.name.printable(), conditions(subject));
    let size = format!("{}x{} pixels", image.height, image.width);
    line("network", format!("{name}, {conditions}, {size}"))
}

/// Prints all results for one layer.
pub(super) fn one(subject: &Subject, study: &Study, aggregate: Aggregate) -> Result<(), CliError> {
    let measured = &study.measurement;
    let headline = &study.headline;
    network(subject, study)?;
    let channels = match measured.probe.channels {
        Channels::One(channel) => format!("channel {channel}"),
        Channels::RandomSigns => "all channels by random signs".into(),
        _ => "sum of channels".into(),
    };
    let [row, column] = measured.probe.unit;
    let others = match measured.units {
        0 | 1 => String::new(),
        units => format!(" and {} others", units - 1),
    };
    paragraph(
        "layer",
        format!(
            "{} {} ({}), unit ({row}, {column}){others}, {channels}",
            study.layer.number, study.layer.name, study.layer.output
        ),
    )?;
    print("")?;
    let map = measured.map(aggregate);
    // Of a field that is wider than the image only the part inside it can have values.
    let visible = measured.trf.intersection(&measured.image);
    let rows = characters(&map.over(visible), COLUMNS, colour_allowed());
    let is_blank = |row: &String| row.trim().is_empty();
    // Most of a wide theoretical field is empty, so empty rows are omitted.
    let first = rows.iter().position(|row| !is_blank(row)).unwrap_or(0);
    let end = rows
        .iter()
        .rposition(|row| !is_blank(row))
        .map_or(0, |last| last + 1);
    for row in rows.get(first..end).unwrap_or_default() {
        print_raw(format!("  {row}"))?;
    }
    print("")?;
    let mut table = Table::new(&["", "verdict", "TV", "kurtosis", "sigma", "size", "ERF/TRF"]);
    for field in std::iter::once(headline).chain(&study.others) {
        table.row(row_of(field));
    }
    print(table.to_string())?;
    print("")?;
    field_in_theory(study)?;
    paragraph("theory", theory_text(&study.theory))?;
    if is_measured(headline) {
        paragraph("mass", squares(&headline.mass_squares))?;
    }
    if subject.compat == Some(Compat::Replknet) {
        paragraph("replknet", squares(&study.replknet_squares()))?;
    }
    let method = match measured.method {
        receptive_erf::Method::Cone => "only the cone of the unit is computed",
        receptive_erf::Method::Tiles => "several units per pass",
        _ => "whole images",
    };
    line(
        "samples",
        format!(
            "{} in {:.1} s ({:.0} per second), {method}",
            measured.samples,
            measured.elapsed.as_secs_f64(),
            measured.samples_per_second()
        ),
    )?;
    for note in &headline.judgement.notes {
        paragraph("note", note)?;
    }
    if measured.is_exact && subject.weights != WeightSource::Ones {
        paragraph(
            "note",
            "nothing is random: the verdict is on the gradient for this one image; the field of the \
             network is the mean over many",
        )?;
    }
    paragraph(
        "verdict",
        format!(
            "{}: {}",
            headline.judgement.verdict, headline.judgement.explanation
        ),
    )
}

/// The theoretical field; behind a gate it is the whole image, so also the field with gates held constant.
fn field_in_theory(study: &Study) -> Result<(), CliError> {
    let trf = study.measurement.trf;
    let (rows, columns) = (trf.height, trf.width);
    let Some(ungated) = study.ungated_trf() else {
        return line("field", format!("{rows}x{columns} pixels in theory"));
    };
    let (kept_rows, kept_columns) = (ungated.height, ungated.width);
    paragraph(
        "field",
        format!(
            "in theory the whole image, through a gate before this layer (up to {rows}x{columns} \
             pixels); {kept_rows}x{kept_columns} pixels with gates held constant. The measurement \
             includes both"
        ),
    )
}

fn squares(all: &[MassSquare]) -> String {
    let text: Vec<String> = all
        .iter()
        .map(|square| format!("{:.0} % in {} px", 100.0 * square.share, square.side))
        .collect();
    text.join(", ")
}

/// The prediction as a sentence.
fn theory_text(theory: &TheoryComparison) -> String {
    let mut text = format!(
        "sigma {:.2} of the {} ({} weights), ",
        (theory.sigma[0] * theory.sigma[1]).sqrt(),
        match theory.aggregate {
            Aggregate::Square => "mean square",
            _ => "gradient",
        },
        theory.weights,
    );
    text += &match theory.tv {
        Some(tv) => format!("total variation {tv:.3} from the measured field"),
        None => "not compared with what was measured".into(),
    };
    if !theory.exact {
        text += &format!("; not exact here: {}", theory.caveats.join("; "));
    }
    text
}

/// Whether there is a field whose numbers mean something.
fn is_measured(field: &FieldSummary) -> bool {
    !matches!(
        field.judgement.reason,
        Some(Reason::Empty | Reason::Rounding)
    )
}

fn row_of(field: &FieldSummary) -> [String; 7] {
    if !is_measured(field) {
        let mut row = [(); 7].map(|()| "-".to_string());
        row[0] = field.aggregate.name().into();
        row[1] = field.judgement.verdict.to_string();
        return row;
    }
    let kurtosis = field.judgement.kurtosis.map(|k| k.value);
    [
        field.aggregate.name().into(),
        field.judgement.verdict.to_string(),
        field.judgement.tv.rounded(3),
        format!("{:.2} {:.2}", kurtosis[0], kurtosis[1]),
        field.sigma_both.rounded(2),
        format!("{:.1}", field.size.value),
        format!("{:.2}", field.ratio.value),
    ]
}

/// Prints one of several layers on a single line.
pub(super) fn row(subject: &Subject, study: &Study, index: usize) -> Result<(), CliError> {
    if index == 0 {
        network(subject, study)?;
        line("field", study.aggregate().formula())?;
        print("")?;
        print(format!(
            "{:<18}{:>9}{:>14}{:>9}{:>8}  verdict",
            "layer", "TRF", "sigma", "size", "ratio"
        ))?;
    }
    let headline = &study.headline;
    let trf = study.measurement.trf;
    let name = format!("{} {}", study.layer.number, study.layer.name);
    let [sigma, size, ratio] = match is_measured(headline) {
        true => [
            headline.sigma_both.rounded(2),
            format!("{:.1}", headline.size.value),
            format!("{:.2}", headline.ratio.value),
        ],
        false => [(); 3].map(|()| "-".into()),
    };
    print(format!(
        "{name:<18}{:>9}{sigma:>14}{size:>9}{ratio:>8}  {}",
        format!("{}x{}", trf.height, trf.width),
        headline.judgement.verdict
    ))
}

/// Prints notes and files, after the layers of a network.
pub(super) fn end(subject: &Subject, written: &[String]) -> Result<(), CliError> {
    let wasted = unproductive_layers(subject.plan());
    if let Some(first) = wasted.first() {
        let input = subject.plan().input();
        let text = format!(
            "from layer {} on, the theoretical field exceeds the {}x{} image ({}): these layers \
             only see more padding",
            first.number,
            input.height,
            input.width,
            counted(wasted.len(), "layer")
        );
        paragraph("note", text)?;
    }
    if !written.is_empty() {
        say_line("files", written.join(", "));
    }
    Ok(())
}
