//! The names of ImageNet's classes.

/// The list and its licence lie in `assets/imagenet`.
const CLASSES: &str = include_str!("../../assets/imagenet/classes.txt");

/// The names of the 1,000 classes of ImageNet-1k, in the order of the outputs of networks trained on
/// it; torchvision's, BSD-3-Clause.
pub fn imagenet_classes() -> Vec<String> {
    CLASSES.lines().map(String::from).collect()
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
}
