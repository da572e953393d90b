//! `receptive erf sweep`: one thing varied at a time.

use super::files::Files;
use super::place;
use crate::args::{SweepArgs, SweepName};
use crate::commands::{paragraph, print, print_json};
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::{MeasureProgress, Table, say};
use receptive_erf::gaussian::{LUO_THRESHOLD, luo_size};
use receptive_erf::picture::{Cell, Row, matrix};
use receptive_erf::sweep::{PUBLISHED_SLOPES, Point, Sized, Variation, measure_varied};
use receptive_erf::theory::{chain_kernel, slope};
use receptive_erf::{MOST_SAMPLES, Map, Options, Region};
use receptive_plot::{Chart, Draw, LineStyle, Panel, Scale, Series};
use receptive_train::field::on_threads;
use serde::Serialize;

#[derive(Serialize)]
struct Shown<'a> {
    sweep: Variation,
    points: &'a [Point],
    slopes: Vec<Slopes>,
}

/// Slopes of log size and of log (size / TRF) against log depth, measured and exact.
#[derive(Serialize)]
struct Slopes {
    family: String,
    abs: [f64; 2],
    abs_exact: [f64; 2],
    square: [f64; 2],
    square_exact: [f64; 2],
    published: [f64; 2],
}

pub(super) fn run(arguments: &SweepArgs) -> Result<Exit, CliError> {
    check(arguments)?;
    let (device, threads) = place(&arguments.measuring.machine)?;
    let files = Files::new(&arguments.measuring.out)?;
    let wanted: Vec<Variation> = match arguments.what.as_slice() {
        [] => Variation::ALL.to_vec(),
        some => some.iter().map(|name| variation(*name)).collect(),
    };
    let options = Options {
        samples: arguments.samples,
        noise: 0.0,
        seed: arguments.measuring.seed,
        ..Options::default()
    };
    for variation in wanted {
        let networks = variation.networks(&arguments.depths, arguments.filters);
        let mut points = Vec::with_capacity(networks.len());
        for network in &networks {
            let progress = MeasureProgress::new(&format!("{} {}", network.family, network.label));
            // Masks of dropout come from one generator, in the order of the passes.
            let threads = if network.is_training { 1 } else { threads };
            points.push(on_threads(threads, || {
                measure_varied(network, &options, &device, &mut |done, most, noise| {
                    progress.show(done, most, noise);
                })
            })??);
        }
        let slopes = match variation {
            Variation::Depth => slopes(&points),
            _ => Vec::new(),
        };
        if arguments.measuring.json {
            let sweep = variation;
            print_json(&Shown {
                sweep,
                points: &points,
                slopes,
            })?;
        } else {
            show(variation, &points, &slopes)?;
        }
        if variation == Variation::Depth {
            let mut written = Vec::new();
            files.draw(&chart(&points), "sweep-depth", &mut written)?;
            let uniform: Vec<Map> = arguments.depths.iter().map(|depth| paths(*depth)).collect();
            files.draw(
                &maps(&points, &uniform, arguments),
                "sweep-maps",
                &mut written,
            )?;
            say(format!("files    {}", written.join(", ")));
        }
    }
    Ok(Exit::Done)
}

fn check(arguments: &SweepArgs) -> Result<(), CliError> {
    let refuse = |words: &str| Err(CliError::Usage(words.into()));
    if arguments.samples == 0 || arguments.samples > 1000 * MOST_SAMPLES {
        return refuse("--samples: take 1 to 1,000,000");
    }
    if arguments.filters == 0 || arguments.filters > 1024 {
        return refuse("--filters: take 1 to 1024");
    }
    if arguments
        .depths
        .iter()
        .any(|depth| !(1..=200).contains(depth))
    {
        return refuse("--depths: take numbers from 1 to 200, such as 5,10,20,40");
    }
    Ok(())
}

fn variation(name: SweepName) -> Variation {
    match name {
        SweepName::Depth => Variation::Depth,
        SweepName::Kernel => Variation::Kernel,
        SweepName::Stride => Variation::Stride,
        SweepName::Dilation => Variation::Dilation,
        SweepName::Activation => Variation::Activation,
        SweepName::Skip => Variation::Skip,
        SweepName::Dropout => Variation::Dropout,
    }
}

/// The points of each family.
fn families(points: &[Point]) -> impl DoubleEndedIterator<Item = &[Point]> {
    points.chunk_by(|a, b| a.family == b.family)
}

/// For each family that has two depths or more.
fn slopes(points: &[Point]) -> Vec<Slopes> {
    families(points)
        .filter(|own| own.len() > 1)
        .map(|own| {
            let both = |size: fn(&Point) -> f64| {
                let of = |value: &dyn Fn(&Point) -> f64| {
                    slope(&own.iter().map(|p| (p.x, value(p))).collect::<Vec<_>>())
                };
                [of(&size), of(&|p: &Point| size(p) / p.trf)]
            };
            Slopes {
                family: own[0].family.clone(),
                abs: both(|p| p.abs.size.value),
                abs_exact: both(|p| p.abs.exact),
                square: both(|p| p.square.size.value),
                square_exact: both(|p| p.square.exact),
                published: PUBLISHED_SLOPES,
            }
        })
        .collect()
}

fn show(variation: Variation, points: &[Point], slopes: &[Slopes]) -> Result<(), CliError> {
    print(format!("{}\n", variation.title()))?;
    let mut table = Table::new(&[
        "", "", "TRF", "size |g|", "theory", "size g²", "theory", "verdict",
    ]);
    for point in points {
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
    for slopes in slopes {
        let pair = |[size, ratio]: [f64; 2]| format!("{size:.3} / {ratio:.3}");
        let words = format!(
            "{}: |g| {} (theory {}), g² {} (theory {}); published {:.2} / {:.2}",
            slopes.family,
            pair(slopes.abs),
            pair(slopes.abs_exact),
            pair(slopes.square),
            pair(slopes.square_exact),
            slopes.published[0],
            slopes.published[1]
        );
        print(paragraph("slopes   ", &words))?;
    }
    print("")
}

fn size(sized: &Sized) -> String {
    let half = (sized.size.high - sized.size.low) / 2.0;
    format!("{:.1} ±{half:.1}", sized.size.value)
}

/// The map of a chain of equal weights: its paths, counted.
fn paths(depth: usize) -> Map {
    let line = chain_kernel(&vec![(3, 1, 1); depth]);
    // Shares of the middle, since their number overflows a picture's numbers.
    let most = line.iter().copied().fold(1.0, f64::max);
    Map::from_fn(Region::image(line.len(), line.len()), |row, column| {
        line[row as usize] / most * (line[column as usize] / most)
    })
}

/// Luo's first figure: a row for each kind of weights, a column for each depth.
fn maps(points: &[Point], uniform: &[Map], arguments: &SweepArgs) -> impl Draw {
    let columns: Vec<String> = arguments
        .depths
        .iter()
        .map(|depth| format!("{depth} layers"))
        .collect();
    let caption = |size: f64, map: &Map| {
        let side = map.region().width;
        format!("{size:.1} of {side} px")
    };
    let sized = |map: &Map| luo_size(map, map.region().centre(), LUO_THRESHOLD);
    let mut rows = vec![Row {
        name: "uniform".into(),
        cells: uniform
            .iter()
            .map(|map| Cell {
                map,
                caption: caption(sized(map), map),
            })
            .collect(),
    }];
    for own in families(points) {
        rows.push(Row {
            name: own[0].family.clone(),
            cells: own
                .iter()
                .map(|point| Cell {
                    map: &point.map,
                    caption: caption(point.abs.size.value, &point.map),
                })
                .collect(),
        });
    }
    let subtitle = "path counts; mean |∂y/∂x| over networks; sizes above 4.55 % of the centre";
    matrix("What the centre unit sees", subtitle, &columns, &rows)
}

/// Sizes and shares against depth, both axes logarithmic.
fn chart(points: &[Point]) -> Chart {
    let panel = |label: &str, divided: bool| {
        let of = |p: &Point, size: f64| (p.x, if divided { size / p.trf } else { size });
        let mut panel = Panel::new(label).y_scale(Scale::Log);
        let line = |own: &[Point], value: fn(&Point) -> f64| -> Vec<(f64, f64)> {
            own.iter().map(|p| of(p, value(p))).collect()
        };
        for own in families(points) {
            let solid = |name: &str, value| {
                Series::new(&format!("{}, {name}", own[0].family), &line(own, value))
            };
            panel = panel
                .series(solid("|g|", |p| p.abs.size.value))
                .series(solid("g²", |p| p.square.size.value));
        }
        // Theory is the same for all families.
        if let Some(own) = families(points).next_back() {
            let dotted =
                |name: &str, value| Series::new(name, &line(own, value)).style(LineStyle::Dotted);
            panel = panel
                .series(dotted("theory, |g|", |p| p.abs.exact))
                .series(dotted("theory, g²", |p| p.square.exact));
        }
        panel
    };
    Chart::new("The effective receptive field grows like the root of the depth")
        .subtitle("pixels above 4.55 % of the centre, 3x3 convolutions, weights drawn anew")
        .x_label("convolutions")
        .x_scale(Scale::Log)
        .panel(panel("size, pixels", false))
        .panel(panel("size / theoretical field", true))
}
