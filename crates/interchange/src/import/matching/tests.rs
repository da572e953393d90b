//! Matching by names, by order and by shape, one case each.

use super::layers::same_values;
use super::*;
use std::collections::BTreeMap;

fn shaped(tensors: &[(&str, &[usize])]) -> Vec<Shaped> {
    let one = |(name, shape): &(&str, &[usize])| Shaped {
        name: (*name).into(),
        shape: shape.to_vec(),
    };
    tensors.iter().map(one).collect()
}

fn network() -> Vec<Shaped> {
    shaped(&[
        ("conv2d_1.weight", &[8, 1, 3, 3]),
        ("conv2d_2.weight", &[8, 8, 3, 3]),
        ("conv2d_3.weight", &[8, 8, 3, 3]),
        ("linear_1.weight", &[10, 8]),
        ("linear_1.bias", &[10]),
    ])
}

fn from(matches: &Matches, name: &str) -> String {
    let found = matches.matches.iter().find(|found| found.name == name);
    found.unwrap().from.clone()
}

fn unordered(tensors: &[Shaped]) -> Contents {
    Contents {
        tensors: tensors.to_vec(),
        is_ordered: false,
    }
}

#[test]
fn equal_shapes_are_matched_in_the_order_of_the_file_or_not_at_all() {
    let file = shaped(&[
        ("features.0.weight", &[8, 1, 3, 3]),
        ("features.9.weight", &[8, 8, 3, 3]),
        ("features.10.weight", &[8, 8, 3, 3]),
        ("classifier.1.weight", &[10, 8]),
        ("classifier.1.bias", &[10]),
    ]);
    let ordered = Contents {
        is_ordered: true,
        ..unordered(&file)
    };
    let matches = match_names(&network(), &ordered, &Names::Auto).unwrap();
    assert_eq!(from(&matches, "conv2d_2.weight"), "features.9.weight");
    assert_eq!(from(&matches, "conv2d_3.weight"), "features.10.weight");
    assert_eq!(from(&matches, "linear_1.bias"), "classifier.1.bias");

    let error = match_names(&network(), &unordered(&file), &Names::Auto).unwrap_err();
    let words = error.to_string();
    assert!(
        words.contains("conv2d_2, conv2d_3 may be features.9, features.10 (weight 8x8x3x3)"),
        "{words}"
    );
    let mut swapped = ordered;
    swapped.tensors.swap(1, 2);
    let error = match_names(&network(), &swapped, &Names::Auto).unwrap_err();
    assert!(
        error.to_string().contains("numbers in their names"),
        "{error}"
    );
}

#[test]
fn shapes_that_leave_one_way_need_no_order() {
    let file = shaped(&[
        ("b.bias", &[10]),
        ("b.weight", &[10, 8, 1, 1]), // a head as a 1x1 convolution
        ("a.weight", &[8, 1, 3, 3]),
    ]);
    let mut network = network();
    network.retain(|tensor| !["conv2d_2.weight", "conv2d_3.weight"].contains(&&*tensor.name));
    let matches = match_names(&network, &unordered(&file), &Names::Auto).unwrap();
    assert_eq!(from(&matches, "conv2d_1.weight"), "a.weight");
    assert_eq!(from(&matches, "linear_1.weight"), "b.weight");
}

#[test]
fn two_copies_of_the_weights_are_not_chosen_from() {
    let copies = ["state_dict.", "state_dict_ema."].map(|entry| {
        network().into_iter().map(move |tensor| Shaped {
            name: format!("{entry}{}", tensor.name),
            ..tensor
        })
    });
    let file: Vec<Shaped> = copies.into_iter().flatten().collect();
    let error = match_names(&network(), &unordered(&file), &Names::Auto).unwrap_err();
    let words = error.to_string();
    assert!(
        words.starts_with("key: ") && words.contains("`state_dict_ema.`"),
        "{words}"
    );
}

#[test]
fn a_known_scheme_names_layers_tensors_and_what_is_left_out() {
    let known = |auxiliary: &[&str]| {
        Names::Known(KnownNames {
            scheme: "timm".into(),
            layers: ["stem", "a.0", "a.1", "head"].map(String::from).to_vec(),
            auxiliary: auxiliary.iter().map(ToString::to_string).collect(),
        })
    };
    let mut file = shaped(&[
        ("aux.weight", &[3, 8]),
        ("a.0.weight", &[8, 8, 3, 3]),
        ("a.1", &[8, 8, 3, 3]), // the tensor itself has the layer's name
        ("head.bias", &[10]),
        ("head.weight", &[10, 8]),
        ("stem.weight", &[8, 1, 3, 3]),
    ]);
    let matched = match_names(&network(), &unordered(&file), &known(&["aux."])).unwrap();
    assert_eq!(from(&matched, "conv2d_2.weight"), "a.0.weight");
    assert_eq!(from(&matched, "conv2d_3.weight"), "a.1");
    assert_eq!(matched.left_out, ["aux.weight"]);
    let error = match_names(&network(), &unordered(&file), &known(&[])).unwrap_err();
    assert!(
        error.to_string().contains("no matching parameter for aux"),
        "{error}"
    );
    file.retain(|tensor| tensor.name != "a.0.weight");
    let error = match_names(&network(), &unordered(&file), &known(&["aux."])).unwrap_err();
    let words = error.to_string();
    assert!(
        words.contains("lacks 1 of the 4 layers of timm: `a.0`"),
        "{words}"
    );
}

#[test]
fn a_linear_layer_on_a_flattened_map_is_a_convolution_over_it() {
    assert!(same_values(&[16, 8 * 7 * 7], &[16, 8, 7, 7]));
    assert!(same_values(&[16, 8], &[16, 8, 1, 1]));
    assert!(same_values(&[16, 1, 1], &[16]));
    assert!(!same_values(&[16, 8, 7, 7], &[8, 16, 7, 7]));
    assert!(!same_values(&[16, 8 * 7 * 7], &[8, 16, 7, 7]));
    assert!(!same_values(&[16, 3, 1], &[16, 1, 3]));
}

#[test]
fn own_names_are_found_behind_a_wrapper() {
    let wrapped: Vec<Shaped> = network()
        .into_iter()
        .rev() // the order is irrelevant
        .map(|tensor| Shaped {
            name: format!("module.{}", tensor.name),
            ..tensor
        })
        .collect();
    let matches = match_names(&network(), &unordered(&wrapped), &Names::Auto).unwrap();
    assert_eq!(from(&matches, "conv2d_3.weight"), "module.conv2d_3.weight");
}

#[test]
fn what_is_missing_left_over_or_of_another_shape_is_named() {
    let mut file = network();
    file[4].shape = vec![11];
    let error = match_names(&network(), &unordered(&file), &Names::Auto).unwrap_err();
    let words = error.to_string();
    assert!(
        words.contains("linear_1 needs bias 10, weight 10x8"),
        "{words}"
    );
    let mut file = network();
    file.push(shaped(&[("extra.weight", &[3])]).remove(0));
    let words = match_names(&network(), &unordered(&file), &Names::Auto)
        .unwrap_err()
        .to_string();
    assert!(
        words.contains("no matching parameter for extra (weight 3)"),
        "{words}"
    );
    let file = shaped(&[("a.weight", &[8, 1, 3, 3])]);
    let words = match_names(&network(), &unordered(&file), &Names::Auto)
        .unwrap_err()
        .to_string();
    assert!(
        words.contains("2 layers (conv2d_2, conv2d_3) with weight 8x8x3x3 but the file none"),
        "{words}"
    );
}

#[test]
fn a_table_decides_where_order_would_not() {
    let file = shaped(&[
        ("a.weight", &[8, 8, 3, 3]),
        ("b.weight", &[8, 8, 3, 3]),
        ("c.weight", &[8, 1, 3, 3]),
        ("d.weight", &[10, 8]),
        ("d.bias", &[10]),
    ]);
    let mut table: BTreeMap<String, String> = [
        ("conv2d_1", "c"),
        ("conv2d_2", "b"),
        ("conv2d_3", "a"),
        ("linear_1", "d"),
    ]
    .map(|(ours, theirs)| (ours.to_string(), theirs.to_string()))
    .into();
    let matches = match_names(&network(), &unordered(&file), &Names::Given(table.clone())).unwrap();
    assert_eq!(from(&matches, "conv2d_2.weight"), "b.weight");
    table.remove("linear_1");
    let error = match_names(&network(), &unordered(&file), &Names::Given(table)).unwrap_err();
    assert!(error.to_string().contains("linear_1"));
}
