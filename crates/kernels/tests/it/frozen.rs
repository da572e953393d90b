//! Prepared input gradients against those of training, and their bits in any batch and on any number of threads.

use crate::convolutions::{Case, TOLERANCE, apart, planes, stored};
use crate::inference::random_pool;
use crate::random::{Random, cases, values};
use burn::tensor::{Device, Tensor};
use receptive_kernels::frozen::{Conv2dGradient, max_pool_gradient, rectifier_gradient, uncrop};
use receptive_kernels::inference::{Layout, crop};
use receptive_kernels::{Algorithm, Conv2dOptions, Rectifier, RectifierMask, conv2d, max_pool2d};

/// The input gradient in planes, given that of some images' output.
fn gradient(
    it: &Case,
    conv: &Conv2dGradient,
    [rows, columns]: [usize; 2],
    grad: &[f32],
    [added, output]: [Option<&[f32]>; 2],
) -> Vec<f32> {
    let images = grad.len() / (it.filters * rows * columns);
    let grad = stored(conv.reads(), [images, it.filters, rows * columns], grad);
    let plane = it.side[0] * it.side[1];
    let input = [images, it.channels, plane];
    let added = added.map(|added| stored(conv.writes(), input, added));
    let output = output.map(|output| stored(conv.writes(), input, output));
    let mask = output.as_ref().map(|output| RectifierMask {
        rectifier: Rectifier::Relu,
        output,
    });
    let mut dx = vec![f32::NAN; images * conv.writes().values(it.channels, plane)];
    conv.forward(images, &grad, added.as_deref(), mask, &mut dx);
    planes(conv.writes(), input, &dx)
}

#[test]
fn prepared_gradients_are_those_of_training() {
    let device = Device::flex().autodiff();
    for case in 0..cases(1_500) {
        let mut random = Random::new(case);
        let it = Case::random(&mut random);
        let options = Conv2dOptions {
            rectifier: Rectifier::None,
            ..it.options
        };
        let [height, width] = it.side;
        let input = [it.images, it.channels, height, width];
        let weight = random.tensor(it.weight(), &device);
        let x = random.tensor(input, &device).require_grad();
        let y = conv2d(x.clone(), weight.clone(), None, options);
        let [.., rows, columns] = y.dims();
        let grad = random.tensor(y.dims(), &device);
        let expected = x.grad(&(y * grad.clone()).sum().backward()).unwrap();

        let [_, channels, height, width] = input;
        let conv = Conv2dGradient::new(
            [channels, height, width],
            &values(weight),
            it.weight(),
            options,
        );
        let grad = values(grad);
        let found = gradient(&it, &conv, [rows, columns], &grad, [None; 2]);
        let far = apart(&found, &values(expected.clone()));
        assert!(far < TOLERANCE, "case {case}: {it:?}: {far}");

        // Plus a map, and through a ReLU of another.
        let [added, output] = [(); 2].map(|()| values(random.tensor(input, &Device::flex())));
        let expected: Vec<f32> = values(expected)
            .into_iter()
            .zip(added.iter().zip(&output))
            .map(|(dx, (added, output))| if *output > 0.0 { dx + added } else { 0.0 })
            .collect();
        let others = [Some(&*added), Some(&*output)];
        let found = gradient(&it, &conv, [rows, columns], &grad, others);
        let far = apart(&found, &expected);
        assert!(far < TOLERANCE, "case {case} with a map: {it:?}: {far}");
    }
}

#[test]
fn a_prepared_gradient_has_the_same_bits_in_any_batch_and_on_any_number_of_threads() {
    for (channels, filters, kernel, stride, groups, side) in [
        (20, 40, 3, 1, 1, 9),  // Winograd
        (20, 40, 3, 2, 1, 15), // phases
        (24, 50, 1, 1, 1, 14), // windows of one position
        (3, 30, 7, 2, 1, 65),
        (3, 30, 3, 1, 1, 21),   // of planes
        (36, 36, 3, 1, 36, 21), // depthwise
        (36, 36, 3, 2, 36, 21), // its phases
        (12, 24, 3, 1, 3, 11),
    ] {
        let mut random = Random::new(7);
        let it = Case {
            images: 6,
            channels,
            filters,
            side: [side; 2],
            kernel: [kernel; 2],
            options: Conv2dOptions {
                strides: [stride; 2],
                padding: [kernel / 2; 4],
                dilation: [1, 1],
                groups,
                rectifier: Rectifier::None,
                algorithm: Algorithm::Auto,
            },
        };
        let weight = values(random.tensor(it.weight(), &Device::flex()));
        let conv = Conv2dGradient::new([channels, side, side], &weight, it.weight(), it.options);
        let output = [side.div_ceil(stride); 2];
        let of_image = filters * output[0] * output[1];
        let grad: Vec<f32> = (0..6 * of_image).map(|_| random.value()).collect();
        let all = gradient(&it, &conv, output, &grad, [None; 2]);
        for threads in [2, 5, 16] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let found = pool
                .unwrap()
                .install(|| gradient(&it, &conv, output, &grad, [None; 2]));
            assert!(found == all, "{it:?}, {threads} threads");
        }
        for (image, grad) in grad.chunks_exact(of_image).enumerate() {
            let found = gradient(&it, &conv, output, grad, [None; 2]);
            let length = channels * side * side;
            assert!(
                found == all[image * length..][..length],
                "{it:?}, image {image}"
            );
        }
    }
}

#[test]
fn gradients_of_pools_and_crops_are_the_same_in_both_layouts() {
    let device = Device::flex().autodiff();
    for case in 0..cases(300) {
        let mut random = Random::new(case);
        let (options, shape) = random_pool(&mut random);
        let [images, channels, height, width] = shape;
        let input = [images, channels, height * width];
        let x = random.tensor(shape, &device).require_grad();
        let y = max_pool2d(x.clone(), options);
        let [.., rows, columns] = y.dims();
        let output = [images, channels, rows * columns];
        let grad = random.tensor(y.dims(), &device);
        let expected = x
            .grad(&(y.clone() * grad.clone()).sum().backward())
            .unwrap();
        let (x, y, grad) = (values(x), values(y), values(grad));
        let top = random.between(0, height - 1);
        let left = random.between(0, width - 1);
        let part = [
            top..random.between(top + 1, height),
            left..random.between(left + 1, width),
        ];
        let cropped = Tensor::<4>::from_data(
            burn::tensor::TensorData::new(x.clone(), shape),
            &Device::flex(),
        )
        .slice([0..images, 0..channels, part[0].clone(), part[1].clone()]);
        let area = part[0].len() * part[1].len();
        for layout in [Layout::Planes, Layout::Blocks] {
            let x = stored(layout, input, &x);
            let mut grad = stored(layout, output, &grad);
            let mask = RectifierMask {
                rectifier: options.rectifier,
                output: &stored(layout, output, &y),
            };
            rectifier_gradient(mask, &mut grad);
            let mut dx = vec![f32::NAN; x.len()];
            max_pool_gradient(layout, shape, options, &x, &grad, &mut dx);
            let found = planes(layout, input, &dx);
            let far = apart(&found, &values(expected.clone()));
            assert!(far < 1e-6, "case {case}, {layout:?}: {options:?}: {far}");

            let mut some = vec![f32::NAN; images * layout.values(channels, area)];
            crop(layout, [height, width], &part, &x, &mut some);
            let found = planes(layout, [images, channels, area], &some);
            assert!(found == values(cropped.clone()), "case {case}, {layout:?}");
            uncrop(layout, [height, width], &part, &some, &mut dx);
            let whole = planes(layout, input, &dx);
            let x = planes(layout, input, &x);
            for (i, (found, x)) in whole.into_iter().zip(x).enumerate() {
                let (row, column) = (i / width % height, i % width);
                let is_kept = part[0].contains(&row) && part[1].contains(&column);
                assert_eq!(
                    found,
                    if is_kept { x } else { 0.0 },
                    "case {case}, {layout:?}"
                );
            }
        }
    }
}
