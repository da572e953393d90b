//! The list of networks with published weights.

use super::published::PublishedForm;
use super::{
    alexnet, convnext, densenet, efficientnet, inception, mobilenet, regnet, repvgg, resnet,
    shufflenet, vgg,
};

/// A network's name and the function that lists its forms, the default one first.
pub(super) type Network = (&'static str, fn() -> Vec<PublishedForm>);

/// All published networks, one per line.
pub(super) const NETWORKS: &[Network] = &[
    ("resnet18", resnet::resnet18),
    ("resnet34", resnet::resnet34),
    ("resnet50", resnet::resnet50),
    ("resnet101", resnet::resnet101),
    ("resnext50_32x4d", resnet::resnext50_32x4d),
    ("wide_resnet50_2", resnet::wide_resnet50_2),
    ("vgg11", vgg::vgg11),
    ("vgg11_bn", vgg::vgg11_bn),
    ("vgg16", vgg::vgg16),
    ("vgg16_bn", vgg::vgg16_bn),
    ("mobilenetv2_100", mobilenet::mobilenetv2_100),
    ("mobilenetv3_small_100", mobilenet::mobilenetv3_small_100),
    ("mobilenetv3_large_100", mobilenet::mobilenetv3_large_100),
    ("mnasnet_100", mobilenet::mnasnet_100),
    ("efficientnet_b0", efficientnet::efficientnet_b0),
    ("tf_efficientnet_b0", efficientnet::tf_efficientnet_b0),
    // TensorFlow's first: their layers are also a form of the others.
    ("tf_efficientnet_lite0", efficientnet::tf_efficientnet_lite0),
    ("tf_efficientnet_lite1", efficientnet::tf_efficientnet_lite1),
    ("tf_efficientnet_lite2", efficientnet::tf_efficientnet_lite2),
    ("efficientnet_lite0", efficientnet::efficientnet_lite0),
    ("efficientnet_lite1", efficientnet::efficientnet_lite1),
    ("efficientnet_lite2", efficientnet::efficientnet_lite2),
    ("alexnet", alexnet::alexnet),
    ("squeezenet1_1", alexnet::squeezenet1_1),
    ("densenet121", densenet::densenet121),
    ("googlenet", inception::googlenet),
    ("inception_v3", inception::inception_v3),
    ("shufflenet_v2_x1_0", shufflenet::shufflenet_v2_x1_0),
    ("convnext_tiny", convnext::convnext_tiny),
    ("regnetx_004", regnet::regnetx_004),
    ("regnety_004", regnet::regnety_004),
    ("repvgg_a0", repvgg::repvgg_a0),
    ("replknet31b", repvgg::replknet31b),
];

/// The forms of the network with this name, the default one first; empty if there is no such
/// network.
pub fn published(name: &str) -> Vec<PublishedForm> {
    let network = NETWORKS.iter().find(|(known, _)| *known == name);
    network.map(|(_, forms)| forms()).unwrap_or_default()
}

/// The Hugging Face repository with weights of the network with this name, such as
/// `timm/resnet18.a1_in1k`; `None` if it is not published there or there is no such network.
pub fn repository(name: &str) -> Option<&'static str> {
    let forms = published(name);
    let mut weights = forms.iter().flat_map(|form| &form.weights);
    // Its name ends with a tag for the training recipe.
    let is_repository = |name: &str| name.split_once('/').is_some_and(|(_, it)| it.contains('.'));
    weights
        .find(|weights| is_repository(weights.name))
        .map(|weights| weights.name)
}

#[cfg(test)]
mod tests {
    use super::super::{default_input, preset};
    use super::repository;

    #[test]
    fn a_network_has_the_repository_of_its_first_weights_with_a_tag() {
        for (name, expected) in [
            ("resnet18", Some("timm/resnet18.a1_in1k")),
            (
                "efficientnet_lite0",
                Some("timm/efficientnet_lite0.ra_in1k"),
            ),
            // timm has the network, but no weights.
            ("efficientnet_lite1", None),
            ("alexnet", None),
            ("small", None),
        ] {
            assert_eq!(repository(name), expected, "{name}");
        }
    }

    /// Counted with PyTorch, without auxiliary heads: torchvision's `num_params`, timm's networks,
    /// and for RepLKNet the 79 million of its authors (`sum(p.numel() for p in m.parameters())`).
    #[test]
    fn parameters_are_pytorch_s() {
        for (name, params) in [
            ("alexnet", 61_100_840),
            ("squeezenet1_1", 1_235_496),
            ("densenet121", 7_978_856),
            ("googlenet", 6_624_904),
            ("inception_v3", 23_834_568),
            ("shufflenet_v2_x1_0", 2_278_604),
            ("convnext_tiny", 28_589_128),
            ("regnetx_004", 5_157_512),
            ("regnety_004", 4_344_144),
            ("repvgg_a0", 9_108_968),
        ] {
            let config = preset(name, default_input(name)).unwrap();
            let plan = config.with_classes(1000).plan().unwrap();
            assert_eq!(plan.total.params, params, "{name}");
        }
    }
}
