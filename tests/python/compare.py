"""Computes exported models with onnxruntime and PyTorch; prints how far they are from ours."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from safetensors.numpy import load_file


def floats(name, shape):
    return np.fromfile(at / name, dtype="<f4").reshape(shape)


def compared(logits):
    return {
        "difference": float(np.abs(logits - ours).max()),
        "other_top1": int((logits.argmax(1) != ours.argmax(1)).sum()),
    }


at = Path(sys.argv[1])
about = json.loads((at / "about.json").read_text())
images = floats("images.bin", about["shape"])
ours = floats("logits.bin", (len(images), len(about["classes"])))
batch, channels, height, width = about["shape"]
pixels = np.fromfile(at / "pixels.bin", dtype="u1").reshape(batch, height, width, channels)
seen = {}

for name, file, given in [("onnx", "model.onnx", images), ("pixels", "pixels.onnx", pixels)]:
    session = onnxruntime.InferenceSession(at / file)
    assert session.get_modelmeta().custom_metadata_map["classes"].split("\n") == about["classes"]
    (inputs,) = session.get_inputs()
    assert inputs.shape == ["batch", *given.shape[1:]], inputs.shape
    (whole,) = session.run(None, {inputs.name: given})
    # The batch may have any size.
    (one,) = session.run(["logits"], {inputs.name: given[:1]})
    assert np.abs(one - whole[:1]).max() < 1e-4
    seen[name] = compared(whole)

loaded = load_file(at / "model.safetensors")
assert set(loaded) == set(about["tensors"]), set(loaded) ^ set(about["tensors"])
for name, shape in about["tensors"].items():
    assert loaded[name].dtype == np.float32
    assert np.array_equal(loaded[name], floats(f"{name}.bin", shape)), name
seen["tensors"] = len(loaded)

spec = importlib.util.spec_from_file_location("model", at / "model.py")
model = importlib.util.module_from_spec(spec)
spec.loader.exec_module(model)
assert model.CLASSES == about["classes"]
with torch.no_grad():
    network = model.load()
    seen["pytorch"] = compared(network(model.normalise(pixels)).numpy())

    # A network that PyTorch drew, as a state dict.
    torch.manual_seed(5)
    network = model.Network()
    for _ in range(3):
        network(torch.from_numpy(images))
    torch.save(network.state_dict(), at / "torch.pt")
    network.eval()(torch.from_numpy(images)).numpy().astype("<f4").tofile(at / "torch.bin")

print(json.dumps(seen))
