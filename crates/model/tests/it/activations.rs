//! Activations against PyTorch.

use burn::tensor::{Device, Tensor};
use receptive_model::Activation;

/// Computed by PyTorch 2.15: `torch.nn.functional.silu` and so on of these points.
#[test]
fn values_are_pytorch_s() {
    let points = [-100.0f32, -20.0, -2.5, -0.5, -0.125, 0.75, 3.0, 30.0, 100.0];
    let rows = [
        (Activation::Silu, SILU),
        (Activation::Mish, MISH),
        (Activation::Elu(1.0), ELU),
        (Activation::Elu(0.5), ELU_HALF),
        (Activation::LeakyRelu(0.2), LEAKY),
    ];
    for (activation, expected) in rows {
        let device = Device::flex().autodiff();
        let x = Tensor::<1>::from_floats(points, &device).require_grad();
        let y = activation.forward(x.clone());
        let slopes = x.grad(&y.clone().sum().backward()).unwrap();
        let values: Vec<f32> = y.into_data().iter().collect();
        let slopes: Vec<f32> = slopes.into_data().iter().collect();
        for (index, (value, slope)) in expected.into_iter().enumerate() {
            let near =
                |found: f32, value: f32| (found - value).abs() <= 1e-6 * value.abs().max(1.0);
            let found = (values[index], slopes[index]);
            let fits = near(found.0, value) && near(found.1, slope);
            assert!(fits, "{activation:?}({}): {found:?}", points[index]);
        }
    }
}

const SILU: [(f32, f32); 9] = [
    (0.0, 0.0),
    (0.0, 0.0),
    (-0.1896455, -0.0994011),
    (-0.1887703, 0.2600388),
    (-0.0585988, 0.4376624),
    (0.509384, 0.8425999),
    (2.8577224, 1.0881041),
    (30.0, 1.0),
    (100.0, 1.0),
];

const MISH: [(f32, f32); 9] = [
    (0.0, 0.0),
    (0.0, 0.0),
    (-0.1968162, -0.1097436),
    (-0.2207438, 0.2895107),
    (-0.0699799, 0.5196065),
    (0.6100183, 0.9857584),
    (2.986535, 1.021_107),
    (30.0, 1.0),
    (100.0, 1.0),
];

const ELU: [(f32, f32); 9] = [
    (-1.0, 0.0),
    (-1.0, 0.0),
    (-0.917915, 0.082085),
    (-0.3934693, 0.6065307),
    (-0.1175031, 0.8824969),
    (0.75, 1.0),
    (3.0, 1.0),
    (30.0, 1.0),
    (100.0, 1.0),
];

const ELU_HALF: [(f32, f32); 9] = [
    (-0.5, 0.0),
    (-0.5, 0.0),
    (-0.4589575, 0.0410425),
    (-0.1967347, 0.3032653),
    (-0.0587515, 0.4412485),
    (0.75, 1.0),
    (3.0, 1.0),
    (30.0, 1.0),
    (100.0, 1.0),
];

const LEAKY: [(f32, f32); 9] = [
    (-20.0, 0.2),
    (-4.0, 0.2),
    (-0.5, 0.2),
    (-0.1, 0.2),
    (-0.025, 0.2),
    (0.75, 1.0),
    (3.0, 1.0),
    (30.0, 1.0),
    (100.0, 1.0),
];
