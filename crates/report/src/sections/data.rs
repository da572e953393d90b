//! The training data.

use crate::html::{facts, table};
use crate::text::{Part, missing, percent};
use maud::{Markup, html};
use receptive_core::text::grouped;
use receptive_data::{DataSet, SizeRange};
use receptive_model::{Artifact, InputSpec};
use receptive_train::{RunConfig, RunImages};

#[derive(Debug)]
pub(crate) struct Data {
    source: String,
    classes: usize,
    input: InputSpec,
    found: Part<DataSummary>,
}

/// The summary, available only if the images are.
#[derive(Debug)]
struct DataSummary {
    splits: Vec<String>,
    /// One row per class: name and number of images in each split; then one row of sums. With many
    /// classes, only the smallest and the largest are listed.
    counts: Vec<Vec<String>>,
    /// Number of classes without a row.
    unlisted: usize,
    sizes: Vec<(String, String)>,
    notes: Vec<String>,
}

/// Tables with more classes are collapsed.
const MAX_OPEN: usize = 30;
/// With more classes, only this many of the smallest and of the largest are listed.
const MAX_LISTED: usize = 1000;
const LISTED: usize = 100;

impl Data {
    pub(crate) fn new(config: &RunConfig, artifact: &Artifact, images: &Part<RunImages>) -> Self {
        Self {
            source: config.data.source.clone(),
            classes: artifact.classes.len(),
            input: artifact.input.clone(),
            found: match images {
                Ok(images) => Ok(DataSummary::of(&images.data, config)),
                Err(sentence) => Err(sentence.clone()),
            },
        }
    }

    /// Notes on the images.
    pub(crate) fn notes(&self) -> &[String] {
        self.found.as_ref().map_or(&[], |found| &found.notes)
    }

    pub(crate) fn reason(&self) -> Option<&String> {
        self.found.as_ref().err()
    }

    pub(crate) fn html(&self) -> Markup {
        let input = &self.input;
        let numbers = |all: &[f32]| {
            let words: Vec<String> = all.iter().map(|value| format!("{value:.4}")).collect();
            words.join(", ")
        };
        let mut known = vec![
            ("source".to_string(), self.source.clone()),
            ("classes".into(), grouped(self.classes)),
            (
                "input".into(),
                format!(
                    "{} × {} × {} (channels, height, width)",
                    input.channels, input.height, input.width
                ),
            ),
            ("mean per channel".into(), numbers(&input.mean)),
            ("standard deviation".into(), numbers(&input.std)),
        ];
        if let Ok(found) = &self.found {
            known.extend(found.sizes.iter().cloned());
        }
        html! {
            (facts(&known))
            @match &self.found {
                Err(sentence) => (missing(sentence)),
                Ok(found) => (found.html()),
            }
        }
    }
}

impl DataSummary {
    fn of(data: &DataSet, config: &RunConfig) -> Self {
        let splits: Vec<_> = data.splits().filter(|split| !split.is_empty()).collect();
        let counts: Vec<Vec<usize>> = splits.iter().map(|split| split.class_counts()).collect();
        let of = |counts: &Vec<usize>, class: usize| counts.get(class).copied().unwrap_or(0);
        let all: Vec<usize> = (0..data.classes.len()).collect();
        let unlisted = if all.len() > MAX_LISTED {
            all.len() - 2 * LISTED
        } else {
            0
        };
        let listed = match unlisted {
            0 => all,
            _ => {
                let images = |class: &usize| counts.iter().map(|counts| of(counts, *class)).sum();
                let mut sorted = all;
                sorted.sort_by_key(|class| -> (usize, usize) { (images(class), *class) });
                sorted.drain(LISTED..LISTED + unlisted);
                sorted
            }
        };
        let mut rows: Vec<Vec<String>> = listed
            .into_iter()
            .map(|class| {
                let numbers = counts.iter().map(|counts| grouped(of(counts, class)));
                [data.classes[class].clone()]
                    .into_iter()
                    .chain(numbers)
                    .collect()
            })
            .collect();
        let sums = splits.iter().map(|split| grouped(split.len()));
        rows.push(["all".to_string()].into_iter().chain(sums).collect());
        let range = |range: SizeRange| match range.min == range.max {
            true => format!("{} pixels", range.min),
            false => format!(
                "{} to {} pixels, median {}",
                range.min, range.max, range.median
            ),
        };
        let sizes = data.sizes().map_or(Vec::new(), |sizes| {
            let colours: Vec<String> = sizes
                .colours
                .iter()
                .map(|(kind, count)| format!("{} {kind}", grouped(*count)))
                .collect();
            vec![
                ("height of the images".to_string(), range(sizes.height)),
                ("width of the images".into(), range(sizes.width)),
                ("colours".into(), colours.join(", ")),
            ]
        });
        let mut notes: Vec<String> = data.notes_beside_damage().cloned().collect();
        notes.extend(data.damaged_note());
        if !config.train.balances_classes() {
            notes.extend(imbalance(data));
        }
        Self {
            splits: splits
                .iter()
                .map(|split| split.name().to_string())
                .collect(),
            counts: rows,
            unlisted,
            sizes,
            notes,
        }
    }

    fn html(&self) -> Markup {
        let mut head = vec!["class"];
        head.extend(self.splits.iter().map(String::as_str));
        let caption = match self.unlisted {
            0 => "Images per class".to_string(),
            unlisted => format!(
                "Images of the {LISTED} smallest and the {LISTED} largest classes; {} in between \
                 are not shown",
                grouped(unlisted)
            ),
        };
        let table = table(&caption, &head, 1, &self.counts);
        html! {
            @for note in &self.notes { p { (note) } }
            @if self.counts.len() > MAX_OPEN {
                details { summary { (caption) } (table) }
            } @else { (table) }
        }
    }
}

/// A note if some class has far fewer training images than another.
fn imbalance(data: &DataSet) -> Option<String> {
    let counts = data.train.class_counts();
    let named = || {
        counts
            .iter()
            .zip(&data.classes)
            .filter(|(count, _)| **count > 0)
    };
    let (least, rare) = named().min_by_key(|(count, _)| **count)?;
    let (most, common) = named().max_by_key(|(count, _)| **count)?;
    (*most >= 3 * *least).then(|| {
        format!(
            "The classes differ in size: {rare} has {} training images, {common} {} ({} of all). \
             `train.class_weights = \"balanced\"` weights them equally.",
            grouped(*least),
            grouped(*most),
            percent(*most as f64 / data.train.len().max(1) as f64)
        )
    })
}
