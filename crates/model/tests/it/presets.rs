//! Every preset, on grey and colour images: shapes as planned, finite output, every parameter has a
//! gradient.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Distribution, Tensor};
use receptive_model::{DropoutKey, ImageSize, presets};

struct Gradients<'a> {
    gradients: &'a GradientsParams,
    params: usize,
}

impl ModuleVisitor for Gradients<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !param.val().is_require_grad() {
            return; // running statistics
        }
        let gradient = self
            .gradients
            .get::<D>(param.id)
            .expect("a parameter has no gradient");
        let values: Vec<f32> = gradient.into_data().iter().collect();
        assert!(
            values.iter().all(|value| value.is_finite()),
            "a gradient is not finite"
        );
        assert!(
            values.iter().any(|value| *value != 0.0),
            "a gradient is zero throughout"
        );
        self.params += values.len();
    }
}

#[test]
fn every_preset_is_built_as_planned_and_can_learn() {
    let device = Device::flex().autodiff();
    device.seed(1);
    for (name, _) in presets::NAMES {
        let name = name.replace('N', "4");
        for input in [
            ImageSize {
                channels: 1,
                height: 28,
                width: 28,
            },
            ImageSize {
                channels: 3,
                height: 32,
                width: 40,
            },
        ] {
            let plan = presets::preset(&name, input)
                .unwrap()
                .with_classes(5)
                .plan()
                .unwrap();
            let model = plan.init(&device);
            let shape = [3, input.channels, input.height, input.width];
            let images = Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.0), &device);
            let key = DropoutKey {
                seed: 1,
                step: 2,
                first_row: 0,
            };
            let (logits, statistics) = model.forward_keyed(images.clone(), key);
            assert_eq!(logits.dims(), [3, 5], "{name}");
            let values: Vec<f32> = logits.clone().into_data().iter().collect();
            assert!(
                values.iter().all(|value| value.is_finite()),
                "{name}: {values:?}"
            );
            let norms = plan
                .rows()
                .iter()
                .filter(|row| row.kind == "batch_norm")
                .count();
            assert_eq!(statistics.len(), norms, "{name}");
            // Squared, since the sum of a softmax-free head would ignore its own scale.
            let loss = logits.square().sum();
            let gradients = GradientsParams::from_grads(loss.backward(), &model);
            let mut seen = Gradients {
                gradients: &gradients,
                params: 0,
            };
            model.visit(&mut seen);
            assert_eq!(seen.params, plan.total.params, "{name}");
            let features = model.valid().forward_features(images.inner());
            assert_eq!(features.dims()[0], 3, "{name}");
        }
    }
}

#[test]
fn an_unknown_preset_is_rejected_with_what_there_is() {
    let input = presets::default_input("small");
    for (name, told) in [
        ("smal", "did you mean `small`?"),
        ("foo", "the presets are tutorial, small"),
        ("plain-0", "a number from 1 to 200"),
        ("plain-1000", "a number from 1 to 200"),
        ("plain-x", "a number from 1 to 200"),
    ] {
        let error = presets::preset(name, input).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(told), "{error}");
    }
}

#[test]
fn the_tutorials_numbers_are_the_textbooks() {
    // Géron, "Hands-On Machine Learning", 3rd ed., ch. 14: parameters are (f*f*channels + 1) *
    // filters; 16 * (9 + 1) = 160, 16*14*14 * 64 + 64 = 200768, 64 * 10 + 10 = 650.
    let plan = presets::preset("tutorial", presets::default_input("tutorial"))
        .unwrap()
        .with_classes(10)
        .plan()
        .unwrap();
    let params: Vec<usize> = plan.layers.iter().map(|layer| layer.params).collect();
    assert_eq!(params, [160, 0, 0, 200_768, 650]);
    assert_eq!(plan.total.macs, 28 * 28 * 9 * 16 + 3136 * 64 + 640);
    assert_eq!(plan.layers[1].output.dims(), [16, 14, 14]);
    assert_eq!(plan.layers[1].trf[0].size(), 4);
    // A dense layer sees the whole image and the padding around it.
    assert_eq!(plan.layers[3].trf[0].size(), 30);
}

#[test]
fn small_fits_images_of_any_size_without_growing_with_them() {
    for height in [1, 2, 3, 5, 8, 14, 28, 64, 100, 224] {
        for width in [1, 2, 3, 7, 28, 31, 224, 640] {
            let input = ImageSize {
                channels: 3,
                height,
                width,
            };
            let plan = presets::preset("small", input)
                .unwrap()
                .with_classes(2)
                .plan()
                .unwrap();
            assert!(
                plan.total.params < 2_500_000,
                "{height}x{width}: {} parameters",
                plan.total.params
            );
        }
    }
}

#[test]
fn a_preset_is_laid_out_anew_for_images_of_another_size_and_a_changed_one_is_left_alone() {
    let input = |side| ImageSize {
        channels: 3,
        height: side,
        width: side,
    };
    for (name, _) in presets::NAMES.iter().take(4) {
        let usual = presets::preset(name, input(28)).unwrap().with_classes(7);
        let fitted = presets::refit(&usual, input(64)).unwrap();
        let wanted = presets::preset(name, input(64)).unwrap().with_classes(7);
        assert_eq!(fitted, wanted, "{name}");
    }
    let mut changed = presets::preset("small", input(28)).unwrap();
    changed.layers.remove(3);
    assert_eq!(presets::refit(&changed, input(64)), None);
}
