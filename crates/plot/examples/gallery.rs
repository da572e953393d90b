//! Draws one of each kind of picture: `cargo run --example gallery -- FOLDER` writes PNG and SVG.

use std::error::Error;
use std::path::{Path, PathBuf};

use receptive_plot::{
    Chart, Color, ColorMap, Curve, Draw, Grid, HeatMap, LineStyle, Mark, Matrix, Overlay, Panel,
    PlotError, Scale, Sheet, Table, TextBlock, Tile,
};

const FASHION: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(
        std::env::args()
            .nth(1)
            .ok_or("name a folder to write into")?,
    );
    std::fs::create_dir_all(&folder)?;
    save(&curves(20), &folder, "curves")?;
    save(&curves(1), &folder, "curves-one-epoch")?;
    save(&profile(), &folder, "profile")?;
    save(&matrix(10), &folder, "matrix")?;
    save(&matrix(3), &folder, "matrix-3")?;
    save(&matrix(20), &folder, "matrix-20")?;
    save(&matrix(100), &folder, "matrix-100")?;
    save(&matrix(200), &folder, "matrix-200")?;
    save(&field(), &folder, "field")?;
    save(&signed(), &folder, "filter")?;
    save(&large(), &folder, "field-512")?;
    save(&predictions(), &folder, "predictions")?;
    save(&sheet()?, &folder, "sheet")?;
    save(&names(), &folder, "names")?;
    save(&named_grid(), &folder, "named-grid")?;
    Ok(())
}

fn save(picture: &dyn Draw, folder: &Path, name: &str) -> Result<(), Box<dyn Error>> {
    for extension in ["png", "svg"] {
        picture.write(&folder.join(name).with_extension(extension))?;
    }
    Ok(())
}

/// A number within 0 and 1 that looks random and is the same on every run.
fn noise(index: usize) -> f64 {
    let mixed = (index as u64)
        .wrapping_add(1)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed ^ (mixed >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 11) as f64
        / (1_u64 << 53) as f64
}

fn curves(epochs: usize) -> Chart {
    let curve = |from: f64, to: f64, rate: f64, rough: f64, seed: usize| -> Vec<(f64, f64)> {
        (1..=epochs)
            .map(|e| {
                (
                    e as f64,
                    to + (from - to) * (-rate * e as f64).exp() + rough * (noise(e + seed) - 0.5),
                )
            })
            .collect()
    };
    let rate: Vec<(f64, f64)> = (1..=epochs)
        .map(|e| {
            (
                e as f64,
                0.001 * (1.0 + (std::f64::consts::PI * e as f64 / 20.0).cos()) / 2.0 + 1e-6,
            )
        })
        .collect();
    let best = 17.min(epochs) as f64;
    let marker = format!("best epoch {best}");
    let subtitle = "seed 0, batch size 128, AdamW with a cosine schedule · best top-1 on the validation set: 93.4 %";
    let learning_rate = Curve {
        color: Some(Color::new(0, 158, 115)),
        ..Curve::new("", &rate)
    };
    let chart = Chart {
        subtitle: subtitle.into(),
        x_label: "epoch".into(),
        x_whole: true,
        columns: 3,
        panel_size: (380.0, 310.0),
        ..Chart::new("ResNet-20 on Fashion-MNIST")
    };
    chart
        .panel(
            Panel::new("loss")
                .curve(Curve::new("train", &curve(0.9, 0.09, 0.25, 0.01, 0)))
                .curve(Curve::new("validation", &curve(0.7, 0.21, 0.4, 0.04, 90)))
                .marker(best, &marker),
        )
        .panel(
            Panel::new("top-1, %")
                .curve(Curve::new("train", &curve(74.0, 97.5, 0.24, 0.2, 30)))
                .curve(Curve::new("validation", &curve(76.0, 93.0, 0.4, 1.1, 60)))
                .marker(best, &marker)
                .note(best, 93.4, "93.4 %"),
        )
        .panel(
            Panel {
                y_scale: Scale::Log,
                ..Panel::new("learning rate")
            }
            .curve(learning_rate),
        )
}

fn profile() -> Chart {
    let bell = |r: f64, s: f64| (-r * r / (2.0 * s * s)).exp();
    let radii = || (0..=48).map(f64::from);
    let line = |s: f64| radii().map(|r| (r, bell(r, s))).collect::<Vec<_>>();
    let band = |s: f64| {
        radii()
            .map(|r| (r, bell(r, s) * 0.8, (bell(r, s) * 1.2 + 0.01).min(1.1)))
            .collect::<Vec<_>>()
    };
    let untrained = Curve {
        band: band(7.0),
        ..Curve::new("untrained", &line(7.0))
    };
    let trained = Curve {
        band: band(14.0),
        style: LineStyle::Dashed,
        ..Curve::new("trained", &line(14.0))
    };
    let chart = Chart {
        subtitle: "radial mean of |∂y/∂x|, shaded: one standard deviation over 256 pictures".into(),
        x_label: "distance from the centre, pixels".into(),
        x_whole: true,
        panel_size: (620.0, 340.0),
        ..Chart::new("Effective receptive field before and after training")
    };
    chart.panel(
        Panel::new("share of the centre")
            .curve(untrained)
            .curve(trained)
            .marker(43.0, "theoretical edge"),
    )
}

fn matrix(classes: usize) -> Matrix {
    let names: Vec<String> = match classes {
        10 => FASHION.map(str::to_owned).to_vec(),
        3 => ["cat", "dog", "bird"].map(str::to_owned).to_vec(),
        _ => (0..classes)
            .map(|c| {
                format!(
                    "{} {c}",
                    ["maple tree", "aquarium fish", "can", "lawn mower"][c % 4]
                )
            })
            .collect(),
    };
    let counts: Vec<u64> = (0..classes * classes)
        .map(|index| match (index / classes, index % classes) {
            (t, p) if t == p => 830 + (noise(index) * 150.0) as u64,
            (0, 6) | (6, 0) => 112,
            (2, 4) | (4, 2) | (2, 6) | (6, 2) => 48 + (noise(index) * 30.0) as u64,
            _ if noise(index) > 0.6 => (noise(index + 7) * 18.0) as u64,
            _ => 0,
        })
        .collect();
    Matrix::new(
        "ResNet-20 on Fashion-MNIST: confusion on the test set",
        &names,
        &counts,
    )
}

fn bell(side: usize, sigma: f64) -> Vec<f32> {
    let middle = (side as f64 - 1.0) / 2.0;
    (0..side * side)
        .map(|i| {
            let (x, y) = ((i % side) as f64 - middle, (i / side) as f64 - middle);
            let rough = 0.6 + 0.4 * noise(i);
            ((-(x * x + y * y) / (2.0 * sigma * sigma)).exp() * rough) as f32
        })
        .collect()
}

fn field() -> HeatMap {
    let (x, y, rx, ry) = (30.5, 30.5, 20.0, 13.0);
    let map = HeatMap {
        subtitle: "mean of |∂y/∂x| over 256 pictures, centre unit".into(),
        colors: ColorMap::Magma,
        scale: Scale::Sqrt,
        bar_label: "share of the greatest".into(),
        first_pixel: (-30, -30),
        ..HeatMap::new(
            "Effective receptive field of layer 3.2",
            61,
            61,
            &bell(61, 8.0),
        )
    };
    map.overlay(Overlay::Rect {
        x: 7.0,
        y: 7.0,
        width: 47.0,
        height: 47.0,
        label: "theoretical 47 × 47".into(),
    })
    .overlay(Overlay::Ellipse {
        x,
        y,
        rx,
        ry,
        turn: 30.0,
        label: "two standard deviations".into(),
    })
    .overlay(Overlay::Cross {
        x,
        y,
        label: "unit".into(),
    })
}

fn signed() -> HeatMap {
    let values: Vec<f32> = (0..121)
        .map(|i| ((i % 11) as f32 * 0.7).sin() * ((i / 11) as f32 * 0.3).cos())
        .collect();
    HeatMap {
        colors: ColorMap::Signed,
        ..HeatMap::new("Filter 12 of the first layer", 11, 11, &values)
    }
}

fn large() -> HeatMap {
    let map = HeatMap {
        scale: Scale::Log,
        range: Some((1e-4, 1.0)),
        ..HeatMap::new("Input gradient, 512 × 512", 512, 512, &bell(512, 60.0))
    };
    map.overlay(Overlay::Rect {
        x: -60.0,
        y: 40.0,
        width: 632.0,
        height: 432.0,
        label: "theoretical 632 × 432, wider than the picture".into(),
    })
}

fn predictions() -> Grid {
    let (right, wrong) = (Color::new(0, 114, 178), Color::new(196, 78, 0));
    (0..20).fold(
        Grid {
            subtitle: "blue: right, orange: wrong".into(),
            columns: 10,
            ..Grid::new("Predictions on the test set")
        },
        |grid, i| {
            let pixels: Vec<u8> = bell(28, 4.0 + noise(i) * 6.0)
                .iter()
                .map(|v| (v * 255.0) as u8)
                .collect();
            let miss = noise(i + 3) > 0.75;
            let said = FASHION[(i * 7 + usize::from(miss)) % 10];
            let caption = if miss {
                format!("{} → {said}", FASHION[i * 7 % 10])
            } else {
                format!("{said} {:.0} %", 70.0 + 30.0 * noise(i))
            };
            grid.tile(Tile::grey(28, 28, &pixels).caption(&caption).line(
                if miss { "wrong" } else { "right" },
                Some(if miss { wrong } else { right }),
            ))
        },
    )
}

fn sheet() -> Result<Sheet, PlotError> {
    let text = TextBlock::new(420.0)
        .headline("NOT GAUSSIAN", Color::new(205, 84, 0))
        .text("Flat, like a box: a third of the mass would have to move.")
        .muted("An illustration with made-up numbers.");
    let table = Table {
        width: Some(420.0),
        ..Table::new(&["", "value", "95 % interval"])
    };
    let table = table
        .row(&["total variation", "0.296", "0.295 to 0.297"])
        .row(&["excess kurtosis", "−1.20", "−1.21 to −1.20"]);
    let beside = Sheet::new("").row(&[&text])?.row(&[&table])?;
    Sheet::new("Several pictures in one")
        .subtitle("a heat map, words and a table over a chart")
        .row(&[&signed(), &beside])?
        .row(&[&profile()])
}

fn names() -> Chart {
    let names = (0..30).map(|i| (f64::from(i), format!("conv2d_{i}")));
    let points: Vec<(f64, f64)> = (0..30).map(|i| (i as f64, 1.0 + noise(i))).collect();
    let measured = Curve {
        bars: points.iter().map(|(x, y)| (*x, y * 0.7, y * 1.4)).collect(),
        style: LineStyle::None,
        mark: Some(Mark::Diamond),
        ..Curve::new("measured", &points)
    };
    let theory = Curve {
        style: LineStyle::Dotted,
        mark: Some(Mark::Ring),
        ..Curve::new("theory", &points)
    };
    let squares = Curve {
        mark: Some(Mark::Square),
        ..Curve::new("", &points)
    };
    let sigma = Panel {
        y_scale: Scale::Log,
        y_range: Some((0.1, 10.0)),
        ..Panel::new("sigma")
    };
    Chart {
        x_names: names.collect(),
        columns: 1,
        ..Chart::new("Width of the field by depth")
    }
    .panel(sigma.curve(measured).curve(theory))
    .panel(Panel::new("two").curve(squares).note(3.0, 1.5, "here"))
}

fn named_grid() -> Grid {
    let tile = |i: usize| {
        let bytes: Vec<u8> = (0..300).map(|at| (noise(at + i) * 255.0) as u8).collect();
        let outline = Overlay::Rect {
            x: 2.0,
            y: 2.0,
            width: 5.0,
            height: 4.0,
            label: String::new(),
        };
        Tile::rgb(10, 10, &bytes)
            .caption(&format!("caption of tile {i}"))
            .overlay(outline)
    };
    Grid {
        columns: 3,
        fitted: true,
        tile_size: 150.0,
        column_names: ["a", "b", "c"].map(str::to_owned).to_vec(),
        row_names: ["first row", "second"].map(str::to_owned).to_vec(),
        tiles: (0..6).map(tile).collect(),
        ..Grid::new("Named")
    }
}
