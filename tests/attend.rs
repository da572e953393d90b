//! Grad-CAM and input gradients match their formulas, and follow the object.

use crate::run_in;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};
use image::{GrayImage, Luma};
use receptive_erf::{Map, Region};
use receptive_inspect::{AttributionOptions, InputImage, attribute, class_maps, over_image};
use receptive_model::{
    Activation, Artifact, Classifier, Conv2dLayer, FlattenLayer, GlobalAvgPool2dLayer, LinearLayer,
    MaxPool2dLayer, ModelConfig, Padding,
};
use receptive_train::{RunConfig, RunDirectory, Stop};
use std::fs;
use std::path::Path;

fn conv(filters: usize) -> Conv2dLayer {
    Conv2dLayer::new(filters, 3)
        .with_padding(Padding::Same)
        .with_activation(Activation::Relu)
}

fn network(config: &ModelConfig) -> Classifier {
    config.plan().unwrap().init_seeded(5, &Device::flex())
}

fn picture(values: usize) -> Vec<f32> {
    (0..values)
        .map(|i| ((i * 7919 % 101) as f32 - 50.0) / 40.0)
        .collect()
}

/// Zhou et al. 2016 designed this network of a global average pool and one linear layer: the sum of
/// the maps, weighted by the class's own weights, needs no gradient.
#[test]
fn before_a_global_average_pool_grad_cam_is_cam_over_the_area() {
    let model = network(
        &ModelConfig::new(2, 9, 7)
            .with_classes(3)
            .layer(conv(6))
            .layer(conv(5))
            .layer(GlobalAvgPool2dLayer::default())
            .layer(LinearLayer::classes()),
    );
    let image = picture(2 * 9 * 7);
    let device = Device::flex();
    let tensor = Tensor::from_data(TensorData::new(image.clone(), [1, 2, 9, 7]), &device);
    let maps: Vec<f32> = model
        .forward_until(tensor, "2")
        .unwrap()
        .into_map()
        .unwrap()
        .into_data()
        .try_into_vec()
        .unwrap();
    let weight = model.values("4").unwrap().weight; // [5, 3]
    let mut positive = 0;
    for class in 0..3 {
        let found = class_maps(&model, &image, "2", class, 0, &device).unwrap();
        for place in 0..63 {
            let cam: f64 = (0..5)
                .map(|k| f64::from(weight[k * 3 + class]) * f64::from(maps[k * 63 + place]))
                .sum();
            let wanted = (cam / 63.0).max(0.0);
            let value = found.cam.values()[place];
            assert!(
                (value - wanted).abs() < 1e-6,
                "class {class}, place {place}: {value} instead of {wanted}"
            );
            positive += usize::from(value > 0.0);
        }
    }
    assert!(positive > 30, "only {positive} places speak for a class");
}

struct ByHand;

impl ModuleMapper for ByHand {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|tensor| {
            let (dims, device) = (tensor.dims(), tensor.device());
            let values = match D {
                // A bright column between two dark ones.
                4 => [-1.0, 2.0, -1.0].repeat(3),
                // Class 0 against class 1.
                2 => vec![1.0, -1.0],
                _ => vec![0.0; dims.iter().product()],
            };
            Tensor::from_data(TensorData::new(values, dims), &device)
        })
    }
}

#[test]
fn a_filter_for_lines_is_found_in_the_corner_where_the_line_is() {
    let config = ModelConfig::new(1, 12, 12)
        .with_classes(2)
        .layer(conv(1))
        .layer(GlobalAvgPool2dLayer::default())
        .layer(LinearLayer::classes());
    let plan = config.plan().unwrap();
    let model = network(&config).map(&mut ByHand);
    // Four pixels of a column near the lower right corner.
    let mut image = vec![0.0f32; 144];
    for row in 7..11 {
        image[row * 12 + 9] = 1.0;
    }
    let device = Device::flex();
    let line = class_maps(&model, &image, "1", 0, 0, &device).unwrap();
    let cam = over_image(&line.cam, plan.layers[0].trf, Region::image(12, 12));
    for (row, column, value) in cam.pixels() {
        // The filter outputs 2 for each of the 3 rows that contain the line, averaged over 144
        // positions.
        let rows = (row - 1..=row + 1)
            .filter(|at| (7..11).contains(at))
            .count();
        let wanted = if column == 9 {
            2.0 * rows as f64 / 144.0
        } else {
            0.0
        };
        assert!(
            (value - wanted).abs() < 1e-7,
            "{row}, {column}: {value} instead of {wanted}"
        );
    }
    let other = class_maps(&model, &image, "1", 1, 0, &device).unwrap();
    assert_eq!(other.cam.peak(), 0.0, "nothing speaks for the other class");
    assert!(
        other.saliency.peak() > 0.0,
        "but its logit depends on the line"
    );
}

#[test]
fn the_gradient_is_that_of_finite_differences() {
    let model = network(
        &ModelConfig::new(2, 6, 5)
            .with_classes(3)
            .layer(
                Conv2dLayer::new(4, 3)
                    .with_padding(Padding::Same)
                    .with_activation(Activation::Tanh),
            )
            .layer(Conv2dLayer::new(3, 3).with_activation(Activation::Tanh))
            .layer(FlattenLayer::default())
            .layer(LinearLayer::classes()),
    );
    let image = picture(60);
    let device = Device::flex();
    let logit = |image: &[f32]| -> f64 {
        let data = TensorData::new(image.to_vec(), [1, 2, 6, 5]);
        let logits = model.forward(Tensor::from_data(data, &device));
        f64::from(logits.into_data().iter::<f32>().nth(2).unwrap())
    };
    let found = class_maps(&model, &image, "2", 2, 0, &device).unwrap();
    assert!((f64::from(found.logit) - logit(&image)).abs() < 1e-6);
    let step = 1e-2;
    for place in 0..60 {
        let moved = |by: f32| {
            let mut image = image.clone();
            image[place] += by;
            logit(&image)
        };
        let slope = (moved(step) - moved(-step)) / f64::from(2.0 * step);
        let gradient = f64::from(found.gradient[place]);
        assert!(
            (slope - gradient).abs() < 2e-3,
            "value {place}: {gradient}, by differences {slope}"
        );
    }
    for place in 0..30 {
        let largest = found.gradient[place]
            .abs()
            .max(found.gradient[30 + place].abs());
        assert_eq!(found.saliency.values()[place], f64::from(largest));
    }
}

#[test]
fn of_a_linear_network_noise_changes_no_gradient() {
    let model = network(
        &ModelConfig::new(1, 6, 6)
            .with_classes(2)
            .layer(Conv2dLayer::new(2, 3))
            .layer(FlattenLayer::default())
            .layer(LinearLayer::classes()),
    );
    let image = picture(36);
    let device = Device::flex();
    let found = class_maps(&model, &image, "1", 1, 11, &device).unwrap();
    let smooth = found.smooth.unwrap();
    for (a, b) in smooth.values().iter().zip(found.saliency.values()) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
    let image = &image[..7];
    let error = class_maps(&model, image, "1", 1, 0, &device).unwrap_err();
    assert!(error.to_string().contains("7 values"), "{error}");
    let error = class_maps(&model, &picture(36), "1", 2, 0, &device).unwrap_err();
    assert!(error.to_string().contains("classes 0 to 1"), "{error}");
}

/// Stripes of 10x10 pixels, vertical or horizontal, anywhere on a grey background with a little
/// noise.
fn stripes(upright: bool, top: u32, left: u32, seed: u32) -> GrayImage {
    GrayImage::from_fn(32, 32, |x, y| {
        let noise = (x * 31 + y * 57 + seed * 101) % 13;
        let inside = (top..top + 10).contains(&y) && (left..left + 10).contains(&x);
        let along = if upright {
            x - x.min(left)
        } else {
            y - y.min(top)
        };
        let bright = inside && along % 4 < 2;
        Luma([60 + noise as u8 + if bright { 150 } else { 0 }])
    })
}

fn data(root: &Path) {
    for (class, upright) in [("upright", true), ("lying", false)] {
        let folder = root.join(class);
        fs::create_dir_all(&folder).unwrap();
        for i in 0..80 {
            let (top, left) = (i * 7 % 23, i * 11 % 23);
            let file = folder.join(format!("{i}.png"));
            stripes(upright, top, left, i).save(file).unwrap();
        }
    }
}

#[test]
fn in_a_trained_run_grad_cam_moves_with_the_object() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("stripes");
    data(&root);
    let model = ModelConfig::new(1, 32, 32)
        .layer(conv(8))
        .layer(MaxPool2dLayer::new(2))
        .layer(conv(12))
        .layer(GlobalAvgPool2dLayer::default())
        .layer(LinearLayer::classes());
    let mut config = RunConfig::new(model);
    config.data.source = root.display().to_string();
    config.train.epochs = 15;
    config.train.batch_size = 16;
    config.train.augment = Default::default();
    config.machine.threads = 2;
    let device = Device::flex();
    let path = directory.path().join("run");
    let trained = run_in(&path, config, &device, &mut [], &Stop::default()).unwrap();
    let top1 = trained.test.unwrap().top1;
    assert!(top1 > 0.9, "the stripes are told apart: {top1}");

    let model = RunDirectory::open(&path).unwrap().model();
    let artifact = Artifact::load(&model, &device).unwrap();
    for (upright, class) in [(true, "upright"), (false, "lying")] {
        for (top, left) in [(1, 1), (1, 21), (21, 1), (21, 21)] {
            let file = directory.path().join("one.png");
            stripes(upright, top, left, 999).save(&file).unwrap();
            let options = AttributionOptions {
                classes: 1,
                smooth: 4,
                ..AttributionOptions::default()
            };
            let image = InputImage::read(&file, &artifact.input).unwrap();
            let seen = attribute(&artifact, &image, &options, &device).unwrap();
            let first = &seen.classes[0];
            assert_eq!(first.prediction.class, class, "{top}, {left}");
            assert_eq!(seen.layer[0], "3", "the last convolution");
            // The object covers a tenth of the image. Most of Grad-CAM is on it. Gradients are not
            // confined to it, because the network ends in a mean, but they are larger there.
            let [on, off] = on_and_off(&first.cam, top, left);
            assert!(
                on.sum() > off.sum(),
                "{class} at {top}, {left}: Grad-CAM {} on it, {} elsewhere",
                on.sum(),
                off.sum()
            );
            let [on, off] = on_and_off(first.maps.smooth.as_ref().unwrap(), top, left);
            assert!(
                on.mean() > 1.5 * off.mean(),
                "{class} at {top}, {left}: SmoothGrad {} on it, {} elsewhere",
                on.mean(),
                off.mean()
            );
        }
    }
}

struct Values(Vec<f64>);

impl Values {
    fn sum(&self) -> f64 {
        self.0.iter().sum()
    }

    fn mean(&self) -> f64 {
        self.sum() / self.0.len() as f64
    }
}

/// A map's values on the object, including the margin that two convolutions and a pool add, and
/// elsewhere.
fn on_and_off(map: &Map, top: u32, left: u32) -> [Values; 2] {
    let near = |at: i64, from: u32| (i64::from(from) - 3..i64::from(from) + 13).contains(&at);
    let (on, off): (Vec<_>, Vec<_>) = map
        .pixels()
        .partition(|(row, column, _)| near(*row, top) && near(*column, left));
    [on, off].map(|part| Values(part.into_iter().map(|(_, _, value)| value).collect()))
}
