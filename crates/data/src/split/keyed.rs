//! Random splits in which no image's split depends on the other images.

use crate::image::equal::PixelHash;
use crate::random::{Purpose, Random};
use receptive_core::hash::ContentHash;
use std::collections::{BTreeSet, HashMap};

/// What determines the split of an image: its content, or the group it belongs to. Images with the same key are
/// never separated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SplitKey(ContentHash);

impl SplitKey {
    pub(crate) fn of_content(content: ContentHash) -> Self {
        Self(content)
    }

    pub(crate) fn of_pixels(pixels: PixelHash) -> Self {
        Self(ContentHash::of(pixels.to_string().as_bytes()))
    }

    pub(crate) fn of_group(group: &str) -> Self {
        Self(ContentHash::of(group.as_bytes()))
    }

    /// A pseudorandom number: the smallest go to the first share, the next to the second, and so on.
    fn draw(&self, seed: u64) -> u64 {
        self.draw_for(Purpose::Split, seed)
    }

    /// Such a number for another purpose.
    pub(super) fn draw_for(&self, purpose: Purpose, seed: u64) -> u64 {
        let [a, b] = self.0.key();
        Random::new(purpose, seed, a, b).next()
    }
}

/// The part of each key: an index below `N` for one of the shares, or `N` for the rest.
///
/// A key's part is a function of the key and the seed, so adding, removing or renaming an image does not move
/// others. The exception is a class so small that a part would get none of its keys: the part then takes the
/// key with the nearest draw. A class always keeps a key in the rest, and one with no more keys than shares is
/// not divided.
pub(crate) fn cut<const N: usize>(
    keys: &[(SplitKey, u32)],
    classes: usize,
    shares: [f64; N],
    seed: u64,
) -> HashMap<SplitKey, usize> {
    let mut part_of = HashMap::with_capacity(keys.len());
    // By class, in the order of their draws; ties (practically none) are ordered by key.
    let mut drawn: Vec<BTreeSet<(u64, ContentHash)>> = vec![BTreeSet::new(); classes];
    for (key, label) in keys {
        let draw = key.draw(seed);
        part_of
            .entry(key.clone())
            .or_insert_with(|| part(draw, shares));
        if let Some(class) = drawn.get_mut(*label as usize) {
            class.insert((draw, key.0));
        }
    }
    let parts = shares.iter().filter(|share| **share > 0.0).count();
    for class in &drawn {
        let keys = || class.iter().map(|(_, content)| SplitKey(*content));
        let count =
            |part_of: &HashMap<_, usize>, part| keys().filter(|key| part_of[key] == part).count();
        // Too few to divide.
        if class.len() <= parts {
            part_of.extend(keys().map(|key| (key, N)));
            continue;
        }
        if count(&part_of, N) == 0
            && let Some(last) = keys().next_back()
        {
            part_of.insert(last, N);
        }
        for wanted in (0..N).filter(|part| shares[*part] > 0.0) {
            if count(&part_of, wanted) > 0 {
                continue;
            }
            // From the rest, which is trained on, or in the smallest classes from another part with several
            // keys.
            let spare = |key: &SplitKey| count(&part_of, part_of[key]) > 1;
            let nearest = keys()
                .find(|key| part_of[key] == N && spare(key))
                .or_else(|| keys().find(spare));
            if let Some(nearest) = nearest {
                part_of.insert(nearest, wanted);
            }
        }
    }
    part_of
}

fn part<const N: usize>(draw: u64, shares: [f64; N]) -> usize {
    let mut below = 0.0;
    let draw = draw as f64 / u64::MAX as f64;
    shares
        .iter()
        .position(|share| {
            below += share;
            draw < below
        })
        .unwrap_or(N)
}

/// Sorts a class's images in an order that depends only on the seed and each image's path.
pub(crate) fn order(places: &mut [usize], seed: u64, path: impl Fn(usize) -> ContentHash) {
    places.sort_by_cached_key(|&place| {
        let [a, b] = path(place).key();
        (Random::new(Purpose::Limit, seed, a, b).next(), place)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(counts: &[usize]) -> Vec<(SplitKey, u32)> {
        let labels = counts.iter().enumerate();
        let labels = labels.flat_map(|(label, n)| (0..*n).map(move |i| (label as u32, i)));
        labels
            .map(|(label, i)| {
                let content = ContentHash::of(format!("{label}/{i}").as_bytes());
                (SplitKey::of_content(content), label)
            })
            .collect()
    }

    fn counts(keys: &[(SplitKey, u32)], parts: &HashMap<SplitKey, usize>) -> Vec<[usize; 3]> {
        let mut counts = vec![[0; 3]; keys.iter().map(|k| k.1 as usize + 1).max().unwrap_or(0)];
        for (key, label) in keys {
            counts[*label as usize][parts[key]] += 1;
        }
        counts
    }

    #[test]
    fn large_classes_give_about_their_share() {
        let keys = keys(&[4000, 2000]);
        for [test, val, train] in counts(&keys, &cut(&keys, 2, [0.2, 0.1], 1)) {
            let all = (test + val + train) as f64;
            // Within five standard deviations of a binomial count.
            let near = |n: usize, share: f64| {
                (n as f64 - all * share).abs() < 5.0 * (all * share * (1.0 - share)).sqrt()
            };
            assert!(near(test, 0.2) && near(val, 0.1), "{test} {val} {train}");
        }
    }

    #[test]
    fn every_class_has_something_to_train_on_and_where_possible_to_validate_and_test() {
        for seed in 0..200 {
            let keys = keys(&[1, 2, 3, 4, 12]);
            let found = counts(&keys, &cut(&keys, 5, [0.1, 0.1], seed));
            for (class, [test, val, train]) in found.into_iter().enumerate() {
                assert!(train > 0, "class {class}, seed {seed}");
                assert!(
                    class < 2 || test > 0 && val > 0,
                    "class {class}, seed {seed}"
                );
            }
        }
    }

    #[test]
    fn a_share_of_nothing_gets_nothing() {
        let keys = keys(&[500]);
        let [test, val, train] = counts(&keys, &cut(&keys, 1, [0.0, 0.2], 3))[0];
        assert_eq!(test, 0);
        assert!(val > 50 && train > 300);
    }

    #[test]
    fn seeds_give_different_splits() {
        let keys = keys(&[100]);
        assert_ne!(cut(&keys, 1, [0.5], 1), cut(&keys, 1, [0.5], 2));
    }

    /// Images are added, removed, renamed and copied; a fixed seed decides which.
    #[test]
    fn no_change_to_a_folder_of_a_thousand_moves_another_image() {
        let mut random = Random::new(Purpose::Order, 15, 0, 0);
        let mut images = keys(&[400, 300, 200, 100]);
        let shares = [0.1, 0.1];
        let mut before = cut(&images, 4, shares, 7);
        for change in 0..10_000u64 {
            let at = random.below(images.len() as u64) as usize;
            let label = random.below(4) as u32;
            let new = SplitKey::of_content(ContentHash::of(&change.to_le_bytes()));
            match random.below(4) {
                0 => images.push((new, label)),
                1 if images.len() > 900 => drop(images.swap_remove(at)),
                2 => images.push((images[at].0.clone(), label)), // a copy, perhaps in another class
                _ => images.swap(at, 0),                         // a new name changes the order
            }
            let after = cut(&images, 4, shares, 7);
            for (key, part) in &after {
                assert!(
                    before.get(key).is_none_or(|was| was == part),
                    "change {change}"
                );
            }
            before = after;
        }
    }
}
