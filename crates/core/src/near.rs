//! Known names similar to an unknown name.

/// Maximum number of differing characters.
const MAX_DISTANCE: usize = 2;
/// Minimum length of a name to search for within others; shorter ones are part of too many.
const MIN_PART: usize = 3;
/// Maximum number of suggestions.
const MAX_NAMES: usize = 3;

/// The known names most similar to this one, at most three: those that differ by a character or two, or else
/// those that contain it. Case is ignored.
///
/// ```
/// use receptive_core::nearest;
///
/// assert_eq!(nearest("resnet-50", ["resnet34", "resnet50"]), ["resnet50"]);
/// assert_eq!(nearest("resnet", ["vgg16", "resnet34", "resnet50"]), ["resnet34", "resnet50"]);
/// ```
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let lower = name.to_lowercase();
    let length = lower.chars().count();
    let known: Vec<(usize, &str)> = known
        .into_iter()
        .map(|known| (strsim::levenshtein(&lower, &known.to_lowercase()), known))
        .collect();
    let closest = known.iter().map(|(distance, _)| *distance).min();
    if let Some(closest) = closest
        && closest <= MAX_DISTANCE
        // Short words are always within a small distance of each other.
        && 2 * closest <= length
    {
        let nearest = known.iter().filter(|(distance, _)| *distance == closest);
        return nearest.take(MAX_NAMES).map(|(_, known)| *known).collect();
    }
    let is_part = |(_, known): &&(usize, &str)| known.to_lowercase().contains(&lower);
    let parts = known
        .iter()
        .filter(is_part)
        .filter(|_| length >= MIN_PART)
        .take(MAX_NAMES);
    parts.map(|(_, known)| *known).collect()
}

/// `` did you mean `a`, `b` or `c`? `` for the names from [`nearest`]; `None` if there are none.
pub fn did_you_mean(names: &[&str]) -> Option<String> {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let (last, others) = quoted.split_last()?;
    let names = match others {
        [] => last.clone(),
        _ => format!("{} or {last}", others.join(", ")),
    };
    Some(format!("did you mean {names}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_suggested_and_others_are_not() {
        let known = ["fashion-mini", "cifar10", "mnist"];
        let meant = |name| did_you_mean(&nearest(name, known));
        assert_eq!(meant("minst").unwrap(), "did you mean `mnist`?");
        assert_eq!(meant("Cifar10").unwrap(), "did you mean `cifar10`?");
        assert_eq!(meant("imagenet"), None);
        assert_eq!(meant("x"), None);
        assert_eq!(meant("ni"), None);
        assert_eq!(nearest("cat", ["oak", "ash"]), [""; 0]);
        assert_eq!(nearest("drak", ["dark"]), ["dark"]);
    }

    #[test]
    fn a_part_of_many_names_suggests_three_and_no_name_none() {
        let known = ["net18", "net34", "net50", "net101", "vgg"];
        let meant = did_you_mean(&nearest("the_net", known));
        assert_eq!(meant, None);
        let meant = did_you_mean(&nearest(
            "NET",
            ["big_net18", "big_net34", "big_net50", "big_net101"],
        ));
        let expected = "did you mean `big_net18`, `big_net34` or `big_net50`?";
        assert_eq!(meant.unwrap(), expected);
        assert!(nearest("", known).is_empty());
    }
}
