//! Remarks on the splits before training, one sentence each.

use crate::split::dataset::DataSet;

/// Maximum number of classes named in a sentence.
const NAMED: usize = 5;
/// Classes count as imbalanced if the largest has more than this many times the images of the smallest.
const IMBALANCE: usize = 3;

/// The remark on data with test images but no validation images.
pub const NO_VALIDATION: &str = "there are no validation images: early stopping is not possible, and the last epoch's \
                                 model is kept";

impl DataSet {
    /// Remarks on training with these splits: classes without training, validation or test images, classes with
    /// a single image, and missing splits.
    pub fn remarks(&self) -> Vec<String> {
        let train = self.train.class_counts();
        let mut remarks = Vec::new();
        let named = |is_meant: &dyn Fn(usize) -> bool| -> Vec<&str> {
            (0..train.len())
                .filter(|class| train[*class] > 0 && is_meant(*class))
                .map(|class| self.classes[class].as_str())
                .collect()
        };
        let test = self.test.as_ref().filter(|test| !test.is_empty());
        if self.val.is_empty() && test.is_none() {
            remarks.push(
                "there are neither validation nor test images: generalisation is not measured, \
                 early stopping is not possible, and the last epoch's model is kept"
                    .into(),
            );
        } else if self.val.is_empty() {
            remarks.push(NO_VALIDATION.into());
        } else {
            let counts = self.val.class_counts();
            let missing = named(&|class| counts.get(class) == Some(&0));
            if !missing.is_empty() {
                remarks.push(format!(
                    "there are no validation images of {}: the choice of the best epoch does not \
                     depend on {}",
                    list(&missing),
                    pronoun(&missing)
                ));
            }
        }
        match test {
            None if self.val.is_empty() => {}
            None => remarks.push(
                "there are no test images: results are measured on the validation images, so they are optimistic if \
                 these also select the best epoch"
                    .into(),
            ),
            Some(test) => {
                let counts = test.class_counts();
                let missing = named(&|class| counts.get(class) == Some(&0));
                if !missing.is_empty() {
                    remarks.push(format!(
                        "there are no test images of {}: the test result says nothing about {}",
                        list(&missing),
                        pronoun(&missing)
                    ));
                }
            }
        }
        let unseen: Vec<&str> = (0..train.len())
            .filter(|class| train[*class] == 0)
            .map(|class| self.classes[class].as_str())
            .collect();
        if !unseen.is_empty() && !self.train.is_empty() {
            remarks.push(format!(
                "there are no training images of {}: the network cannot learn {}",
                list(&unseen),
                pronoun(&unseen)
            ));
        }
        let single = named(&|class| train[class] == 1);
        if !single.is_empty() {
            remarks.push(format!(
                "there is only one training image of {}: more images are needed to learn {}",
                list(&single),
                pronoun(&single)
            ));
        }
        remarks.extend(self.few_trained_on());
        remarks
    }

    /// A note on classes with less than half of their images in the training split, unless that is so for all
    /// classes together. In a small class it may be chance.
    fn few_trained_on(&self) -> Option<String> {
        let train = self.train.class_counts();
        let mut all = vec![0; train.len()];
        for split in self.splits() {
            for (sum, count) in all.iter_mut().zip(split.class_counts()) {
                *sum += count;
            }
        }
        let is_few = |train: usize, all: usize| 2 * train < all;
        if is_few(train.iter().sum(), all.iter().sum()) {
            return None;
        }
        let few: Vec<String> = (0..train.len())
            .filter(|class| train[*class] > 0 && is_few(train[*class], all[*class]))
            .map(|class| {
                let (trained, all) = (train[class], all[class]);
                format!("{} ({trained} of {all})", self.classes[class])
            })
            .collect();
        let named: Vec<&str> = few.iter().map(String::as_str).collect();
        (!few.is_empty()).then(|| {
            format!(
                "less than half of the images of {} are training images, because each image is \
                 assigned to a split at random; try another train.seed, or provide folders train, \
                 val and test",
                list(&named)
            )
        })
    }

    /// Whether the classes' numbers of training images differ so much that top-1 says little about the small
    /// classes.
    pub fn is_imbalanced(&self) -> bool {
        extremes(&self.train.class_counts())
            .is_some_and(|[(_, most), (_, least)]| most > IMBALANCE * least)
    }

    /// A note if the classes have very different numbers of training images; `is_balanced` tells whether
    /// training balances them.
    pub fn imbalance(&self, is_balanced: bool) -> Option<String> {
        let [(largest, most), (smallest, least)] = extremes(&self.train.class_counts())?;
        if most <= IMBALANCE * least {
            return None;
        }
        let counts = format!(
            "the classes are imbalanced: {most} training images of {}, {least} of {}",
            self.classes[largest], self.classes[smallest]
        );
        Some(match is_balanced {
            true => format!("{counts}; the settings balance them in training"),
            false => format!(
                "{counts}; a network may neglect the small ones, which top-1 hides and mean \
                 recall shows. train.class_weights = \"balanced\" weights their loss more, \
                 train.sampling = \"balanced\" draws them more often"
            ),
        })
    }
}

/// The largest and the smallest class that have images, with their numbers of images; of equal ones, the first
/// in the order of the classes.
fn extremes(counts: &[usize]) -> Option<[(usize, usize); 2]> {
    let present = || {
        counts
            .iter()
            .copied()
            .enumerate()
            .filter(|(_, count)| *count > 0)
    };
    let largest = present().rev().max_by_key(|(_, count)| *count)?;
    let smallest = present().min_by_key(|(_, count)| *count)?;
    Some([largest, smallest])
}

/// `cat, dog and 3 more classes`.
fn list(classes: &[&str]) -> String {
    let more = classes.len().saturating_sub(NAMED);
    let named = classes[..classes.len() - more].join(", ");
    match more {
        0 => named,
        1 => format!("{named} and 1 more class"),
        more => format!("{named} and {more} more classes"),
    }
}

fn pronoun(classes: &[&str]) -> &'static str {
    if classes.len() == 1 { "it" } else { "them" }
}
