use crate::pixels::Pixels;
use receptive_plot::{Chart, Color, Curve, Draw, LineStyle, Mark, Panel, PlotError, Scale};

const RED: Color = Color::new(255, 0, 0);

/// A panel whose vertical axis has this range.
fn within(low: f64, high: f64) -> Panel {
    Panel {
        y_range: Some((low, high)),
        ..Panel::new("")
    }
}

#[test]
fn a_png_has_two_pixels_per_point() {
    let chart =
        Chart::new("t").panel(Panel::new("y").curve(Curve::new("a", &[(0.0, 1.0), (1.0, 2.0)])));
    let (width, height) = chart.scene().unwrap().size();
    let pixels = Pixels::of(&chart);
    assert_eq!(
        (pixels.width as f64, pixels.height as f64),
        (width * 2.0, height * 2.0)
    );
}

#[test]
fn a_rising_line_rises_to_the_right() {
    let line = Curve {
        color: Some(RED),
        ..Curve::new("", &[(0.0, 0.0), (10.0, 10.0)])
    };
    let pixels = Pixels::of(&Chart::new("").panel(Panel::new("").curve(line)));
    let (left, top, right, bottom) = pixels.bounds(RED);
    let near = |x: usize, y: usize| {
        (x.saturating_sub(8)..x + 8).any(|x| {
            (y.saturating_sub(8)..y + 8).any(|y| pixels.at(x.min(pixels.width - 1), y) == RED)
        })
    };
    assert!(near(left, bottom) && near(right, top));
    assert!(!near(left, top) && !near(right, bottom));
}

#[test]
fn what_is_out_of_a_given_range_is_cut_off() {
    let spike = [(0.0, 0.5), (1.0, 0.5), (1.5, 1e6), (2.0, 0.5), (3.0, 0.5)];
    let line = Curve {
        color: Some(RED),
        ..Curve::new("", &spike)
    };
    let panel = within(0.0, 1.0).curve(line);
    let (_, top, _, bottom) = Pixels::of(&Chart::new("").panel(panel)).bounds(RED);
    assert!(top > 20 && bottom < 640, "{top} {bottom}");
}

#[test]
fn a_band_is_shaded_between_its_edges_only() {
    let band = (0..=10).map(|x| (f64::from(x), 4.0, 6.0)).collect();
    let curve = Curve {
        band,
        color: Some(Color::new(0, 0, 0)),
        ..Curve::new("", &[])
    };
    let pixels = Pixels::of(&Chart::new("").panel(within(0.0, 10.0).curve(curve)));
    let shade = Color::new(209, 209, 209);
    let (left, top, right, bottom) = pixels.bounds(shade);
    assert!(right - left > 600, "{left} {right}");
    let share = (bottom - top) as f64 / 540.0;
    assert!(
        (0.17..0.25).contains(&share),
        "a band over a fifth of the axis takes {share} of it"
    );
}

#[test]
fn an_epoch_axis_shows_no_fractions() {
    let points = [(1.0, 0.5), (2.0, 0.4)];
    let chart = |chart: Chart| {
        chart
            .panel(within(0.0, 1.0).curve(Curve::new("", &points)))
            .to_svg()
            .unwrap()
    };
    assert!(chart(Chart::new("")).contains("aria-label=\"1.2\""));
    let whole = chart(Chart {
        x_whole: true,
        ..Chart::new("")
    });
    assert!(!whole.contains("aria-label=\"1.2\""));
    assert!(whole.contains("aria-label=\"2\""));
}

#[test]
fn a_logarithmic_axis_leaves_out_zero_and_names_powers() {
    let points = [(1.0, 0.0), (2.0, 1e-6), (3.0, 1.0)];
    let panel = Panel {
        y_scale: Scale::Log,
        ..Panel::new("")
    }
    .curve(Curve::new("", &points));
    let svg = Chart::new("").panel(panel).to_svg().unwrap();
    assert!(svg.contains("aria-label=\"10⁻⁶\""), "{svg}");
}

#[test]
fn markers_notes_and_legend_are_in_the_picture() {
    let panel = Panel::new("loss")
        .curve(Curve::new("train", &[(1.0, 1.0), (7.0, 0.5)]))
        .marker(7.0, "best epoch 7")
        .note(7.0, 0.5, "lowest");
    let svg = Chart {
        x_label: "epoch".into(),
        ..Chart::new("Run")
    }
    .panel(panel)
    .to_svg()
    .unwrap();
    for label in ["Run", "loss", "train", "best epoch 7", "lowest", "epoch"] {
        assert!(svg.contains(&format!("aria-label=\"{label}\"")), "{label}");
    }
}

#[test]
fn a_marker_line_passes_behind_the_labels_of_its_neighbours() {
    let panel = Panel::new("")
        .curve(Curve::new("", &[(1.0, 1.0), (7.0, 0.5)]))
        .marker(3.0, "best epoch 3")
        .marker(3.2, "stopped");
    let svg = Chart::new("").panel(panel).to_svg().unwrap();
    let dashes: Vec<usize> = svg
        .match_indices("dasharray")
        .map(|found| found.0)
        .collect();
    let label = svg.find("aria-label=\"best epoch 3\"").unwrap();
    assert_eq!(dashes.len(), 2);
    assert!(dashes.iter().all(|at| *at < label), "{svg}");
    // The ground of the label lies between the lines and the label.
    let between = &svg[dashes[1]..label];
    assert!(between.contains("#ffffff"), "{between}");
}

#[test]
fn panels_are_stacked_in_one_column_and_side_by_side_in_two() {
    let size = |columns| {
        let panel = || Panel::new("y").curve(Curve::new("", &[(0.0, 0.0)]));
        let chart = Chart {
            columns,
            ..Chart::new("")
        };
        chart.panel(panel()).panel(panel()).scene().unwrap().size()
    };
    let ((narrow, tall), (wide, low)) = (size(1), size(2));
    assert!(wide > narrow * 1.8 && tall > low * 1.8);
}

#[test]
fn a_chart_without_panels_or_with_a_reversed_range_is_an_error() {
    assert!(matches!(
        Chart::new("").to_svg(),
        Err(PlotError::Empty { .. })
    ));
    for (low, high) in [(1.0, 0.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
        let chart = Chart::new("loss").panel(within(low, high));
        let error = chart.to_svg().unwrap_err();
        assert!(
            matches!(error, PlotError::Setting { .. }) && error.to_string().contains("\"loss\""),
            "{error}"
        );
    }
}

#[test]
fn names_stand_below_every_panel_and_all_of_few_are_shown() {
    let line = Curve::new("", &[(1.0, 2.0), (2.0, 3.0), (3.0, 1.0)]);
    let names = [(1.0, "stem"), (2.0, "block"), (3.0, "head")].map(|(x, n)| (x, n.to_owned()));
    let chart = Chart {
        columns: 1,
        x_names: names.to_vec(),
        ..Chart::new("")
    };
    let svg = chart
        .panel(Panel::new("a").curve(line.clone()))
        .panel(Panel::new("b").curve(line))
        .to_svg()
        .unwrap();
    for (_, name) in &names {
        let label = format!("aria-label=\"{name}\"");
        assert_eq!(svg.matches(&label).count(), 2, "{name}");
    }
}

#[test]
fn error_bars_stretch_the_axis_and_are_cut_at_a_given_range() {
    let curve = Curve {
        bars: vec![(1.0, -40.0, 40.0)],
        ..Curve::new("", &[(1.0, 1.0), (2.0, 1.0)])
    };
    let open = Chart::new("").panel(Panel::new("").curve(curve.clone()));
    assert!(open.to_svg().unwrap().contains("aria-label=\"40\""));
    let cut = Chart::new("").panel(within(0.0, 2.0).curve(curve));
    let (_, height) = cut.scene().unwrap().size();
    let svg = cut.to_svg().unwrap();
    crate::svg::check(&svg);
    let document = roxmltree::Document::parse(&svg).unwrap();
    let points = document
        .descendants()
        .filter_map(|node| node.attribute("points"));
    for point in points.flat_map(str::split_whitespace) {
        let y: f64 = point.split(',').nth(1).unwrap().parse().unwrap();
        assert!((0.0..=height).contains(&y), "{point}");
    }
}

#[test]
fn each_mark_has_its_own_shape() {
    let marks = [
        Mark::Dot,
        Mark::Ring,
        Mark::Square,
        Mark::Triangle,
        Mark::Diamond,
        Mark::None,
    ];
    let pictures = marks.map(|mark| {
        let curve = Curve {
            style: LineStyle::None,
            mark: Some(mark),
            ..Curve::new("", &[(1.0, 1.0), (2.0, 2.0)])
        };
        let panel = Panel::new("").curve(curve);
        Chart::new("").panel(panel).to_svg().unwrap()
    });
    for (index, picture) in pictures.iter().enumerate() {
        crate::svg::check(picture);
        assert!(!pictures[..index].contains(picture), "{index}");
    }
}
