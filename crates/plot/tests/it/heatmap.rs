use crate::pixels::Pixels;
use receptive_plot::{Color, ColorMap, Draw, HeatMap, Overlay, PlotError, Scale};

#[test]
fn each_value_is_a_crisp_square_of_its_color() {
    let mut values = vec![255.0_f32; 16 * 16];
    values[5 * 16 + 6] = 51.0;
    let map = HeatMap {
        colors: ColorMap::Grey,
        range: Some((0.0, 255.0)),
        ..HeatMap::new("", 16, 16, &values)
    };
    let pixels = Pixels::of(&map);
    // 27.5 points for each of the 16 values, from 54 points right and 20 down; two pixels per point.
    let side = 55;
    let (left, top) = (2 * 54 + 6 * side, 2 * 20 + 5 * side);
    for (x, y) in [
        (left, top),
        (left + side - 1, top),
        (left, top + side - 1),
        (left + side - 1, top + side - 1),
        (left + 20, top + 30),
    ] {
        assert_eq!(pixels.at(x, y), Color::new(51, 51, 51), "{x} {y}");
    }
    for (x, y) in [
        (left - 1, top),
        (left + side, top),
        (left, top - 1),
        (left, top + side),
    ] {
        assert_eq!(pixels.at(x, y), Color::WHITE, "{x} {y}");
    }
}

#[test]
fn a_square_root_scale_lifts_faint_values() {
    let map = |scale| {
        Pixels::of(&HeatMap {
            colors: ColorMap::Grey,
            scale,
            ..HeatMap::new("", 2, 2, &[1.0, 0.25, 0.0, 0.0])
        })
    };
    let at = |pixels: &Pixels| {
        // The cells are 60 points: the second starts 60 points right of the first.
        pixels.at((20 + 34 + 90) * 2, (20 + 30) * 2)
    };
    assert_eq!(at(&map(Scale::Linear)), Color::new(64, 64, 64));
    assert_eq!(at(&map(Scale::Sqrt)), Color::new(128, 128, 128));
}

#[test]
fn an_overlay_wider_than_the_map_stays_inside_it() {
    let rect = Overlay::Rect {
        x: -50.0,
        y: 1.0,
        width: 200.0,
        height: 2.0,
        label: String::new(),
    };
    let flat = HeatMap {
        colors: ColorMap::Grey,
        range: Some((0.0, 1.0)),
        ..HeatMap::new("", 4, 4, &[0.0; 16])
    };
    let plain = Pixels::of(&flat);
    let with = Pixels::of(&flat.clone().overlay(rect));
    let changed: Vec<usize> = (0..plain.width)
        .filter(|x| (0..plain.height).any(|y| plain.at(*x, y) != with.at(*x, y)))
        .collect();
    let (left, right) = (changed.first().unwrap(), changed.last().unwrap());
    assert!(
        *left >= 54 * 2 - 1 && *right <= (54 + 240) * 2 + 1,
        "{left} {right}"
    );
}

#[test]
fn maps_of_every_usual_size_stay_of_a_handy_size() {
    for side in [11, 28, 61, 224, 512] {
        let values = vec![0.5; side * side];
        let (width, height) = HeatMap::new("t", side, side, &values)
            .scene()
            .unwrap()
            .size();
        assert!(
            (300.0..800.0).contains(&width) && (250.0..800.0).contains(&height),
            "{side}: {width} {height}"
        );
    }
}

#[test]
fn a_wrong_number_of_values_says_how_many_are_expected() {
    let error = HeatMap::new("ERF", 11, 11, &[0.0; 100])
        .to_png()
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("expected 121 values (11 x 11), found 100"),
        "{error}"
    );
    let empty = HeatMap::new("", 0, 3, &[]).to_svg();
    assert!(matches!(empty, Err(PlotError::Empty { .. })));
    let large = HeatMap::new("", 4000, 1, &[0.0; 4000]).to_svg();
    assert!(matches!(large, Err(PlotError::TooLarge { .. })));
    let range = HeatMap {
        scale: Scale::Log,
        range: Some((0.0, 1.0)),
        ..HeatMap::new("", 1, 1, &[0.0])
    };
    assert!(matches!(range.to_svg(), Err(PlotError::Setting { .. })));
}
