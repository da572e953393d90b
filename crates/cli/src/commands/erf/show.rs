//! A measurement in words, for a terminal.

use super::files::conditions;
use super::subject::Subject;
use crate::commands::{paragraph, print};
use crate::error::CliError;
use crate::render::{Table, colour_allowed, say};
use receptive_erf::gaussian::MassSquare;
use receptive_erf::picture::characters;
use receptive_erf::{Aggregate, Channels, FieldReport, Study, unproductive_layers};

/// Columns of the heat map in characters.
const COLUMNS: usize = 41;

fn network(subject: &Subject, study: &Study) -> String {
    let [height, width] = study.report.image;
    format!(
        "network  {}, {}, {height}x{width} pixels",
        subject.name,
        conditions(subject)
    )
}

/// One layer, in full.
pub(super) fn one(subject: &Subject, study: &Study, aggregate: Aggregate) -> Result<(), CliError> {
    let report = &study.report;
    let headline = &report.headline;
    print(network(subject, study))?;
    print(format!(
        "layer    {} {} ({}), unit ({}, {}){}",
        study.layer.number,
        study.layer.name,
        study.layer.output,
        report.unit[0],
        report.unit[1],
        match report.channels {
            Channels::One(channel) => format!(", channel {channel}"),
            Channels::RandomSigns => ", all channels by random signs".into(),
            _ => ", sum of channels".into(),
        }
    ))?;
    print("")?;
    let map = &study.found.average(aggregate).map;
    let lines = characters(&map.over(study.found.trf), COLUMNS, colour_allowed());
    let is_blank = |line: &String| line.trim().is_empty();
    // Of a wide theoretical field most is empty: no need to scroll past it.
    let first = lines.iter().position(|line| !is_blank(line)).unwrap_or(0);
    let end = lines
        .iter()
        .rposition(|line| !is_blank(line))
        .map_or(0, |last| last + 1);
    for line in lines.get(first..end).unwrap_or_default() {
        print(format!("  {line}"))?;
    }
    print("")?;
    let mut table = Table::new(&["", "verdict", "TV", "kurtosis", "sigma", "size", "ERF/TRF"]);
    for field in std::iter::once(headline).chain(&report.aggregates) {
        table.row(row_of(field));
    }
    print(table.to_string())?;
    print("")?;
    let [rows, columns] = report.trf.size;
    print(format!("field    {rows}x{columns} pixels in theory"))?;
    if let Some(theory) = &report.theory {
        print(paragraph("theory   ", &theory_words(theory)))?;
    }
    print(paragraph("mass     ", &squares(&headline.mass_squares)))?;
    if let Some(replknet) = &study.replknet {
        print(paragraph("replknet ", &squares(replknet)))?;
    }
    print(format!(
        "samples  {} in {:.1} s ({:.0} a second), {}",
        report.samples,
        report.seconds,
        report.samples_per_second,
        match report.method {
            receptive_erf::Method::Cone => "computing only what the unit depends on",
            receptive_erf::Method::Tiles => "several units a pass",
            _ => "whole images",
        }
    ))?;
    for note in &headline.judgement.notes {
        print(paragraph("note     ", note))?;
    }
    print(paragraph(
        "verdict  ",
        &format!(
            "{}: {}",
            headline.judgement.verdict, headline.judgement.words
        ),
    ))
}

fn squares(all: &[MassSquare]) -> String {
    let words: Vec<String> = all
        .iter()
        .map(|square| format!("{:.0} % in {} px", 100.0 * square.share, square.side))
        .collect();
    words.join(", ")
}

/// The words about the theory.
fn theory_words(theory: &receptive_erf::TheoryReport) -> String {
    let mut words = format!(
        "sigma {:.2} of the mean square ({} weights), total variation {:.3} to the measured",
        (theory.sigma[0] * theory.sigma[1]).sqrt(),
        theory.weights,
        theory.tv
    );
    if !theory.exact {
        words += "; not exact here";
        if let Some(first) = theory.caveats.first() {
            words += &format!(": {first}");
        }
    }
    words
}

fn row_of(field: &FieldReport) -> [String; 7] {
    let kurtosis = field.judgement.kurtosis.map(|k| k.value);
    [
        field.aggregate.name().into(),
        field.judgement.verdict.to_string(),
        field.judgement.tv.within(3),
        format!("{:.2} {:.2}", kurtosis[0], kurtosis[1]),
        field.sigma_both.within(2),
        format!("{:.1}", field.size.value),
        format!("{:.2}", field.ratio.value),
    ]
}

/// One of several layers, on a line.
pub(super) fn row(subject: &Subject, study: &Study, index: usize) -> Result<(), CliError> {
    if index == 0 {
        print(network(subject, study))?;
        print("")?;
        print(format!(
            "{:<18}{:>9}{:>14}{:>9}{:>8}  verdict",
            "layer", "TRF", "sigma", "size", "ratio"
        ))?;
    }
    let headline = &study.report.headline;
    let [rows, columns] = study.report.trf.size;
    let name = format!("{} {}", study.layer.number, study.layer.name);
    print(format!(
        "{name:<18}{:>9}{:>14}{:>9.1}{:>8.2}  {}",
        format!("{rows}x{columns}"),
        headline.sigma_both.within(2),
        headline.size.value,
        headline.ratio.value,
        headline.judgement.verdict
    ))
}

/// What comes after a network's layers.
pub(super) fn end(subject: &Subject, written: &[String]) -> Result<(), CliError> {
    let wasted = unproductive_layers(subject.plan());
    if let Some(first) = wasted.first() {
        let input = subject.plan().input();
        let words = format!(
            "from layer {} on the theoretical field is larger than the {}x{} image \
             ({} layers): what they add is padding",
            first.number,
            input.height,
            input.width,
            wasted.len()
        );
        print(paragraph("note     ", &words))?;
    }
    say(format!("files    {}", written.join(", ")));
    Ok(())
}
