"""Builds networks of timm and torchvision by name with random weights, and writes for each, into a
directory: its state dict, images, the logits that PyTorch computes from them, and the gradients of a
weighted sum of the logits, as a state dict too.

Each line of the standard input asks for one network: [directory, name, scheme, size, draw]. Each is
answered by a line with its parameters, and its multiply-adds as torchinfo counts them, or with an error.
"""

import json
import math
import re
import sys
import traceback
from pathlib import Path

import torch

TORCHVISION = {
    "mobilenetv2_100": "mobilenet_v2",
    "mobilenetv3_small_100": "mobilenet_v3_small",
    "mobilenetv3_large_100": "mobilenet_v3_large",
    "mnasnet_100": "mnasnet1_0",
    "regnetx_004": "regnet_x_400mf",
    "regnety_004": "regnet_y_400mf",
}


def build(name, scheme):
    if scheme == "timm":
        import timm

        return timm.create_model(name, pretrained=False)
    if scheme == "torchvision":
        from torchvision import models

        options = {}
        if name in ("googlenet", "inception_v3"):
            options = {"init_weights": True}
        return models.get_model(TORCHVISION.get(name, name), weights=None, **options)
    if scheme == "lukemelas":
        from efficientnet_lite_pytorch import EfficientNet

        return EfficientNet.from_name("efficientnet-lite" + name[-1])
    if name == "replknet31b":
        from replknet import RepLKNet31B

        return RepLKNet31B()
    raise ValueError(f"{name} cannot be built in the scheme {scheme}")


def randomize(network):
    """Weights that keep values of the order of 1 through all layers, and statistics of batch norms
    that are not those of a new one: a mistake anywhere must show in the logits."""
    generator = torch.Generator().manual_seed(7)

    def uniform(tensor, low, high):
        values = torch.rand(tensor.shape, generator=generator)
        tensor.copy_(low + (high - low) * values)

    with torch.no_grad():
        for tensor_name, tensor in network.state_dict().items():
            if tensor_name.endswith("num_batches_tracked"):
                continue
            if tensor_name.endswith("running_mean"):
                uniform(tensor, -0.3, 0.3)
            elif tensor_name.endswith("running_var"):
                # Small enough to tell one epsilon from another, and no smaller: the rounding of 32-bit
                # floats must stay far below that.
                uniform(tensor, 0.2, 1.5)
            elif tensor.dim() <= 1 or tensor.shape[1:].numel() == 1:
                if tensor_name.endswith("bias"):
                    uniform(tensor, -0.2, 0.2)
                elif tensor.dim() == 1 or tensor.dim() == 3:
                    uniform(tensor, 0.3, 1.2)
                else:
                    uniform(tensor, -1.0, 1.0)
            else:
                scale = (1.5 / tensor[0].numel()) ** 0.5
                uniform(tensor, -scale * 1.7, scale * 1.7)


def multiply_adds(network, size):
    """torchinfo's count for one image, of convolutions and linear layers without their biases. Of a
    linear layer over a map it counts one position; here they all count."""
    from torchinfo import summary

    total = 0
    for layer in summary(network, (1, 3, size, size), verbose=0).summary_list:
        module = layer.module
        is_convolution = isinstance(module, torch.nn.Conv2d)
        if layer.is_leaf_layer and (is_convolution or isinstance(module, torch.nn.Linear)):
            positions = layer.output_size[2:] if is_convolution else layer.output_size[1:-1]
            positions = math.prod(positions)
            bias = 0 if module.bias is None else module.bias.numel()
            if is_convolution:
                total += layer.macs - bias * positions
            else:
                total += (layer.macs - bias) * positions
    return total


def gradients(network):
    """A state dict of gradients: 0 for what has none, and statistics that any file may have."""
    found = {name: value.grad for name, value in network.named_parameters()}
    values = {}
    for name, value in network.state_dict().items():
        if name.endswith("running_var"):
            values[name] = torch.ones_like(value)
        else:
            gradient = found.get(name)
            values[name] = torch.zeros_like(value) if gradient is None else gradient
    return values


def answer(at, name, scheme, size, draw):
    network = build(name, scheme)
    randomize(network)
    network.eval()
    generator = torch.Generator().manual_seed(draw)
    images = torch.randn(1, 3, size, size, generator=generator)
    logits = network(images)
    # Of both signs, so that nothing cancels.
    factors = torch.arange(logits.numel()).mul(37).remainder(19).div(9).sub(1)
    (logits * factors.reshape(logits.shape)).sum().backward()
    logits = logits.detach()
    for file, values in [("weights.pth", network.state_dict()), ("gradients.pth", gradients(network))]:
        if name == "densenet121" and scheme == "torchvision":
            # As in torchvision's file, which is older than its code.
            old = re.compile(r"(denselayer\d+\.(?:norm|conv))([12])")
            values = {old.sub(r"\1.\2", key): value for key, value in values.items()}
        torch.save(values, Path(at) / file)
    images.numpy().tofile(Path(at) / "images.bin")
    logits.numpy().tofile(Path(at) / "logits.bin")
    auxiliary = ("aux1.", "aux2.", "AuxLogits.")
    params = sum(
        tensor.numel()
        for key, tensor in network.named_parameters()
        if not key.startswith(auxiliary)
    )
    return {"params": params, "macs": multiply_adds(network, size)}


for line in sys.stdin:
    try:
        answered = answer(*json.loads(line))
    except Exception:
        answered = {"error": traceback.format_exc()}
    print(json.dumps(answered), flush=True)
