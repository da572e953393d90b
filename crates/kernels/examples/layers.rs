//! Each convolution's rate beside the peak of this machine: one thread, 16 images; forward, gradient with
//! respect to the input, and to the weights. Rates count the multiply-adds of plain sums, of which
//! Winograd's filtering needs only a quarter: it may exceed the peak.
//!
//! `cargo run -p receptive-kernels --example layers`

use burn::tensor::{Device, Distribution, Tensor};
use receptive_kernels::{Algorithm, Conv2dOptions, Rectifier, conv2d};
use std::time::{Duration, Instant};

// As in the program: with the system's allocator every step faults its pages in again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const IMAGES: usize = 16;

/// A convolution with `same` padding.
struct Layer {
    channels: usize,
    filters: usize,
    side: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    groups: usize,
}

/// Channels, filters, side of the input, kernel and stride: first the layers that `receptive bench` times on
/// small networks, then those of ResNets and MobileNets on images of 224x224.
const PLAIN: [[usize; 5]; 20] = [
    [1, 32, 28, 3, 1],
    [32, 64, 14, 3, 1],
    [3, 64, 32, 3, 1],
    [64, 64, 32, 3, 1],
    [64, 128, 16, 3, 1],
    [128, 128, 16, 3, 1],
    [128, 256, 8, 3, 1],
    [256, 256, 8, 3, 1],
    [32, 32, 128, 3, 1],
    [3, 64, 224, 7, 2],
    [64, 64, 56, 3, 1],
    [64, 128, 56, 3, 2],
    [64, 128, 56, 1, 2],
    [128, 128, 28, 3, 1],
    [256, 256, 14, 3, 1],
    [256, 512, 14, 3, 2],
    [512, 512, 7, 3, 1],
    [16, 96, 112, 1, 1],
    [576, 96, 14, 1, 1],
    [160, 960, 7, 1, 1],
];

/// Channels, side of the input, kernel and stride: of MobileNets, ConvNeXt, and networks with large kernels.
const DEPTHWISE: [[usize; 4]; 6] = [
    [32, 112, 3, 1],
    [96, 112, 3, 2],
    [384, 14, 3, 1],
    [240, 28, 5, 2],
    [96, 56, 7, 1],
    [64, 32, 31, 1],
];

/// Channels, side of the input, dilation and groups: of ResNeXt, and of networks for dense prediction.
const GROUPED_OR_DILATED: [[usize; 4]; 3] = [[128, 56, 1, 32], [256, 28, 1, 32], [128, 28, 2, 1]];

fn layers() -> Vec<Layer> {
    let plain = PLAIN.map(|[channels, filters, side, kernel, stride]| Layer {
        channels,
        filters,
        side,
        kernel,
        stride,
        dilation: 1,
        groups: 1,
    });
    let depthwise = DEPTHWISE.map(|[channels, side, kernel, stride]| Layer {
        channels,
        filters: channels,
        side,
        kernel,
        stride,
        dilation: 1,
        groups: channels,
    });
    let others = GROUPED_OR_DILATED.map(|[channels, side, dilation, groups]| Layer {
        channels,
        filters: channels,
        side,
        kernel: 3,
        stride: 1,
        dilation,
        groups,
    });
    plain.into_iter().chain(depthwise).chain(others).collect()
}

impl Layer {
    fn options(&self, algorithm: Algorithm) -> Conv2dOptions {
        Conv2dOptions {
            strides: [self.stride; 2],
            padding: [self.dilation * (self.kernel / 2); 4],
            dilation: [self.dilation; 2],
            groups: self.groups,
            rectifier: Rectifier::Relu,
            algorithm,
        }
    }

    /// Whether Winograd's filtering may compute it.
    fn has_choice(&self) -> bool {
        (self.kernel, self.stride, self.dilation, self.groups) == (3, 1, 1, 1)
    }

    fn name(&self) -> String {
        let Self {
            channels,
            filters,
            side,
            kernel,
            stride,
            dilation,
            groups,
        } = self;
        let form = match (dilation, groups) {
            (1, 1) => String::new(),
            (1, groups) if groups == channels => " depthwise".into(),
            (1, groups) => format!(" groups {groups}"),
            (dilation, _) => format!(" dilation {dilation}"),
        };
        format!("{channels} to {filters}, {side}x{side}, {kernel}x{kernel}/{stride}{form}")
    }
}

fn main() -> Result<(), rayon::ThreadPoolBuildError> {
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    one.install(table);
    Ok(())
}

fn table() {
    println!("peak: {:.1} GMAC/s (512 x 512 x 512)", peak());
    println!(
        "{:<38}{:<9}{:>9}{:>9}{:>9}",
        "layer", "", "forward", "input", "weights"
    );
    for layer in layers() {
        for (name, algorithm) in [("auto", Algorithm::Auto), ("direct", Algorithm::Direct)] {
            if name == "direct" && !layer.has_choice() {
                continue; // auto is the same
            }
            let [forward, input, weights] = rates(&layer, algorithm);
            let layer = layer.name();
            println!("{layer:<38}{name:<9}{forward:>9.1}{input:>9.1}{weights:>9.1}");
        }
    }
}

/// GMAC/s of a product whose factors stay in the cache.
fn peak() -> f64 {
    const SIDE: usize = 512;
    let device = Device::flex();
    let square = || Tensor::<2>::random([SIDE, SIDE], Distribution::Default, &device);
    let (a, b) = (square(), square());
    let best = best(|| {
        let start = Instant::now();
        let product = a.clone().matmul(b.clone());
        let taken = start.elapsed();
        drop(product);
        taken
    });
    SIDE.pow(3) as f64 / best / 1e9
}

/// GMAC/s of forward, input gradient and weight gradient.
fn rates(layer: &Layer, algorithm: Algorithm) -> [f64; 3] {
    let device = Device::flex().autodiff();
    let options = layer.options(algorithm);
    let &Layer {
        channels,
        filters,
        side,
        kernel,
        stride,
        groups,
        ..
    } = layer;
    let x = || {
        Tensor::<4>::random(
            [IMAGES, channels, side, side],
            Distribution::Default,
            &device,
        )
    };
    let weight = Tensor::<4>::random(
        [filters, channels / groups, kernel, kernel],
        Distribution::Normal(0.0, 0.1),
        &device,
    );
    let (plain, followed) = (x(), x().require_grad());
    let output = (side - 1) / stride + 1; // the padding is that of `same`, and kernels are odd
    let taps = channels / groups * kernel * kernel;
    let macs = (IMAGES * taps * filters * output * output) as f64;
    let forward = best(|| {
        let start = Instant::now();
        let y = conv2d(plain.clone(), weight.clone(), None, options);
        let taken = start.elapsed();
        drop(y);
        taken
    });
    // That of `(y * pull).sum()`, less the time that multiplication and sum take alone.
    let pull = Tensor::random(
        [IMAGES, filters, output, output],
        Distribution::Default,
        &device,
    );
    let backward = |y: &dyn Fn() -> Tensor<4>| {
        best(|| {
            let sum = (y() * pull.clone()).sum();
            let start = Instant::now();
            let gradients = sum.backward();
            let taken = start.elapsed();
            drop(gradients);
            taken
        })
    };
    let leaf = pull.clone().require_grad();
    let alone = backward(&|| leaf.clone());
    let of = |x: &Tensor<4>, weight: &Tensor<4>| {
        let y = || conv2d(x.clone(), weight.clone(), None, options);
        (backward(&y) - alone).max(1e-9)
    };
    let input = of(&followed, &weight);
    let weights = of(&plain, &weight.clone().require_grad());
    [forward, input, weights].map(|seconds| macs / seconds / 1e9)
}

/// The shortest of several runs, in seconds: the least disturbed by other processes.
fn best(mut run: impl FnMut() -> Duration) -> f64 {
    let start = Instant::now();
    let mut best = f64::MAX;
    let mut runs = 0;
    while runs < 5 || start.elapsed() < Duration::from_millis(300) {
        best = best.min(run().as_secs_f64());
        runs += 1;
    }
    best
}
