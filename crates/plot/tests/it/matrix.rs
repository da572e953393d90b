use crate::pixels::Pixels;
use receptive_plot::{Color, Draw, Matrix, PlotError};

const CORRECT: Color = Color::new(0, 82, 140);
const MISTAKE: Color = Color::new(196, 78, 0);

#[test]
fn a_perfect_classifier_has_a_dark_diagonal_and_nothing_else() {
    let pixels = Pixels::of(&Matrix::new(
        "",
        &["a", "b", "c"],
        &[5, 0, 0, 0, 5, 0, 0, 0, 5],
    ));
    // Three cells of 64 by 64 points at two pixels per point, less rules and numbers.
    let dark = pixels.count(|c| c == CORRECT);
    assert!((43_000..49_300).contains(&dark), "{dark}");
    assert_eq!(
        pixels.bounds(MISTAKE).1.min(pixels.height / 2),
        pixels.height / 2,
        "wrong only in the key"
    );
}

#[test]
fn more_frequent_mistakes_are_darker() {
    let shade = |wrong: u64| {
        let pixels = Pixels::of(&Matrix::new("", &["a", "b"], &[100 - wrong, wrong, 0, 100]));
        let expected = Color::WHITE.mix(MISTAKE, (wrong as f64 / 100.0).sqrt());
        assert!(
            pixels.count(|c| c == expected) > 12_000,
            "{wrong} in a hundred"
        );
        [expected.r, expected.g, expected.b]
            .map(u32::from)
            .iter()
            .sum::<u32>()
    };
    assert!(shade(1) > shade(10) && shade(10) > shade(50));
}

#[test]
fn rows_are_the_truth_and_columns_the_prediction() {
    let svg = Matrix::new("", &["a", "b"], &[30, 10, 0, 60])
        .to_svg()
        .unwrap();
    for label in [
        "true",
        "predicted",
        "recall",
        "75.0 %",
        "100.0 %",
        "precision",
        "85.7",
        "90 of 100 correct (90.0 %)",
    ] {
        assert!(svg.contains(&format!("aria-label=\"{label}\"")), "{label}");
    }
}

#[test]
fn counts_are_written_up_to_twenty_classes() {
    let svg = |classes: usize| {
        let names: Vec<String> = (0..classes).map(|c| format!("c{c}")).collect();
        Matrix::new("", &names, &vec![777; classes * classes])
            .to_svg()
            .unwrap()
    };
    assert_eq!(svg(20).matches("aria-label=\"777\"").count(), 400);
    assert_eq!(svg(21).matches("aria-label=\"777\"").count(), 0);
    assert!(svg(100).contains("aria-label=\"c99\""));
    assert!(svg(200).contains("aria-label=\"c198\""));
}

#[test]
fn counts_of_the_wrong_number_are_an_error_that_names_the_picture() {
    let error = Matrix::new("test set", &["a", "b"], &[1, 2, 3])
        .to_png()
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("confusion matrix \"test set\": expected 4 values"),
        "{error}"
    );
    assert!(matches!(
        Matrix::new::<&str>("", &[], &[]).to_svg(),
        Err(PlotError::Empty { .. })
    ));
}

#[test]
fn classes_that_are_not_drawn_count_in_the_sums() {
    let part = Matrix {
        others: vec![[60, 0], [0, 30]],
        ..Matrix::new("", &["a", "b"], &[30, 10, 0, 60])
    };
    let svg = part.to_svg().unwrap();
    // Recall 30 of 100, examples 100; precision 60 of 100, predictions 100.
    for label in ["30.0 %", "60.0", "100"] {
        assert!(svg.contains(&format!("aria-label=\"{label}\"")), "{label}");
    }
    let wrong = Matrix {
        others: vec![[1, 1]],
        ..part
    };
    let error = wrong.to_svg().unwrap_err().to_string();
    assert!(error.contains("one pair of `others` per class"), "{error}");
}
