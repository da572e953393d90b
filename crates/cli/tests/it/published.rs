//! Published weights from a file, a folder and a hub, to a model that predicts.

use crate::{done, json, output, text};
use burn::tensor::Device;
use receptive_interchange::tensors;
use receptive_model::presets::{self, Scheme};
use receptive_model::{ImageSize, ModelConfig};
use serde_json::{Map, Value};
use std::path::Path;

pub(crate) const NETWORK: &str = "mobilenetv3_small_100";
const PHOTO: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../data/assets/photos/flower.jpg"
);

/// The safetensors file of random weights under a scheme's names.
pub(crate) fn weights(scheme: Scheme, classes: usize) -> Vec<u8> {
    let forms = presets::published(NETWORK);
    let form = forms
        .into_iter()
        .find(|form| form.scheme == scheme)
        .unwrap();
    let size = ImageSize::new(3, 64, 64);
    let config = ModelConfig::new(size.channels, size.height, size.width);
    let plan = config
        .layers(form.layers)
        .with_classes(classes)
        .plan()
        .unwrap();
    let (mut header, mut bytes) = (Map::new(), Vec::new());
    let (mut last, mut layers) = (String::new(), form.names.iter());
    let mut name = "";
    for tensor in tensors(&plan.init(&Device::flex())).unwrap() {
        let (layer, part) = tensor.name.rsplit_once('.').unwrap();
        if layer != last {
            last = layer.into();
            name = layers.next().unwrap();
        }
        let start = bytes.len();
        bytes.extend(tensor.bytes());
        let entry = serde_json::json!({
            "dtype": "F32",
            "shape": tensor.shape,
            "data_offsets": [start, bytes.len()],
        });
        header.insert(format!("{name}.{part}"), entry);
    }
    let header = Value::Object(header).to_string();
    [
        &(header.len() as u64).to_le_bytes(),
        header.as_bytes(),
        &bytes,
    ]
    .concat()
}

pub(crate) fn config() -> String {
    serde_json::json!({
        "architecture": NETWORK,
        "num_classes": 3,
        "label_names": ["cat", "dog", "flower"],
        "pretrained_cfg": {
            "tag": "test_in3",
            "input_size": [3, 64, 64],
            "interpolation": "bicubic",
            "crop_pct": 0.9,
            "crop_mode": "center",
            "mean": [0.5, 0.4, 0.3],
            "std": [0.25, 0.25, 0.2],
            "license": "apache-2.0",
        },
    })
    .to_string()
}

fn model(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path.join("model.json")).unwrap()).unwrap()
}

#[test]
fn a_folder_with_its_config_becomes_a_model_without_a_flag() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let folder = at("net");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(at("net/config.json"), config()).unwrap();
    std::fs::write(at("net/model.safetensors"), weights(Scheme::Timm, 3)).unwrap();
    let out = at("out");
    let imported = json(&["import", &folder, "--out", &out, "--json"]);
    // A folder may have anybody's weights, with the description of those that they began with.
    assert_eq!(imported["origin"].get("weights"), None);
    assert_eq!(imported["origin"].get("licence"), None);
    assert_eq!(
        imported["layers"][0],
        serde_json::json!(["conv2d_1", "conv_stem"])
    );
    let model = model(Path::new(&out));
    assert_eq!(
        model["classes"],
        serde_json::json!(["cat", "dog", "flower"])
    );
    let input = &model["input"];
    assert_eq!(input["crop_fraction"], 0.9);
    assert_eq!(input["interpolation"], "bicubic");
    assert_eq!(input["resize"], "crop");
    let origin = std::fs::read_to_string(at("out/origin.json")).unwrap();
    assert!(origin.contains(imported["origin"]["sha256"].as_str().unwrap()));
    let predicted = json(&["predict", &out, PHOTO, "--json"]);
    assert!(predicted.to_string().contains("flower"), "{predicted}");
    let exported = done(&["export", &out, "--to", "safetensors", "--out", &at("st")]);
    assert!(!exported.is_empty());

    // Arguments override what lies beside the weights.
    let ran = output(&[
        "import", &folder, "--out", &out, "--resize", "stretch", "--input", "3x96x96",
    ]);
    let errors = text(&ran.stderr);
    assert!(ran.status.success(), "{errors}");
    let words: Vec<&str> = errors.split_whitespace().collect();
    let words = words.join(" ");
    assert!(words.contains("test_in3 (licence apache-2.0)"), "{errors}");
    // One line for all layers.
    let layers: Vec<&str> = errors
        .lines()
        .filter(|line| line.contains(" from "))
        .collect();
    assert_eq!(layers.len(), 1, "{errors}");
    assert!(layers[0].contains("conv2d_1 from conv_stem"), "{errors}");
    let input = &self::model(Path::new(&out))["input"];
    assert_eq!(
        (&input["resize"], &input["height"]),
        (&"stretch".into(), &96.into())
    );
    assert_eq!(input.get("crop_fraction"), None);
}

#[test]
fn a_file_brings_the_epsilon_of_its_scheme_and_says_what_was_assumed() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    for (scheme, epsilon) in [(Scheme::Timm, "0.00001"), (Scheme::Torchvision, "0.001")] {
        let file = at("weights.safetensors");
        std::fs::write(&file, weights(scheme, 1000)).unwrap();
        let out = at(scheme.name());
        let ran = output(&["import", &file, "--network", NETWORK, "--out", &out]);
        let errors = text(&ran.stderr);
        assert!(ran.status.success(), "{errors}");
        assert!(errors.contains("ImageNet"), "{errors}");
        let model = model(Path::new(&out));
        assert_eq!(model["classes"][285], "Egyptian cat");
        let norms = model["config"]["layers"].to_string();
        let expected = format!("\"epsilon\":{epsilon}");
        assert!(norms.contains(&expected), "{norms:.300}");
    }
    // Without a network, an unknown file says what is needed.
    let ran = output(&["import", &at("weights.safetensors"), "--out", &at("x")]);
    assert_eq!(ran.status.code(), Some(2));
    assert!(text(&ran.stderr).contains("--network"));
    // Names of neither scheme leave the epsilon open.
    let mut bytes = weights(Scheme::Timm, 10);
    let header = String::from_utf8_lossy(&bytes[8..]).to_string();
    let at_stem = 8 + header.find("conv_stem").unwrap();
    bytes[at_stem..at_stem + 9].copy_from_slice(b"conv_root");
    std::fs::write(at("renamed.safetensors"), bytes).unwrap();
    let ran = output(&[
        "import",
        &at("renamed.safetensors"),
        "--network",
        NETWORK,
        "--out",
        &at("x"),
    ]);
    let errors = text(&ran.stderr);
    assert_eq!(ran.status.code(), Some(2), "{errors}");
    assert!(errors.contains("timm, torchvision"), "{errors}");
}

#[test]
fn what_a_config_says_wrongly_and_weights_without_a_head_are_said() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let (folder, out) = (at("net"), at("out"));
    std::fs::create_dir(&folder).unwrap();
    let other = config().replace("\"num_classes\":3", "\"num_classes\":7");
    std::fs::write(at("net/config.json"), other).unwrap();
    std::fs::write(at("net/model.safetensors"), weights(Scheme::Timm, 3)).unwrap();
    let ran = output(&["import", &folder, "--out", &out]);
    let errors = text(&ran.stderr);
    let words: Vec<&str> = errors.split_whitespace().collect();
    let errors = words.join(" ");
    assert!(ran.status.success(), "{errors}");
    assert!(errors.contains("config.json says 7 classes"), "{errors}");
    assert!(errors.contains("3 outputs"), "{errors}");

    let bare = at("bare.safetensors");
    std::fs::write(&bare, without(&weights(Scheme::Timm, 3), "classifier.")).unwrap();
    let ran = output(&["import", &bare, "--network", NETWORK, "--out", &out]);
    let errors = text(&ran.stderr);
    assert_eq!(ran.status.code(), Some(1), "{errors}");
    assert!(errors.contains("without its head"), "{errors}");
}

/// A safetensors file without the tensors whose names begin so; their bytes stay as another's.
fn without(file: &[u8], prefix: &str) -> Vec<u8> {
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let header: Map<String, Value> = serde_json::from_slice(&file[8..8 + length]).unwrap();
    let (mut kept, mut bytes) = (Map::new(), Vec::new());
    for (name, mut entry) in header {
        if name.starts_with(prefix) {
            continue;
        }
        let bounds = [0, 1].map(|i| entry["data_offsets"][i].as_u64().unwrap() as usize);
        let start = bytes.len();
        bytes.extend(&file[8 + length + bounds[0]..8 + length + bounds[1]]);
        entry["data_offsets"] = serde_json::json!([start, bytes.len()]);
        kept.insert(name, entry);
    }
    let header = Value::Object(kept).to_string();
    let length = (header.len() as u64).to_le_bytes();
    [&length[..], header.as_bytes(), &bytes].concat()
}

#[test]
fn weights_that_are_no_model_yet_are_to_be_imported() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    for name in ["net.onnx", "net.pth"] {
        std::fs::write(at(name), "PK").unwrap();
    }
    for name in [
        at("net.onnx"),
        at("net.pth"),
        "hf:timm/resnet18.a1_in1k".into(),
    ] {
        for command in [
            vec!["summary", &name],
            vec!["erf", &name],
            vec!["predict", &name, PHOTO],
            vec!["evaluate", &name, "fashion-mini"],
            vec!["report", &name],
        ] {
            let ran = output(&command);
            let errors = text(&ran.stderr);
            assert_eq!(ran.status.code(), Some(2), "{command:?}: {errors}");
            assert!(errors.contains("receptive import"), "{command:?}: {errors}");
        }
    }
}

#[test]
fn training_from_weights_of_an_unknown_network_asks_for_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("net.safetensors");
    std::fs::write(&file, weights(Scheme::Timm, 7)).unwrap();
    let from = [
        "train",
        "fashion-mini",
        "--dry-run",
        "--from",
        file.to_str().unwrap(),
    ];
    let refused = output(&from);
    let errors = text(&refused.stderr)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert_eq!(refused.status.code(), Some(2), "{errors}");
    assert!(errors.contains("name it by --preset NAME"), "{errors}");
    done(&[&from[..], &["--preset", NETWORK]].concat());
}

#[test]
fn a_gate_s_field_is_the_whole_image_in_theory() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let measured = done(&[
        "erf",
        NETWORK,
        "--layer",
        "7",
        "--size",
        "32x32",
        "--samples",
        "2",
        "--out",
        &at("erf"),
    ]);
    let field = measured
        .lines()
        .find(|line| line.starts_with("field"))
        .unwrap();
    assert!(field.contains("in theory the whole image"), "{measured}");
    let words: Vec<&str> = measured.split_whitespace().collect();
    assert!(
        words.join(" ").contains("with gates held constant"),
        "{measured}"
    );
    // A table of many numbers fits a terminal of 80 columns, and notes do not repeat themselves.
    for network in [NETWORK, "tf_efficientnet_lite0"] {
        let summary = done(&["summary", network]);
        let widest = summary
            .lines()
            .map(|line| line.chars().count())
            .max()
            .unwrap();
        assert!(widest <= 80, "{network}: {widest}");
        let notes = summary.lines().filter(|line| line.starts_with("note"));
        assert!(notes.count() <= 8, "{summary}");
    }
}

#[test]
fn networks_are_listed_with_what_is_known_of_them() {
    let listed = done(&["networks"]);
    for name in ["tutorial", "resnet18", "tf_efficientnet_lite0", "vgg16_bn"] {
        assert!(listed.contains(name), "{listed}");
    }
    assert!(
        listed.lines().all(|line| line.chars().count() <= 80),
        "{listed}"
    );
    let resnet = done(&["networks", "resnet18"]);
    assert!(resnet.contains("licence BSD-3-Clause"), "{resnet}");
    let one = json(&["networks", "resnet18", "--json"]);
    let [one] = one.as_array().unwrap().as_slice() else {
        panic!("{one}");
    };
    assert_eq!(one["params"], 11_689_512);
    assert_eq!(one["forms"][1]["scheme"], "torchvision");
    assert_eq!(one["forms"][1]["weights"][0]["licence"], "BSD-3-Clause");
    assert_eq!(output(&["networks", "resnet19"]).status.code(), Some(2));
}
