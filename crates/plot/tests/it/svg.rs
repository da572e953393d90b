use receptive_plot::{Chart, Curve, Draw, Grid, HeatMap, Panel, Tile};

/// Parses the document and checks that every glyph used is defined.
pub(crate) fn check(svg: &str) {
    let document = roxmltree::Document::parse(svg).unwrap_or_else(|error| panic!("{error}\n{svg}"));
    let ids: Vec<&str> = document
        .descendants()
        .filter_map(|node| node.attribute("id"))
        .collect();
    for node in document
        .descendants()
        .filter(|node| node.has_tag_name("use"))
    {
        let name = node
            .attribute("href")
            .and_then(|href| href.strip_prefix('#'))
            .unwrap();
        assert!(ids.contains(&name), "{name} is not defined");
    }
    assert!(
        !svg.contains("NaN") && !svg.contains("inf\"") && !svg.contains("inf,"),
        "{svg}"
    );
}

#[test]
fn labels_are_escaped_and_readable_by_machines() {
    let panel = Panel::new("x > y").curve(Curve::new("", &[(0.0, 1.0)]));
    let svg = Chart::new("a < b & \"c\"").panel(panel).to_svg().unwrap();
    check(&svg);
    let document = roxmltree::Document::parse(&svg).unwrap();
    let title = document
        .descendants()
        .find(|node| node.has_tag_name("title"))
        .and_then(|node| node.text());
    assert_eq!(title, Some("a < b & \"c\""));
    assert!(
        document
            .descendants()
            .any(|node| node.attribute("aria-label") == Some("x > y"))
    );
}

#[test]
fn bitmaps_are_embedded_and_nothing_is_fetched() {
    let grid = Grid::new("g").tile(Tile::grey(2, 2, &[0, 50, 100, 255]).caption("→ ok"));
    for svg in [
        grid.to_svg().unwrap(),
        HeatMap::new("", 2, 2, &[0.0, 1.0, 2.0, 3.0])
            .to_svg()
            .unwrap(),
    ] {
        check(&svg);
        assert!(svg.contains("data:image/png;base64,"));
        let links = svg.matches("http").count();
        assert_eq!(links, 1, "the namespace only");
    }
}
