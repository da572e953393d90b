//! One case for every kind of layer, every way to join branches and every activation.

use receptive_model::{
    Activation, AdaptiveAvgPool2dLayer, AvgPool2dLayer, BatchNormLayer, BranchesLayer,
    ChannelScaleLayer, ChannelShuffleLayer, ChannelSliceLayer, Conv2dLayer, DropoutLayer, Edges,
    FlattenLayer, GlobalAvgPool2dLayer, GlobalMaxPool2dLayer, Join, LayerConfig, LayerNormLayer,
    LinearLayer, LocalResponseNormLayer, MaxPool2dLayer, ModelConfig, Padding, Plan, PreluLayer,
    ResidualLayer, SqueezeExciteLayer, StochasticDepthLayer,
};

pub(crate) const SIDE: usize = 9;

/// What is expected of one kind.
pub(crate) struct Case {
    pub(crate) kind: &'static str,
    /// The layer, to be placed in the middle of a network.
    pub(crate) layer: LayerConfig,
    /// The layers after it, so that the network ends with a row of logits.
    pub(crate) head: Vec<LayerConfig>,
    /// The corresponding node in ONNX; `None` if it does nothing in inference.
    pub(crate) onnx: Option<&'static str>,
    /// The corresponding code in PyTorch.
    pub(crate) python: &'static str,
    /// A part of the theory's caveat, if the theory is not exact for random weights.
    pub(crate) caveat: Option<&'static str>,
}

fn case(kind: &'static str) -> Case {
    let conv = |filters| Conv2dLayer::new(filters, 3).with_padding(Padding::Same);
    let pooled: Vec<LayerConfig> = vec![
        GlobalAvgPool2dLayer::default().into(),
        LinearLayer::classes().into(),
    ];
    let of = |layer: LayerConfig, onnx, python, caveat| Case {
        kind,
        layer,
        head: pooled.clone(),
        onnx,
        python,
        caveat,
    };
    let flat = |case: Case, head: Vec<LayerConfig>| Case { head, ..case };
    match kind {
        "conv2d" => of(conv(4).into(), Some("Conv"), "nn.Conv2d(3, 4", None),
        "max_pool2d" => of(
            MaxPool2dLayer::new(2).into(),
            Some("MaxPool"),
            "F.max_pool2d(",
            Some("max pooling"),
        ),
        "avg_pool2d" => of(
            AvgPool2dLayer::new(2).into(),
            Some("AveragePool"),
            "F.avg_pool2d(",
            None,
        ),
        "global_avg_pool2d" => flat(
            of(
                GlobalAvgPool2dLayer::default().into(),
                Some("GlobalAveragePool"),
                ".mean((2, 3))",
                None,
            ),
            vec![LinearLayer::classes().into()],
        ),
        "global_max_pool2d" => flat(
            of(
                GlobalMaxPool2dLayer::default().into(),
                Some("GlobalMaxPool"),
                ".amax((2, 3))",
                Some("max pooling"),
            ),
            vec![LinearLayer::classes().into()],
        ),
        "adaptive_avg_pool2d" => of(
            AdaptiveAvgPool2dLayer::new([4, 6]).into(),
            Some("MatMul"),
            "F.adaptive_avg_pool2d(x, (4, 6))",
            None,
        ),
        "layer_norm" => of(
            // With three channels and a small epsilon, rare networks would dominate the mean.
            LayerNormLayer { epsilon: 1.0 }.into(),
            Some("LayerNormalization"),
            "nn.LayerNorm(3, eps=1)",
            Some("a layer norm"),
        ),
        "local_response_norm" => of(
            LocalResponseNormLayer::new(3).into(),
            Some("LRN"),
            "F.local_response_norm(x, 3, 0.0001, 0.75, 1)",
            Some("a local response norm"),
        ),
        "prelu" => of(
            PreluLayer::default().into(),
            Some("PRelu"),
            "nn.PReLU(1)",
            None,
        ),
        "channel_scale" => of(
            ChannelScaleLayer { initial: 0.5 }.into(),
            Some("Mul"),
            "ChannelScale(3)",
            None,
        ),
        "channel_slice" => of(
            ChannelSliceLayer::new(1, 3).into(),
            Some("Slice"),
            "x = x[:, 1:3]",
            None,
        ),
        "channel_shuffle" => of(
            ChannelShuffleLayer::new(3).into(),
            Some("Gather"),
            "F.channel_shuffle(x, 3)",
            None,
        ),
        "stochastic_depth" => of(
            StochasticDepthLayer { rate: 0.25 }.into(),
            None,
            ", 0.25, self.training) * x",
            None,
        ),
        "batch_norm" => of(
            BatchNormLayer::default().into(),
            Some("BatchNormalization"),
            "nn.BatchNorm2d(3",
            None,
        ),
        "activation" => of(Activation::Relu.into(), Some("Relu"), "F.relu(", None),
        "dropout" => of(
            DropoutLayer { rate: 0.25 }.into(),
            None,
            "F.dropout(x, 0.25",
            None,
        ),
        "residual" => of(
            ResidualLayer::new().layer(conv(3)).into(),
            Some("Add"),
            "x = x + ",
            None,
        ),
        "branches" => of(
            BranchesLayer::new(Join::Concat)
                .branch([])
                .branch([conv(2).into()])
                .into(),
            Some("Concat"),
            "x = torch.cat((x, branch_2_b), 1)",
            None,
        ),
        "squeeze_excite" => of(
            SqueezeExciteLayer::default().into(),
            Some("Unsqueeze"),
            "x = x * branch_2_b[:, :, None, None]",
            Some("a product of branches"),
        ),
        "flatten" => flat(
            of(
                FlattenLayer::default().into(),
                Some("Flatten"),
                "torch.flatten(x, 1)",
                None,
            ),
            vec![LinearLayer::classes().into()],
        ),
        "linear" => flat(
            of(
                LinearLayer::classes().into(),
                Some("Gemm"),
                "nn.Linear(243, 4)",
                None,
            ),
            Vec::new(),
        ),
        new => panic!("the kind `{new}` has no case here: add one"),
    }
}

impl Case {
    /// The plan of a network with a convolution before the layer and a head after it.
    pub(crate) fn plan(&self) -> Plan {
        let mut config = ModelConfig::new(2, SIDE, SIDE).with_classes(4);
        config = config.layer(Conv2dLayer::new(3, 3).with_padding(Padding::Same));
        if self.kind == "linear" {
            config = config.layer(FlattenLayer::default());
        }
        let head = self.head.clone();
        config
            .layer(self.layer.clone())
            .layers(head)
            .plan()
            .unwrap()
    }

    /// The number of the layer.
    pub(crate) fn number(&self) -> &'static str {
        if self.kind == "linear" { "3" } else { "2" }
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let kinds = LayerConfig::KINDS.iter().map(|kind| case(kind));
    kinds
        .chain(joins())
        .chain(activations())
        .chain(settings())
        .collect()
}

fn activations() -> Vec<Case> {
    let depends = Some("its derivative depends on the input");
    let of = |activation: Activation| {
        let (onnx, python, caveat) = match activation {
            Activation::Relu => ("Relu", "F.relu(", None),
            Activation::LeakyRelu(_) => ("LeakyRelu", "F.leaky_relu(", None),
            Activation::Gelu => ("Erf", "F.gelu(", depends),
            Activation::Tanh => ("Tanh", "torch.tanh(", depends),
            Activation::Sigmoid => ("Sigmoid", "torch.sigmoid(", depends),
            Activation::Relu6 => ("Clip", "F.relu6(", depends),
            Activation::HardSwish => ("HardSwish", "F.hardswish(", depends),
            Activation::HardSigmoid => ("HardSigmoid", "F.hardsigmoid(", depends),
            Activation::Silu => ("Sigmoid", "F.silu(", depends),
            Activation::Mish => ("Softplus", "F.mish(", depends),
            Activation::Elu(_) => ("Elu", "F.elu(", depends),
            Activation::Clip(_) => ("Clip", "torch.clamp(", depends),
        };
        Case {
            layer: activation.into(),
            onnx: Some(onnx),
            python,
            caveat,
            ..case("activation")
        }
    };
    Activation::ALL.map(of).into()
}

/// Branches joined in the other ways, including gates of both shapes.
fn joins() -> Vec<Case> {
    let conv = |size| LayerConfig::from(Conv2dLayer::new(3, size).with_padding(Padding::Same));
    let pooled: [LayerConfig; 2] = [
        GlobalAvgPool2dLayer::default().into(),
        LinearLayer::new(3)
            .with_activation(Activation::Sigmoid)
            .into(),
    ];
    let of = |layer: BranchesLayer, onnx, python, caveat| Case {
        layer: layer.into(),
        onnx: Some(onnx),
        python,
        caveat,
        ..case("branches")
    };
    let product = Some("a product of branches");
    vec![
        of(
            BranchesLayer::new(Join::Add)
                .branch([conv(1)])
                .branch([])
                .branch([conv(3)]),
            "Add",
            "x = x + branch_2_b + branch_2_c",
            None,
        ),
        of(
            BranchesLayer::new(Join::Multiply).branch([]).branch(pooled),
            "Unsqueeze",
            "x = x * branch_2_b[:, :, None, None]",
            product,
        ),
        of(
            BranchesLayer::new(Join::Multiply)
                .branch([AvgPool2dLayer::new(SIDE).into(), Activation::Sigmoid.into()])
                .branch([conv(3)])
                .with_activation(Activation::Relu),
            "Mul",
            "x = x * branch_2_b",
            product,
        ),
    ]
}

/// Kinds with settings other than the defaults.
fn settings() -> Vec<Case> {
    let of = |kind, layer: LayerConfig, onnx, python| Case {
        layer,
        onnx: Some(onnx),
        python,
        ..case(kind)
    };
    let sides = Edges {
        top: 0,
        left: 2,
        bottom: 1,
        right: 0,
    };
    let padded = AvgPool2dLayer::new(3).with_strides(2).with_padding(1);
    let counted = padded.clone().with_count_include_pad(true);
    vec![
        of(
            "conv2d",
            Conv2dLayer::new(4, 3)
                .with_strides(2)
                .with_padding(sides)
                .into(),
            "Conv",
            "F.pad(x, (2, 0, 0, 1))",
        ),
        of(
            "max_pool2d",
            MaxPool2dLayer::new(2).with_ceil_mode(true).into(),
            "MaxPool",
            "F.pad(x, (0, 1, 0, 1), value=",
        ),
        of(
            "avg_pool2d",
            padded.with_strides(3).with_ceil_mode(true).into(),
            "AveragePool",
            "F.pad(torch.ones_like(x), (1, ",
        ),
        of(
            "avg_pool2d",
            counted.clone().into(),
            "Pad",
            "F.pad(x, (1, 1, 1, 1))",
        ),
        of(
            "avg_pool2d",
            AvgPool2dLayer::new(4)
                .with_padding(1)
                .with_ceil_mode(true)
                .with_count_include_pad(true)
                .into(),
            "Pad",
            "F.pad(torch.ones_like(x), (0, 1, 0, 1))",
        ),
        of(
            "prelu",
            PreluLayer {
                per_channel: true,
                initial: -0.5,
            }
            .into(),
            "PRelu",
            "nn.PReLU(3)",
        ),
        // Half of the channels bypass the convolutions of the other half, and then both are
        // interleaved.
        of(
            "branches",
            BranchesLayer::new(Join::Concat)
                .branch([ChannelSliceLayer::new(0, 1).into()])
                .branch([
                    ChannelSliceLayer::new(1, 3).into(),
                    Conv2dLayer::new(4, 3).with_padding(1).with_groups(2).into(),
                    ChannelShuffleLayer::new(2).into(),
                    ChannelSliceLayer::new(0, 3).into(),
                ])
                .into(),
            "Concat",
            "branch_2_b[:, 1:3]",
        ),
        Case {
            layer: LinearLayer::classes().with_bias(false).into(),
            python: "nn.Linear(243, 4, bias=False)",
            ..case("linear")
        },
        // A convolutional head followed by other layers.
        Case {
            layer: Conv2dLayer::classes(1).into(),
            head: vec![
                Activation::Relu.into(),
                GlobalAvgPool2dLayer::default().into(),
            ],
            python: "nn.Conv2d(3, 4, 1)",
            ..case("conv2d")
        },
        Case {
            caveat: Some("a layer norm"),
            ..of(
                "residual",
                ResidualLayer::new()
                    .layer(LayerNormLayer { epsilon: 1.0 })
                    .layer(Conv2dLayer::new(3, 3).with_padding(1))
                    .layer(ChannelScaleLayer { initial: 0.3 })
                    .layer(StochasticDepthLayer { rate: 0.5 })
                    .into(),
                "LayerNormalization",
                "class ChannelScale(nn.Module)",
            )
        },
    ]
}
