//! NaN, views, and shapes that do not fit.

use burn::tensor::{Device, Tensor};
use receptive_kernels::{
    Algorithm, Conv2dOptions, MaxPool2dOptions, Rectifier, conv2d, max_pool2d, runs_on,
};

const OPTIONS: Conv2dOptions = Conv2dOptions {
    strides: [1, 1],
    padding: [0; 4],
    dilation: [1, 1],
    groups: 1,
    rectifier: Rectifier::Relu,
    algorithm: Algorithm::Auto,
};

/// A diverged run must show in its loss, so a ReLU or a maximum must not hide it.
#[test]
fn nan_stays_nan() {
    let device = Device::flex();
    let x = Tensor::<4>::full([1, 1, 4, 4], f32::NAN, &device);
    let weight = Tensor::<4>::ones([1, 1, 3, 3], &device);
    let y = conv2d(x.clone(), weight, None, OPTIONS);
    assert!(y.into_data().iter::<f32>().all(f32::is_nan));
    let depthwise = Conv2dOptions {
        groups: 2,
        rectifier: Rectifier::Relu6,
        ..OPTIONS
    };
    let two = x.clone().repeat_dim(1, 2);
    let y = conv2d(two, Tensor::ones([2, 1, 3, 3], &device), None, depthwise);
    assert!(y.into_data().iter::<f32>().all(f32::is_nan));
    for kernel_size in [[2, 2], [3, 3]] {
        let options = MaxPool2dOptions {
            kernel_size,
            strides: kernel_size,
            padding: [0; 4],
            dilation: [1, 1],
            rectifier: Rectifier::Relu,
        };
        let y = max_pool2d(x.clone(), options);
        assert!(y.into_data().iter::<f32>().all(f32::is_nan));
    }
}

#[test]
fn views_that_are_not_contiguous_are_read_correctly() {
    let device = Device::flex();
    let x = Tensor::<1, burn::tensor::Int>::arange(0..48, &device)
        .float()
        .reshape([1, 3, 4, 4]);
    let weight = Tensor::<4>::ones([2, 3, 3, 3], &device);
    let view = x.clone().swap_dims(2, 3).swap_dims(1, 2);
    let contiguous = Tensor::<4>::from_data(view.to_data(), &device);
    let [_, channels, ..] = view.dims();
    let weight = weight
        .slice([0..2, 0..1, 0..3, 0..3])
        .repeat_dim(1, channels);
    let weight = weight.slice([0..2, 0..channels, 0..3, 0..3]);
    let of_view = conv2d(view, weight.clone(), None, OPTIONS);
    let of_copy = conv2d(contiguous, weight, None, OPTIONS);
    of_view.into_data().assert_eq(&of_copy.into_data(), true);
}

#[test]
#[should_panic(expected = "larger than its padded input of 2")]
fn a_kernel_larger_than_its_input_panics_with_its_sizes() {
    let device = Device::flex();
    let x = Tensor::<4>::ones([1, 1, 2, 2], &device);
    conv2d(x, Tensor::ones([1, 1, 3, 3], &device), None, OPTIONS);
}

#[test]
fn kernels_run_on_flex_with_and_without_autodiff() {
    assert!(runs_on(&Device::flex()));
    assert!(runs_on(&Device::flex().autodiff()));
}
