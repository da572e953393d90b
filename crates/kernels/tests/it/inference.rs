//! Prepared operations against those of training, and their bits in any batch and on any number of threads.

use crate::convolutions::{Case, TOLERANCE, apart, planes, stored};
use crate::random::{Random, cases, values};
use burn::tensor::{Device, Tensor};
use receptive_kernels::inference::{
    Layout, affine, global_average, layer_norm, max_pool, multiply,
};
use receptive_kernels::{
    Algorithm, Conv2dOptions, KernelThreads, MaxPool2dOptions, Nonlinearity, Rectifier, conv2d,
    conv2d_max_pool_2x2, max_pool2d, together,
};

#[test]
fn prepared_convolutions_are_those_of_training() {
    let device = Device::flex();
    for case in 0..cases(1_500) {
        let mut random = Random::new(case);
        let it = Case::random(&mut random);
        let (conv, [x, weight], bias) = it.make(&mut random, &device);
        let plain = Conv2dOptions {
            rectifier: Rectifier::None,
            ..it.options
        };
        let of = |options| conv2d(x.clone(), weight.clone(), Some(bias.clone()), options);
        let images = values(x.clone());
        let found = it.forward(&conv, &images, None);
        let far = apart(&found, &values(of(it.options)));
        assert!(far < TOLERANCE, "case {case}: {it:?}: {far}");

        let before = of(plain);
        let added = random.tensor(before.dims(), &device);
        let sum = before + added.clone();
        let sum = match it.options.rectifier {
            Rectifier::None => sum,
            Rectifier::Relu => sum.clamp_min(0.0),
            Rectifier::Relu6 => sum.clamp(0.0, 6.0),
        };
        let found = it.forward(&conv, &images, Some(&values(added)));
        let far = apart(&found, &values(sum));
        assert!(far < TOLERANCE, "case {case} with a map: {it:?}: {far}");

        if let Some(pooled) = conv.with_max_pool_2x2() {
            let expected =
                conv2d_max_pool_2x2(x.clone(), weight.clone(), Some(bias.clone()), it.options);
            let far = apart(&it.forward(&pooled, &images, None), &values(expected));
            assert!(far < TOLERANCE, "case {case} with a pool: {it:?}: {far}");
        }
        for conv in [Some(conv.clone()), conv.with_max_pool_2x2()] {
            let Some(conv) = conv else { continue };
            if let Some(in_planes) = conv.in_planes() {
                assert_eq!(in_planes.writes(), Layout::Planes);
                let [found, expected] =
                    [&in_planes, &conv].map(|conv| it.forward(conv, &images, None));
                assert_eq!(found, expected, "case {case} in planes: {it:?}");
            }
        }
    }
}

#[test]
fn a_prepared_convolution_ends_with_any_function_of_its_outputs() {
    let device = Device::flex();
    let functions = [
        Nonlinearity::Silu,
        Nonlinearity::HardSwish,
        Nonlinearity::LeakyRelu(0.1),
        Nonlinearity::Clip([-0.2, 0.3]),
        Rectifier::Relu6.into(),
    ];
    for case in 0..cases(300) {
        let mut random = Random::new(case);
        let it = Case::random(&mut random);
        let (conv, [x, _], _) = it.make(&mut random, &device);
        let linear = conv.with_nonlinearity(Rectifier::None.into());
        assert!(linear.is_linear());
        let x = values(x);
        let mut expected = it.forward(&linear, &x, None);
        let added: Vec<f32> = expected.iter().map(|_| random.value()).collect();
        let mut expected_sum = it.forward(&linear, &x, Some(&added));
        let function = functions[case as usize % functions.len()];
        let ended = linear.with_nonlinearity(function);
        assert!(!ended.is_linear());
        function.apply(&mut expected);
        function.apply(&mut expected_sum);
        assert_eq!(
            it.forward(&ended, &x, None),
            expected,
            "case {case}: {it:?}"
        );
        let sum = it.forward(&ended, &x, Some(&added));
        assert_eq!(sum, expected_sum, "case {case} with a map: {it:?}");
        // Only rectifiers commute with the maximum.
        let is_rectifier = matches!(function, Nonlinearity::Rectifier(_));
        assert!(is_rectifier || ended.with_max_pool_2x2().is_none());
    }
}

#[test]
fn a_prepared_convolution_gives_an_image_the_same_bits_in_any_batch_and_on_any_number_of_threads() {
    let device = Device::flex();
    for (channels, filters, kernel, [stride, dilation], groups, side) in [
        (20, 40, 3, [1, 1], 1, 9),  // Winograd
        (64, 130, 3, [1, 1], 1, 7), // few tiles
        (24, 50, 1, [1, 1], 1, 14), // windows of one position
        (24, 50, 1, [2, 1], 1, 15),
        (24, 50, 3, [1, 2], 1, 15),
        (300, 40, 3, [2, 1], 1, 15), // sums of several parts
        (3, 30, 7, [2, 1], 1, 65),   // of planes
        (36, 36, 3, [2, 1], 36, 21), // depthwise
        (18, 18, 31, [1, 1], 18, 20),
        (12, 24, 3, [1, 1], 3, 11),
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
                padding: [dilation * (kernel / 2); 4],
                dilation: [dilation; 2],
                groups,
                rectifier: Rectifier::Relu6,
                algorithm: Algorithm::Auto,
            },
        };
        let (conv, [x, _], _) = it.make(&mut random, &device);
        let x = values(x);
        let of_image: usize = conv.output().iter().product();
        let added: Vec<f32> = (0..6 * of_image).map(|_| random.value()).collect();
        let all = it.forward(&conv, &x, Some(&added));
        for threads in [1, 2, 5, 16] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let found = pool
                .unwrap()
                .install(|| it.forward(&conv, &x, Some(&added)));
            assert!(found == all, "{it:?}, {threads} threads");
        }
        for image in 0..6 {
            let length = channels * side * side;
            let part = image * of_image..(image + 1) * of_image;
            let x = &x[image * length..][..length];
            let found = it.forward(&conv, x, Some(&added[part.clone()]));
            assert!(found == all[part], "{it:?}, image {image}");
        }
    }
}

/// The options of a pool, and `[images, channels, height, width]`.
pub(crate) fn random_pool(random: &mut Random) -> (MaxPool2dOptions, [usize; 4]) {
    let [images, channels] = [random.between(1, 3), random.between(1, 40)];
    let kernel = random.pair(1, 4);
    let dilation = random.pair(1, 2);
    let options = MaxPool2dOptions {
        kernel_size: kernel,
        strides: random.pair(1, 3),
        // No window is padding only.
        padding: [0, 1, 2, 3].map(|side| random.between(0, kernel[side % 2] / 2)),
        dilation,
        rectifier: random.rectifier(),
    };
    let [height, width] = [0, 1].map(|axis| dilation[axis] * kernel[axis] + random.between(0, 9));
    (options, [images, channels, height, width])
}

#[test]
fn other_layers_are_the_same_in_both_layouts() {
    let device = Device::flex();
    for case in 0..cases(300) {
        let mut random = Random::new(case);
        let (options, [images, channels, height, width]) = random_pool(&mut random);
        let plane = height * width;
        let x = random.tensor([images, channels, height, width], &device);
        let sizes = [images, channels, plane];
        let (scale, shift) = (
            random.tensor([channels], &device),
            random.tensor([channels], &device),
        );
        let (scale, shift) = (values(scale), values(shift));
        let factors = values(random.tensor([images * channels], &device));
        let pooled = max_pool2d(x.clone(), options);
        let [_, _, rows, columns] = pooled.dims();
        let x = values(x);
        let scaled = x.iter().enumerate().map(|(i, x)| {
            let channel = i / plane % channels;
            let factor = factors[i / plane];
            (x * scale[channel] + shift[channel]).max(0.0) * factor
        });
        let scaled: Vec<f32> = scaled.collect();
        let means = x
            .chunks_exact(plane)
            .map(|x| x.iter().sum::<f32>() / plane as f32);
        let means: Vec<f32> = means.collect();
        for layout in [Layout::Planes, Layout::Blocks] {
            let mut x = stored(layout, sizes, &x);
            let mut y = vec![f32::NAN; images * layout.values(channels, rows * columns)];
            let shape = [images, channels, height, width];
            max_pool(layout, shape, options, &x, &mut y);
            let y = planes(layout, [images, channels, rows * columns], &y);
            assert!(
                y == values(pooled.clone()),
                "case {case}, {layout:?}: {options:?}"
            );
            let mut y = vec![f32::NAN; images * channels];
            global_average(layout, channels, plane, &x, &mut y);
            assert!(apart(&y, &means) < 1e-5, "case {case}, {layout:?}");
            affine(layout, plane, &mut x, &scale, &shift, Rectifier::Relu);
            multiply(
                layout,
                plane,
                &mut x,
                &stored(layout, [images, channels, 1], &factors),
            );
            let found = planes(layout, sizes, &x);
            assert!(apart(&found, &scaled) < 1e-6, "case {case}, {layout:?}");
        }
    }
}

#[test]
fn layer_norm_is_that_of_training_in_both_layouts_and_on_any_number_of_threads() {
    let device = Device::flex();
    for case in 0..cases(200) {
        let mut random = Random::new(case);
        let images = random.between(1, 3);
        let channels = random.between(1, 70);
        let side = random.pair(1, 12);
        let plane = side[0] * side[1];
        let x = random.tensor([images, channels, side[0], side[1]], &device);
        let [gamma, beta] = [(); 2].map(|()| random.tensor([channels], &device));
        let expected =
            receptive_kernels::layer_norm(x.clone(), [gamma.clone(), beta.clone()], 1e-5);
        let (x, expected) = (values(x), values(expected));
        let (gamma, beta) = (values(gamma), values(beta));
        let sizes = [images, channels, plane];
        for layout in [Layout::Planes, Layout::Blocks] {
            let of = |x: &[f32]| {
                let mut x = x.to_vec();
                layer_norm(layout, plane, &mut x, [&gamma, &beta], 1e-5);
                x
            };
            let x = stored(layout, sizes, &x);
            let y = of(&x);
            let found = planes(layout, sizes, &y);
            let apart = apart(&found, &expected);
            assert!(apart < 1e-4, "case {case}, {layout:?}, {sizes:?}: {apart}");
            // An image alone, by a team.
            let threads = KernelThreads::new(3).unwrap();
            let one = &x[..x.len() / images];
            let alone = threads.share(|| together(|| of(one)));
            let bits =
                |values: &[f32]| -> Vec<u32> { values.iter().map(|v| v.to_bits()).collect() };
            assert_eq!(
                bits(&alone),
                bits(&y[..alone.len()]),
                "case {case}, {layout:?}"
            );
        }
    }
}

/// A diverged network must show in its outputs.
#[test]
fn nan_stays_nan() {
    let device = Device::flex();
    let x = values(Tensor::<4>::full([1, 20, 6, 6], f32::NAN, &device));
    for (kernel, groups) in [(1, 1), (2, 1), (3, 1), (3, 20)] {
        let mut random = Random::new(1);
        let it = Case {
            images: 1,
            channels: 20,
            filters: 20,
            side: [6, 6],
            kernel: [kernel; 2],
            options: Conv2dOptions {
                strides: [1, 1],
                padding: [0; 4],
                dilation: [1, 1],
                groups,
                rectifier: Rectifier::Relu6,
                algorithm: Algorithm::Auto,
            },
        };
        let (conv, ..) = it.make(&mut random, &device);
        let y = it.forward(&conv, &x, None);
        assert!(y.iter().all(|y| y.is_nan()), "{it:?}");
        // One NaN in each square of positions is enough.
        let pooled = conv.with_max_pool_2x2();
        for (place, pooled) in (0..4).flat_map(|place| pooled.iter().map(move |conv| (place, conv)))
        {
            let at = |i: usize| i / 6 % 2 * 2 + i % 2;
            let some = x.iter().enumerate();
            let some: Vec<f32> = some
                .map(|(i, nan)| if at(i) == place { *nan } else { 1.0 })
                .collect();
            let y = it.forward(pooled, &some, None);
            assert!(y.iter().all(|y| y.is_nan()), "{place} {it:?}");
        }
    }
    for layout in [Layout::Planes, Layout::Blocks] {
        let x = stored(layout, [1, 20, 36], &x);
        let mut y = vec![0.0; layout.values(20, 9)];
        let pool = MaxPool2dOptions::new_2x2(Rectifier::Relu);
        max_pool(layout, [1, 20, 6, 6], pool, &x, &mut y);
        let y = planes(layout, [1, 20, 9], &y);
        assert!(y.iter().all(|y| y.is_nan()), "{layout:?}");
    }
}
