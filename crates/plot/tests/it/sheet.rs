use crate::pixels::Pixels;
use receptive_plot::{
    Chart, Color, Curve, Draw, Grid, HeatMap, Overlay, Panel, Sheet, Table, TextBlock, Tile,
};

fn sheet(text: &str) -> Sheet {
    let map = HeatMap {
        labels: (text.into(), text.into()),
        ..HeatMap::new("", 3, 2, &[0.0, 1.0, 2.0, 3.0, f32::NAN, 5.0])
    };
    let chart = Chart::new("").panel(Panel::new(text).curve(Curve::new(text, &[(0.0, 1.0)])));
    let words = TextBlock::new(300.0)
        .headline(text, Color::new(200, 30, 10))
        .text(text)
        .muted(text);
    let table = Table::new(&[text, "value"]).row(&[text, text, text]);
    let column = Sheet::new("").row(&[&words]).unwrap();
    let column = column.row(&[&table]).unwrap();
    let sheet = Sheet::new(text)
        .subtitle(text)
        .row(&[&map, &chart])
        .unwrap();
    sheet.row(&[&column]).unwrap()
}

#[test]
fn a_sheet_holds_all_its_parts_in_both_formats() {
    let sheet = sheet("words <&> here");
    let svg = sheet.to_svg().unwrap();
    crate::svg::check(&svg);
    assert!(
        svg.matches("aria-label=\"words &lt;&amp;&gt; here\"")
            .count()
            >= 9
    );
    assert!(Pixels::of(&sheet).count(|c| c == Color::new(200, 30, 10)) > 100);
}

#[test]
fn odd_texts_are_drawn_or_cut() {
    for text in [
        "",
        "\u{0}\n",
        "日本語",
        &"long ".repeat(9000),
        &"x".repeat(100_000),
    ] {
        let sheet = sheet(text);
        crate::svg::check(&sheet.to_svg().unwrap());
        let (width, height) = sheet.scene().unwrap().size();
        assert!(width < 2500.0 && height < 1500.0, "{width} {height}");
    }
}

#[test]
fn a_grid_names_its_rows_and_columns_and_outlines_a_picture() {
    let tile = || Tile::grey(4, 4, &[0; 16]).line("own", Some(Color::new(200, 30, 10)));
    let plain = Grid {
        columns: 2,
        fitted: true,
        column_names: vec!["left".into(), "right".into()],
        row_names: vec!["up".into(), "down".into()],
        ..Grid::new("")
    };
    let plain = (0..3).fold(plain, |grid, _| grid.tile(tile()));
    let outline = Overlay::Rect {
        x: 1.0,
        y: 1.0,
        width: 2.0,
        height: 2.0,
        label: String::new(),
    };
    let with = plain.clone().tile(tile().overlay(outline));
    let svg = with.to_svg().unwrap();
    crate::svg::check(&svg);
    for name in ["left", "right", "up", "down"] {
        assert_eq!(svg.matches(&format!("aria-label=\"{name}\"")).count(), 1);
    }
    assert_eq!(svg.matches("aria-label=\"own\"").count(), 4);
    // White on black, where there was only black.
    let white = |picture: &dyn Draw| Pixels::of(picture).count(|c| c == Color::WHITE);
    assert!(white(&with) != white(&plain));
}

#[test]
fn pixels_of_a_cut_and_averaged_map_are_numbered_as_in_the_image() {
    let map = HeatMap {
        first_pixel: (100, -40),
        pixels_per_value: 4,
        ..HeatMap::new("", 10, 10, &[1.0; 100])
    };
    let svg = map.to_svg().unwrap();
    for label in ["120", "−20"] {
        assert!(svg.contains(&format!("aria-label=\"{label}\"")), "{label}");
    }
}
