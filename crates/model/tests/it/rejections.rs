//! What cannot be built is refused with the layer, the numbers and a remedy.

use receptive_model::*;

fn rejection(config: ModelConfig) -> String {
    config.with_classes(10).plan().unwrap_err().to_string()
}

fn grey() -> ModelConfig {
    ModelConfig::new(1, 28, 28)
}

fn ended(config: ModelConfig) -> ModelConfig {
    config
        .layer(FlattenLayer::default())
        .layer(LinearLayer::classes())
}

#[test]
fn each_rejection_names_layer_formula_and_remedy() {
    let conv = |filters, kernel: usize| Conv2dLayer::new(filters, kernel);
    for (config, words) in [
        (
            grey().layer(MaxPool2dLayer::new(14)).layer(conv(8, 5)),
            vec![
                "layer 2 (conv2d)",
                "floor((2 + 2*0 - 1*(5 - 1) - 1) / 1) + 1",
                "smaller",
            ],
        ),
        (grey().layer(conv(0, 3)), vec!["layer 1", "`filters` is 0"]),
        (
            grey().layer(conv(8, 3).with_strides(0)),
            vec!["`strides` is 0"],
        ),
        (
            grey().layer(conv(8, 3).with_dilation([1, 0])),
            vec!["`dilation` is 0"],
        ),
        (grey().layer(conv(8, 0)), vec!["`kernel_size` is 0"]),
        (
            grey().layer(conv(8, 3).with_groups(2)),
            vec!["2 groups do not divide 1 input channels"],
        ),
        (
            ModelConfig::new(4, 8, 8).layer(conv(6, 3).with_groups(4)),
            vec!["4 groups do not divide 6 filters"],
        ),
        (
            grey().layer(LinearLayer::new(10)),
            vec!["layer 1 (linear)", "1x28x28", "`flatten`"],
        ),
        (
            grey().layer(FlattenLayer::default()).layer(conv(8, 3)),
            vec!["layer 2 (conv2d)", "784 flat values", "before `flatten`"],
        ),
        (
            grey()
                .layer(FlattenLayer::default())
                .layer(LinearLayer::new(0)),
            vec!["`units` is 0"],
        ),
        (
            ended(
                grey()
                    .layer(FlattenLayer::default())
                    .layer(LinearLayer::classes()),
            ),
            vec!["layer 2 (linear)", "only the model's last layer"],
        ),
        (
            ended(grey().layer(DropoutLayer { rate: 1.0 })),
            vec!["layer 1 (dropout)", "rate"],
        ),
        (
            ended(grey().layer(DropoutLayer { rate: f64::NAN })),
            vec!["`rate` is NaN"],
        ),
        (
            ended(grey().layer(BatchNormLayer {
                epsilon: 0.0,
                momentum: 0.1,
            })),
            vec!["layer 1 (batch_norm)", "`epsilon` is 0"],
        ),
        (
            ended(grey().layer(BatchNormLayer {
                epsilon: 1e-5,
                momentum: 2.0,
            })),
            vec!["`momentum` is 2"],
        ),
        (
            ended(grey().layer(MaxPool2dLayer::new(2).with_padding(2))),
            vec!["layer 1 (max_pool2d)", "padding only"],
        ),
        (
            ended(grey().layer(ResidualLayer::new().layer(conv(8, 3).with_padding(Padding::Same)))),
            vec!["layer 1 (residual)", "8x28x28", "1x28x28", "`projection`"],
        ),
        (
            ended(grey().layer(ResidualLayer::new().layer(conv(1, 40)))),
            vec!["layer 1.1 (conv2d)", "28"],
        ),
        (grey(), vec!["last layer outputs a feature map 1x28x28"]),
        (
            grey()
                .layer(FlattenLayer::default())
                .layer(LinearLayer::new(9)),
            vec!["9 values", "10 classes"],
        ),
        (ModelConfig::new(0, 28, 28), vec!["channels is 0"]),
        (ModelConfig::new(1, usize::MAX, 28), vec!["height is"]),
    ] {
        let error = rejection(config);
        for word in words {
            assert!(error.contains(word), "`{word}` is not in: {error}");
        }
    }
    let error = ended(grey()).plan().unwrap_err().to_string();
    assert!(error.contains("set `classes`"), "{error}");
}

#[test]
fn absurd_numbers_are_rejected_before_anything_is_allocated() {
    for filters in [usize::MAX, 1 << 40, 1 << 16] {
        let error = rejection(ended(
            ModelConfig::new(60_000, 60_000, 60_000).layer(Conv2dLayer::new(filters, 3)),
        ));
        assert!(error.contains("maximum"), "{error}");
    }
    let mut nested = ResidualLayer::new();
    for _ in 0..100 {
        nested = ResidualLayer::new().layer(nested);
    }
    let error = rejection(ended(grey().layer(nested)));
    assert!(error.contains("deeper than"), "{error}");
    let many = (0..5_000).map(|_| LayerConfig::from(Activation::Relu));
    let error = rejection(ended(grey().layers(many)));
    assert!(error.contains("4096"), "{error}");
}

#[test]
fn uneven_divisions_name_what_is_dropped_and_fail_when_strict() {
    let config = |strict| {
        let conv = Conv2dLayer::new(4, 2).with_strides([2, 3]);
        let mut config = ended(ModelConfig::new(1, 7, 9).layer(conv)).with_classes(2);
        config.strict_shapes = strict;
        config.plan()
    };
    let notes = config(false).unwrap().notes().join("\n");
    assert!(
        notes.contains("(7 + 2*0 - 2) / 2 is not an integer in height: row 6 dropped"),
        "{notes}"
    );
    assert!(notes.contains("in width: column 8 dropped"), "{notes}");
    let error = config(true).unwrap_err().to_string();
    assert!(
        error.contains("strict_shapes") && error.contains("layer 1"),
        "{error}"
    );
}

#[test]
fn an_even_kernel_with_same_padding_is_called_lopsided() {
    let conv = Conv2dLayer::new(4, 2).with_padding(Padding::Same);
    let plan = ended(grey().layer(conv)).with_classes(2).plan().unwrap();
    let notes = plan.notes().join("\n");
    assert!(
        notes.contains("asymmetric") && notes.contains("even kernel"),
        "{notes}"
    );
    assert_eq!(plan.layers[0].output.dims(), [4, 28, 28]);
}

#[test]
fn a_layer_that_does_not_exist_is_answered_with_those_that_may_be_meant() {
    let convs = (0..20).map(|_| LayerConfig::from(Conv2dLayer::new(4, 1)));
    let plan = ended(grey().layers(convs)).with_classes(2).plan().unwrap();
    let answer = |layer: &str| plan.find(layer).unwrap_err().to_string();
    assert!(
        answer("conv2d_99").ends_with("did you mean `conv2d_9` or `conv2d_19`?"),
        "{}",
        answer("conv2d_99")
    );
    let of_kind = answer("conv2d");
    assert!(
        of_kind.contains("its conv2d layers are 1 conv2d_1, 2 conv2d_2")
            && of_kind.ends_with("6 conv2d_6, ..., 20 conv2d_20"),
        "{of_kind}"
    );
    let neither = answer("nothing like it");
    assert!(
        neither.contains("its layers are 1 conv2d_1") && neither.len() < 200,
        "{neither}"
    );
}
