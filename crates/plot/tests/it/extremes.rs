//! Nothing that can be passed makes a picture panic, and no NaN reaches a file.

use proptest::prelude::*;
use receptive_plot::{
    Chart, Curve, Draw, Grid, HeatMap, Matrix, Overlay, Panel, PlotError, Scale, Tile,
};

const SCALES: [Scale; 3] = [Scale::Linear, Scale::Log, Scale::Sqrt];

/// Both formats come out, sound.
fn draws(picture: &dyn Draw) {
    crate::svg::check(&picture.to_svg().unwrap());
    assert!(picture.to_png().unwrap().starts_with(b"\x89PNG"));
}

fn scaled(y_scale: Scale) -> Panel {
    Panel {
        y_scale,
        ..Panel::new("y")
    }
}

fn labels() -> Vec<String> {
    let long = "supercalifragilistic".repeat(5000);
    [
        "",
        " ",
        "a\u{0}b\nc\u{7f}\u{fffe}",
        "日本語 العربية 🙂",
        "e\u{301}\u{200b}",
        "<&\">",
        &long,
        &"w ".repeat(9000),
    ]
    .map(str::to_owned)
    .to_vec()
}

#[test]
fn odd_curves_give_a_picture_on_every_scale() {
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    let table: [&[(f64, f64)]; 12] = [
        &[],
        &[(1.0, 1.0)],
        &[(nan, nan)],
        &[(0.0, inf), (1.0, -inf)],
        &[(1.0, 0.5), (2.0, nan), (3.0, 0.7)],
        &[(1.0, 3.0), (2.0, 3.0), (3.0, 3.0)],
        &[(5.0, 1.0), (5.0, 2.0)],
        &[(0.0, f64::MAX), (1.0, f64::MIN)],
        &[(0.0, 1e150), (1.0, -1e150)],
        &[(0.0, 5e-324), (1.0, 1e-300)],
        &[(1e15, 1e15), (1e15 + 1.0, 1e15 + 1.0)],
        &[(-1.0, -5.0), (0.0, 0.0)],
    ];
    for points in table {
        let band: Vec<_> = points.iter().map(|(x, y)| (*x, y - 1.0, y * 2.0)).collect();
        for scale in SCALES {
            let curve = Curve {
                band: band.clone(),
                ..Curve::new("a", points)
            };
            let panel = scaled(scale)
                .curve(curve)
                .marker(nan, "nowhere")
                .marker(2.0, "here")
                .note(inf, 1.0, "gone")
                .note(1.0, 1.0, "point");
            let chart = Chart {
                x_scale: scale,
                x_whole: true,
                ..Chart::new("t")
            };
            draws(&chart.panel(panel));
        }
    }
}

#[test]
fn a_million_points_stay_a_small_file() {
    let points: Vec<_> = (0..1_000_000)
        .map(|i| (f64::from(i), f64::from(i).sin()))
        .collect();
    let svg = Chart::new("")
        .panel(Panel::new("").curve(Curve::new("", &points)))
        .to_svg()
        .unwrap();
    assert!(svg.len() < 200_000, "{}", svg.len());
}

#[test]
fn two_hundred_curves_share_the_legend() {
    let panel = (0..200).fold(Panel::new("many"), |panel, i| {
        panel.curve(Curve::new(
            &format!("series number {i}"),
            &[(0.0, f64::from(i)), (1.0, 0.0)],
        ))
    });
    draws(
        &Chart::new("").panel(
            panel
                .marker(0.0, "a")
                .marker(0.1, "b")
                .marker(0.2, "c")
                .marker(1.0, "d"),
        ),
    );
}

#[test]
fn odd_labels_are_drawn_or_cut_everywhere() {
    for label in labels() {
        let panel = Panel::new(&label)
            .curve(Curve::new(&label, &[(0.0, 1.0)]))
            .marker(0.0, &label)
            .note(0.0, 1.0, &label);
        let chart = Chart {
            subtitle: label.clone(),
            x_label: label.clone(),
            ..Chart::new(&label)
        };
        draws(&chart.panel(panel));
        draws(&Matrix {
            subtitle: label.clone(),
            ..Matrix::new(&label, &[&label, &label], &[1, 2, 3, 4])
        });
        draws(&Grid::new(&label).tile(Tile::grey(1, 1, &[9]).caption(&label)));
        let overlay = Overlay::Cross {
            x: 0.5,
            y: 0.5,
            label: label.clone(),
        };
        let map = HeatMap {
            bar_label: label.clone(),
            ..HeatMap::new(&label, 1, 1, &[1.0])
        };
        draws(&map.overlay(overlay));
    }
}

#[test]
fn odd_heat_maps_give_a_picture_on_every_scale() {
    let table: [&[f32]; 7] = [
        &[0.0; 4],
        &[-3.0; 4],
        &[f32::NAN; 4],
        &[f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1.0],
        &[f32::MAX, f32::MIN, 0.0, 1.0],
        &[1e-45, 2e-45, 0.0, 0.0],
        &[1.0, 1.0 + f32::EPSILON, 1.0, 1.0],
    ];
    let far = |x| Overlay::Ellipse {
        x,
        y: 1.0,
        rx: f64::MAX,
        ry: f64::NAN,
        turn: 0.0,
        label: "far".into(),
    };
    for values in table {
        for scale in SCALES {
            for (width, height) in [(2, 2), (4, 1), (1, 4)] {
                let map = HeatMap {
                    scale,
                    first_pixel: (i64::MIN, -1),
                    ..HeatMap::new("t", width, height, values)
                };
                draws(&map.overlay(far(0.0)).overlay(far(f64::INFINITY)));
            }
        }
    }
}

#[test]
fn odd_matrices_give_a_picture() {
    for classes in [1, 2, 7, 21, 60, 200] {
        let names: Vec<String> = (0..classes)
            .map(|c| format!("a rather long class name {c}"))
            .collect();
        draws(&Matrix::new("zeros", &names, &vec![0; classes * classes]));
        draws(&Matrix::new(
            "full",
            &names,
            &vec![u64::MAX; classes * classes],
        ));
    }
}

#[test]
fn odd_grids_give_a_picture_or_an_error() {
    assert!(matches!(
        Grid::new("").to_svg(),
        Err(PlotError::Empty { .. })
    ));
    let short = Grid::new("g")
        .tile(Tile::grey(1, 1, &[0]))
        .tile(Tile::rgb(2, 2, &[0; 4]))
        .to_svg()
        .unwrap_err();
    assert!(
        short
            .to_string()
            .starts_with("grid \"g\", image 2: expected 12 values"),
        "{short}"
    );
    let grid = Grid {
        columns: 0,
        tile_size: f64::NAN,
        ..Grid::new("")
    };
    draws(
        &grid
            .tile(Tile::rgb(900, 3, &[7; 8100]))
            .tile(Tile::grey(1, 1, &[0])),
    );
}

#[test]
fn a_picture_of_too_many_pixels_is_an_error() {
    let grid = Grid {
        columns: 1,
        tile_size: 512.0,
        tiles: vec![Tile::grey(1, 1, &[0]); 4000],
        ..Grid::new("")
    };
    assert!(matches!(grid.to_png(), Err(PlotError::TooLarge { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_numbers_give_a_sound_chart(
        points in prop::collection::vec((any::<f64>(), any::<f64>()), 0..20),
        scale in prop::sample::select(SCALES.to_vec()),
    ) {
        let panel = scaled(scale).curve(Curve::new("a", &points));
        draws(&Chart::new("t").panel(panel));
    }
}
