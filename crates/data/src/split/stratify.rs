//! Seeded sampling stratified by class.

use crate::random::{Purpose, Random};
use crate::sources::store::Item;

/// Splits `items` by `shares`, with the same proportions in every class; returns the rest, then one part per
/// share. Each part keeps the order of `items`.
///
/// A class of `n` images contributes `n * share` of them, rounded, to each part; at least one to every part
/// with a share above 0 if it has more images than there are parts. It always keeps at least one in the rest.
pub(crate) fn cut<const N: usize>(
    items: &[Item],
    classes: usize,
    shares: [f64; N],
    seed: u64,
) -> (Vec<Item>, [Vec<Item>; N]) {
    let mut part_of = vec![N; items.len()]; // N: left over
    let parts = shares.iter().filter(|share| **share > 0.0).count();
    for (class, mut places) in places_by_class(items, classes).into_iter().enumerate() {
        let total = places.len();
        Random::new(Purpose::Split, seed, class as u64, 0).shuffle(&mut places);
        for (part, share) in shares.iter().enumerate() {
            let mut count = (total as f64 * share).round() as usize;
            if *share > 0.0 && total > parts {
                count = count.max(1);
            }
            for _ in 0..count.min(places.len().saturating_sub(1)) {
                if let Some(place) = places.pop() {
                    part_of[place] = part;
                }
            }
        }
    }
    let pick = |part: usize| {
        let chosen = items.iter().zip(&part_of).filter(|(_, of)| **of == part);
        chosen.map(|(item, _)| *item).collect::<Vec<_>>()
    };
    (pick(N), std::array::from_fn(pick))
}

/// Shuffles the indices of a class's images by this seed.
pub(crate) fn shuffle(places: &mut [usize], class: usize, seed: u64) {
    Random::new(Purpose::Limit, seed, class as u64, 0).shuffle(places);
}

/// At most `limit` of the items, in their order and in proportion to the classes: shares are rounded down, and
/// the remainder goes to the classes with the largest fractional parts. `order` sorts the indices of a class's
/// items into the order in which they are taken.
pub(crate) fn limit(
    items: Vec<Item>,
    classes: usize,
    limit: usize,
    order: impl Fn(usize, &[Item], &mut [usize]),
) -> Vec<Item> {
    if items.len() <= limit {
        return items;
    }
    let places = places_by_class(&items, classes);
    let total = items.len() as u128;
    let share = |class: &Vec<usize>| class.len() as u128 * limit as u128;
    let mut quotas: Vec<usize> = places.iter().map(|c| (share(c) / total) as usize).collect();
    let mut by_remainder: Vec<usize> = (0..classes).collect();
    by_remainder.sort_by_key(|class| std::cmp::Reverse(share(&places[*class]) % total));
    let left = limit.saturating_sub(quotas.iter().sum());
    for class in by_remainder.into_iter().take(left) {
        quotas[class] += 1;
    }
    let mut keep = vec![false; items.len()];
    for (class, (mut places, quota)) in places.into_iter().zip(quotas).enumerate() {
        order(class, &items, &mut places);
        for place in places.into_iter().take(quota) {
            keep[place] = true;
        }
    }
    items
        .into_iter()
        .zip(keep)
        .filter(|(_, keep)| *keep)
        .map(|(item, _)| item)
        .collect()
}

/// The indices in `items` of each class's images.
fn places_by_class(items: &[Item], classes: usize) -> Vec<Vec<usize>> {
    let mut places = vec![Vec::new(); classes];
    for (place, item) in items.iter().enumerate() {
        if let Some(class) = places.get_mut(item.label as usize) {
            class.push(place);
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(counts: &[usize]) -> Vec<Item> {
        let labels = counts
            .iter()
            .enumerate()
            .flat_map(|(label, n)| vec![label as u32; *n]);
        labels
            .enumerate()
            .map(|(i, label)| Item {
                image: i as u32,
                label,
            })
            .collect()
    }

    fn counts(items: &[Item], classes: usize) -> Vec<usize> {
        places_by_class(items, classes)
            .iter()
            .map(Vec::len)
            .collect()
    }

    fn few(items: Vec<Item>, classes: usize, most: usize, seed: u64) -> Vec<Item> {
        limit(items, classes, most, |class, _, places| {
            shuffle(places, class, seed)
        })
    }

    #[test]
    fn every_class_gives_the_same_share_and_nothing_is_lost() {
        let all = items(&[100, 50, 10]);
        let (rest, [test, val]) = cut(&all, 3, [0.2, 0.1], 1);
        assert_eq!(counts(&test, 3), [20, 10, 2]);
        assert_eq!(counts(&val, 3), [10, 5, 1]);
        let mut together = [rest, test, val].concat();
        together.sort_by_key(|item| item.image);
        assert_eq!(together, all);
    }

    #[test]
    fn small_classes_always_keep_an_image_to_train_on() {
        let (rest, [test, val]) = cut(&items(&[1, 2, 3, 4]), 4, [0.4, 0.4], 1);
        assert_eq!(counts(&rest, 4), [1, 1, 1, 1]);
        assert_eq!(counts(&test, 4), [0, 1, 1, 2]);
        assert_eq!(counts(&val, 4), [0, 0, 1, 1]);
    }

    #[test]
    fn the_seed_alone_decides() {
        let all = items(&[40, 40]);
        assert_eq!(cut(&all, 2, [0.5], 1), cut(&all, 2, [0.5], 1));
        assert_ne!(cut(&all, 2, [0.5], 1), cut(&all, 2, [0.5], 2));
        assert_ne!(few(all.clone(), 2, 20, 1), few(all, 2, 20, 2));
    }

    #[test]
    fn a_limit_is_met_exactly_and_in_proportion() {
        let ten = few(items(&[60, 30, 10]), 3, 10, 5);
        assert_eq!(counts(&ten, 3), [6, 3, 1]);
        assert_eq!(few(items(&[5, 5, 5]), 3, 4, 5).len(), 4);
        assert_eq!(few(items(&[5, 5]), 2, 99, 5).len(), 10);
    }
}
