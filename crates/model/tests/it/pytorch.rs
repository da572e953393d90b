//! Single layers compute what PyTorch does, and so do their gradients.
//!
//! `layer_values.json` is PyTorch's answer, written by `tests/python/layer_values.py`.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use receptive_model::*;
use serde::Deserialize;

/// One layer, perhaps with a pool before it, and PyTorch's answer.
#[derive(Deserialize)]
struct Answer {
    name: String,
    layers: Vec<LayerConfig>,
    shape: Vec<usize>,
    output: Vec<f32>,
    /// Gradient with respect to the images.
    images: Vec<f32>,
    /// And with respect to each parameter.
    parameters: Vec<Vec<f32>>,
}

/// Values between -1 and 1 that look like noise, those of the script.
struct Noise(u32);

impl Noise {
    fn draw(&mut self, dims: &[usize]) -> TensorData {
        let values: Vec<f32> = (0..dims.iter().product::<usize>())
            .map(|_| {
                self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect();
        TensorData::new(values, dims.to_vec())
    }
}

/// Draws every parameter, in the module's order.
impl ModuleMapper for Noise {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|tensor| {
            let drawn = Tensor::from_data(self.draw(&tensor.dims()), &tensor.device());
            drawn.require_grad()
        })
    }
}

fn gradients_of(model: &Classifier, gradients: &Gradients) -> Vec<Vec<f32>> {
    struct Visitor<'a>(&'a Gradients, Vec<Vec<f32>>);
    impl ModuleVisitor for Visitor<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = param.val().grad(self.0) {
                self.1.push(gradient.into_data().iter().collect());
            }
        }
    }
    let mut visitor = Visitor(gradients, Vec::new());
    model.visit(&mut visitor);
    visitor.1
}

fn agree(name: &str, what: &str, ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len(), "{name}: {what}");
    let largest = theirs
        .iter()
        .fold(1.0f32, |max, value| max.max(value.abs()));
    for (place, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        let fits = (ours - theirs).abs() <= 1e-5 * largest;
        assert!(fits, "{name}: {what} {place}: {ours}, not {theirs}");
    }
}

#[test]
fn layers_and_their_gradients_are_pytorch_s() {
    let answers: Vec<Answer> = serde_json::from_str(include_str!("layer_values.json")).unwrap();
    let device = Device::flex().autodiff();
    for answer in &answers {
        let config = ModelConfig::new(4, 5, 6)
            .with_classes(2)
            .layers(answer.layers.clone())
            .layer(FlattenLayer::default())
            .layer(LinearLayer::classes());
        let plan = config.plan().unwrap();
        let model = plan.init(&device).map(&mut Noise(3));
        let images = Noise(7).draw(&[2, 4, 5, 6]);
        let images = Tensor::<4>::from_data(images, &device).require_grad();
        let last = answer.layers.len().to_string();
        let output = model.forward_until(images.clone(), &last).unwrap();
        let name = &answer.name;
        assert_eq!(output.dims(), answer.shape, "{name}");
        assert_eq!(plan.find(&last).unwrap().output.dims(), answer.shape[1..]);
        let output = output.into_flat();
        let factors = Noise(11).draw(&output.dims());
        let loss = (output.clone() * Tensor::<2>::from_data(factors, &device)).sum();
        let gradients = loss.backward();
        let values: Vec<f32> = output.into_data().iter().collect();
        agree(name, "output", &values, &answer.output);
        let images: Vec<f32> = images
            .grad(&gradients)
            .unwrap()
            .into_data()
            .iter()
            .collect();
        agree(name, "gradient of pixel", &images, &answer.images);
        let parameters = gradients_of(&model, &gradients);
        assert_eq!(parameters.len(), answer.parameters.len(), "{name}");
        for (ours, theirs) in parameters.iter().zip(&answer.parameters) {
            agree(name, "gradient of value", ours, theirs);
        }
    }
    assert!(answers.len() > 35, "{}", answers.len());
}
