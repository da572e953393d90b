"""Exports networks of torchvision and timm with random weights to ONNX, and asks onnxruntime for their logits.

python onnx_networks.py DIRECTORY [NAME ...] writes NAME.onnx, NAME.input.bin and NAME.logits.bin of each network
(all without names) and index.json with their sizes and what their file is. Nothing is downloaded.
"""

import json
import logging
import sys
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import timm
import torch
import torchvision

TORCHVISION = """alexnet vgg11 vgg16_bn resnet18 resnet50 resnext50_32x4d wide_resnet50_2 densenet121 googlenet
inception_v3 squeezenet1_0 squeezenet1_1 shufflenet_v2_x1_0 mobilenet_v2 mobilenet_v3_small mobilenet_v3_large
mnasnet1_0 efficientnet_b0 efficientnet_v2_s regnet_x_400mf regnet_y_400mf convnext_tiny""".split()
TIMM = """resnet26d seresnet50 legacy_seresnext26_32x4d repvgg_a0 regnetx_002 regnety_002 mobilenetv4_conv_small
xception41 darknet53 cspdarknet53 cspresnet50 selecsls42 vovnet39a ese_vovnet19b_dw hardcorenas_a lcnet_050
mobilenetv2_100 mobilenetv3_small_100 tf_mobilenetv3_small_100 mnasnet_small semnasnet_075 fbnetc_100
efficientnet_b0 efficientnet_lite0 tf_efficientnet_lite0 tf_efficientnet_b0 tinynet_e mixnet_s ghostnet_100
inception_v4 convnext_atto repvit_m0_9 fasternet_t0 mambaout_femto rdnet_tiny hgnetv2_b0 mobileone_s0 gernet_s
starnet_s1 dla34 hrnet_w18_small dpn68 res2net50_26w_4s rexnet_100 edgenext_xx_small levit_128s
resnetv2_50x1_bit convnextv2_atto skresnet18 resnest14d ecaresnet26t mobilevit_xxs poolformer_s12""".split()
# Networks whose pool or embedding is for one size only, and Inception, whose maps would vanish.
SIZES = {"alexnet": 224, "vgg11": 224, "vgg16_bn": 224, "inception_v3": 128, "tv_inception_v3": 128,
         "inception_v4": 128, "levit_128s": 224, "edgenext_xx_small": 256, "mobilevit_xxs": 256}
SIZE = 96
IMAGES = 2


def redraw(network):
    """Statistics and scales as after training: a new network's would hide a swap or a wrong epsilon."""
    for module in network.modules():
        if getattr(module, "running_mean", None) is not None:
            module.running_mean.normal_(0.0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
        if hasattr(module, "running_mean") or "Norm" in type(module).__name__:
            for parameter in [getattr(module, "weight", None)]:
                if parameter is not None:
                    parameter.uniform_(0.5, 1.5)
            if getattr(module, "bias", None) is not None:
                module.bias.normal_(0.0, 0.1)
    for name, parameter in network.named_parameters():
        if name.rsplit(".", 1)[-1] in ("gamma", "layer_scale", "ls1", "ls2", "scale"):
            parameter.uniform_(0.2, 0.8)


def built(source, name):
    if source == "timm":
        return timm.create_model(name, pretrained=False, num_classes=100, exportable=True)
    options = {"weights": None, "num_classes": 100}
    if name in ("googlenet", "inception_v3"):
        options |= {"aux_logits": False, "init_weights": True}
    return torchvision.models.get_model(name, **options)


def export(at, source, name):
    torch.manual_seed(0)
    with torch.no_grad():
        network = built(source, name).eval()
        redraw(network)
        label = f"tv_{name}" if source == "torchvision" else name
        size = SIZES.get(label, SIZES.get(name, SIZE))
        images = torch.randn(IMAGES, 3, size, size)
        file = at / f"{label}.onnx"
        torch.onnx.export(network, (images[:1],), str(file), dynamo=False, opset_version=17,
                          input_names=["input"], output_names=["logits"],
                          dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}})
    session = onnxruntime.InferenceSession(str(file))
    (logits,) = session.run(None, {"input": images.numpy()})
    images.numpy().astype("<f4").tofile(at / f"{label}.input.bin")
    logits.astype("<f4").tofile(at / f"{label}.logits.bin")
    params = sum(parameter.numel() for parameter in network.parameters())
    assert np.isfinite(logits).all(), label
    return {"name": label, "source": source, "shape": list(images.shape), "classes": logits.shape[1], "params": params}


def main():
    at = Path(sys.argv[1])
    chosen = set(sys.argv[2:])
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    every = [("torchvision", name) for name in TORCHVISION] + [("timm", name) for name in TIMM]
    index = []
    for source, name in every:
        label = f"tv_{name}" if source == "torchvision" else name
        if not chosen or label in chosen:
            try:
                index.append(export(at, source, name))
            except Exception as error:  # noqa: BLE001: the table says what could not be exported
                index.append({"name": label, "source": source, "error": f"{type(error).__name__}: {error}"[:300]})
            print(label, file=sys.stderr)
            (at / "index.json").write_text(json.dumps(index, indent=1))


if __name__ == "__main__":
    main()
