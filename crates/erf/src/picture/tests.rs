//! Every figure can be drawn from degenerate maps, and has the expected labels.

use super::raster::grown;
use super::study::measurement;
use super::subject::Subject;
use super::sweep::{Cell, Row, matrix};
use super::*;
use crate::gaussian::{Estimate, Gaussian2, Judgement, Verdict};
use crate::map::{Map, Region};
use receptive_plot::Draw;

fn estimate(value: f64) -> Estimate {
    Estimate {
        value,
        low: value * 0.9,
        high: value * 1.1,
    }
}

fn gaussian(centre: [f64; 2], sigma: f64) -> Gaussian2 {
    Gaussian2 {
        amplitude: 1.0,
        mean: centre,
        covariance: [[sigma * sigma, 0.3], [0.3, sigma * sigma * 1.4]],
    }
}

fn judgement(window: Region, sigma: f64, fit: bool) -> Judgement {
    let bell = gaussian(window.centre(), sigma);
    Judgement {
        verdict: Verdict::NotGaussian,
        reason: None,
        explanation: "its sides are flat".to_owned(),
        tv: estimate(0.2),
        tv_raw: 0.21,
        tv_noise: 0.02,
        kurtosis: [estimate(-1.0), estimate(-1.1)],
        mardia: estimate(-2.4),
        hole: estimate(0.6),
        sigma: [estimate(sigma), estimate(sigma)],
        moments: bell,
        fit: fit.then_some(bell),
        sigma_ratio: fit.then_some(1.2),
        r_squared: fit.then_some(0.8),
        r_squared_ceiling: Some(0.99),
        anisotropy: 1.2,
        off_centre: 0.1,
        window,
        notes: vec!["a note".to_owned()],
    }
}

/// A map of a Gaussian, with its values modified.
fn map(region: Region, change: fn(f64) -> f64) -> Map {
    let [y, x] = region.centre();
    Map::from_fn(region, |row, column| {
        let square = (row as f64 - y).powi(2) + (column as f64 - x).powi(2);
        change((-square / 50.0).exp())
    })
}

fn subject<'a>(map: &'a Map, groups: &'a [Map], judgement: &'a Judgement) -> Subject<'a> {
    Subject {
        title: "a long title ".repeat(30),
        subtitle: "a long subtitle ".repeat(60),
        map,
        groups,
        judgement,
        trf: grown(map.region(), 40),
        image: map.region(),
        prediction: Some(map),
        numbers: vec![("samples".to_owned(), "840".to_owned())],
    }
}

/// Checks that both formats can be written; returns the SVG document.
fn drawn(picture: &dyn Draw) -> String {
    assert!(picture.to_png().unwrap().starts_with(b"\x89PNG"));
    let svg = picture.to_svg().unwrap();
    assert!(!svg.contains("NaN") && svg.trim_end().ends_with("</svg>"));
    svg
}

fn holds(svg: &str, labels: &[&str]) {
    for label in labels {
        assert!(svg.contains(&format!("aria-label=\"{label}\"")), "{label}");
    }
}

#[test]
fn a_measurement_holds_its_verdict_and_labels() {
    let map = map(Region::image(31, 31), |v| v);
    let groups = [map.clone(), map.map(|v| v * 1.2)];
    let judgement = judgement(map.region(), 5.0, true);
    let svg = drawn(&measurement(&subject(&map, &groups, &judgement)).unwrap());
    holds(
        &svg,
        &[
            "NOT GAUSSIAN",
            "its sides are flat",
            "measured",
            "theory",
            "fit, 2 σ",
            "row, pixels",
            "samples",
            "840",
            "– a note",
            "theoretical field, 111 × 111",
        ],
    );
}

#[test]
fn a_measurement_survives_odd_maps() {
    type Change = fn(f64) -> f64;
    let odd: [(usize, Change); 6] = [
        (1, |v| v),
        (1, |_| 0.0),
        (9, |_| 0.0),
        (9, |_| f64::NAN),
        (9, |v| if v > 0.9 { f64::INFINITY } else { v }),
        (9, |v| v * 1e-300),
    ];
    for (side, change) in odd {
        let map = map(Region::image(side, side), change);
        for (sigma, fit) in [(2.0, true), (0.0, true), (f64::NAN, false), (1e9, true)] {
            let judgement = judgement(map.region(), sigma, fit);
            let groups = [map.clone(), map.clone()];
            drawn(&measurement(&subject(&map, &groups, &judgement)).unwrap());
            drawn(&measurement(&subject(&map, &[], &judgement)).unwrap());
        }
    }
}

#[test]
fn a_large_map_and_a_field_larger_than_the_image_are_drawn() {
    let map = map(Region::image(1000, 1000), |v| v);
    for by in [0, 500, 1_000_000] {
        let judgement = judgement(grown(map.region(), by), 30.0, true);
        let subject = Subject {
            trf: judgement.window,
            ..subject(&map, &[], &judgement)
        };
        let scene = measurement(&subject).unwrap().scene().unwrap();
        assert!(scene.size().0 < 1200.0 && scene.size().1 < 1500.0);
    }
}

#[test]
fn growth_is_drawn_for_no_layers_one_and_sixty() {
    for count in [0, 1, 60] {
        let layers: Vec<GrowthPoint> = (0..count)
            .map(|index| GrowthPoint {
                name: format!("conv2d_{index}"),
                sigma: estimate(f64::from(index)),
                predicted_sigma: (index % 2 == 0).then_some(f64::NAN),
                size: estimate(f64::from(index) * 3.0),
                trf: f64::from(index) * 2.0 + 1.0,
                ratio: estimate(0.4),
                verdict: if index % 3 == 0 {
                    Verdict::Borderline
                } else {
                    Verdict::Gaussian
                },
            })
            .collect();
        let svg = drawn(&growth("growth", "", &layers));
        if count == 60 {
            holds(&svg, &["GAUSSIAN", "BORDERLINE", "conv2d_0", "conv2d_59"]);
        }
    }
}

#[test]
fn a_film_is_drawn_for_one_frame_and_for_many_of_any_map() {
    let maps = [
        map(Region::image(1, 1), |v| v),
        map(Region::image(20, 30), |_| f64::NAN),
        map(Region::image(20, 30), |_| 0.0),
        map(Region::image(20, 30), |v| v),
    ];
    for count in [1, 2, 100] {
        let frames: Vec<Frame<'_>> = (0..count)
            .map(|epoch| Frame {
                epoch,
                map: &maps[epoch % 4],
                sigma: estimate(4.13),
                tv: estimate(f64::NAN),
                verdict: Verdict::Inconclusive,
            })
            .collect();
        let svg = drawn(&film("film", "", &frames).unwrap());
        holds(&svg, &["epoch 0", "σ 4.13", "INCONCLUSIVE"]);
    }
    assert!(film("film", "", &[]).is_err());
}

#[test]
fn networks_of_different_sizes_are_compared() {
    let maps = [
        map(Region::image(1, 1), |v| v),
        map(Region::image(300, 300), |v| v),
        map(Region::image(9, 9), |_| f64::NAN),
    ];
    let network = |index: usize| ComparisonField {
        name: format!("network {index}"),
        map: &maps[index % 3],
        trf: grown(maps[index % 3].region(), index * 100),
        sigma: estimate(5.0),
        verdict: Verdict::Gaussian,
    };
    for count in [1, 3, 12] {
        let networks: Vec<ComparisonField<'_>> = (0..count).map(network).collect();
        let svg = drawn(&comparison("networks", "s", &networks).unwrap());
        holds(&svg, &["network 0", "GAUSSIAN"]);
    }
    assert!(comparison("networks", "", &[]).is_err());
}

#[test]
fn a_matrix_names_its_rows_and_columns_and_may_have_gaps() {
    let maps = [
        map(Region::image(11, 11), |v| v),
        map(Region::image(1000, 1000), |v| v),
    ];
    let cells = |count: usize| {
        let cell = |index: usize| Cell {
            map: &maps[index % 2],
            caption: format!("TRF {}", maps[index % 2].region().width),
        };
        (0..count).map(cell).collect()
    };
    let rows = [
        Row {
            name: "uniform".to_owned(),
            cells: cells(3),
        },
        Row {
            name: "random".to_owned(),
            cells: cells(1),
        },
    ];
    let columns = ["5 layers", "10 layers", "20 layers"].map(str::to_owned);
    let svg = drawn(&matrix("Luo", "", &columns, &rows));
    holds(&svg, &["uniform", "random", "20 layers", "TRF 11"]);
}
