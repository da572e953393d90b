"""The light graphs of the package `onnx`, with seeded noise in place of their constants, and onnxruntime's logits.

python onnx_light.py DIRECTORY [NAME ...] writes NAME.onnx, NAME.input.bin, NAME.logits.bin and index.json. The graphs
are real networks of 2017 to 2019 whose weights are ConstantOfShape nodes. Logits are the input of the last Softmax.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"
IMAGES = 1


def noise(random, shape, user, place):
    """Values as a trained network's: what is computed neither vanishes nor grows."""
    if user.op_type in ("Conv", "Gemm", "MatMul") and place == 1:
        across = np.prod(shape[1:]) if user.op_type == "Conv" or len(shape) != 2 else max(shape)
        return random.normal(size=shape) * np.sqrt(2 / max(1, across))
    if (user.op_type, place) in (("BatchNormalization", 1), ("BatchNormalization", 4)) or user.op_type == "Mul":
        return random.uniform(0.5, 1.5, shape)
    return random.normal(size=shape) * 0.1


def fill(model, random):
    graph = model.graph
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    users = {}
    for node in graph.node:
        for place, name in enumerate(node.input):
            users.setdefault(name, (node, place))
    left = []
    for node in graph.node:
        if node.op_type != "ConstantOfShape":
            left.append(node)
            continue
        shape = [int(side) for side in known[node.input[0]]]
        user, place = users[node.output[0]]
        while user.op_type in ("Unsqueeze", "Reshape"):
            user, place = users[user.output[0]]
        values = noise(random, shape, user, place).astype("<f4")
        graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
    del graph.node[:]
    graph.node.extend(left)


def export(at, path):
    name = path.stem
    model = onnx.load(path)
    random = np.random.default_rng(7)
    fill(model, random)
    onnx.save(model, at / f"{name}.onnx")
    last = model.graph.node[-1]
    logits = last.input[0] if last.op_type == "Softmax" else last.output[0]
    model.graph.output.insert(0, helper.make_tensor_value_info(logits, onnx.TensorProto.FLOAT, None))
    weights = {tensor.name for tensor in model.graph.initializer}
    (image,) = [value for value in model.graph.input if value.name not in weights]
    shape = [side.dim_value for side in image.type.tensor_type.shape.dim]
    images = random.normal(size=[IMAGES, *shape[1:]]).astype("<f4")
    probe = at / "probe.onnx"
    onnx.save(model, probe)
    (found,) = onnxruntime.InferenceSession(str(probe)).run([logits], {image.name: images})
    probe.unlink()
    found = found.reshape(IMAGES, -1)
    assert np.isfinite(found).all() and np.abs(found).max() > 0, name
    images.tofile(at / f"{name}.input.bin")
    found.astype("<f4").tofile(at / f"{name}.logits.bin")
    return {"name": name, "source": "onnx", "shape": list(images.shape), "classes": found.shape[1]}


def main():
    at = Path(sys.argv[1])
    chosen = set(sys.argv[2:])
    index = []
    for path in sorted(LIGHT.glob("light_*.onnx")):
        if not chosen or path.stem in chosen:
            index.append(export(at, path))
            (at / "index.json").write_text(json.dumps(index, indent=1))


if __name__ == "__main__":
    main()
