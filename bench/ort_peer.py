"""Times ONNX Runtime's inference on a network of torchvision or timm and prints one line of JSON, as
`receptive bench` does."""

import argparse
import json
import resource
import statistics
import tempfile
import time
from pathlib import Path

import numpy
import onnxruntime
import torch

from networks import NETWORKS, published

WARM_UP = 3

parser = argparse.ArgumentParser()
parser.add_argument("network")
parser.add_argument("--infer", action="store_true", required=True)
parser.add_argument("--batch", type=int)
parser.add_argument("--size", type=int)
parser.add_argument("--steps", type=int, default=30)
parser.add_argument("--threads", type=int, default=2)
arguments = parser.parse_args()

torch.manual_seed(0)
if arguments.network in NETWORKS:
    make, shape, usual = NETWORKS[arguments.network]
    network = make()
else:
    network, shape, usual = published(arguments.network, arguments.size)
batch = arguments.batch or usual
images = numpy.random.default_rng(0).standard_normal((batch, *shape), numpy.float32)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = arguments.threads
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "network.onnx"
    torch.onnx.export(network.eval(), (torch.from_numpy(images),), path, dynamo=False, verbose=False)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name

times = []
for number in range(WARM_UP + arguments.steps):
    began = time.perf_counter()
    session.run(None, {name: images})
    if number >= WARM_UP:
        times.append(time.perf_counter() - began)
median = statistics.median(times)
print(
    json.dumps(
        {
            "peer": f"onnxruntime {onnxruntime.__version__}",
            "network": arguments.network,
            "mode": "onnxruntime",
            "batch": batch,
            "threads": arguments.threads,
            "what": "infer",
            "images_per_s": round(batch / median, 1),
            "ms_per_step": round(median * 1e3, 2),
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
    )
)
