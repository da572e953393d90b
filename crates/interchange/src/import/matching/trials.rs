//! Thousands of state dicts that were shuffled, renamed, wrapped or cut: each is matched correctly
//! or rejected, never incorrectly.

use super::layers::{outline, split, trimmed};
use super::{Contents, KnownNames, Names, Shaped, layers, match_names};
use burn::tensor::Device;
use receptive_core::hash::mix;
use receptive_model::ModelConfig;
use receptive_model::presets::{PublishedForm, published};
use std::collections::{BTreeMap, HashMap};

/// The random numbers of a trial.
struct Random {
    seed: u64,
    drawn: u64,
}

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.drawn += 1;
        (mix(self.seed, self.drawn) % end.max(1) as u64) as usize
    }

    fn is_one_of(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn shuffle<T>(&mut self, values: &mut [T]) {
        for i in (1..values.len()).rev() {
            values.swap(i, self.below(i + 1));
        }
    }
}

/// A network's tensors, and its layer names in a scheme.
struct TrialNetwork {
    wanted: Vec<Shaped>,
    form: PublishedForm,
}

impl TrialNetwork {
    fn all() -> Vec<Self> {
        let names = ["resnet18", "resnet50", "tf_efficientnet_lite0"];
        let forms = names.into_iter().flat_map(published);
        forms.map(Self::new).collect()
    }

    fn new(form: PublishedForm) -> Self {
        let plan = ModelConfig::new(3, 32, 32)
            .layers(form.layers.clone())
            .with_classes(10)
            .plan()
            .unwrap();
        let tensors = crate::tensors(&plan.init(&Device::flex())).unwrap();
        let wanted = tensors.into_iter().map(|tensor| Shaped {
            name: tensor.name,
            shape: tensor.shape,
        });
        Self {
            wanted: wanted.collect(),
            form,
        }
    }

    fn known(&self) -> Names {
        Names::Known(KnownNames {
            scheme: self.form.scheme.name().into(),
            layers: self.form.names.clone(),
            auxiliary: Vec::new(),
        })
    }
}

/// How a trial's file names its layers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Naming {
    Own,
    Scheme,
    /// As in the scheme, with every word replaced by another: `u7.0.w2`. Numbers and modules are
    /// kept.
    Foreign,
    /// One meaningless word per layer.
    Arbitrary,
}

fn named(network: &TrialNetwork, naming: Naming, random: &mut Random) -> Vec<(Shaped, String)> {
    let own = layers(&network.wanted);
    let mut words: HashMap<String, String> = HashMap::new();
    let mut layer_names: HashMap<&str, String> = HashMap::new();
    for (i, ((ours, _), scheme)) in own.iter().zip(&network.form.names).enumerate() {
        let name = match naming {
            Naming::Own => ours.clone(),
            Naming::Scheme => scheme.clone(),
            Naming::Arbitrary => format!("{:x}", mix(random.seed, 1 << 20 | i as u64)),
            Naming::Foreign => {
                let parts = scheme.split('.').map(|part| {
                    let word = part.trim_end_matches(|c: char| c.is_ascii_digit());
                    let next = words.len();
                    let fresh = || {
                        let letter = char::from(b'a' + (next % 26) as u8);
                        std::iter::repeat_n(letter, 1 + next / 26).collect()
                    };
                    let other = match word {
                        "" => String::new(),
                        word => words.entry(word.into()).or_insert_with(fresh).clone(),
                    };
                    format!("{other}{}", &part[word.len()..])
                });
                parts.collect::<Vec<_>>().join(".")
            }
        };
        layer_names.insert(ours, name);
    }
    network
        .wanted
        .iter()
        .map(|tensor| {
            let (layer, part) = split(&tensor.name);
            let file = Shaped {
                name: format!("{}.{part}", layer_names[layer]),
                shape: tensor.shape.clone(),
            };
            (file, tensor.name.clone())
        })
        .collect()
}

/// How the file's layers are ordered.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    Kept,
    Shuffled,
    /// Two layers with equal shapes are exchanged.
    Swapped,
    /// Sorted by name, as by tools that write safetensors.
    Sorted,
}

fn reorder(file: &mut Vec<(Shaped, String)>, order: Order, random: &mut Random) {
    let mut by_layer: Vec<Vec<(Shaped, String)>> = Vec::new();
    for tensor in file.drain(..) {
        let layer = split(&tensor.0.name).0.to_string();
        match by_layer.last_mut() {
            Some(last) if split(&last[0].0.name).0 == layer => last.push(tensor),
            _ => by_layer.push(vec![tensor]),
        }
    }
    match order {
        Order::Kept => {}
        Order::Shuffled => random.shuffle(&mut by_layer),
        Order::Sorted => by_layer.sort_by(|a, b| a[0].0.name.cmp(&b[0].0.name)),
        Order::Swapped => {
            let shapes = |layer: &[(Shaped, String)]| {
                let all = layers(layer.iter().map(|(tensor, _)| tensor));
                format!("{:?}", outline(&all[0].1))
            };
            let first = random.below(by_layer.len());
            let shape = shapes(&by_layer[first]);
            let same =
                (0..by_layer.len()).filter(|i| *i != first && shapes(&by_layer[*i]) == shape);
            let same: Vec<usize> = same.collect();
            if !same.is_empty() {
                by_layer.swap(first, same[random.below(same.len())]);
            }
        }
    }
    file.extend(by_layer.into_iter().flatten());
}

/// Removes, adds or changes something, or nothing.
fn mutilate(file: &mut Vec<(Shaped, String)>, random: &mut Random) {
    let at = random.below(file.len());
    match random.below(8) {
        0 => {
            file.remove(at);
        }
        1 => {
            let mut copy = file[at].clone();
            copy.0.name = format!("extra.{}", split(&copy.0.name).1);
            file.push(copy);
        }
        2 => file[at].0.shape.push(1),
        3 => file[at].0.shape.reverse(),
        4 => {
            let layer = split(&file[at].0.name).0.to_string();
            file.retain(|(tensor, _)| split(&tensor.name).0 != layer);
        }
        5 => {
            // A part that no layer has.
            file[at].0.name += "_renamed";
        }
        _ => {}
    }
}

#[test]
fn every_one_of_thousands_of_mutilated_state_dicts_is_matched_right_or_rejected() {
    let networks = TrialNetwork::all();
    let (mut right, mut rejected) = (BTreeMap::new(), BTreeMap::new());
    for trial in 0..3000 {
        let mut random = Random {
            seed: mix(2026, trial),
            drawn: 0,
        };
        let network = &networks[random.below(networks.len())];
        let naming = [
            Naming::Own,
            Naming::Scheme,
            Naming::Foreign,
            Naming::Arbitrary,
        ][random.below(4)];
        let mut order =
            [Order::Kept, Order::Shuffled, Order::Swapped, Order::Sorted][random.below(4)];
        let is_ordered = random.is_one_of(2);
        // A file with meaningless names in which only two equal layers are exchanged is
        // indistinguishable from another network's file.
        if naming == Naming::Arbitrary && order == Order::Swapped && is_ordered {
            order = Order::Shuffled;
        }
        let mut file = named(network, naming, &mut random);
        reorder(&mut file, order, &mut random);
        if random.is_one_of(2) {
            mutilate(&mut file, &mut random);
        }
        let wrapper = ["", "module.", "state_dict.", "state_dict.module._orig_mod."];
        let wrapper = wrapper[random.below(4)];
        for (tensor, _) in &mut file {
            tensor.name.insert_str(0, wrapper);
        }
        let truth: HashMap<String, String> = file
            .iter()
            .map(|(tensor, ours)| (tensor.name.clone(), ours.clone()))
            .collect();
        let contents = Contents {
            tensors: file.into_iter().map(|(tensor, _)| tensor).collect(),
            is_ordered,
        };
        let names = match random.below(2) {
            0 => Names::Auto,
            _ => network.known(),
        };
        let kind = format!("{naming:?}, {order:?}, ordered {is_ordered}");
        match match_names(&network.wanted, &contents, &names) {
            Err(_) => *rejected.entry(kind).or_insert(0) += 1,
            Ok(matched) => {
                assert_eq!(matched.matches.len(), network.wanted.len(), "{kind}");
                for found in &matched.matches {
                    assert_eq!(truth[&found.from], found.name, "trial {trial}: {kind}");
                    let shape = |tensors: &[Shaped], name: &str| {
                        let tensor = tensors.iter().find(|tensor| tensor.name == name);
                        trimmed(&tensor.unwrap().shape).to_vec()
                    };
                    assert_eq!(
                        shape(&network.wanted, &found.name),
                        shape(&contents.tensors, &found.from)
                    );
                }
                *right.entry(kind).or_insert(0) += 1;
            }
        }
    }
    // Files with known names in any order, and files with other names in their own order, are
    // usually matched.
    for kind in [
        "Own, Shuffled, ordered false",
        "Scheme, Sorted, ordered false",
        "Foreign, Kept, ordered true",
        "Arbitrary, Kept, ordered true",
    ] {
        let (right, rejected) = (right[kind], rejected[kind]);
        assert!(right > 10, "{kind}: {right} right, {rejected} rejected");
    }
    // Without names or an order nothing is guessed.
    assert!(!right.contains_key("Foreign, Kept, ordered false"));
}
