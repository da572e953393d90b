//! The names of ImageNet's classes.

/// The list and its licence are in `assets/imagenet`.
const CLASSES: &str = include_str!("../../assets/imagenet/classes.txt");

/// The names of the 1,000 classes of ImageNet-1k, in the order of the outputs of networks trained on
/// it; torchvision's, BSD-3-Clause.
pub fn imagenet_classes() -> Vec<String> {
    CLASSES.lines().map(String::from).collect()
}

/// Their WordNet ids, which are the names of ImageNet's folders: `n01440764` for the tench.
const SYNSETS: &str = include_str!("../../assets/imagenet/synsets.txt");

/// The WordNet id of each class of a model; `None` if its classes are not ImageNet's.
pub fn imagenet_synsets(classes: &[String]) -> Option<Vec<String>> {
    let is_imagenet = CLASSES.lines().eq(classes.iter().map(String::as_str));
    is_imagenet.then(|| SYNSETS.lines().map(String::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_a_thousand_different_names_in_imagenet_s_order() {
        let mut classes = imagenet_classes();
        assert_eq!(classes[0], "tench");
        assert_eq!(classes[285], "Egyptian cat");
        assert_eq!(classes[999], "toilet tissue");
        classes.sort();
        classes.dedup();
        assert_eq!(classes.len(), 1000);
    }

    #[test]
    fn numbers_belong_to_imagenet_s_classes_alone() {
        let mut classes = imagenet_classes();
        let synsets = imagenet_synsets(&classes).unwrap();
        assert_eq!(synsets.len(), 1000);
        assert_eq!(synsets[0], "n01440764");
        assert_eq!(synsets[285], "n02124075");
        assert!(synsets.is_sorted());
        classes.swap(3, 4);
        assert_eq!(imagenet_synsets(&classes), None);
    }
}
