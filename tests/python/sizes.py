"""Computes models that take any image size with onnxruntime; prints how far they are from ours."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

at = Path(sys.argv[1])
seen = []
for file, inputs in [("model.onnx", "images"), ("pixels.onnx", "pixels")]:
    session = onnxruntime.InferenceSession(at / file)
    for more, (batch, channels, height, width) in enumerate(json.loads((at / "shapes.json").read_text())):
        ours = np.fromfile(at / f"logits-{more}.bin", dtype="<f4").reshape(batch, -1)
        if inputs == "images":
            given = np.fromfile(at / f"images-{more}.bin", dtype="<f4")
            given = given.reshape(batch, channels, height, width)
        else:
            given = np.fromfile(at / f"pixels-{more}.bin", dtype="u1")
            given = given.reshape(batch, height, width, channels)
        (logits,) = session.run(["logits"], {inputs: given})
        seen.append(float(np.abs(logits - ours).max()))
print(json.dumps(seen))
