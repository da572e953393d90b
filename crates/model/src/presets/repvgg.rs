//! RepVGG (Ding et al. 2021) in its training form: a 3x3 convolution, a 1x1 one and the identity in
//! parallel. And RepLKNet (Ding et al. 2022, "Scaling up your kernels to 31x31"): depthwise kernels
//! of up to 31x31 in parallel with 5x5 ones.

use super::published::{KnownWeights, Preparation, PublishedForm, Scheme};
use super::stack::Stack;
use crate::layers::{
    Activation, BatchNormLayer, Conv2dLayer, GlobalAvgPool2dLayer, Join, LinearLayer,
    StochasticDepthLayer,
};

/// A padded convolution, which changes the map's size only by its stride, and a batch norm.
fn normalized(name: &str, conv: Conv2dLayer) -> Stack {
    let padding = conv.kernel_size.height / 2;
    let conv = conv.with_padding(padding).with_bias(false);
    Stack::new()
        .named(format!("{name}.conv"), conv)
        .named(format!("{name}.bn"), BatchNormLayer::default())
}

pub(super) fn repvgg_a0() -> Vec<PublishedForm> {
    let mut stack = side_by_side(Stack::new(), "stem", 48, 2);
    for (stage, (blocks, filters)) in [(2, 48), (4, 96), (14, 192), (1, 1280)]
        .into_iter()
        .enumerate()
    {
        for block in 0..blocks {
            let strides = if block == 0 { 2 } else { 1 };
            stack = side_by_side(stack, &format!("stages.{stage}.{block}"), filters, strides);
        }
    }
    let stack = stack
        .layer(GlobalAvgPool2dLayer::default())
        .named("head.fc", LinearLayer::classes());
    let weights = KnownWeights::timm("timm/repvgg_a0.rvgg_in1k", "", Preparation::BILINEAR);
    let weights = weights.with_licence("MIT");
    vec![PublishedForm::new(Scheme::Timm, stack, [weights])]
}

/// The identity is left out if the stride is above 1, because the shape changes.
fn side_by_side(stack: Stack, name: &str, filters: usize, strides: usize) -> Stack {
    let branch = |part: &str, kernel: usize| {
        let conv = Conv2dLayer::new(filters, kernel).with_strides(strides);
        normalized(&format!("{name}.{part}"), conv)
    };
    let mut branches = vec![branch("conv_kxk", 3), branch("conv_1x1", 1)];
    if strides == 1 {
        let identity = format!("{name}.identity");
        branches.push(Stack::new().named(identity, BatchNormLayer::default()));
    }
    stack.branches(Join::Add, branches, Some(Activation::Relu))
}

const WIDTHS: [usize; 4] = [128, 256, 512, 1024];
const BLOCKS: [usize; 4] = [2, 2, 18, 2];
const KERNELS: [usize; 4] = [31, 29, 27, 13];

/// The base network, with the names in the authors' code.
pub(super) fn replknet31b() -> Vec<PublishedForm> {
    let relu = |stack: Stack| stack.layer(Activation::Relu);
    let depthwise = |width: usize, strides: usize| {
        let conv = Conv2dLayer::new(width, 3).with_groups(width);
        conv.with_strides(strides)
    };
    let width = WIDTHS[0];
    let stem = [
        Conv2dLayer::new(width, 3).with_strides(2),
        depthwise(width, 1),
        Conv2dLayer::new(width, 1),
        depthwise(width, 2),
    ];
    let mut stack = Stack::new();
    for (place, conv) in stem.into_iter().enumerate() {
        stack = relu(stack.then(normalized(&format!("stem.{place}"), conv)));
    }
    let all: usize = BLOCKS.iter().sum();
    let mut before = 0;
    for (stage, (width, blocks)) in WIDTHS.into_iter().zip(BLOCKS).enumerate() {
        if stage > 0 {
            let name = format!("transitions.{}", stage - 1);
            let wide = normalized(&format!("{name}.0"), Conv2dLayer::new(width, 1));
            let halving = normalized(&format!("{name}.1"), depthwise(width, 2));
            stack = relu(relu(stack.then(wide)).then(halving));
        }
        for block in 0..blocks {
            // From 0 for the first block to 0.3 for the last.
            let rate = 0.3 * before as f64 / (all - 1) as f64;
            let name = |part: usize| format!("stages.{stage}.blocks.{}", 2 * block + part);
            let large = large_kernel(&name(0), width, KERNELS[stage]);
            let dense = dense_layers(&name(1), width);
            for body in [large, dense] {
                let body = if rate > 0.0 {
                    body.layer(StochasticDepthLayer { rate })
                } else {
                    body
                };
                stack = stack.residual(body, Stack::new(), None);
            }
            before += 1;
        }
    }
    let stack = stack
        .named("norm", BatchNormLayer::default())
        .layer(GlobalAvgPool2dLayer::default())
        .named("head", LinearLayer::classes());
    let weights = KnownWeights::timm("RepLKNet-31B_ImageNet-1K_224", "", Preparation::BICUBIC);
    let weights = weights.with_licence("MIT");
    vec![PublishedForm::new(Scheme::Official, stack, [weights])]
}

fn large_kernel(name: &str, width: usize, kernel: usize) -> Stack {
    let pointwise = |part: &str| normalized(&format!("{name}.{part}"), Conv2dLayer::new(width, 1));
    let branches = [("lkb_origin", kernel), ("small_conv", 5)].map(|(part, kernel)| {
        let conv = Conv2dLayer::new(width, kernel).with_groups(width);
        normalized(&format!("{name}.large_kernel.{part}"), conv)
    });
    Stack::new()
        .named(format!("{name}.prelkb_bn"), BatchNormLayer::default())
        .then(pointwise("pw1"))
        .layer(Activation::Relu)
        .branches(Join::Add, branches, Some(Activation::Relu))
        .then(pointwise("pw2"))
}

fn dense_layers(name: &str, width: usize) -> Stack {
    let pointwise =
        |part: &str, filters| normalized(&format!("{name}.{part}"), Conv2dLayer::new(filters, 1));
    Stack::new()
        .named(format!("{name}.preffn_bn"), BatchNormLayer::default())
        .then(pointwise("pw1", 4 * width))
        .layer(Activation::Gelu)
        .then(pointwise("pw2", width))
}
