//! The confusion matrix, and the pairs of classes confused most often.

use super::HeldOutImages;
use crate::html::{Figure, wide_figure};
use crate::text::{Part, percent};
use maud::{Markup, html};
use receptive_core::text::grouped;
use receptive_model::Artifact;
use receptive_train::metrics::Confusion;
use receptive_train::{RunDirectory, confusion_matrix};

#[derive(Debug)]
pub(crate) enum Confusions {
    /// Few classes: a table.
    Table {
        classes: Vec<String>,
        confusion: Confusion,
        split: &'static str,
    },
    /// Many classes: a figure, and the pairs as text.
    Picture {
        classes: Vec<String>,
        confusion: Confusion,
        picture: Figure,
        /// Number of classes in the figure.
        drawn: usize,
        split: &'static str,
    },
    /// The images are missing: the figure drawn at the end of training.
    Drawn { picture: Figure, reason: String },
}

/// Tables of more classes are too wide to read.
const MAX_COLUMNS: usize = 24;
/// Number of pairs listed.
const PAIRS: usize = 8;

impl Confusions {
    pub(crate) fn new(
        run: &RunDirectory,
        held_out: &Part<HeldOutImages>,
        artifact: &Artifact,
    ) -> Part<Self> {
        let held_out = match held_out {
            Ok(held_out) => held_out,
            Err(reason) => {
                return match Figure::file(&run.path().join(RunDirectory::CONFUSION)) {
                    Some(picture) => Ok(Self::Drawn {
                        picture,
                        reason: reason.clone(),
                    }),
                    None => Err(reason.clone()),
                };
            }
        };
        let confusion = held_out.evaluation.confusion.clone();
        Self::of(confusion, artifact.classes.clone(), held_out.words())
    }

    /// From the counts on the split with this name.
    pub(crate) fn of(
        confusion: Confusion,
        classes: Vec<String>,
        split: &'static str,
    ) -> Part<Self> {
        if classes.len() <= MAX_COLUMNS {
            return Ok(Self::Table {
                classes,
                confusion,
                split,
            });
        }
        let matrix = confusion_matrix(&confusion, &classes, "");
        let drawn = matrix.classes.len();
        Ok(Self::Picture {
            picture: Figure::drawn(&matrix)?,
            classes,
            confusion,
            drawn,
            split,
        })
    }

    /// A note about characters of class names that no font has, if there are any.
    pub(crate) fn note(&self) -> Option<&str> {
        match self {
            Self::Table { .. } => None,
            Self::Picture { picture, .. } | Self::Drawn { picture, .. } => picture.note(),
        }
    }

    pub(crate) fn html(&self) -> Markup {
        match self {
            Self::Table {
                classes,
                confusion,
                split,
            } => html! {
                p { (summary(confusion, split)) " Rows are true classes, columns predicted \
                                                 classes." }
                div.beside {
                    (table(classes, confusion))
                    div { (pairs(classes, confusion)) }
                }
            },
            Self::Picture {
                classes,
                confusion,
                picture,
                drawn,
                split,
            } => html! {
                (wide_figure(picture, &summary(confusion, split), &html! {
                    (summary(confusion, split))
                    @if *drawn < classes.len() {
                        " The figure shows the " (drawn) " most confused of " (grouped(classes.len()))
                        " classes."
                    }
                }))
                (pairs(classes, confusion))
            },
            Self::Drawn { picture, reason } => html! {
                p.missing { (reason) }
                (wide_figure(
                    picture,
                    "Confusion matrix, drawn at the end of training",
                    &html! { "Drawn at the end of training." },
                ))
            },
        }
    }
}

fn summary(confusion: &Confusion, split: &str) -> String {
    format!(
        "{} of {} images of the {split} were classified correctly.",
        grouped(confusion.correct()),
        grouped(confusion.total())
    )
}

fn table(classes: &[String], confusion: &Confusion) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Confusion matrix" {
            table.confusion {
                caption.hidden { "Confusion matrix: rows are true classes, columns predicted \
                                  classes" }
                thead {
                    tr {
                        td {}
                        @for class in classes { th scope="col" { span { (class) } } }
                        th scope="col" { span { "images" } }
                    }
                }
                tbody {
                    @for label in 0..confusion.classes() {
                        @let row = confusion.row(label);
                        @let images: usize = row.iter().sum();
                        tr {
                            th scope="row" { (classes.get(label).map_or("", String::as_str)) }
                            @for (predicted, count) in row.iter().enumerate() {
                                (cell(*count, images, label == predicted))
                            }
                            td.sum { (grouped(images)) }
                        }
                    }
                }
            }
        }
    }
}

/// A count on the colour of its fraction, by square root, since mistakes are rare and must be
/// visible.
fn cell(count: usize, images: usize, is_right: bool) -> Markup {
    if count == 0 {
        return html! { td.none { "0" } };
    }
    let shade = (count as f64 / images.max(1) as f64).sqrt();
    let kind = if is_right { "right" } else { "wrong" };
    let strong = if shade > 0.6 { " strong" } else { "" };
    html! {
        td class=(format!("{kind}{strong}")) style=(format!("--shade:{:.0}%", 100.0 * shade)) {
            (grouped(count))
        }
    }
}

/// The most frequent mistakes, as text.
fn pairs(classes: &[String], confusion: &Confusion) -> Markup {
    let worst = confusion.worst(PAIRS);
    let images = confusion.images();
    let name = |class: usize| classes.get(class).map_or("", String::as_str);
    html! {
        h3 { "Most confused pairs" }
        @if worst.is_empty() {
            p { "There are no misclassified images." }
        } @else {
            ol.pairs {
                @for (label, predicted, count) in worst {
                    @let images = images.get(label).copied().unwrap_or(0);
                    li {
                        strong { (name(label)) } " was predicted as " strong { (name(predicted)) } ": "
                        (grouped(count)) " of " (grouped(images)) " ("
                        (percent(count as f64 / images.max(1) as f64)) ")"
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confusion() -> Confusion {
        let mut confusion = Confusion::new(3);
        for (label, predicted, times) in [(0, 0, 8), (0, 1, 2), (1, 1, 5), (2, 1, 1), (2, 2, 4)] {
            for _ in 0..times {
                confusion.add(label, predicted);
            }
        }
        confusion
    }

    fn classes() -> Vec<String> {
        ["shirt", "<script>alert(1)</script>", "coat"]
            .map(String::from)
            .into()
    }

    #[test]
    fn the_most_confused_pairs_are_named_in_order_and_escaped() {
        let page = pairs(&classes(), &confusion()).into_string();
        let text: String = page.replace("<strong>", "").replace("</strong>", "");
        let first = text.find("shirt was predicted as &lt;script&gt;").unwrap();
        let second = text.find("coat was predicted as &lt;script&gt;").unwrap();
        assert!(first < second, "{text}");
        assert!(text.contains(": 2 of 10 (20.0\u{a0}%)"), "{text}");
        assert!(text.contains(": 1 of 5 (20.0\u{a0}%)"), "{text}");
        assert!(!page.contains("<script"), "{page}");
    }

    #[test]
    fn without_mistakes_there_are_no_pairs() {
        let mut right = Confusion::new(2);
        right.add(0, 0);
        let page = pairs(&classes()[..2], &right).into_string();
        assert!(page.contains("There are no misclassified images"), "{page}");
    }

    #[test]
    fn every_count_stands_in_its_cell() {
        let said = summary(&confusion(), "test split");
        assert!(
            said.starts_with("17 of 20 images of the test split"),
            "{said}"
        );
        let page = table(&classes(), &confusion()).into_string();
        assert!(
            page.contains("<td class=\"wrong\" style=\"--shade:45%\">2</td>"),
            "{page}"
        );
        assert!(
            page.contains("<td class=\"right strong\" style=\"--shade:100%\">5</td>"),
            "{page}"
        );
        assert_eq!(page.matches("scope=\"row\"").count(), 3);
    }
}
