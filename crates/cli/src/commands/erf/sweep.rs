//! `receptive erf sweep`: varies one property of a network at a time.

use super::MeasuringArgs;
use super::files::Files;
use super::place::Place;
use crate::args::parse_whole;
use crate::error::{CliError, Exit};
use crate::render::{MeasureProgress, Table, paragraph, print, print_json, say_line};
use clap::Args;
use receptive_erf::picture::{sweep_chart, sweep_maps};
use receptive_erf::sweep::{FieldSize, Sweep, Variation};
use receptive_erf::{DEFAULT_SAMPLES, MeasureOptions};
use receptive_train::on_threads;

#[derive(Debug, Args)]
pub(super) struct SweepArgs {
    /// Property to vary [default: all of them]
    #[arg(value_enum, value_name = "WHAT")]
    what: Vec<Variation>,
    /// Depths, in 3x3 convolutions
    #[arg(
        long,
        value_name = "N,N,...",
        value_delimiter = ',', default_values_t = [5, 10, 20, 40],
        value_parser = parse_whole::<usize>,
        allow_negative_numbers = true
    )]
    depths: Vec<usize>,
    /// Random networks per value
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1_000,
        value_parser = parse_whole::<u64>,
        allow_negative_numbers = true
    )]
    samples: u64,
    /// Filters per convolution
    #[arg(
        long,
        value_name = "N",
        default_value_t = 32,
        value_parser = parse_whole::<usize>,
        allow_negative_numbers = true
    )]
    filters: usize,
    #[command(flatten)]
    measuring: MeasuringArgs,
}

pub(super) fn run(arguments: &SweepArgs) -> Result<Exit, CliError> {
    check(arguments)?;
    let place = Place::new(&arguments.measuring.machine)?;
    let files = place
        .is_first()
        .then(|| Files::new(&arguments.measuring.out))
        .transpose()?;
    let variations: Vec<Variation> = match arguments.what.as_slice() {
        [] => Variation::ALL.to_vec(),
        some => some.to_vec(),
    };
    let options = MeasureOptions {
        samples: arguments.samples,
        noise: 0.0,
        seed: arguments.measuring.seed,
        ..MeasureOptions::default()
    };
    for variation in variations {
        let networks = variation.networks(&arguments.depths, arguments.filters);
        let mut points = Vec::with_capacity(networks.len());
        for network in &networks {
            let progress = MeasureProgress::new(&format!("{} {}", network.family, network.label));
            // Dropout masks come from a single generator, in the order of the passes.
            let threads = if network.is_training {
                1
            } else {
                place.threads
            };
            points.push(on_threads(threads, || {
                network.measure(&options, place.processors(), &mut |done, limit, noise| {
                    progress.show(done, limit, noise);
                })
            })??);
        }
        let Some(files) = &files else { continue };
        let sweep = Sweep::new(variation, points);
        if arguments.measuring.json {
            print_json(&sweep)?;
        } else {
            show(&sweep)?;
        }
        if variation == Variation::Depth {
            let mut written = Vec::new();
            files.draw(&sweep_chart(&sweep), "sweep-depth", &mut written)?;
            files.draw(&sweep_maps(&sweep), "sweep-maps", &mut written)?;
            say_line("files", written.join(", "));
        }
    }
    Ok(Exit::Done)
}

fn check(arguments: &SweepArgs) -> Result<(), CliError> {
    if arguments.samples < 2 || arguments.samples > 1000 * DEFAULT_SAMPLES {
        return Err(CliError::argument("--samples", "expected 2 to 1,000,000"));
    }
    if arguments.filters == 0 || arguments.filters > 1024 {
        return Err(CliError::argument("--filters", "expected 1 to 1024"));
    }
    if arguments
        .depths
        .iter()
        .any(|depth| !(1..=200).contains(depth))
    {
        let problem = "expected numbers from 1 to 200, such as 5,10,20,40";
        return Err(CliError::argument("--depths", problem));
    }
    Ok(())
}

fn show(sweep: &Sweep) -> Result<(), CliError> {
    print(format!("{}\n", sweep.variation.title()))?;
    let mut table = Table::new(&[
        "", "", "TRF", "size |g|", "theory", "size g²", "theory", "verdict",
    ]);
    for point in &sweep.points {
        table.row([
            point.family.clone(),
            point.label.clone(),
            format!("{:.0}", point.trf),
            size(&point.abs),
            format!("{:.1}", point.abs.exact),
            size(&point.square),
            format!("{:.1}", point.square.exact),
            point.verdict.to_string(),
        ]);
    }
    print(table.to_string())?;
    for slopes in &sweep.slopes {
        let pair = |[size, ratio]: [f64; 2]| format!("{size:.3} / {ratio:.3}");
        let text = format!(
            "{}: |g| {} (theory {}), g² {} (theory {}); published {:.2} / {:.2}",
            slopes.family,
            pair(slopes.abs),
            pair(slopes.abs_exact),
            pair(slopes.square),
            pair(slopes.square_exact),
            slopes.published[0],
            slopes.published[1]
        );
        paragraph("slopes", text)?;
    }
    print("")
}

fn size(field: &FieldSize) -> String {
    let half = (field.size.high - field.size.low) / 2.0;
    format!("{:.1} ±{half:.1}", field.size.value)
}
