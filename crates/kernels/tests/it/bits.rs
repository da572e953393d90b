//! The same bits on any number of threads.

use crate::random::{Random, values};
use burn::tensor::Device;
use receptive_kernels::{
    Algorithm, BatchNormOptions, Conv2dOptions, KernelThreads, MaxPool2dOptions, Nonlinearity,
    Rectifier, batch_norm_train, conv2d, layer_norm, max_pool2d, nonlinear, scale_channels,
};

/// Output and gradients of a network's worth of kernels.
fn results([images, channels, height, width]: [usize; 4]) -> Vec<u32> {
    let device = Device::flex().autodiff();
    let mut random = Random::new(1);
    let x = random
        .tensor([images, channels, height, width], &device)
        .require_grad();
    let weight = random.tensor([33, channels, 3, 3], &device).require_grad();
    let bias = random.tensor([33], &device).require_grad();
    let options = Conv2dOptions {
        strides: [1, 1],
        padding: [1; 4],
        dilation: [1, 1],
        groups: 1,
        rectifier: Rectifier::Relu,
        algorithm: Algorithm::Auto,
    };
    let pool = MaxPool2dOptions::new_2x2(Rectifier::Relu);
    // As ResNets have it.
    let padded_pool = MaxPool2dOptions {
        kernel_size: [3, 3],
        strides: [1, 2],
        padding: [1; 4],
        ..pool
    };
    let norm = BatchNormOptions {
        epsilon: 1e-5,
        nonlinearity: Rectifier::Relu6.into(),
    };
    let gamma = random.tensor([33], &device).require_grad();
    let beta = random.tensor([33], &device).require_grad();
    let y = conv2d(x.clone(), weight.clone(), Some(bias.clone()), options);
    // Each channel by itself, then three groups of eleven.
    let [depthwise, grouped] =
        [[33, 1, 5, 5], [33, 11, 3, 3]].map(|dims| random.tensor(dims, &device).require_grad());
    let of = |groups, size: usize| Conv2dOptions {
        groups,
        padding: [size / 2; 4],
        rectifier: Rectifier::Relu6,
        ..options
    };
    let y = conv2d(y, depthwise.clone(), None, of(33, 5));
    let y = conv2d(y, grouped.clone(), None, of(3, 3));
    let y = batch_norm_train(y, gamma.clone(), beta.clone(), norm).output;
    let y = max_pool2d(max_pool2d(y, pool), padded_pool);
    let gate = random.tensor([images, 33, 1, 1], &device).require_grad();
    let [scale, shift] = [0; 2].map(|_| random.tensor([33], &device).require_grad());
    let y = scale_channels(nonlinear(y, Nonlinearity::Silu), gate.clone());
    let y = layer_norm(y, [scale.clone(), shift.clone()], 1e-5);
    let pull = random.tensor(y.dims(), &device);
    let grads = (y.clone() * pull).sum().backward();
    [
        values(y),
        values(x.grad(&grads).unwrap()),
        values(weight.grad(&grads).unwrap()),
        values(bias.grad(&grads).unwrap()),
        values(depthwise.grad(&grads).unwrap()),
        values(grouped.grad(&grads).unwrap()),
        values(gamma.grad(&grads).unwrap()),
        values(beta.grad(&grads).unwrap()),
        values(gate.grad(&grads).unwrap()),
        values(scale.grad(&grads).unwrap()),
        values(shift.grad(&grads).unwrap()),
    ]
    .concat()
    .into_iter()
    .map(f32::to_bits)
    .collect()
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    // Many small images; few channels and many; one image that is cut into bands, and one whose filters are.
    for dims in [
        [13, 3, 28, 28],
        [33, 40, 8, 8],
        [1, 20, 80, 80],
        [1, 130, 9, 9],
    ] {
        let with = |threads: usize| {
            rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap()
                .install(|| results(dims))
        };
        let one = with(1);
        for threads in [2, 5, 16] {
            assert!(one == with(threads), "{dims:?}, {threads} threads");
        }
        // Kernels on threads that share the work of the calling thread, forward and backward.
        let shared = KernelThreads::new(3).unwrap();
        assert!(one == shared.share(|| results(dims)), "{dims:?}");
    }
}

/// Where there are few partial sums, threads share a weights' gradient by its filters.
#[test]
fn a_convolution_has_the_same_bits_whichever_filters_a_thread_takes() {
    for (channels, filters, kernel, [stride, dilation], groups, side) in [
        (20, 130, 3, [1, 1], 1, 9),  // Winograd
        (350, 370, 3, [1, 1], 1, 5), // with weights that are transformed in several parts
        (64, 47, 3, [1, 1], 1, 7),
        (24, 50, 1, [1, 1], 1, 14),
        (24, 50, 1, [2, 1], 1, 14),
        (24, 96, 3, [2, 1], 1, 15),
        (24, 70, 3, [1, 2], 1, 15),
        (3, 64, 7, [2, 1], 1, 33),
        (16, 100, 3, [1, 1], 2, 11),
        (34, 34, 7, [2, 1], 34, 15), // depthwise
        (18, 18, 31, [1, 1], 18, 20),
    ] {
        let gradients = |threads: usize| {
            let device = Device::flex().autodiff();
            let mut random = Random::new(3);
            let x = random
                .tensor([2, channels, side, side], &device)
                .require_grad();
            let shape = [filters, channels / groups, kernel, kernel];
            let weight = random.tensor(shape, &device).require_grad();
            let bias = random.tensor([filters], &device).require_grad();
            let options = Conv2dOptions {
                strides: [stride; 2],
                padding: [dilation * (kernel / 2); 4],
                dilation: [dilation; 2],
                groups,
                rectifier: Rectifier::None,
                algorithm: Algorithm::Auto,
            };
            let helpers = KernelThreads::new(threads).unwrap();
            helpers.share(|| {
                let y = conv2d(x.clone(), weight.clone(), Some(bias.clone()), options);
                let pull = random.tensor(y.dims(), &device);
                let grads = (y.clone() * pull).sum().backward();
                [
                    values(y),
                    values(x.grad(&grads).unwrap()),
                    values(weight.grad(&grads).unwrap()),
                    values(bias.grad(&grads).unwrap()),
                ]
                .concat()
            })
        };
        let one: Vec<u32> = gradients(1).into_iter().map(f32::to_bits).collect();
        for threads in [2, 3, 5, 16] {
            let many: Vec<u32> = gradients(threads).into_iter().map(f32::to_bits).collect();
            assert!(
                one == many,
                "{filters} filters of {kernel}x{kernel}, {threads} threads"
            );
        }
    }
}
