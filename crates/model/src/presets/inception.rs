//! GoogLeNet (Szegedy et al. 2015, "Going deeper with convolutions") and Inception v3 (Szegedy et
//! al. 2016, "Rethinking the Inception architecture"). Their auxiliary heads are used in training
//! only and are left out.

use super::published::{KnownWeights, Preparation, PublishedForm, Scheme};
use super::stack::Stack;
use crate::geometry::{Padding, Pair};
use crate::layers::{
    Activation, AvgPool2dLayer, BatchNormLayer, Conv2dLayer, DropoutLayer, GlobalAvgPool2dLayer,
    Join, LinearLayer, MaxPool2dLayer,
};

/// A convolution as long as its kernel without padding, a batch norm and a ReLU.
fn conv(name: impl std::fmt::Display, layer: Conv2dLayer) -> Stack {
    let norm = BatchNormLayer {
        epsilon: 1e-3,
        ..BatchNormLayer::default()
    };
    Stack::new()
        .named(format!("{name}.conv"), layer.with_bias(false))
        .named(format!("{name}.bn"), norm)
        .layer(Activation::Relu)
}

/// A convolution padded to preserve the map's size.
fn same(filters: usize, kernel: impl Into<Pair>) -> Conv2dLayer {
    let kernel = kernel.into();
    let padding = [kernel.height / 2, kernel.width / 2];
    Conv2dLayer::new(filters, kernel).with_padding(Padding::Pixels(padding.into()))
}

fn max_pool() -> Stack {
    Stack::new().layer(MaxPool2dLayer::new(3).with_strides(2))
}

fn end(stack: Stack, dropout: f64) -> Stack {
    stack
        .layer(GlobalAvgPool2dLayer::default())
        .layer(DropoutLayer { rate: dropout })
        .named("fc", LinearLayer::classes())
}

/// torchvision's, with a 3x3 instead of a 5x5 kernel in the third branch.
pub(super) fn googlenet() -> Vec<PublishedForm> {
    let pool = |size| {
        let pool = MaxPool2dLayer::new(size).with_strides(2);
        Stack::new().layer(pool.with_ceil_mode(true))
    };
    let mut stack = conv("conv1", same(64, 7).with_strides(2))
        .then(pool(3))
        .then(conv("conv2", same(64, 1)))
        .then(conv("conv3", same(192, 3)))
        .then(pool(3));
    for (name, filters) in [
        ("3a", [64, 96, 128, 16, 32, 32]),
        ("3b", [128, 128, 192, 32, 96, 64]),
        ("4a", [192, 96, 208, 16, 48, 64]),
        ("4b", [160, 112, 224, 24, 64, 64]),
        ("4c", [128, 128, 256, 24, 64, 64]),
        ("4d", [112, 144, 288, 32, 64, 64]),
        ("4e", [256, 160, 320, 32, 128, 128]),
        ("5a", [256, 160, 320, 32, 128, 128]),
        ("5b", [384, 192, 384, 48, 128, 128]),
    ] {
        if name == "4a" {
            stack = stack.then(pool(3));
        }
        if name == "5a" {
            stack = stack.then(pool(2));
        }
        stack = googlenet_block(stack, name, filters);
    }
    let weights = KnownWeights::torchvision(
        "googlenet-1378be20",
        "1378be20",
        Preparation::BILINEAR.centred(),
    );
    let form = PublishedForm::new(Scheme::Torchvision, end(stack, 0.2), [weights]);
    vec![form.with_auxiliary(&["aux1.", "aux2."])]
}

fn googlenet_block(stack: Stack, name: &str, [a, b, c, d, e, f]: [usize; 6]) -> Stack {
    let name = |part: &str| format!("inception{name}.branch{part}");
    let pool = MaxPool2dLayer::new(3)
        .with_strides(1)
        .with_padding(1)
        .with_ceil_mode(true);
    let branches = [
        conv(name("1"), same(a, 1)),
        conv(name("2.0"), same(b, 1)).then(conv(name("2.1"), same(c, 3))),
        conv(name("3.0"), same(d, 1)).then(conv(name("3.1"), same(e, 3))),
        Stack::new().layer(pool).then(conv(name("4.1"), same(f, 1))),
    ];
    stack.branches(Join::Concat, branches, None)
}

pub(super) fn inception_v3() -> Vec<PublishedForm> {
    let mut stack = conv("Conv2d_1a_3x3", Conv2dLayer::new(32, 3).with_strides(2))
        .then(conv("Conv2d_2a_3x3", Conv2dLayer::new(32, 3)))
        .then(conv("Conv2d_2b_3x3", same(64, 3)))
        .then(max_pool())
        .then(conv("Conv2d_3b_1x1", same(80, 1)))
        .then(conv("Conv2d_4a_3x3", Conv2dLayer::new(192, 3)))
        .then(max_pool());
    for (name, filters) in [("5b", 32), ("5c", 64), ("5d", 64)] {
        stack = stack.branches(Join::Concat, block_a(name, filters), None);
    }
    stack = stack.branches(Join::Concat, block_b("6a"), None);
    for (name, narrow) in [("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)] {
        stack = stack.branches(Join::Concat, block_c(name, narrow), None);
    }
    stack = stack.branches(Join::Concat, block_d("7a"), None);
    for name in ["7b", "7c"] {
        stack = stack.branches(Join::Concat, block_e(name), None);
    }
    let stack = end(stack, 0.5);
    let centred = Preparation::BICUBIC.with_size(299).centred();
    let bilinear = Preparation::BILINEAR
        .with_size(299)
        .with_crop(299.0 / 342.0)
        .centred();
    let timm = KnownWeights::timm("timm/inception_v3.tv_in1k", "1a9a5a14", centred);
    let torchvision =
        KnownWeights::torchvision("inception_v3_google-0cc3c7bd", "0cc3c7bd", bilinear);
    let forms = [
        PublishedForm::new(Scheme::Timm, stack.clone(), [timm]),
        PublishedForm::new(Scheme::Torchvision, stack, [torchvision]),
    ];
    forms
        .map(|form| form.with_auxiliary(&["AuxLogits."]))
        .into()
}

/// An average pool that keeps the map's size, counting padding as 0, and a convolution.
fn pooled(name: String, filters: usize) -> Stack {
    let pool = AvgPool2dLayer::new(3)
        .with_strides(1)
        .with_padding(1)
        .with_count_include_pad(true);
    Stack::new().layer(pool).then(conv(name, same(filters, 1)))
}

fn block_a(name: &str, filters: usize) -> [Stack; 4] {
    let name = |part: &str| format!("Mixed_{name}.branch{part}");
    [
        conv(name("1x1"), same(64, 1)),
        conv(name("5x5_1"), same(48, 1)).then(conv(name("5x5_2"), same(64, 5))),
        conv(name("3x3dbl_1"), same(64, 1))
            .then(conv(name("3x3dbl_2"), same(96, 3)))
            .then(conv(name("3x3dbl_3"), same(96, 3))),
        pooled(name("_pool"), filters),
    ]
}

fn block_b(name: &str) -> [Stack; 3] {
    let name = |part: &str| format!("Mixed_{name}.branch{part}");
    let halving = |filters| Conv2dLayer::new(filters, 3).with_strides(2);
    [
        conv(name("3x3"), halving(384)),
        conv(name("3x3dbl_1"), same(64, 1))
            .then(conv(name("3x3dbl_2"), same(96, 3)))
            .then(conv(name("3x3dbl_3"), halving(96))),
        max_pool(),
    ]
}

fn block_c(name: &str, narrow: usize) -> [Stack; 4] {
    let name = |part: &str| format!("Mixed_{name}.branch{part}");
    [
        conv(name("1x1"), same(192, 1)),
        conv(name("7x7_1"), same(narrow, 1))
            .then(conv(name("7x7_2"), same(narrow, [1, 7])))
            .then(conv(name("7x7_3"), same(192, [7, 1]))),
        conv(name("7x7dbl_1"), same(narrow, 1))
            .then(conv(name("7x7dbl_2"), same(narrow, [7, 1])))
            .then(conv(name("7x7dbl_3"), same(narrow, [1, 7])))
            .then(conv(name("7x7dbl_4"), same(narrow, [7, 1])))
            .then(conv(name("7x7dbl_5"), same(192, [1, 7]))),
        pooled(name("_pool"), 192),
    ]
}

fn block_d(name: &str) -> [Stack; 3] {
    let name = |part: &str| format!("Mixed_{name}.branch{part}");
    let halving = |filters| Conv2dLayer::new(filters, 3).with_strides(2);
    [
        conv(name("3x3_1"), same(192, 1)).then(conv(name("3x3_2"), halving(320))),
        conv(name("7x7x3_1"), same(192, 1))
            .then(conv(name("7x7x3_2"), same(192, [1, 7])))
            .then(conv(name("7x7x3_3"), same(192, [7, 1])))
            .then(conv(name("7x7x3_4"), halving(192))),
        max_pool(),
    ]
}

fn block_e(name: &str) -> [Stack; 4] {
    let name = |part: &str| format!("Mixed_{name}.branch{part}");
    // A 1x3 and a 3x1 kernel in parallel.
    let cross = |stack: Stack, part: &str| {
        let arms = [("a", [1, 3]), ("b", [3, 1])];
        let arms = arms.map(|(arm, kernel)| conv(name(&format!("{part}{arm}")), same(384, kernel)));
        stack.branches(Join::Concat, arms, None)
    };
    [
        conv(name("1x1"), same(320, 1)),
        cross(conv(name("3x3_1"), same(384, 1)), "3x3_2"),
        cross(
            conv(name("3x3dbl_1"), same(448, 1)).then(conv(name("3x3dbl_2"), same(384, 3))),
            "3x3dbl_3",
        ),
        pooled(name("_pool"), 192),
    ]
}
