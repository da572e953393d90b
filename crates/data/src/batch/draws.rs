//! An epoch that draws all classes equally often.

use crate::random::{Purpose, Random};

/// The images of an epoch, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draws {
    /// Indices of a split.
    pub indices: Vec<usize>,
    /// How often each image was drawn earlier in this epoch; part of the key of its augmentation. Empty if no
    /// image is drawn twice.
    pub repeats: Vec<u64>,
}

impl From<Vec<usize>> for Draws {
    /// Every image once.
    fn from(indices: Vec<usize>) -> Self {
        Self {
            indices,
            repeats: Vec::new(),
        }
    }
}

/// Draws as many images as there are, the same number from each class (up to one). In a class with fewer
/// images, all are drawn before any is repeated; in a class with more, every epoch draws others.
///
/// A pure function of its arguments, as [`order`](crate::order) is.
///
/// ```
/// // Ten images, two of them of class 1.
/// let labels = [0, 0, 0, 0, 1, 0, 0, 1, 0, 0];
/// let draws = receptive_data::balanced_order(&labels, 42, 1);
/// let rare = draws.indices.iter().filter(|image| labels[**image] == 1).count();
/// assert_eq!((draws.indices.len(), rare), (10, 5));
/// ```
pub fn balanced_order(labels: &[usize], seed: u64, epoch: u64) -> Draws {
    let classes = labels.iter().max().map_or(0, |last| last + 1);
    let mut images = vec![Vec::new(); classes];
    for (image, label) in labels.iter().enumerate() {
        images[*label].push(image);
    }
    images.retain(|images| !images.is_empty());
    let mut random = Random::new(Purpose::Balance, seed, epoch, 0);
    // Which classes get one more draw varies between epochs.
    random.shuffle(&mut images);
    let (each, more) = match images.len() {
        0 => (0, 0),
        classes => (labels.len() / classes, labels.len() % classes),
    };
    let mut draws = Vec::with_capacity(labels.len());
    for (class, images) in images.iter_mut().enumerate() {
        let mut left = each + usize::from(class < more);
        let mut repeat = 0;
        while left > 0 {
            random.shuffle(images);
            draws.extend(images.iter().take(left).map(|image| (*image, repeat)));
            left = left.saturating_sub(images.len());
            repeat += 1;
        }
    }
    random.shuffle(&mut draws);
    let (indices, repeats) = draws.into_iter().unzip();
    Draws { indices, repeats }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_is_drawn_equally_often_and_none_of_its_images_is_left_out() {
        // 90 images of class 0, 7 of class 1, none of class 2, 3 of class 3.
        let labels: Vec<usize> = [(0, 90), (1, 7), (3, 3)]
            .into_iter()
            .flat_map(|(label, count)| vec![label; count])
            .collect();
        let mut seen = vec![false; labels.len()];
        for epoch in 1..=20 {
            let draws = balanced_order(&labels, 7, epoch);
            assert_eq!(draws.indices.len(), 100);
            let mut counts = vec![0; 4];
            let mut of_image = vec![Vec::new(); labels.len()];
            for (image, repeat) in draws.indices.iter().zip(&draws.repeats) {
                counts[labels[*image]] += 1;
                of_image[*image].push(*repeat);
                seen[*image] = true;
            }
            counts.sort_unstable();
            assert_eq!(counts, [0, 33, 33, 34]);
            for (image, mut repeats) in of_image.into_iter().enumerate() {
                repeats.sort_unstable();
                let expected: Vec<u64> = (0..repeats.len() as u64).collect();
                assert_eq!(repeats, expected, "each repeat once");
                match labels[image] {
                    0 => assert!(repeats.len() <= 1),
                    1 => assert!((4..=5).contains(&repeats.len())),
                    _ => assert!((11..=12).contains(&repeats.len())),
                }
            }
        }
        assert!(
            seen.iter().all(|seen| *seen),
            "in 20 epochs every image is drawn"
        );
    }

    #[test]
    fn it_is_a_function_of_seed_and_epoch() {
        let labels = [0, 1, 1, 1, 1, 0, 1, 1];
        let draws = balanced_order(&labels, 1, 1);
        assert_eq!(draws, balanced_order(&labels, 1, 1));
        assert_ne!(draws, balanced_order(&labels, 2, 1));
        assert_ne!(draws, balanced_order(&labels, 1, 2));
        assert_eq!(balanced_order(&[], 1, 1), Draws::default());
    }
}
